"""The audit log: what is kept of uses and refusals, and what a flood costs."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from backends.store.memory import MemoryKeyStore
from backends.store.migrations import StoreError
from gateway import audit as module
from gateway.audit import MAX_BATCH, USE_NOTED_S, Audit

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    """A clock that stands where it is put."""

    now = 0.0

    def __call__(self) -> float:
        """Tell."""
        return self.now


async def told(store: MemoryKeyStore) -> list[dict[str, object]]:
    """Give what is kept, the oldest first."""
    return [json.loads(entry) for entry in (await store.audited(10_000))[::-1]]


async def test_a_use_is_noted_once_an_hour() -> None:
    """Who was active when is known; the table does not grow with every question."""
    store, clock = MemoryKeyStore(), Clock()
    audit = Audit(store, clock=clock, now=lambda: NOW)
    for at in (0, 1, USE_NOTED_S - 1, USE_NOTED_S):
        clock.now = at
        audit.used("key:a")
    audit.used("key:b")
    await audit.aclose()

    assert await told(store) == [
        {"at": "2026-11-20T12:00:00.000+00:00", "event": "used", "principal": name}
        for name in ("key:a", "key:a", "key:b")
    ]


async def test_a_flood_is_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last entry of a batch says how many are missing; the next batch is whole again."""
    monkeypatch.setattr(module, "FLUSH_AFTER_S", 0.01)
    store = MemoryKeyStore()
    audit = Audit(store, now=lambda: NOW)
    for _ in range(MAX_BATCH + 7):
        audit.note("refused", code="INVALID_CREDENTIALS", detail=None)
    await asyncio.sleep(0.05)
    audit.note("refused", code="UNAUTHENTICATED")
    await audit.aclose()
    kept = await told(store)

    assert len(kept) == MAX_BATCH + 2
    assert kept[MAX_BATCH]["count"] == 7
    assert kept[-1]["code"] == "UNAUTHENTICATED"
    assert "detail" not in kept[0]


async def test_a_store_that_fails_costs_no_request() -> None:
    """It is told in the log, and tried again with what comes next."""

    class Failing:
        calls = 0

        async def append(self, entries: Sequence[tuple[str, bytes]]) -> None:
            self.calls += 1
            msg = "no"
            raise StoreError(msg, detail=str(len(entries)))

    store = Failing()
    audit = Audit(store)
    audit.note("refused")
    await audit.aclose()
    audit.note("refused")
    await audit.aclose()

    assert store.calls == 2


async def test_without_a_store_nothing_is_kept() -> None:
    """And nothing is woken."""
    audit = Audit(None)
    audit.used("key:a")
    await audit.aclose()
