"""Readings of other processes, without those that are older than a change known here.

Nobody empties what all processes share at the instant of a change: each remembers what
changed, and believes no reading that was begun before it. Wall clocks tell, so `SKEW_S`
is taken off; what was begun in the future is from a clock that is wrong.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from backends.reading_key import ReadingKey, Tag

SKEW_S: Final = 1.0
"""How far the wall clocks of two processes may be apart."""
MAX_CHANGES: Final = 100_000


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


class SharedReadings:
    """The second level, seen with what this process knows.

    Args:
        second: Where readings are shared.
        now: The wall clock, in UTC.
        remember_s: How long a reading is shared at most, and so a change remembered.
    """

    def __init__(self, second: SecondLevel, now: Callable[[], datetime], remember_s: float) -> None:
        self._second = second
        self._now = now
        self._remember = timedelta(seconds=remember_s + SKEW_S)
        self._changed: OrderedDict[Tag, datetime] = OrderedDict()
        self._forgotten: datetime | None = None

    async def find(self, key: ReadingKey, tags: Collection[Tag]) -> Shared | None:
        """Find what was read and did not change since."""
        found = await self._second.get(key.digest())
        if found is None or self._is_outdated(tags, found.begun_at):
            return None
        is_ahead = found.begun_at - self._now() > timedelta(seconds=SKEW_S)
        return None if is_ahead else found

    async def put(
        self, key: ReadingKey, reading: Shared, tags: Collection[Tag], ttl_s: float
    ) -> None:
        """Share what was read, unless it changed, or changes while it is put."""
        if self._is_outdated(tags, reading.begun_at):
            return
        name = key.digest()
        await self._second.put(name, reading, ttl_s)
        if self._is_outdated(tags, reading.begun_at):
            await self._second.drop(name)

    async def drop(self, keys: Collection[ReadingKey]) -> None:
        """Share these no longer: one after another, since many at once would be refused."""
        for key in keys:
            await self._second.drop(key.digest())

    def note(self, tags: Collection[Tag]) -> None:
        """Note what changed now, for as long as somebody may share what he read before."""
        now = self._now()
        for tag in tags:
            self._changed[tag] = now
            self._changed.move_to_end(tag)
        while self._changed:
            changed_at = next(iter(self._changed.values()))
            if len(self._changed) <= MAX_CHANGES and changed_at > now - self._remember:
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
