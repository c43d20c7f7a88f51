"""What the tests of the reading cache share: a system, a clock, and a second level."""

import asyncio
from datetime import UTC, datetime, timedelta

from backends.cache import Kept, ReadingCache, ReadingKey
from backends.freshness import OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.shared_readings import Shared
from backends.shelf import OVERHEAD_BYTES, TAG_BYTES
from backends.transport import Request
from orderlines.deadline import Deadline
from orderlines.visibility import Visibility

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING = Visibility.everything()
BODY = b"x" * 1_000
ORDER = ("order", "SO-1")
SIZE = len(BODY) + len("/1") + OVERHEAD_BYTES + TAG_BYTES


class Level:
    """A second level in this process; what is put waits while a gate is closed."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Shared] = {}
        self.gate: asyncio.Event | None = None

    async def get(self, name: bytes) -> Shared | None:
        """Give what is kept, a moment later."""
        found = self.kept.get(name)
        await asyncio.sleep(0)
        return found

    async def put(self, name: bytes, reading: Shared, ttl_s: float) -> None:
        """Keep it, once it may."""
        del ttl_s
        if self.gate is not None:
            await self.gate.wait()
        self.kept[name] = reading

    async def drop(self, name: bytes) -> None:
        """Drop it, a moment later."""
        await asyncio.sleep(0)
        self.kept.pop(name, None)


class World:
    """A system, a clock, and a cache in front of both."""

    def __init__(self, max_bytes: int = 1_000_000, second: Level | None = None) -> None:
        self.at = 0.0
        self.calls = 0
        self.body = BODY
        self.is_down = False
        self.gate: asyncio.Event | None = None
        self.cache = ReadingCache(
            max_bytes,
            second,
            clock=lambda: self.at,
            now=lambda: START + timedelta(seconds=self.at),
        )

    async def load(self, deadline: Deadline) -> bytes:
        """Answer as the system does now."""
        del deadline
        self.calls += 1
        body = self.body
        if self.gate is not None:
            await self.gate.wait()
        if self.is_down:
            raise unavailable("erp", Reason.TIMEOUT, "down")  # noqa: EM101 - a system's name
        return body

    async def read(
        self,
        max_age_s: float = 10.0,
        on_stale: OnStale = OnStale.SERVE_AND_FLAG,
        *,
        target: str = "/orders/1",
        visibility: Visibility = EVERYTHING,
        stays_s: float = 5.0,
    ) -> Kept:
        """Read through the cache."""
        return await self.cache.read(
            ReadingKey("erp", visibility, Request("GET", target)),
            self.load,
            wanted=Wanted(max_age_s, on_stale),
            deadline=Deadline.after(stays_s),
            tags=(ORDER,),
        )
