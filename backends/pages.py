"""Pages: how a long answer is fetched, and how it waits unopened.

Batches are asked at the same time, the pages of one batch one after the other. An
answer that is to stay sealed is looked at only as far as its end, where the next page
is named; its rows are decoded when it is opened, for the lines admitted by then.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Generic, TypeAlias, TypeVar

from backends.observe import ObservedTransport
from backends.outcomes import invalid, unusable
from backends.ports import Aligned, LineAddress, Readings
from backends.rows import UNREADABLE, Asked, Rows, addresses_of, place
from backends.transport import BackendError, Request, Response
from orderlines.deadline import Deadline
from orderlines.facets import Facet
from orderlines.order_line import Reading

F = TypeVar("F", bound=Facet)
P = TypeVar("P")

MAX_PAGES: Final = 50
MAX_CURSOR_CHARS: Final = 1024
MAX_BATCH_CHARS: Final = 30_000
"""Half of what an address may hold on the wire."""

Look: TypeAlias = Callable[[Request, Response], tuple[P, Request | None]]
"""Judges an answer: gives what it holds, and the question for the page after it."""

_NULL: Final = re.compile(rb"\s*:\s*null")


async def fetch(
    transport: ObservedTransport,
    questions: Sequence[Request],
    look: Look[P],
    *,
    deadline: Deadline,
) -> tuple[Reading, list[P]]:
    """Ask every question to its last page.

    Returns:
        The look at the system, as of the batch that was complete first, and the
        pages in the order of the questions.

    Raises:
        BackendError: One question got no usable answer; the others are given up.
    """
    if len(questions) == 1:
        as_of, pages = await _follow(transport, questions[0], look, deadline)
        return Reading(transport.system, as_of), pages
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_follow(transport, question, look, deadline))
                for question in questions
            ]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    answers = [task.result() for task in tasks]
    as_of = min((at for at, _ in answers), default=None) or transport.now()
    return Reading(transport.system, as_of), [page for _, pages in answers for page in pages]


async def _follow(
    transport: ObservedTransport, question: Request, look: Look[P], deadline: Deadline
) -> tuple[datetime, list[P]]:
    pages: list[P] = []
    for _ in range(MAX_PAGES):
        page, following = await transport.ask(question, look, deadline=deadline)
        pages.append(page)
        if following is None:
            return transport.now(), pages
        question = following
    failure = invalid(transport.system, f"more than {MAX_PAGES} pages")
    transport.failed(failure)
    raise failure


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

    def look(asked: Request, response: Response) -> tuple[bytes, Request | None]:
        body = response.body
        if response.status != HTTPStatus.OK:
            raise unusable(system, response, is_throttled=is_throttled(response))
        if says_last(body, key):
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


def in_batches(parts: Iterable[str], max_batch: int) -> Iterator[list[str]]:
    """Cut the parts of an address into batches.

    A batch has at most `max_batch` parts; fewer only where their texts are so long
    that the address would be refused.
    """
    batch: list[str] = []
    chars = 0
    for part in parts:
        if batch and (len(batch) == max_batch or chars + len(part) > MAX_BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(part)
        chars += len(part)
    if batch:
        yield batch


def says_last(body: bytes, key: bytes) -> bool:
    """Tell from the end of a body, without decoding it, that no page follows.

    True is certain for JSON that has the key once; False means that the body must be
    looked into.

    Args:
        body: As it came.
        key: The cursor's name with its quotes, `"next_cursor"`.
    """
    at = body.rfind(key)
    return at >= 0 and _NULL.match(body, at + len(key)) is not None


@dataclass(slots=True)
class SealedPages(Generic[F]):
    """An answer that has arrived, page by page, and has not been looked into.

    A page is opened whole, and the rows that were not admitted are dropped: to find
    out which line a row is about costs what decoding it costs.

    Attributes:
        asked: What was asked for.
        bodies: The pages as they came.
        decode: Takes the rows out of one; raises what `UNREADABLE` lists, or a
            `BackendError` of its own.
        transport: Where a body that turns out to be bad is counted.
        may_split: Whether several records of one line add up.
    """

    reading: Reading
    asked: Asked
    bodies: Sequence[bytes]
    decode: Callable[[bytes], Rows[F]]
    transport: ObservedTransport
    may_split: bool = False

    def open(
        self,
        admitted: Collection[LineAddress] | None,
        *,
        expected: Sequence[LineAddress] = (),
    ) -> Readings[F]:
        """Decode the records of these lines; None means all that were asked for.

        Raises:
            BackendInvalidAnswerError: A page is not what the contract says.
        """
        try:
            rows = Rows.of_all([self._rows(body) for body in self.bodies])
        except BackendError as error:
            self.transport.failed(error)
            raise
        if not rows.bad and expected and addresses_of(rows.good) == expected:
            return Readings(self.reading, Aligned(expected, rows.good))
        return place(rows, self.reading, self.asked, admitted, may_split=self.may_split)

    def _rows(self, body: bytes) -> Rows[F]:
        try:
            return self.decode(body)
        except UNREADABLE as error:
            raise invalid(self.transport.system, str(error)) from error
