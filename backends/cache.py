"""Readings kept for a while: the bytes a system answered, under the rows one may see.

A reading is kept under the question *and* the caller's `Visibility`: there is no key
without one, and no two callers with other rows share an entry. Identical questions that
are in flight at the same time are one. An entry that is about to be too old is refreshed
behind the answer that still may use it; one that is too old is given only where the
system fails, and says so. Somebody who knows that an order changed drops what was read
of it, also what is being read at that moment, and what other processes read before.

What is kept, in memory or shared, is what the system sent; it is decoded for each caller.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeAlias

from backends.freshness import LIVE, OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.transport import BackendError, Request
from orderlines.deadline import Clock, Deadline
from orderlines.errors import GatewayError
from orderlines.visibility import ALL, Restriction, Visibility

HARD_S: Final = 600.0
"""How long what was read is kept for the case that its system fails."""
NEGATIVE_BYTES: Final = 256
"""An answer so short has no row in it: what it says is that there is nothing."""
NEGATIVE_S: Final = 5.0
REFRESH_SHARE: Final = 0.8
"""From this share of the age that is allowed on, a hit is refreshed behind the answer."""
JITTER: Final = 0.1
OVERHEAD_BYTES: Final = 1_024
TAG_BYTES: Final = 512
"""What being found by one tag takes."""
SKEW_S: Final = 1.0
"""How far the wall clocks of two processes may be apart."""
GRACE_S: Final = 0.1
"""For a call that ends with its waiter's time, to say itself why it failed."""
MAX_CHANGES: Final = 100_000

Tag: TypeAlias = tuple[str, ...]
"""What a reading is about: `("order", number)`, `("line", order, line)`, `("customer",
number)`; `("customer", "*")` if it may be about any."""


class StaleError(GatewayError):
    """A reading is older than the caller allows, and its system cannot be asked."""

    code: ClassVar[str] = "STALE"


@dataclass(frozen=True, slots=True)
class ReadingKey:
    """What a reading is kept under.

    Attributes:
        system: Configured name.
        visibility: Whose rows it may hold.
        question: As it is sent.

    Raises:
        TypeError: There is no visibility: such a reading could be anybody's.
    """

    system: str
    visibility: Visibility
    question: Request

    def __post_init__(self) -> None:
        """Refuse a key that does not say who may see what is under it."""
        if not isinstance(self.visibility, Visibility):
            msg = "a reading is kept under a Visibility"
            raise TypeError(msg)

    def digest(self) -> bytes:
        """Give the name it is shared under: no two keys have one name."""
        digest = blake2b(digest_size=32)
        for part in self._parts():
            digest.update(len(part).to_bytes(8))
            digest.update(part)
        return digest.digest()

    def _parts(self) -> list[bytes]:
        question, rows = self.question, self.visibility
        parts = [self.system, question.method, question.target]
        parts += _told(rows.customers) + _told(rows.channels) + _told(rows.warehouses)
        headers = [part for header in question.headers for part in header]
        return [part.encode() for part in parts] + [*headers, question.body]


def _told(restriction: Restriction) -> list[str]:
    return ["all"] if restriction is ALL else ["some", str(len(restriction)), *sorted(restriction)]


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


class Shared(NamedTuple):
    """A reading as it is shared.

    Attributes:
        body: What the system sent.
        begun_at: When it was asked, in UTC: a change after that may not be in it.
        as_of: When the answer was complete, in UTC.
    """

    body: bytes
    begun_at: datetime
    as_of: datetime


class SecondLevel(Protocol):
    """Where readings are shared between processes; it never fails."""

    async def get(self, name: bytes, /) -> Shared | None:
        """Fetch what is kept under a name."""
        ...

    async def put(self, name: bytes, reading: Shared, ttl_s: float, /) -> None:
        """Keep it."""
        ...

    async def drop(self, name: bytes, /) -> None:
        """Keep it no longer."""
        ...


Load: TypeAlias = Callable[[Deadline], Awaitable[bytes]]
"""Asks the system; gives what it sent."""


@dataclass(slots=True)
class _Entry:
    body: bytes
    as_of: datetime
    began: float
    read_at: float
    tags: frozenset[Tag]
    jitter: float
    size: int
    is_shared: bool = False


