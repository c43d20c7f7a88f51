"""Identical questions at once: one call, and everybody's own time."""

import asyncio

import pytest

from backends.cache import Kept, ReadingCache, ReadingKey
from backends.flights import EARLY_S
from backends.freshness import Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.transport import BackendUnavailableError, Request
from orderlines.deadline import Deadline
from tests.backends.cache_kit import BODY, EVERYTHING, World


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
    (flight,) = world.cache._flights._airborne  # noqa: SLF001 - nothing else shows it
    assert not flight.task.done()
    second.cancel()
    await asyncio.sleep(0.01)

    assert flight.task.cancelled()
    assert not world.cache._flights._airborne  # noqa: SLF001 - as above


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    """One call fails for a thousand, instead of a thousand; the next question asks again."""
    world = World()
    world.is_down = True
    outcomes = await asyncio.gather(*(world.read() for _ in range(1_000)), return_exceptions=True)
    world.is_down = False

    assert all(isinstance(one, BackendUnavailableError) for one in outcomes)
    assert world.calls == 1
    assert (await world.read()).body == BODY


async def test_who_comes_while_a_call_is_given_up_gets_a_call_of_its_own() -> None:
    """Another's leaving must not look like one's own."""
    world = World()
    world.gate = asyncio.Event()
    first = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    first.cancel()
    second = asyncio.create_task(world.read())
    await asyncio.sleep(0)
    world.gate.set()

    assert (await second).body == BODY
    assert first.cancelled()


async def test_everyone_leaves_at_the_own_deadline() -> None:
    """Who has little time does not wait with who has much; nor the other way round."""
    world = World()
    world.gate = asyncio.Event()
    patient = asyncio.create_task(world.read(stays_s=5.0))
    await asyncio.sleep(0)
    with pytest.raises(BackendUnavailableError):
        await world.read(stays_s=0.02)
    world.gate.set()

    assert (await patient).body == BODY
    assert world.calls == 1


async def test_who_has_more_time_than_a_call_tries_once_more_together() -> None:
    """The call had the time of whoever came first: the others share one more, no more."""
    calls = 0

    async def load(deadline: Deadline) -> bytes:
        nonlocal calls
        calls += 1
        await asyncio.sleep(max(deadline.remaining_s, 0.0) + 0.001)
        raise unavailable("erp", Reason.TIMEOUT, "too late")  # noqa: EM101 - a system's name

    cache = ReadingCache(1_000_000)
    key = ReadingKey("erp", EVERYTHING, Request("GET", "/"))
    stays = [0.02, *(0.03 + 0.0003 * number for number in range(100))]
    outcomes = await asyncio.gather(
        *(
            cache.read(key, load, wanted=Wanted(10), deadline=Deadline.after(stays_s))
            for stays_s in stays
        ),
        return_exceptions=True,
    )

    assert {type(one) for one in outcomes} == {BackendUnavailableError}
    assert calls == 2


async def test_a_call_whose_timer_rang_a_little_early_had_no_time_left_either() -> None:
    """A loop may ring up to some milliseconds early; who has more time tries once more."""
    calls = 0

    async def load(deadline: Deadline) -> bytes:
        nonlocal calls
        calls += 1
        if calls > 1:
            return BODY
        await asyncio.sleep(deadline.remaining_s - EARLY_S / 2)
        raise unavailable("erp", Reason.TIMEOUT, "too late")  # noqa: EM101 - a system's name

    cache = ReadingCache(1_000_000)
    key = ReadingKey("erp", EVERYTHING, Request("GET", "/"))
    hasty, patient = await asyncio.gather(
        *(
            cache.read(key, load, wanted=Wanted(10), deadline=Deadline.after(stays_s))
            for stays_s in (0.05, 5.0)
        ),
        return_exceptions=True,
    )

    assert isinstance(hasty, BackendUnavailableError)
    assert isinstance(patient, Kept)


async def test_who_has_more_time_than_a_call_that_failed_early_fails_with_it() -> None:
    """It did not fail for want of time: asking again would tell the same."""
    world = World()
    world.is_down = True
    outcomes = await asyncio.gather(
        *(world.read(stays_s=stays_s) for stays_s in (1.0, 5.0)), return_exceptions=True
    )

    assert {type(one) for one in outcomes} == {BackendUnavailableError}
    assert world.calls == 1


async def test_a_refresh_goes_on_when_everybody_has_left() -> None:
    """Nobody waits for it, so nobody who leaves takes it along."""
    world = World()
    await world.read()
    world.at, world.body, world.gate = 9.0, b"y" * 1_000, asyncio.Event()
    assert (await world.read()).body == BODY
    await asyncio.sleep(0.01)
    joined = asyncio.create_task(world.read(max_age_s=5))
    await asyncio.sleep(0.01)
    joined.cancel()
    await asyncio.sleep(0.01)
    world.gate.set()
    await asyncio.sleep(0.01)

    assert joined.cancelled()
    assert (await world.read()).body == b"y" * 1_000
    assert world.calls == 2


async def test_nobody_is_cancelled_when_the_cache_is_closed() -> None:
    """Who still waits is told that no answer came."""
    world = World()
    world.gate = asyncio.Event()
    waiting = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    await world.cache.aclose()

    with pytest.raises(BackendUnavailableError):
        await waiting


async def test_a_call_is_joined_only_by_who_allows_its_age() -> None:
    """What it brings may be as old as its beginning; and the later call is what stays."""
    world = World()
    world.gate = asyncio.Event()
    first = asyncio.create_task(world.read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.at, world.body = 3.0, b"new" * 400
    allows = asyncio.create_task(world.read(max_age_s=4))
    strict = asyncio.create_task(world.read(max_age_s=2))
    live = asyncio.create_task(world.read(max_age_s=0))
    await asyncio.sleep(0.01)
    world.gate.set()

    assert [(await one).body for one in (first, allows, strict, live)] == [
        BODY,
        BODY,
        b"new" * 400,
        b"new" * 400,
    ]
    assert world.calls == 2, "live came at the instant at which the second call began"
    assert (await world.read()).body == b"new" * 400
