"""The watch: one timer ends whoever is late, or whose caller left, and nobody else."""

import asyncio

import pytest

from gateway.graphql.watch import Watch


async def held(watch: Watch, seconds: float) -> str:
    """Work for a while under the watch, and say how it ended."""
    task = asyncio.current_task()
    assert task is not None
    watch.start(task)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if not watch.is_over(task) or task.uncancel():
            raise
        return "late"
    finally:
        watch.stop(task)
    return "done"


async def test_only_those_who_take_too_long_are_ended() -> None:
    """Whatever the order they come and go in."""
    watch = Watch(0.05)
    outcomes = await asyncio.gather(
        held(watch, 0), held(watch, 10), held(watch, 0.01), held(watch, 10), held(watch, 0)
    )

    assert list(outcomes) == ["done", "late", "done", "late", "done"]


async def test_each_has_its_own_time_from_its_own_start() -> None:
    """Who comes later may stay later; no one is ended with somebody else."""
    watch = Watch(0.1)
    loop = asyncio.get_running_loop()
    started = loop.time()
    first = asyncio.create_task(held(watch, 10))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(held(watch, 10))
    ended = []
    for task in (first, second):
        assert await task == "late"
        ended.append(loop.time() - started)

    assert 0.09 < ended[0] < 0.5
    assert 0.14 < ended[1] < 0.7


async def test_who_is_cancelled_by_somebody_else_is_not_late() -> None:
    """A server that stops is not a deadline that passed."""
    task = asyncio.create_task(held(Watch(10), 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_late_task_that_is_cancelled_too_ends() -> None:
    """Both at once: the wish to stop wins."""
    watch = Watch(0.01)
    task = asyncio.create_task(held(watch, 10))
    await asyncio.sleep(0)
    watch._look()  # noqa: SLF001 - too early, so that nothing happens yet
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    asyncio.get_running_loop().call_later(0.01, watch._look)  # noqa: SLF001 - in the same turn
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("leaves_after_s", [0.0, 0.05])
async def test_who_takes_long_is_ended_when_the_caller_leaves(leaves_after_s: float) -> None:
    """Whether the caller left before anybody listened, or later; what else comes is waited out."""
    watch = Watch(10, patience_s=0.01)
    told = iter(["http.request", "http.disconnect"])

    async def receive() -> dict[str, str]:
        await asyncio.sleep(leaves_after_s)
        return {"type": next(told)}

    async def ask() -> str:
        task = asyncio.current_task()
        assert task is not None
        watch.start(task)
        watch.receive_of[task] = receive
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return "left" if watch.has_left(task) and not watch.is_over(task) else "late"
        finally:
            watch.stop(task)
        return "done"

    beside = asyncio.create_task(held(watch, 0.2))

    assert await ask() == "left"
    assert await beside == "done"
    assert watch.receive_of == {}
    assert watch._listening == {}  # noqa: SLF001 - as below
    assert watch._left == set()  # noqa: SLF001 - as below


async def test_nobody_listens_for_the_caller_of_who_was_fast() -> None:
    """Nor for one whose time was over meanwhile; a listener ends with its task."""
    watch = Watch(0.03, patience_s=0.02)
    listened = []

    async def receive() -> dict[str, str]:
        listened.append("began")
        try:
            await asyncio.sleep(10)
        finally:
            listened.append("ended")
        return {}

    async def ask(seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        watch.start(task)
        watch.receive_of[task] = receive
        await asyncio.sleep(seconds)
        watch.stop(task)

    await ask(0)
    await asyncio.sleep(0.05)
    assert listened == []

    late = asyncio.create_task(ask(10))
    await asyncio.wait([late])
    assert listened == ["began"]
    watch.stop(late)
    await asyncio.sleep(0)
    assert listened == ["began", "ended"]


async def test_an_idle_watch_holds_no_timer() -> None:
    """Nothing wakes a process that has nothing to do."""
    watch = Watch(0.01)
    await held(watch, 0)
    await asyncio.sleep(0.03)

    assert watch._timer is None  # noqa: SLF001 - what is left behind
    assert watch._due == {}  # noqa: SLF001 - what is left behind
