"""Pages: how a long answer is fetched.

Batches are asked at the same time, the pages of one batch one after the other. An
answer that is to stay sealed is looked at only as far as its end, where the next page
is named.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from backends.cache import ReadingCache, ReadingKey, Tag
from backends.freshness import LIVE, Wanted
from backends.observe import ObservedTransport
from backends.outcomes import invalid, unusable
from backends.rows import UNREADABLE, Asked
from backends.transport import OK, Request, Response
from orderlines.deadline import Deadline
from orderlines.facets import Facet
from orderlines.order_line import Reading
from orderlines.visibility import ALL, Visibility

F = TypeVar("F", bound=Facet)
P = TypeVar("P")
R = TypeVar("R")


NOTHING: Final = Asked()


class Asking(msgspec.Struct, frozen=True, gc=False):
    """For whom a system is asked.

    Attributes:
        wanted: How old its answer may be.
        about: What is asked for.
    """

    visibility: Visibility
    deadline: Deadline
    wanted: Wanted = LIVE
    about: Asked = NOTHING

    def tags(self) -> frozenset[Tag]:
        """Name what the answer will be about, so that it can be dropped."""
        customers = self.visibility.customers
        tags: set[Tag] = {("customer", one) for one in ("*",) if customers is ALL}
        if customers is not ALL:
            tags |= {("customer", one) for one in customers}
        tags |= {("order", number) for number in self.about.orders}
        for order, line in self.about.lines:
            tags |= {("order", order), ("line", order, line)}
        return frozenset(tags)


MAX_PAGES: Final = 50
MAX_CURSOR_CHARS: Final = 1024
NEAR_THE_END: Final = 80
"""Bytes of a body in which most say of a cursor that there is none."""
SAID_LAST: Final = 16
"""Bytes behind a cursor's name in which it says that there is none, spaces and all."""
MAX_BATCH_CHARS: Final = 30_000
"""Half of what an address may hold on the wire."""

Look: TypeAlias = Callable[[Request, Response], tuple[P, Request | None]]
"""Judges an answer: gives what it holds, and the question for the page after it."""


async def fetch(
    transport: ObservedTransport,
    questions: Sequence[Request],
    look: Look[P],
    *,
    asking: Asking,
) -> tuple[Reading, list[P]]:
    """Ask every question to its last page.

    Args:
        transport: Leads to the system.
        questions: What is asked.
        look: Judges each answer.
        asking: For whom, until when, and how old an answer may be.

    Returns:
        The look at the system, as of the batch that was complete first, and the
        pages in the order of the questions.

    Raises:
        BackendError: One question got no usable answer; the others are given up.
    """
    if len(questions) == 1:
        answer = await follow(transport, questions[0], look, asking)
        return Reading(transport.system, answer.as_of, is_stale=answer.is_stale), answer.pages
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(follow(transport, question, look, asking))
                for question in questions
            ]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    answers = [task.result() for task in tasks]
    as_of = min((one.as_of for one in answers), default=None) or transport.now()
    is_stale = any(one.is_stale for one in answers)
    pages = [page for one in answers for page in one.pages]
    return Reading(transport.system, as_of, is_stale=is_stale), pages


class _Answer(NamedTuple, Generic[P]):
    """Every page of one answer."""

    as_of: datetime
    pages: list[P]
    is_stale: bool = False


async def follow(
    transport: ObservedTransport,
    question: Request,
    look: Look[P],
    asking: Asking,
    before: Sequence[P] = (),
) -> _Answer[P]:
    """Ask from some page on."""
    if asking.wanted.max_age_s > 0 and transport.cache is not None:
        return await _kept(transport, transport.cache, question, look, asking)
    pages = [*before]
    while len(pages) < MAX_PAGES:
        page, following = await transport.ask(question, look, deadline=asking.deadline)
        pages.append(page)
        if following is None:
            return _Answer(transport.now(), pages)
        question = following
    failure = invalid(transport.system, f"more than {MAX_PAGES} pages")
    transport.failed(failure)
    raise failure


class _PagedError(Exception):
    """An answer has more than one page: they are not one reading, so none is kept."""


async def _kept(
    transport: ObservedTransport,
    cache: ReadingCache,
    question: Request,
    look: Look[P],
    asking: Asking,
) -> _Answer[P]:
    """Give what was answered before, if that is fresh enough."""
    looked: list[P] = []

    def take(request: Request, response: Response) -> bytes:
        page, following = look(request, response)
        if following is not None:
            raise _PagedError
        looked.append(page)
        return response.body

    async def load(deadline: Deadline) -> bytes:
        return await transport.ask(question, take, deadline=deadline)

    key = ReadingKey(transport.system, asking.visibility, question)
    try:
        kept = await cache.read(
            key, load, wanted=asking.wanted, deadline=asking.deadline, tags=asking.tags()
        )
    except _PagedError:
        return await follow(transport, question, look, msgspec.structs.replace(asking, wanted=LIVE))
    if looked and not kept.is_kept:
        page = looked[-1]
    else:  # somebody else read it, or it is refreshed while it is given
        page, _ = look(question, Response(OK, (), kept.body))
    return _Answer(kept.as_of, [page], kept.is_stale)


def by_cursor(
    system: str,
    key: bytes,
    cursor_of: Callable[[bytes], str | None],
    following: Callable[[Request, str], Request],
    is_throttled: Callable[[Response], bool],
) -> Look[bytes]:
    """Make the look at an answer that stays sealed and goes on by a cursor.

    Args:
        system: Configured name of the system.
        key: The cursor's name with its quotes, as it stands in the JSON.
        cursor_of: Takes the cursor out of a body; called where the body's end does
            not say that there is none.
        following: Makes the next question of the last one and a cursor.
        is_throttled: Tells whether a status other than 200 means "too often".
    """
    none = key + b":null"

    def look(asked: Request, response: Response) -> tuple[bytes, Request | None]:
        body = response.body
        if response.status != OK:
            raise unusable(system, response, is_throttled=is_throttled(response))
        # As most bodies end, and found faster.
        if none in body[-NEAR_THE_END:] or says_last(body, key):
            return body, None
        try:
            cursor = cursor_of(body)
        except UNREADABLE as error:
            raise invalid(system, str(error)) from error
        if cursor is None:
            return body, None
        if not 0 < len(cursor) <= MAX_CURSOR_CHARS:
            raise invalid(system, "a cursor that is empty or too long")
        return body, following(asked, cursor)

    return look


def in_batches(parts: Iterable[str], max_batch: int) -> list[list[str]]:
    """Cut the parts of an address into batches.

    A batch has at most `max_batch` parts; fewer only where their texts are so long
    that the address would be refused.
    """
    every = [*parts]
    if 0 < len(every) <= max_batch and sum(map(len, every)) <= MAX_BATCH_CHARS:
        return [every]  # as mostly
    batches: list[list[str]] = []
    chars = 0
    for part in every:
        if not batches or len(batches[-1]) == max_batch or chars + len(part) > MAX_BATCH_CHARS:
            batches.append([])
            chars = 0
        batches[-1].append(part)
        chars += len(part)
    return batches


def says_last(body: bytes, key: bytes) -> bool:
    """Tell from the end of a body, without decoding it, that no page follows.

    True is certain for JSON that has the key once; False means that the body must be
    looked into.

    Args:
        body: As it came.
        key: The cursor's name with its quotes, `"next_cursor"`.
    """
    at = body.rfind(key)
    if at < 0:
        return False
    after = at + len(key)
    return body[after : after + SAID_LAST].translate(None, b" \t\r\n").startswith(b":null")
