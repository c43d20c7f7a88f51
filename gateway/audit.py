"""The audit log: who used a key first in an hour, and who was refused.

Entries are kept in the store beside the keys, in batches, a second late at most. A flood
of refusals costs a count, not a table: what a batch cannot hold is counted in its last
entry. What cannot be stored is told in the log.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from orderlines.deadline import Clock
from orderlines.errors import GatewayError

FLUSH_AFTER_S: Final = 1.0
MAX_BATCH: Final = 500
USE_NOTED_S: Final = 3_600.0
MAX_SEEN: Final = 100_000

_log = structlog.get_logger()


class AuditStore(Protocol):
    """Where entries are kept."""

    async def append(self, entries: Sequence[tuple[str, bytes]], /) -> None:
        """Keep entries: of each its instant, and what it says."""
        ...


class Audit:
    """Notes what happened, and stores it by and by.

    Args:
        store: Where entries are kept; without one they stay in the log alone.
        clock: A monotonic clock.
        now: The wall clock.
    """

    def __init__(
        self,
        store: AuditStore | None,
        *,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._clock = clock
        self._now = now
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._entries: list[tuple[str, bytes]] = []
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def used(self, principal_id: str) -> None:
        """Note that a credential was used, once an hour."""
        at = self._clock()
        if self._seen.get(principal_id, -USE_NOTED_S) + USE_NOTED_S > at:
            return
        self._seen[principal_id] = at
        self._seen.move_to_end(principal_id)
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        self.note("used", principal=principal_id)

    def note(self, event: str, **facts: str | None) -> None:
        """Note something that happened."""
        if self._store is None:
            return
        if len(self._entries) >= MAX_BATCH:
            self._dropped += 1
            return
        at = self._now().isoformat(timespec="milliseconds")
        told = {name: fact for name, fact in facts.items() if fact}
        self._entries.append((at, json.dumps({"at": at, "event": event, **told}).encode()))
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self._begin)

    async def aclose(self) -> None:
        """Store what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._begin()
        if self._writing is not None:
            await self._writing

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        assert self._store is not None  # noqa: S101 - else nothing is noted
        entries, dropped = self._entries, self._dropped
        self._entries, self._dropped = [], 0
        if dropped:
            at = self._now().isoformat(timespec="milliseconds")
            entries.append(
                (at, json.dumps({"at": at, "event": "dropped", "count": dropped}).encode())
            )
        try:
            await self._store.append(entries)
        except GatewayError as error:
            _log.error("audit_not_stored", entries=len(entries), detail=error.detail)
        finally:
            self._writing = None
            if self._entries:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self._begin)
