"""Turns and deadlines of the wire: who waits in line, and who leaves when."""

import asyncio
import time

import pytest

from backends.reasons import Reason
from backends.transport import Request
from backends.wire import WireLimits
from orderlines.deadline import Deadline
from tests.backends.loopback import (
    GET,
    OK,
    Peer,
    answering,
    echoing,
    failure,
    send,
    wired,
)

ONE = WireLimits(max_connections=1)


async def test_requests_wait_in_line_and_are_served_in_order() -> None:
    """A bound on connections is a queue, first come first served."""
    async with wired(echoing, ONE) as (server, wire):
        targets = [f"/{turn}" for turn in range(20)]
        answers = await asyncio.gather(*(send(wire, Request("GET", one)) for one in targets))

        assert [one.body.decode() for one in answers] == targets
        assert [one.split(b" ")[1].decode() for one in server.requests] == targets
        assert server.connections == 1


async def test_whoever_waits_in_line_leaves_at_their_own_deadline() -> None:
    """The deadline covers the queue, and who leaves it takes no turn along."""
    async with wired(answering(OK[:-1], OK[-1:], pause_s=0.2), ONE) as (server, wire):
        slow = asyncio.create_task(send(wire))
        await asyncio.sleep(0.02)
        started = time.monotonic()
        hasty = await failure(wire, within_s=0.05)
        took_s = time.monotonic() - started

        assert hasty.reason == Reason.TIMEOUT
        assert (wire.stats.in_use, wire.stats.waiting) == (1, 0)
        assert 0.04 < took_s < 0.35
        assert (await slow).body == b"ok"
        assert (await send(wire)).body == b"ok"
        assert len(server.requests) == 2


async def test_whoever_is_cancelled_in_line_takes_no_turn_along() -> None:
    """Neither while waiting, nor in the very moment the turn comes."""
    async with wired(echoing, ONE) as (server, wire):

        async def first() -> None:
            await send(wire, Request("GET", "/first"))
            # The turn has just been given to `late`, which has not noticed yet.
            late.cancel()

        leading = asyncio.create_task(first())
        await asyncio.sleep(0)
        early = asyncio.create_task(send(wire, Request("GET", "/early")))
        late = asyncio.create_task(send(wire, Request("GET", "/late")))
        last = asyncio.create_task(send(wire, Request("GET", "/last")))
        await asyncio.sleep(0)
        early.cancel()
        await leading

        assert (await last).body == b"/last"
        assert early.cancelled()
        assert late.cancelled()
        assert [one.split(b" ")[1] for one in server.requests] == [b"/first", b"/last"]


async def test_the_connection_used_last_is_used_next() -> None:
    """So that after a burst the others can be given up for being idle."""
    limits = WireLimits(max_idle_s=0.5)
    async with wired(echoing, limits) as (server, wire):
        await asyncio.gather(*(send(wire) for _ in range(5)))
        burst = wire.stats.open
        for _ in range(12):
            await send(wire)
            await asyncio.sleep(0.06)

        assert (burst, wire.stats.open, server.connections, server.open) == (5, 1, 5, 1)


async def test_a_deadline_that_has_passed_starts_nothing() -> None:
    """R-5: no connection and not one byte after expiry, whatever clock tells it."""
    async with wired(answering(OK)) as (server, wire):
        late = await failure(wire, within_s=0.0)
        await send(wire)
        later = [await failure(wire, within_s=-1.0) for _ in range(3)]
        with pytest.raises(type(late)):
            await wire.send(GET, deadline=Deadline(7.0, clock=lambda: 7.0))

        assert late.facts == {"system": "wms", "reason": "TIMEOUT", "retriable": True}
        assert [one.reason for one in later] == [Reason.TIMEOUT] * 3
        assert (server.connections, len(server.requests)) == (1, 1)
        assert wire.stats.idle == 1


async def test_every_request_has_its_own_deadline_on_the_same_connection() -> None:
    """One alarm serves them all: set for later it comes earlier, set for earlier it sleeps on."""

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await asyncio.sleep(float(request.split(b" ")[1][1:]))
            await peer.send(OK)

    async with wired(script) as (server, wire):
        await send(wire, Request("GET", "/0.0"), within_s=30.0)
        started = time.monotonic()
        early = await failure(wire, Request("GET", "/5.0"), within_s=0.1)
        took_s = time.monotonic() - started
        await send(wire, Request("GET", "/0.0"), within_s=0.3)
        patient = await send(wire, Request("GET", "/0.4"), within_s=5.0)

        assert early.reason == Reason.TIMEOUT
        assert 0.09 < took_s < 0.6
        assert patient.body == b"ok"
        assert server.connections == 2


async def test_a_slow_request_is_not_sent_again() -> None:
    """Time ran out on a connection that had served before; that is not staleness."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.reader.read()

    async with wired(script) as (server, wire):
        await send(wire)
        slow = await failure(wire, within_s=0.1)

        assert slow.reason == Reason.TIMEOUT
        assert (server.connections, len(server.requests)) == (1, 2)
