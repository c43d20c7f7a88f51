"""Whoever does not want what was sent at once leaves neither a turn nor a word behind."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backends.reasons import Reason
from backends.sent import Sent
from backends.transport import BackendUnavailableError, Request, Response
from tests.backends.loopback import OK, Peer, answer, send, wired
from tests.backends.test_wire_sent import ONE, begun, failed


@pytest.fixture
async def noises() -> AsyncIterator[list[dict[str, Any]]]:
    """What the loop complained of, also when what was left is collected."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, noise: heard.append(noise))
    yield heard
    gc.collect()
    await asyncio.sleep(0)

    assert heard == []


async def slowly(peer: Peer) -> None:
    """Answer with the target: late, if that says so; half, if it says so."""
    while (request := await peer.request()) is not None:
        target = request.split(b" ")[1]
        if target == b"/cut":
            await peer.send(OK[:-1])
            return
        if target == b"/stale":
            return
        await asyncio.sleep(0.03 if target == b"/late" else 0.0)
        await peer.send(answer(target))


async def wait_for(sent: Sent) -> Response:
    """Await it, as a task does."""
    return await sent


@pytest.mark.usefixtures("noises")
async def test_it_is_cancelled_before_it_is_awaited() -> None:
    """The connection is closed, and the next in line opens another."""
    async with wired(slowly, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire, "/late")
        other = asyncio.create_task(send(wire, Request("GET", "/other")))
        await asyncio.sleep(0)
        waiting = wire.stats.waiting
        sent.cancel()
        sent.cancel()

        assert waiting == 1
        assert (await other).body == b"/other"
        assert (server.connections, wire.stats.in_use, wire.stats.waiting) == (2, 0, 0)
        with pytest.raises(asyncio.CancelledError):
            await sent


@pytest.mark.usefixtures("noises")
async def test_it_is_cancelled_while_it_is_awaited() -> None:
    """As `send` would be; a late answer is never taken for another's."""
    async with wired(slowly, ONE) as (server, wire):
        await send(wire)
        task = asyncio.create_task(wait_for(begun(wire, "/late")))
        await asyncio.sleep(0.01)
        others = [
            asyncio.create_task(send(wire, Request("GET", f"/{number}"))) for number in range(3)
        ]
        await asyncio.sleep(0)
        task.cancel()
        bodies = [(await one).body for one in others]
        await asyncio.sleep(0.04)

        assert task.cancelled()
        assert bodies == [b"/0", b"/1", b"/2"]
        assert (server.connections, server.open, wire.stats.in_use) == (2, 1, 0)


@pytest.mark.usefixtures("noises")
@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("target", ["/late", "/now", "/cut", "/stale"])
async def test_nobody_ever_awaits_it(target: str, *, is_told: bool) -> None:
    """Its turn ends with its answer, or without one; that it failed, nobody is told."""
    async with wired(slowly, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire, target)
        other = await send(wire, Request("GET", "/other"))
        if is_told:
            sent.cancel()
        del sent

        assert other.body == b"/other"
        assert (wire.stats.in_use, wire.stats.idle, wire.stats.waiting) == (0, 1, 0)
        assert server.connections == (1 if target in ("/late", "/now") else 2)


@pytest.mark.usefixtures("noises")
async def test_it_is_cancelled_in_the_moment_its_answer_comes() -> None:
    """Then the connection is good and stays; the answer is nobody's."""
    async with wired(slowly, ONE) as (server, wire):
        await send(wire)
        task = asyncio.create_task(wait_for(begun(wire)))
        while wire.stats.in_use:  # noqa: ASYNC110 - it is the very turn of the loop that counts
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        assert (await send(wire, Request("GET", "/next"))).body == b"/next"
        assert (server.connections, wire.stats.in_use, wire.stats.idle) == (1, 0, 1)


@pytest.mark.usefixtures("noises")
async def test_closing_the_wire_fails_what_was_sent() -> None:
    """Those who await it, and those who will."""
    async with wired(slowly) as (_, wire):
        await asyncio.gather(send(wire), send(wire))
        awaited, later = begun(wire, "/late"), begun(wire, "/late")
        task = asyncio.create_task(wait_for(awaited))
        await asyncio.sleep(0.01)
        await wire.aclose()
        with pytest.raises(BackendUnavailableError) as caught:
            await task

        assert caught.value.reason == Reason.CUT_OFF
        assert await failed(later) == Reason.CUT_OFF
        assert (wire.stats.open, wire.stats.in_use) == (0, 0)
