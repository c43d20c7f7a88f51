"""Readings kept for a while: whose, and how old; within what room."""

import asyncio
import sys
from datetime import timedelta

import pytest

from backends.cache import HARD_S, NEGATIVE_S, Kept, ReadingKey, StaleError
from backends.freshness import OnStale, Wanted
from backends.shelf import Entry, Shelf
from backends.transport import BackendUnavailableError, Request
from orderlines.visibility import ALL, Visibility
from tests.backends.cache_kit import BODY, EVERYTHING, SIZE, START, Level, World
from tests.timing import cpu_ms

MOST_MS = 0.010 if sys.gettrace() is None else 0.050
"""For one hit; a tracer makes it slower."""


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


@pytest.mark.parametrize("is_shared", [False, True])
async def test_the_age_counts_from_the_beginning_of_the_call(*, is_shared: bool) -> None:
    """What changed while it was under way may be missing; also in what others read."""
    level = Level()
    slow = World(second=level)
    slow.gate = asyncio.Event()
    reading = asyncio.create_task(slow.read())
    await asyncio.sleep(0.01)
    slow.at = 8.0
    slow.gate.set()
    await reading
    await asyncio.sleep(0.01)
    world = World(second=level) if is_shared else slow
    world.at = 9.0
    young = await world.read(max_age_s=60)
    old = await world.read(max_age_s=2)

    assert (young.is_kept, young.as_of) == (True, START + timedelta(seconds=8))
    assert not old.is_kept


async def test_who_fails_gets_what_somebody_else_was_luckier_to_read() -> None:
    """It came while the own call was failing."""
    world = World()
    world.gate, world.is_down = asyncio.Event(), True
    unlucky = asyncio.create_task(world.read(max_age_s=10))
    await asyncio.sleep(0.01)
    gate, world.gate = world.gate, None
    world.at, world.is_down = 1.0, False
    await world.read(max_age_s=0.5)
    world.is_down = True
    gate.set()

    assert await unlucky == Kept(BODY, START + timedelta(seconds=1), is_kept=True)


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
    """An order that was just placed must be found soon, also while its system fails."""
    world = World()
    world.body = b'{"d":{"results":[]}}'
    await world.read(max_age_s=60)
    world.at = NEGATIVE_S - 2
    assert (await world.read(max_age_s=60)).is_kept
    world.at = NEGATIVE_S + 0.1

    assert not (await world.read(max_age_s=60)).is_kept
    world.at, world.is_down = 60, True
    with pytest.raises(BackendUnavailableError):
        await world.read(max_age_s=60)


async def test_what_is_kept_is_found_without_waiting() -> None:
    """In three microseconds or so; not if it is old, nor if it is to be read anew."""
    world = World()
    key, wanted = ReadingKey("erp", EVERYTHING, Request("GET", "/orders/1")), Wanted(10)
    cold = world.cache.find(key, wanted)
    await world.read()
    warm = world.cache.find(key, wanted)
    world.at = 9.0
    due = world.cache.find(key, wanted)

    assert (cold, due) == (None, None)
    assert warm == Kept(BODY, START, is_kept=True)
    assert world.cache.find(key, Wanted(0)) is None
    world.at = 0.0
    taken_ms = cpu_ms(lambda: [world.cache.find(key, wanted) for _ in range(10_000)])
    assert taken_ms < 10_000 * MOST_MS, f"{taken_ms / 10:.2f} µs"


def test_a_reading_never_takes_the_place_of_one_that_was_begun_later() -> None:
    """Calls that overlap may end in any order."""
    shelf, key = Shelf(1_000_000), ReadingKey("erp", EVERYTHING, Request("GET", "/"))
    early, late = (Entry(BODY, START, began, frozenset()) for began in (1.0, 2.0))

    assert (shelf.put(key, late), shelf.put(key, early)) == (True, False)
    assert shelf.get(key) is late


async def test_a_long_question_takes_room_too() -> None:
    """Keys are kept like bodies are."""
    world = World(max_bytes=20_000)
    await world.read(target="/" + "x" * 30_000)
    assert world.cache.bytes_used == 0
    await world.read(target="/" + "x" * 10_000)

    assert world.cache.bytes_used > 10_000


async def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    """Bounded by bytes; what is larger than all room is not kept."""
    world = World(max_bytes=3 * SIZE)
    for target in ("/1", "/2", "/3"):
        await world.read(target=target)
    await world.read(target="/1")
    await world.read(target="/4")
    assert world.cache.bytes_used <= 3 * SIZE
    assert [(await world.read(target=one)).is_kept for one in ("/1", "/4", "/2")] == [
        True,
        True,
        False,
    ]
    world.body = b"z" * 10_000
    await world.read(target="/5")
    assert not (await world.read(target="/5")).is_kept


async def test_what_is_shared_is_no_older_than_each_caller_allows() -> None:
    """Who joins another's look at the second level may allow less."""
    level = Level()
    other, world = World(second=level), World(second=level)
    await other.read()
    await asyncio.sleep(0.01)
    world.at, world.body = 300.0, b"new" * 400
    patient, strict = await asyncio.gather(world.read(max_age_s=600), world.read(max_age_s=1))

    assert (patient.body, strict.body) == (BODY, b"new" * 400)
    assert patient.as_of == START
    assert world.cache.statistics.shared == 1


async def test_what_comes_from_a_clock_that_is_wrong_is_not_believed() -> None:
    """It would be fresh for as long as that clock is ahead."""
    level = Level()
    other, world = World(second=level), World(second=level)
    other.at = 3_600.0
    await other.read()
    await asyncio.sleep(0.01)

    assert not (await world.read()).is_kept
