"""Readings kept for a while: the bytes a system answered, under the rows one may see.

Identical questions that are in flight at the same time are one (`backends.flights`). An
entry that is about to be too old is refreshed behind the answer that still may use it;
one that is too old is given only where the system fails, and says so. The age counts from
the beginning of the call: what changed while it was under way may be missing.

Somebody who knows that an order changed drops what was read of it (`backends.shelf`), what
is being read at that moment, and what other processes read before (`backends.shared_readings`).

What is kept, in memory or shared, is what the system sent; it is decoded for each caller.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from backends.flights import Flight, Flights
from backends.freshness import LIVE, OnStale, Wanted
from backends.outcomes import unavailable
from backends.reading_key import ReadingKey, Tag, widened
from backends.reasons import Reason
from backends.shared_readings import SecondLevel, Shared, SharedReadings
from backends.shelf import Entry, Shelf
from backends.transport import BackendError
from orderlines.deadline import Clock, Deadline
from orderlines.errors import GatewayError

__all__ = ["HARD_S", "NEGATIVE_S", "Kept", "ReadingCache", "ReadingKey", "StaleError", "Tag"]

HARD_S: Final = 600.0
"""How long what was read is kept for the case that its system fails."""
NEGATIVE_S: Final = 5.0
"""How long it is kept that there is nothing."""
REFRESH_SHARE: Final = 0.8
"""From this share of the age that is allowed on, a hit is refreshed behind the answer."""

Load: TypeAlias = Callable[[Deadline], Awaitable[bytes]]
"""Asks the system; gives what it sent."""


class StaleError(GatewayError):
    """A reading is older than the caller allows, and its system cannot be asked."""

    code: ClassVar[str] = "STALE"


class Kept(NamedTuple):
    """A reading as it is given.

    Attributes:
        body: What the system sent.
        as_of: When that was complete, in UTC.
        is_kept: Whether it was read for somebody before.
        is_stale: Whether it is older than was allowed.
    """

    body: bytes
    as_of: datetime
    is_kept: bool
    is_stale: bool = False


@dataclass(slots=True)
class Statistics:
    """What became of questions.

    Attributes:
        hits: Answered by what was kept.
        misses: The system was asked.
        shared: Answered by what another process had read.
        joined: Answered by what was asked for somebody else at that moment.
        stale: Answered by what was too old, because the system failed.
    """

    hits: int = 0
    misses: int = 0
    shared: int = 0
    joined: int = 0
    stale: int = 0


class ReadingCache:
    """The readings of one process.

    Args:
        max_bytes: What all of them may take together.
        second: Where they are shared with other processes.
        clock: A monotonic clock.
        now: The wall clock, in UTC.
    """

    def __init__(
        self,
        max_bytes: int,
        second: SecondLevel | None = None,
        *,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.statistics = Statistics()
        self._clock = clock
        self._now = now
        self._shelf = Shelf(max_bytes)
        self._flights: Flights[ReadingKey, Entry] = Flights(clock)
        self._shared = None if second is None else SharedReadings(second, now, HARD_S)
        self._behind: set[asyncio.Task[None]] = set()

    @property
    def bytes_used(self) -> int:
        """What is kept takes."""
        return self._shelf.bytes_used

    def find(self, key: ReadingKey, wanted: Wanted) -> Kept | None:
        """Give what is kept, without waiting; None if `read` has something to do."""
        entry = self._shelf.get(key)
        if entry is None or not self._is_within(entry, wanted, REFRESH_SHARE * entry.jitter):
            return None
        return self._hit(key, entry)

    async def read(
        self,
        key: ReadingKey,
        load: Load,
        *,
        wanted: Wanted,
        deadline: Deadline,
        tags: Collection[Tag] = (),
    ) -> Kept:
        """Give a reading that is fresh enough, or the best there is.

        Args:
            key: What is asked, and for whom.
            load: Asks the system, and ends at the deadline it is given.
            wanted: How old it may be.
            deadline: When the caller leaves.
            tags: What the reading will be about.

        Raises:
            BackendError: The system failed, and nothing that was kept may be given.
            StaleError: What was kept is too old, and is not to be given.
        """
        kept = self.find(key, wanted)
        if kept is not None:
            return kept
        entry = self._shelf.get(key)
        if entry is not None and self._is_within(entry, wanted):
            if key not in self._flights:
                self._refresh(key, load, deadline, frozenset(tags))
            return self._hit(key, entry)
        try:
            return await self._fresh(key, load, wanted, deadline, frozenset(tags))
        except BackendError as error:
            return self._after_failure(key, wanted, error)

    def drop(self, tags: Collection[Tag]) -> int:
        """Drop what was read about something, and what is being read now; tells how much.

        A line takes along what was read of its order. Every process is to be told: each
        has readings of its own, and knows from then on which shared ones are too old.
        """
        told = widened(tags)
        dropped = self._shelf.about(told)
        for key in dropped:
            self._shelf.remove(key)
        self._flights.void(told)
        if self._shared is not None:
            self._shared.note(told)
            if dropped:
                self._later(self._shared.drop(dropped))
        return len(dropped)

    async def aclose(self) -> None:
        """Wait for nothing that goes on behind answers."""
        await self._flights.aclose()
        behind = [*self._behind]
        for task in behind:
            task.cancel()
        await asyncio.gather(*behind, return_exceptions=True)

    def _hit(self, key: ReadingKey, entry: Entry) -> Kept:
        self._shelf.touch(key)
        self.statistics.hits += 1
        return Kept(entry.body, entry.as_of, is_kept=True)

    async def _fresh(
        self,
        key: ReadingKey,
        load: Load,
        wanted: Wanted,
        deadline: Deadline,
        tags: frozenset[Tag],
    ) -> Kept:
        """Read anew, or join who does."""
        arrived, latest = self._clock(), deadline
        while True:
            # One that began before the question may bring what is as old as that.
            flight = self._flights.joinable(key, arrived - wanted.max_age_s)
            is_mine = flight is None
            if flight is None:
                flight = self._start(key, load, latest, tags, wanted)
            else:
                self.statistics.joined += 1
            try:
                entry = await self._flights.wait(flight, deadline)
            except BackendError:
                # All fail with it, unless it had less time than those who joined it: they
                # try once more, together, with the most that one of them has.
                if is_mine or deadline.is_past or not flight.is_out_of_time:
                    raise
                latest = flight.latest
                continue
            if entry is None:
                raise unavailable(key.system, Reason.TIMEOUT, "a shared call was still going on")
            if is_mine or not entry.is_shared or self._is_within(entry, wanted):
                is_kept = entry.is_shared or not is_mine
                return Kept(entry.body, entry.as_of, is_kept=is_kept)

    def _start(
        self,
        key: ReadingKey,
        load: Load,
        deadline: Deadline,
        tags: frozenset[Tag],
        wanted: Wanted,
    ) -> Flight[ReadingKey, Entry]:
        async def call(flight: Flight[ReadingKey, Entry]) -> Entry:
            found = await self._elsewhere(key, tags, wanted)
            if found is not None:
                self.statistics.shared += 1
                if not flight.is_void:
                    self._shelf.put(key, found)
                return found
            self.statistics.misses += 1
            began, begun_at = self._clock(), self._now()
            body = await load(deadline)
            entry = Entry(body, self._now(), began, tags)
            if not flight.is_void and self._shelf.put(key, entry) and self._shared is not None:
                ttl_s = NEGATIVE_S if entry.is_nothing else HARD_S
                reading = Shared(body, begun_at, entry.as_of)
                self._later(self._shared.put(key, reading, tags, ttl_s))
            return entry

        return self._flights.start(key, call, deadline, tags)

    def _refresh(
        self, key: ReadingKey, load: Load, deadline: Deadline, tags: frozenset[Tag]
    ) -> None:
        """Read anew behind an answer, with the time its question had at most."""
        flight = self._start(key, load, deadline, tags, LIVE)
        flight.waiters = 1  # nobody who leaves takes it along

    async def _elsewhere(
        self, key: ReadingKey, tags: frozenset[Tag], wanted: Wanted
    ) -> Entry | None:
        """Find what another process read, if it is fresh enough."""
        if self._shared is None or wanted.max_age_s <= 0:
            return None
        found = await self._shared.find(key, tags)
        if found is None:
            return None
        age = max((self._now() - found.begun_at) / timedelta(seconds=1), 0.0)
        entry = Entry(found.body, found.as_of, self._clock() - age, tags, is_shared=True)
        return entry if self._is_within(entry, wanted) else None

    def _after_failure(self, key: ReadingKey, wanted: Wanted, error: BackendError) -> Kept:
        """Give what is too old, if that is allowed."""
        entry = self._shelf.get(key)
        if entry is None or wanted.max_age_s <= 0 or not self._is_within(entry, _AT_MOST):
            raise error
        if self._is_within(entry, wanted):  # somebody else was luckier meanwhile
            return self._hit(key, entry)
        if wanted.on_stale is OnStale.FAIL:
            msg = f"What `{key.system}` said is older than allowed, and it cannot be asked now."
            raise StaleError(msg, system=key.system) from error
        if wanted.on_stale is OnStale.WAIT:
            raise error
        self.statistics.stale += 1
        return Kept(entry.body, entry.as_of, is_kept=True, is_stale=True)

    def _is_within(self, entry: Entry, wanted: Wanted, share: float = 1.0) -> bool:
        """Tell whether a reading is young enough, or within a share of what is allowed."""
        limit = min(wanted.max_age_s, NEGATIVE_S) if entry.is_nothing else wanted.max_age_s
        return limit > 0 and self._clock() - entry.began <= limit * share

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)


_AT_MOST: Final = Wanted(HARD_S)
