"""Readings kept for a while: whose, how old, how many at once, and what a change drops."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backends.cache import (
    HARD_S,
    NEGATIVE_S,
    OVERHEAD_BYTES,
    Kept,
    ReadingCache,
    ReadingKey,
    StaleError,
)
from backends.freshness import OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.transport import BackendUnavailableError, Request
from orderlines.deadline import Deadline
from orderlines.visibility import ALL, Visibility

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING = Visibility.everything()
BODY = b"x" * 1_000
ORDER = ("order", "SO-1")


class World:
    """A system, a clock, and a cache in front of both."""

    def __init__(self, max_bytes: int = 1_000_000) -> None:
        self.at = 0.0
        self.calls = 0
        self.body = BODY
        self.is_down = False
        self.gate: asyncio.Event | None = None
        self.cache = ReadingCache(
            max_bytes, clock=lambda: self.at, now=lambda: START + timedelta(seconds=self.at)
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
    ) -> Kept:
        """Read through the cache."""
        return await self.cache.read(
            ReadingKey("erp", visibility, Request("GET", target)),
            self.load,
            wanted=Wanted(max_age_s, on_stale),
            deadline=Deadline.after(5.0),
            tags=(ORDER,),
        )


async def test_what_was_read_is_given_until_it_is_too_old() -> None:
    """With the instant it was read at; not a moment longer than allowed."""
    world = World()
    first = await world.read()
    world.at = 7.0
    second = await world.read()
    world.at = 10.1
    third = await world.read()

    assert (first.is_kept, second.is_kept, third.is_kept) == (False, True, False)
    assert (first.as_of, second.as_of) == (START, START)
    assert third.as_of == START + timedelta(seconds=10.1)
    assert world.calls == 2


async def test_a_caller_who_wants_it_live_gets_it_live() -> None:
    """Whatever others allowed."""
    world = World()
    await world.read()
    await world.read(max_age_s=0)

    assert world.calls == 2


async def test_a_reading_is_never_given_to_who_sees_other_rows() -> None:
    """B-4: the key holds the visibility by type; nothing is put together from texts."""
    world = World()
    rows = [
        Visibility(frozenset({"a:b"}), ALL, ALL),
        Visibility(frozenset({"a", "b"}), ALL, ALL),
        Visibility(ALL, frozenset({"a:b"}), ALL),
        Visibility(frozenset(), ALL, ALL),
        EVERYTHING,
    ]
    for each in rows:
        assert not (await world.read(visibility=each)).is_kept
    keys = [ReadingKey("erp", each, Request("GET", "/orders/1")) for each in rows]

    assert len({key.digest() for key in keys}) == len(rows)
    assert world.calls == len(rows)
    with pytest.raises(TypeError, match="Visibility"):
        ReadingKey("erp", None, Request("GET", "/"))  # type: ignore[arg-type] # what is refused


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a:b", "/c"), ("a", "/b:c")),
        (("erp", "/a?b"), ("erp", "/a")),
        (("ab", "/c"), ("a", "/bc")),
    ],
)
def test_b4_no_two_questions_have_one_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Each part is hashed with its length."""
    digests = {
        ReadingKey(system, EVERYTHING, Request("GET", target)).digest()
        for system, target in (one, other)
    }
    bodies = {
        ReadingKey("erp", EVERYTHING, Request("POST", "/", (), body)).digest()
        for body in (b"", b"x")
    }

    assert (len(digests), len(bodies)) == (2, 2)


async def test_c1_identical_questions_at_once_are_one_call() -> None:
    """A thousand callers, one cold key."""
    world = World()
    world.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.read()) for _ in range(1_000)]
    await asyncio.sleep(0)
    world.gate.set()
    answers = await asyncio.gather(*waiting)

    assert world.calls == 1
    assert {answer.body for answer in answers} == {BODY}
    assert world.cache.statistics.joined == 999


