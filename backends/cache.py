"""Readings kept for a while: the bytes a system answered, under the rows one may see.

A reading is kept under the question *and* the caller's `Visibility`: there is no key
without one, and no two callers with other rows share an entry. Identical questions that
are in flight at the same time are one. An entry that is about to be too old is refreshed
behind the answer that still may use it; one that is too old is given only where the
system fails, and says so. Somebody who knows that an order changed drops what was read
of it, also what is being read at that moment.

What is kept, in memory or shared, is what the system sent; it is decoded for each caller.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import ClassVar, Final, NamedTuple, Protocol, TypeAlias

from backends.freshness import OnStale, Wanted
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


class SecondLevel(Protocol):
    """Where readings are shared between processes; it never fails."""

    async def get(self, name: bytes, /) -> tuple[bytes, datetime] | None:
        """Fetch what is kept under a name, and when it was read."""
        ...

    async def put(self, name: bytes, body: bytes, as_of: datetime, ttl_s: float, /) -> None:
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
    read_at: float
    tags: frozenset[Tag]
    jitter: float
    is_shared: bool = False


@dataclass(slots=True, eq=False)
class _Flight:
    task: asyncio.Task[_Entry]
    tags: frozenset[Tag]
    waiters: int = 0
    is_void: bool = False


@dataclass(slots=True)
class Statistics:
    """What became of questions.

    Attributes:
        hits: Answered by what was kept.
        misses: Answered by the system.
        joined: Answered by what was asked for somebody else at that moment.
        stale: Answered by what was too old, because the system failed.
        evicted: Dropped for want of room.
    """

    hits: int = 0
    misses: int = 0
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
    _by_tag: dict[Tag, set[ReadingKey]] = field(default_factory=dict)
    _behind: set[asyncio.Task[None]] = field(default_factory=set)

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
            load: Asks the system.
            wanted: How old it may be.
            deadline: When the caller leaves.
            tags: What the reading will be about.

        Raises:
            BackendError: The system failed, and nothing that was kept may be given.
            StaleError: What was kept is too old, and is not to be given.
        """
        entry = self._entries.get(key)
        if entry is not None:
            age = self.clock() - entry.read_at
            limit = min(wanted.max_age_s, NEGATIVE_S) if _is_nothing(entry) else wanted.max_age_s
            if wanted.max_age_s > 0 and age <= limit:
                self._entries.move_to_end(key)
                self.statistics.hits += 1
                if age > limit * REFRESH_SHARE * entry.jitter and key not in self._flights:
                    self._refresh(key, load, deadline, frozenset(tags))
                return Kept(entry.body, entry.as_of, is_kept=True)
        try:
            loaded, is_kept = await self._fresh(key, load, wanted, deadline, frozenset(tags))
        except BackendError as error:
            return self._after_failure(key, wanted, error)
        return Kept(loaded.body, loaded.as_of, is_kept=is_kept)

    def drop(self, tags: Collection[Tag]) -> int:
        """Drop what was read about something, and what is being read now; tells how much."""
        dropped = 0
        every = {("customer", "*") for tag in tags if tag[0] == "customer"}
        for tag in {*tags, *every}:
            for key in [*self._by_tag.get(tag, ())]:
                self._remove(key)
                dropped += 1
                if self.second is not None:
                    self._later(self.second.drop(key.digest()))
            for key, flight in [*self._flights.items()]:
                if tag in flight.tags:
                    # Who waits asked before the change; who comes now must not join.
                    flight.is_void = True
                    del self._flights[key]
        return dropped

    async def aclose(self) -> None:
        """Wait for nothing that goes on behind answers."""
        tasks = [*self._behind, *(flight.task for flight in self._flights.values())]
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
        while True:
            flight = self._flights.get(key)
            is_mine = flight is None
            if flight is None:
                flight = self._start(key, load, deadline, tags, wanted)
                self.statistics.misses += 1
            else:
                self.statistics.joined += 1
            flight.waiters += 1
            try:
                entry = await asyncio.shield(flight.task)
            except BackendError:
                # It had the time of whoever came first, which may have been less.
                if is_mine or deadline.is_past or self._flights.get(key) is flight:
                    raise
                continue
            except asyncio.CancelledError:
                if flight.waiters == 1 and not flight.task.done():
                    flight.task.cancel()
                raise
            finally:
                flight.waiters -= 1
            return entry, not is_mine or entry.is_shared

    def _start(
        self,
        key: ReadingKey,
        load: Load,
        deadline: Deadline,
        tags: frozenset[Tag],
        wanted: Wanted,
    ) -> _Flight:
        flight = _Flight(None, tags)  # type: ignore[arg-type] # the task knows the flight

        async def fly() -> _Entry:
            try:
                entry = await self._shared(key, tags, wanted)
                if entry is None:
                    body = await load(deadline)
                    entry = _Entry(body, self.now(), self.clock(), tags, _jitter())
                    if not flight.is_void:
                        await self._share(key, entry)
                if not flight.is_void:
                    self._keep(key, entry)
                return entry
            finally:
                if self._flights.get(key) is flight:
                    del self._flights[key]

        flight.task = asyncio.get_running_loop().create_task(fly())
        # Whoever waited may have left: then nobody asks what became of it.
        flight.task.add_done_callback(_look_at)
        self._flights[key] = flight
        return flight

    def _refresh(
        self, key: ReadingKey, load: Load, deadline: Deadline, tags: frozenset[Tag]
    ) -> None:
        """Read anew behind an answer, with the time its question had at most."""
        flight = self._start(key, load, deadline, tags, Wanted())
        flight.waiters = 1  # nobody who leaves takes it along
        self.statistics.misses += 1

    def _after_failure(self, key: ReadingKey, wanted: Wanted, error: BackendError) -> Kept:
        """Give what is too old, if that is allowed."""
        entry = self._entries.get(key)
        if entry is None or wanted.max_age_s <= 0 or self.clock() - entry.read_at > HARD_S:
            raise error
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
        if found is None:
            return None
        body, as_of = found
        age = max((self.now() - as_of) / timedelta(seconds=1), 0.0)
        entry = _Entry(body, as_of, self.clock() - age, tags, _jitter(), is_shared=True)
        limit = min(wanted.max_age_s, NEGATIVE_S) if _is_nothing(entry) else wanted.max_age_s
        return entry if age <= limit else None

    async def _share(self, key: ReadingKey, entry: _Entry) -> None:
        if self.second is not None:
            ttl_s = NEGATIVE_S if _is_nothing(entry) else HARD_S
            await self.second.put(key.digest(), entry.body, entry.as_of, ttl_s)

    def _keep(self, key: ReadingKey, entry: _Entry) -> None:
        size = _size(entry)
        if size > self.max_bytes:
            return
        self._remove(key)
        self._entries[key] = entry
        self.bytes_used += size
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.bytes_used > self.max_bytes:
            self._remove(next(iter(self._entries)))
            self.statistics.evicted += 1

    def _remove(self, key: ReadingKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.bytes_used -= _size(entry)
        for tag in entry.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]

    def _later(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run())
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)


def _size(entry: _Entry) -> int:
    return len(entry.body) + OVERHEAD_BYTES


def _is_nothing(entry: _Entry) -> bool:
    return len(entry.body) <= NEGATIVE_BYTES


def _jitter() -> float:
    """Let entries that were made together be refreshed one after another."""
    return 1 - JITTER * random.random()  # noqa: S311 - no secret


def _look_at(task: "asyncio.Task[_Entry]") -> None:
    if not task.cancelled():
        task.exception()
