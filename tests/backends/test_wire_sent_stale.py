"""What was sent at once and met a stale connection is sent once more, on a fresh one."""

import asyncio

import pytest

from backends.reasons import Reason
from backends.transport import Request
from backends.wire import WireLimits
from tests.backends.loopback import OK, Peer, answer, send, wired
from tests.backends.test_wire_sent import ONE, begun, failed


async def once(peer: Peer) -> None:
    """Answer one request a connection, and close when the next one has come."""
    if (request := await peer.request()) is not None:
        await peer.send(answer(request.split(b" ")[1]))
        await peer.request()


async def hanging_up(peer: Peer) -> None:
    """Answer until somebody says `/stale`, and then close without a word."""
    while (request := await peer.request()) is not None and b"/stale" not in request:
        await peer.send(answer(request.split(b" ")[1]))


@pytest.mark.parametrize("limits", [ONE, WireLimits()])
async def test_it_is_sent_once_more(limits: WireLimits) -> None:
    """Whether the connection had ended before, or does when it is used."""
    async with wired(once, limits) as (server, wire):
        await send(wire)
        found = await begun(wire)

        assert found.body == b"/now"
        assert (server.connections, len(server.requests)) == (2, 3)
        assert (wire.stats.requests_sent, wire.stats.in_use, wire.stats.idle) == (3, 0, 1)


async def test_it_is_not_sent_a_third_time() -> None:
    """If the fresh connection fails too, the failure is told."""

    async def script(peer: Peer) -> None:
        if b"/stale" not in (await peer.request() or b"/stale"):
            await peer.send(OK)
            await peer.request()

    async with wired(script, ONE) as (server, wire):
        await send(wire)

        assert await failed(begun(wire, "/stale")) == Reason.CUT_OFF
        assert (server.connections, len(server.requests)) == (2, 3)
        assert (wire.stats.open, wire.stats.in_use) == (0, 0)


async def test_others_in_line_go_first_and_it_still_comes_to_its_turn() -> None:
    """One connection, five in line: its turn had passed on when its connection ended."""
    async with wired(hanging_up, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire, "/stale-once")
        others = [asyncio.create_task(send(wire, Request("GET", f"/{n}"))) for n in range(5)]
        last = asyncio.create_task(failed(sent))
        bodies = [(await one).body for one in others]

        assert bodies == [b"/0", b"/1", b"/2", b"/3", b"/4"]
        assert await last == Reason.CUT_OFF
        assert sum(b"/stale-once" in one for one in server.requests) == 2
        assert (wire.stats.in_use, wire.stats.waiting) == (0, 0)
        assert (await send(wire)).status == 200


async def test_from_the_line_it_takes_no_connection_that_was_used_before() -> None:
    """That one may be stale as well; two times is enough."""
    is_stale = True

    async def script(peer: Peer) -> None:
        nonlocal is_stale
        while (request := await peer.request()) is not None:
            if b"/unlucky" in request and is_stale:
                is_stale = False
                return
            await asyncio.sleep(0.02 if b"/other" in request else 0.0)
            await peer.send(answer(request.split(b" ")[1]))

    async with wired(script, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire, "/unlucky")
        other = asyncio.create_task(send(wire, Request("GET", "/other")))
        found = await sent

        assert found.body == b"/unlucky"
        assert (await other).body == b"/other"
        assert (server.connections, wire.stats.open, wire.stats.idle) == (3, 1, 1)


async def test_there_are_never_more_connections_than_allowed() -> None:
    """While it was not awaited, another request has opened the one that is allowed."""
    async with wired(hanging_up, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire, "/stale")
        await send(wire, Request("GET", "/other"))
        assert (wire.stats.open, wire.stats.idle) == (1, 1)
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, wire.stats.open)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        reason = await failed(sent)
        watching.cancel()

        assert reason == Reason.CUT_OFF
        assert most == 1
        assert (server.connections, wire.stats.open, wire.stats.in_use) == (3, 0, 0)


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_in_line_for_the_second_time_it_leaves_as_anybody_else(*, is_cancelled: bool) -> None:
    """At its deadline, or when whoever awaits it is cancelled; it takes no turn along."""

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None and b"/stale" not in request:
            await asyncio.sleep(0.1 if b"/slow" in request else 0.0)
            await peer.send(answer(request.split(b" ")[1]))

    async with wired(script, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire, "/stale", within_s=5.0 if is_cancelled else 0.05)
        slow = asyncio.create_task(send(wire, Request("GET", "/slow")))
        last = asyncio.create_task(failed(sent))
        await asyncio.sleep(0.02)
        during = wire.stats
        if is_cancelled:
            last.cancel()
        await asyncio.wait([last])

        assert (during.in_use, during.waiting) == (1, 1)
        assert is_cancelled or last.result() == Reason.TIMEOUT
        assert last.cancelled() == is_cancelled
        assert (wire.stats.in_use, wire.stats.waiting) == (1, 0)
        assert (await slow).body == b"/slow"
        assert (await send(wire)).status == 200
        assert (server.connections, wire.stats.in_use, wire.stats.idle) == (2, 0, 1)
