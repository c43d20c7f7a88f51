"""The stores: one contract for both, and what only a file can get wrong."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.store.memory import MemoryKeyStore
from backends.store.migrations import StoreError, migrate, migrations
from backends.store.sqlite import SqliteStore, open_store

Store = MemoryKeyStore | SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Give an empty store of each kind."""
    if request.param == "memory":
        yield MemoryKeyStore()
    else:
        async with open_store(tmp_path / "store.sqlite") as opened:
            yield opened


async def test_a_record_is_found_by_its_id(store: Store) -> None:
    """As the bytes it was put as; the last one counts."""
    assert await store.get("a") is None
    await store.put("a", b"\x00one")
    await store.put("a", b"two")

    assert await store.get("a") == b"two"


async def test_a_new_record_never_takes_the_place_of_another(store: Store) -> None:
    """Two keys of one id would be one."""
    assert await store.add("a", b"one")
    assert not await store.add("a", b"two")
    assert await store.get("a") == b"one"


async def test_a_record_is_replaced_only_if_it_is_what_it_was(store: Store) -> None:
    """Two commands at once: one of them has to look again."""
    await store.put("a", b"one")

    assert not await store.replace("a", b"other", b"two")
    assert await store.replace("a", b"one", b"two")
    assert not await store.replace("nobody", b"one", b"two")
    assert await store.get("a") == b"two"


async def test_records_are_listed_in_the_order_of_their_changes(store: Store) -> None:
    """What was changed last stands last."""
    for name in ("a", "b", "c"):
        await store.put(name, name.encode())
    await store.replace("a", b"a", b"A")

    assert await store.all() == [b"b", b"c", b"A"]


async def test_the_audit_log_gives_the_newest_first(store: Store) -> None:
    """And no more than was asked for."""
    await store.append([("2026-11-20T10:00:00Z", b"1"), ("2026-11-20T10:00:01Z", b"2")])
    await store.append([("2026-11-20T10:00:02Z", b"3")])

    assert await store.audited(2) == [b"3", b"2"]


async def test_a_store_is_there_after_it_was_closed(tmp_path: Path) -> None:
    """And only its owner can read it."""
    path = tmp_path / "store.sqlite"
    async with open_store(path) as store:
        await store.put("a", b"one")
    async with open_store(path) as store:
        assert await store.get("a") == b"one"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_two_processes_may_use_one_file(tmp_path: Path) -> None:
    """Writes of many at once wait for each other; none is lost."""
    path = tmp_path / "store.sqlite"
    async with open_store(path) as one, open_store(path) as other:
        await asyncio.gather(
            *(store.put(f"{n}", b"x") for n, store in enumerate([one, other] * 40))
        )

        assert len(await one.all()) == 80
        await other.put("0", b"changed")
        assert await one.get("0") == b"changed"


async def test_opening_a_new_store_twice_at_once_makes_it_once(tmp_path: Path) -> None:
    """Whoever comes second finds it made."""

    async def opened(name: str) -> None:
        async with open_store(tmp_path / "store.sqlite") as store:
            await store.put(name, b"x")

    await asyncio.gather(*(opened(str(n)) for n in range(6)))
    async with open_store(tmp_path / "store.sqlite") as store:
        assert len(await store.all()) == 6


async def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """By a sentence that says what to do."""
    path = tmp_path / "store.sqlite"
    async with open_store(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', 'now')")
    connection.commit()
    connection.close()

    with pytest.raises(StoreError, match="a later version"):
        async with open_store(path):
            pass


@pytest.mark.parametrize("kind", ["text", "folder", "missing"])
async def test_what_is_no_store_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    """And left as it is."""
    path = tmp_path / "store.sqlite"
    if kind == "text":
        path.write_text("This is no database, but a text that is long enough to be one." * 20)
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "nowhere" / "store.sqlite"

    with pytest.raises(StoreError, match=r"store\.sqlite cannot be opened"):
        async with open_store(path):
            pass


async def test_a_store_that_fails_says_so_and_nothing_else(tmp_path: Path) -> None:
    """What SQLite said is for the log."""
    async with open_store(tmp_path / "store.sqlite") as store:
        connection = sqlite3.connect(tmp_path / "store.sqlite")
        connection.execute("DROP TABLE api_keys")
        connection.commit()
        connection.close()
        with pytest.raises(StoreError, match="cannot be used just now") as raised:
            await store.put("a", b"x")

    assert "api_keys" in raised.value.detail
    assert "api_keys" not in raised.value.message


def test_a_change_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction ends with it, and it is tried again at the next start."""
    connection = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    good = migrations()[0]
    bad = good._replace(number=2, name="bad", sql="CREATE TABLE x (a);\nCREATE TABLE x (a);\n")
    monkeypatch.setattr("backends.store.migrations.migrations", lambda: (good, bad))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)

    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
