"""The time limit: one timer ends whoever is late, and nobody else."""

import asyncio

import pytest

from gateway.graphql.time_limit import TimeLimit


async def held(limit: TimeLimit, seconds: float) -> str:
    """Work for a while under the limit, and say how it ended."""
    task = asyncio.current_task()
    assert task is not None
    limit.start(task)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if not limit.is_over(task) or task.uncancel():
            raise
        return "late"
    finally:
        limit.stop(task)
    return "done"


async def test_only_those_who_take_too_long_are_ended() -> None:
    """Whatever the order they come and go in."""
    limit = TimeLimit(0.05)
    outcomes = await asyncio.gather(
        held(limit, 0), held(limit, 10), held(limit, 0.01), held(limit, 10), held(limit, 0)
    )

    assert list(outcomes) == ["done", "late", "done", "late", "done"]


async def test_each_has_its_own_time_from_its_own_start() -> None:
    """Who comes later may stay later; no one is ended with somebody else."""
    limit = TimeLimit(0.1)
    loop = asyncio.get_running_loop()
    started = loop.time()
    first = asyncio.create_task(held(limit, 10))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(held(limit, 10))
    ended = []
    for task in (first, second):
        assert await task == "late"
        ended.append(loop.time() - started)

    assert 0.09 < ended[0] < 0.5
    assert 0.14 < ended[1] < 0.7


async def test_who_is_cancelled_by_somebody_else_is_not_late() -> None:
    """A server that stops is not a deadline that passed."""
    task = asyncio.create_task(held(TimeLimit(10), 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_late_task_that_is_cancelled_too_ends() -> None:
    """Both at once: the wish to stop wins."""
    limit = TimeLimit(0.01)
    task = asyncio.create_task(held(limit, 10))
    await asyncio.sleep(0)
    limit._cancel_late()  # noqa: SLF001 - too early, so that nothing happens yet
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    asyncio.get_running_loop().call_later(0.01, limit._cancel_late)  # noqa: SLF001 - in the same turn
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_idle_limit_holds_no_timer() -> None:
    """Nothing wakes a process that has nothing to do."""
    limit = TimeLimit(0.01)
    await held(limit, 0)
    await asyncio.sleep(0.03)

    assert limit._timer is None  # noqa: SLF001 - what is left behind
    assert limit._due == {}  # noqa: SLF001 - what is left behind