async def test_a_call_goes_on_while_somebody_waits_and_ends_with_the_last() -> None:
    """Each leaves alone; nobody's leaving costs another the answer."""
    world = World()
    world.gate = asyncio.Event()
    first, second = (asyncio.create_task(world.read()) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    (flight,) = world.cache._flights.values()  # noqa: SLF001 - nothing else shows it
    assert not flight.task.done()
    second.cancel()
    await asyncio.sleep(0.01)

    assert flight.task.cancelled()
    assert world.cache._flights == {}  # noqa: SLF001 - as above


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    """The next question asks again."""
    world = World()
    world.is_down = True
    outcomes = await asyncio.gather(*(world.read() for _ in range(5)), return_exceptions=True)
    world.is_down = False

    assert all(isinstance(one, BackendUnavailableError) for one in outcomes)
    assert (await world.read()).body == BODY


async def test_c2_what_is_too_old_is_given_while_the_system_fails_and_says_so() -> None:
    """Until the hard limit; and never to who does not want it."""
    world = World()
    await world.read()
    world.is_down = True
    world.at = 60.0
    stale = await world.read()

    assert (stale.body, stale.is_stale, stale.as_of) == (BODY, True, START)
    with pytest.raises(StaleError):
        await world.read(on_stale=OnStale.FAIL)
    with pytest.raises(BackendUnavailableError):
        await world.read(on_stale=OnStale.WAIT)
    with pytest.raises(BackendUnavailableError):
        await world.read(max_age_s=0)
    world.at = HARD_S + 1
    with pytest.raises(BackendUnavailableError):
        await world.read()


async def test_c2_a_hit_that_will_soon_be_too_old_is_refreshed_behind_it() -> None:
    """The caller does not wait for it, and one refresh is enough."""
    world = World()
    await world.read()
    world.at, world.body = 9.0, b"y" * 1_000
    answers = [await world.read() for _ in range(5)]
    await asyncio.sleep(0.01)
    later = await world.read()

    assert {one.body for one in answers} == {BODY}
    assert (later.body[:1], world.calls) == (b"y", 2)


async def test_c2_that_there_is_nothing_is_kept_for_seconds_only() -> None:
    """An order that was just placed must be found soon."""
    world = World()
    world.body = b'{"d":{"results":[]}}'
    await world.read(max_age_s=60)
    world.at = NEGATIVE_S - 2
    assert (await world.read(max_age_s=60)).is_kept
    world.at = NEGATIVE_S + 0.1

    assert not (await world.read(max_age_s=60)).is_kept


async def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    """Bounded by bytes; what is larger than all room is not kept."""
    world = World(max_bytes=3 * (len(BODY) + OVERHEAD_BYTES))
    for target in ("/1", "/2", "/3"):
        await world.read(target=target)
    await world.read(target="/1")
    await world.read(target="/4")
    assert world.cache.bytes_used <= 3 * (len(BODY) + OVERHEAD_BYTES)
    assert [(await world.read(target=one)).is_kept for one in ("/1", "/4", "/2")] == [
        True,
        True,
        False,
    ]
    world.body = b"z" * 10_000
    await world.read(target="/5")
    assert not (await world.read(target="/5")).is_kept


async def test_c3_a_change_drops_what_was_read_and_what_is_being_read() -> None:
    """No answer to a question that came after the change is older than it."""
    world = World()
    await world.read()
    assert world.cache.drop([ORDER]) == 1
    assert world.cache.drop([("order", "SO-2")]) == 0
    world.gate = asyncio.Event()
    before = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    world.cache.drop([ORDER])
    world.body = b"new" * 400
    after = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    world.gate.set()

    assert (await before).body == BODY
    assert (await after).body == b"new" * 400
    assert (await world.read()).body == b"new" * 400


async def test_b4_many_callers_at_once_get_their_own_rows_only() -> None:
    """Fifty visibilities, questions in any order, half of them given up."""
    cache = ReadingCache(200_000)
    foreign = answered = 0

    async def ask(number: int) -> None:
        nonlocal foreign, answered
        whose = str(number * 7 % 50)

        async def load(_: Deadline) -> bytes:
            await asyncio.sleep(0.0005 * (number % 3))
            return whose.encode() * 200

        try:
            async with asyncio.timeout(0.0004 if number % 2 else 5):
                kept = await cache.read(
                    ReadingKey(
                        "erp", Visibility(frozenset({whose}), ALL, ALL), Request("GET", "/same")
                    ),
                    load,
                    wanted=Wanted(0.002),
                    deadline=Deadline.after(5.0),
                )
        except TimeoutError:
            return
        answered += 1
        foreign += kept.body != whose.encode() * 200

    for start in range(0, 20_000, 500):
        await asyncio.gather(*(ask(number) for number in range(start, start + 500)))
    await cache.aclose()

    assert answered > 9_000
    assert foreign == 0
