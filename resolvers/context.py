"""What every resolver may know about the question it helps to answer.

One context a request, made at the door once the caller is known.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from backends.cache import Tag
from backends.ports import Refs
from backends.registry import Systems
from orderlines.deadline import Deadline
from orderlines.order_line import Reading
from orderlines.visibility import Visibility
from policies.principal import Principal
from policies.throttle import Throttle

if TYPE_CHECKING:
    from resolvers.explanations import Explain

Now = Callable[[], datetime]
Start: TypeAlias = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]


def utc_now() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


class Context(msgspec.Struct):
    """One question's surroundings.

    Attributes:
        principal: Who asks.
        visibility: Which rows that caller may see.
        deadline: When the answer is due.
        correlation_id: Ties the answer, the log lines and the calls together.
        systems: The systems that can be asked.
        now: The wall clock.
        start: Starts what is to go on beside the look-up that asks for it.
        throttle: What the caller has left to spend.
        explain: Explains a question.
        oldest: When the oldest reading was made that the answer rests on, as far as
            readings that were kept were allowed.
        good_until: When the first of those will be older than it may be.
        is_flagged: Whether a reading is older than was allowed.
        tags: What the answer is about, for whoever keeps it.
        calls: Calls the look-ups of this question cost each system, by its table;
            filled as they are made, for the log.
    """

    principal: Principal
    visibility: Visibility
    deadline: Deadline
    correlation_id: str
    systems: Systems
    now: Now = utc_now
    start: Start = asyncio.create_task
    throttle: Throttle | None = None
    explain: "Explain | None" = None
    calls: dict[str, int] = {}
    oldest: datetime | None = None
    good_until: datetime | None = None
    is_flagged: bool = False
    tags: set[Tag] = set()

    def rest_on(self, readings: Iterable[Reading], refs: Refs, max_age_s: float) -> None:
        """Note what an answer rests on that may be kept."""
        allowed = timedelta(seconds=max_age_s)
        for reading in readings:
            if self.oldest is None or reading.as_of < self.oldest:
                self.oldest = reading.as_of
            if self.good_until is None or reading.as_of + allowed < self.good_until:
                self.good_until = reading.as_of + allowed
            self.is_flagged = self.is_flagged or reading.is_stale
        self.tags |= {("order", ref.key.order_number) for ref in refs}

    def count(self, system: str, calls: int) -> None:
        """Note that a system is asked."""
        self.calls[system] = self.calls.get(system, 0) + calls


def make_context(  # noqa: PLR0913 - each by its name
    principal: Principal,
    *,
    deadline: Deadline,
    correlation_id: str,
    systems: Systems,
    start: Start = asyncio.create_task,
    throttle: Throttle | None = None,
    explain: "Explain | None" = None,
) -> Context:
    """Make the context of one question of one caller."""
    return Context(
        principal,
        principal.visibility,
        deadline,
        correlation_id,
        systems,
        start=start,
        throttle=throttle,
        explain=explain,
    )
