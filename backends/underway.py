"""Reads that have begun: the first page of an answer is on its way, and nobody waits yet.

One question over a connection that rests needs no task: it is under way as soon as it is
written. What must wait for a connection, takes several questions, or may be given from
what was kept, is fetched by a coroutine as always.
"""

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from backends.observe import ObservedTransport
from backends.pages import Asking, Look, fetch, follow
from backends.rows import Asked
from backends.transport import Request, Sending
from orderlines.order_line import Freshness, Reading

P = TypeVar("P")
R = TypeVar("R")

_tuple: Final = tuple.__new__  # what a named tuple does to be made, without its function
_LIVE: Final = Freshness.LIVE  # found faster than an enum's attribute

Make: TypeAlias = Callable[[Reading, Sequence[P], Asked], R]
"""Makes something of the pages of an answer about what was asked."""


def begin(
    transport: ObservedTransport,
    questions: Sequence[Request],
    look: Look[P],
    asking: Asking,
    make: Make[P, R],
) -> Awaitable[R]:
    """Ask as `fetch` does; one question, as mostly, is on its way when this returns.

    Args:
        transport: Leads to the system.
        questions: What is asked.
        look: Judges each answer.
        asking: For whom, about what, until when, and how old an answer may be.
        make: Makes something of what came about what was asked, or raises.
    """
    if len(questions) == 1:
        return begin_one(transport, questions[0], look, asking, make)
    return _fetched(transport, questions, look, asking, make)


def begin_one(
    transport: ObservedTransport,
    question: Request,
    look: Look[P],
    asking: Asking,
    make: Make[P, R],
) -> Awaitable[R]:
    """Ask one question, as mostly, as `begin` does."""
    sender = transport.sender
    if sender is not None and (asking.wanted.max_age_s <= 0 or transport.cache is None):
        sending = sender.send_now(question, asking.deadline)
        if sending is not None:
            transport.begun += 1
            return Underway(transport, question, sending, look, asking, make)
    return _fetched(transport, (question,), look, asking, make)


async def _fetched(
    transport: ObservedTransport,
    questions: Sequence[Request],
    look: Look[P],
    asking: Asking,
    make: Make[P, R],
) -> R:
    return make(*await fetch(transport, questions, look, asking=asking), asking.about)


class Underway(msgspec.Struct, Generic[P, R]):
    """A read that has begun: awaiting it brings what came, to the last page.

    Whoever does not await it says so (`cancel`).
    """

    transport: ObservedTransport
    question: Request
    sending: Sending | None
    look: Look[P]
    asking: Asking
    make: Make[P, R]

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for the answer.

        Raises:
            BackendError: There is no usable one.
        """
        transport, sending, asking = self.transport, self.sending, self.asking
        assert sending is not None  # noqa: S101 - it is awaited once
        self.sending = None
        try:
            response = yield from sending.__await__()
        except BaseException as error:
            transport.left(error)
            raise
        page, following = transport.answered(self.question, self.look, response)
        if following is None:
            # When the call was counted as good.
            as_of = transport.last_success_at or transport.now()
            reading = _tuple(Reading, (transport.system, as_of, _LIVE, False))
            return self.make(reading, (page,), asking.about)
        rest = follow(transport, following, self.look, asking, [page])
        as_of, pages, _ = yield from rest.__await__()
        return self.make(Reading(transport.system, as_of), pages, asking.about)

    def cancel(self) -> None:
        """Wait for nothing, unless it was awaited already."""
        sending, self.sending = self.sending, None
        if sending is not None:
            self.transport.left(None)
            sending.cancel()