@dataclass(slots=True, eq=False)
class _Flight:
    """A call that goes on.

    Attributes:
        deadline: Under which it was begun.
        latest: Of those who waited for it.
        is_void: What it is about changed meanwhile: what it brings is not kept.
    """

    task: asyncio.Task[_Entry]
    tags: frozenset[Tag]
    began: float
    deadline: Deadline
    latest: Deadline
    waiters: int = 0
    is_void: bool = False


@dataclass(slots=True)
class Statistics:
    """What became of questions.

    Attributes:
        hits: Answered by what was kept.
        misses: The system was asked.
        shared: Answered by what another process had read.
        joined: Answered by what was asked for somebody else at that moment.
        stale: Answered by what was too old, because the system failed.
        evicted: Dropped for want of room.
    """

    hits: int = 0
    misses: int = 0
    shared: int = 0
    joined: int = 0
    stale: int = 0
    evicted: int = 0


@dataclass(slots=True)
class ReadingCache:
    """The readings of one process.

    Args:
        max_bytes: What all of them may take together.
        second: Where they are shared with other processes.
        clock: A monotonic clock.
        now: The wall clock, in UTC.
    """

    max_bytes: int
    second: SecondLevel | None = None
    clock: Clock = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    statistics: Statistics = field(default_factory=Statistics)
    bytes_used: int = 0
    _entries: OrderedDict[ReadingKey, _Entry] = field(default_factory=OrderedDict)
    _flights: dict[ReadingKey, _Flight] = field(default_factory=dict)
    _airborne: set[_Flight] = field(default_factory=set)
    _by_tag: dict[Tag, set[ReadingKey]] = field(default_factory=dict)
    _changed: OrderedDict[Tag, datetime] = field(default_factory=OrderedDict)
    _forgotten: datetime | None = None
    _behind: set[asyncio.Task[None]] = field(default_factory=set)

    def find(self, key: ReadingKey, wanted: Wanted) -> Kept | None:
        """Give what is kept, without waiting; None if `read` has something to do."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        age, limit = self.clock() - entry.read_at, _limit(entry, wanted)
        if limit <= 0 or age > limit * REFRESH_SHARE * entry.jitter:
            return None
        self._entries.move_to_end(key)
        self.statistics.hits += 1
        return Kept(entry.body, entry.as_of, is_kept=True)

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
        entry = self._entries.get(key)
        if entry is not None and self._is_fresh(entry, wanted):
            self._entries.move_to_end(key)
            self.statistics.hits += 1
            if key not in self._flights:
                self._refresh(key, load, deadline, frozenset(tags))
            return Kept(entry.body, entry.as_of, is_kept=True)
        try:
            loaded, is_kept = await self._fresh(key, load, wanted, deadline, frozenset(tags))
        except BackendError as error:
            return self._after_failure(key, wanted, error)
        return Kept(loaded.body, loaded.as_of, is_kept=is_kept)

    def drop(self, tags: Collection[Tag]) -> int:
        """Drop what was read about something, and what is being read now; tells how much.

        A line takes along what was read of its order. Every process is to be told: each
        has readings of its own, and knows from then on which shared ones are too old.
        """
        told = _widened(tags)
        self._remember(told)
        dropped = {key for tag in told for key in self._by_tag.get(tag, ())}
        for key in dropped:
            self._remove(key)
            if self.second is not None:
                self._later(self.second.drop(key.digest()))
        for flight in self._airborne:
            # Who waits asked before the change; who comes now must not join.
            flight.is_void = flight.is_void or not told.isdisjoint(flight.tags)
        self._flights = {key: one for key, one in self._flights.items() if not one.is_void}
        return len(dropped)

    async def aclose(self) -> None:
        """Wait for nothing that goes on behind answers."""
        tasks = [*self._behind, *(flight.task for flight in self._airborne)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fresh(
        self,
        key: ReadingKey,
        load: Load,
        wanted: Wanted,
        deadline: Deadline,
        tags: frozenset[Tag],
    ) -> tuple[_Entry, bool]:
        """Read anew, or join who does; tells whether it was read for somebody before."""
        arrived, latest = self.clock(), deadline
        while True:
            flight = self._flights.get(key)
            # One that began before the question may bring what is as old as that.
            is_mine = flight is None or arrived - flight.began > wanted.max_age_s
            if flight is None or is_mine:
                flight = self._start(key, load, latest, tags, wanted)
            else:
                self.statistics.joined += 1
            try:
                entry = await self._wait(key, flight, deadline)
            except BackendError:
                # All fail with it, unless it had less time than those who joined it: they
                # try once more, together, with the most that one of them has.
                if is_mine or deadline.is_past or not flight.deadline.is_past:
                    raise
                latest = flight.latest
                continue
            if is_mine or not entry.is_shared or self._is_fresh(entry, wanted):
                return entry, not is_mine or entry.is_shared

    async def _wait(self, key: ReadingKey, flight: _Flight, deadline: Deadline) -> _Entry:
        """Wait for a call as long as the caller stays; the last who leaves ends it."""
        left_s = deadline.remaining_s
        if left_s > flight.latest.remaining_s:
            flight.latest = deadline
        grace_s = GRACE_S if left_s >= flight.deadline.remaining_s else 0.0
        flight.waiters += 1
        try:
            await asyncio.wait((flight.task,), timeout=max(left_s, 0.0) + grace_s)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                # At once: who comes next must not join what is being given up.
                self._forget(key, flight)
                flight.task.cancel()
        if not flight.task.done() or flight.task.cancelled():
            raise unavailable(key.system, Reason.TIMEOUT, "a shared call was still going on")
        return flight.task.result()

    def _start(
        self,
        key: ReadingKey,
        load: Load,
        deadline: Deadline,
        tags: frozenset[Tag],
        wanted: Wanted,
    ) -> _Flight:
        async def fly() -> _Entry:
            entry = await self._shared(key, tags, wanted)
            if entry is not None:
                self.statistics.shared += 1
                if not flight.is_void:
                    self._keep(key, entry)
                return entry
            self.statistics.misses += 1
            began, begun_at = self.clock(), self.now()
            body = await load(deadline)
            entry = self._entry(key, Shared(body, begun_at, self.now()), began, tags)
            if not flight.is_void and self._keep(key, entry) and self.second is not None:
                self._later(self._share(self.second, key, entry, begun_at))
            return entry

        # The task begins when this is done, and knows its flight then.
        task = asyncio.get_running_loop().create_task(fly())
        flight = _Flight(task, tags, self.clock(), deadline, deadline)
        self._airborne.add(flight)
        self._flights[key] = flight

        def land(task: asyncio.Task[_Entry]) -> None:
            self._airborne.discard(flight)
            self._forget(key, flight)
            if not task.cancelled():
                # Whoever waited may have left: then nobody else asks what became of it.
                task.exception()

        task.add_done_callback(land)
        return flight

    def _forget(self, key: ReadingKey, flight: _Flight) -> None:
        """Let nobody join a call any more."""
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _refresh(
        self, key: ReadingKey, load: Load, deadline: Deadline, tags: frozenset[Tag]
    ) -> None:
        """Read anew behind an answer, with the time its question had at most."""
        flight = self._start(key, load, deadline, tags, LIVE)
        flight.waiters = 1  # nobody who leaves takes it along

    def _after_failure(self, key: ReadingKey, wanted: Wanted, error: BackendError) -> Kept:
        """Give what is too old, if that is allowed."""
        entry = self._entries.get(key)
        if entry is None or wanted.max_age_s <= 0 or not self._is_fresh(entry, _AT_MOST):
            raise error
        if self._is_fresh(entry, wanted):  # somebody else was luckier meanwhile
            return Kept(entry.body, entry.as_of, is_kept=True)
        if wanted.on_stale is OnStale.FAIL:
            msg = f"What `{key.system}` said is older than allowed, and it cannot be asked now."
            raise StaleError(msg, system=key.system) from error
        if wanted.on_stale is OnStale.WAIT:
            raise error
        self.statistics.stale += 1
        return Kept(entry.body, entry.as_of, is_kept=True, is_stale=True)

    async def _shared(self, key: ReadingKey, tags: frozenset[Tag], wanted: Wanted) -> _Entry | None:
        """Find what another process read, if it is fresh enough."""
        if self.second is None or wanted.max_age_s <= 0:
            return None
        found = await self.second.get(key.digest())
        if found is None or self._is_outdated(tags, found.begun_at):
            return None
        now, second = self.now(), timedelta(seconds=1)
        age = (now - found.as_of) / second
        if age < -SKEW_S:
            return None  # from a clock that is wrong: how old it is cannot be told
        began = self.clock() - max((now - found.begun_at) / second, 0.0)
        entry = self._entry(key, found, began, tags)
        entry.is_shared, entry.read_at = True, self.clock() - max(age, 0.0)
        return entry if self._is_fresh(entry, wanted) else None

    async def _share(
        self, second: SecondLevel, key: ReadingKey, entry: _Entry, begun_at: datetime
    ) -> None:
        """Keep for other processes what was read, unless it changed meanwhile."""
        if self._is_outdated(entry.tags, begun_at):
            return
        name, ttl_s = key.digest(), NEGATIVE_S if _is_nothing(entry) else HARD_S
        await second.put(name, Shared(entry.body, begun_at, entry.as_of), ttl_s)
        if self._is_outdated(entry.tags, begun_at):
            await second.drop(name)

    def _remember(self, tags: Collection[Tag]) -> None:
        """Note what changed now, as long as somebody may share what he read before."""
        if self.second is None:
            return
        now = self.now()
        for tag in tags:
            self._changed[tag] = now
            self._changed.move_to_end(tag)
        ended = now - timedelta(seconds=HARD_S + SKEW_S)
        while self._changed:
            changed_at = next(iter(self._changed.values()))
            if len(self._changed) <= MAX_CHANGES and changed_at > ended:
                break
            self._changed.popitem(last=False)
            # No room to note it: then everything from before is too old.
            self._forgotten = max(self._forgotten or changed_at, changed_at)

    def _is_outdated(self, tags: Collection[Tag], begun_at: datetime) -> bool:
        """Tell whether what was asked then may lack a change that is known here."""
        sure_at = begun_at - timedelta(seconds=SKEW_S)
        if self._forgotten is not None and sure_at <= self._forgotten:
            return True
        changed = self._changed
        return bool(changed) and any(tag in changed and sure_at <= changed[tag] for tag in tags)

    def _is_fresh(self, entry: _Entry, wanted: Wanted) -> bool:
        limit = _limit(entry, wanted)
        return limit > 0 and self.clock() - entry.read_at <= limit

    def _entry(
        self, key: ReadingKey, reading: Shared, began: float, tags: frozenset[Tag]
    ) -> _Entry:
        question = key.question
        size = len(reading.body) + len(question.target) + len(question.body)
        size += OVERHEAD_BYTES + TAG_BYTES * len(tags)
        jitter = 1 - JITTER * random.random()  # noqa: S311 - no secret
        return _Entry(reading.body, reading.as_of, began, self.clock(), tags, jitter, size)

    def _keep(self, key: ReadingKey, entry: _Entry) -> bool:
        """Keep a reading, unless there is one that was begun later; tells whether."""
        before = self._entries.get(key)
        if before is not None and before.began > entry.began:
            return False
        self._remove(key)
        if entry.size > self.max_bytes:
            return True  # no room here; others may have some
        self._entries[key] = entry
        self.bytes_used += entry.size
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.bytes_used > self.max_bytes:
            self._remove(next(iter(self._entries)))
            self.statistics.evicted += 1
        return True

    def _remove(self, key: ReadingKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.bytes_used -= entry.size
        for tag in entry.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)


_AT_MOST: Final = Wanted(HARD_S)


def _limit(entry: _Entry, wanted: Wanted) -> float:
    """Tell how old a reading may be for a caller."""
    max_age_s = wanted.max_age_s
    return min(max_age_s, NEGATIVE_S) if _is_nothing(entry) else max_age_s


def _is_nothing(entry: _Entry) -> bool:
    return len(entry.body) <= NEGATIVE_BYTES


def _widened(tags: Collection[Tag]) -> set[Tag]:
    """Name everything that may hold what a change is about."""
    told = set(tags)
    for kind, *names in tags:
        if kind == "customer":
            told.add(("customer", "*"))
        elif kind == "line":
            told.add(("order", names[0]))
    return told
