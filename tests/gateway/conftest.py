"""Fixtures of the door: a key that is known, and a route to ask."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.store.memory import MemoryKeyStore
from gateway.cli.personas import EVERYTHING
from gateway.telemetry import open_telemetry
from orderlines.visibility import Visibility
from policies.api_keys import Grant, mint
from tests.gateway.door import PEPPER, Door, make_route


@pytest.fixture
def store() -> MemoryKeyStore:
    """Give an empty key store."""
    return MemoryKeyStore()


@pytest.fixture
async def key(store: MemoryKeyStore) -> str:
    """Give a key that may ask everything, and sees everything."""
    grant = Grant("portal", scopes=EVERYTHING, visibility=Visibility.everything())
    minted = mint(grant, PEPPER, datetime(2026, 11, 20, tzinfo=UTC))
    await store.put(minted.record.id, minted.record.encode())
    return minted.text


@pytest.fixture
def door(tmp_path: Path, store: MemoryKeyStore, key: str) -> Iterator[Door]:
    """Give a door to a route whose executor does as it is told."""
    path = tmp_path / "log"
    with open_telemetry("info", path) as log:
        door = Door(None, key, log, path)
        door.application = make_route(log, door.executor, store)
        yield door
