"""How connections of the wire begin and end: connecting, idling, giving up, closing."""

import asyncio
import contextlib
import errno
import gc
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from backends.origin import Origin
from backends.reasons import Reason
from backends.transport import Request
from backends.wire import InvalidOriginError, Wire, WireLimits, WireStats
from tests.backends.loopback import (
    OK,
    Peer,
    answer,
    answering,
    echoing,
    failure,
    send,
    serving,
    wired,
)

ONE = WireLimits(max_connections=1)


async def test_nobody_listening_is_told_as_such() -> None:
    """The word is CONNECT, the turn is free again, and the address is in no message."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    wire = Wire(f"http://127.0.0.1:{port}", system="wms", limits=ONE)
    refused = [await failure(wire) for _ in range(3)]

    assert [(one.message, one.facts) for one in refused] == [
        (
            "The system `wms` cannot be reached.",
            {"system": "wms", "reason": "CONNECT", "retriable": True},
        )
    ] * 3
    assert wire.stats == WireStats(0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("within_s", "bound_s", "reason"), [(5.0, 0.1, Reason.CONNECT), (0.1, 5.0, Reason.TIMEOUT)]
)
async def test_connecting_has_a_bound_of_its_own_below_the_deadline(
    within_s: float, bound_s: float, reason: Reason
) -> None:
    """A host that drops packets must not use up the whole deadline of a question."""

    async def never(_: Callable[[], asyncio.Protocol], __: Origin) -> None:
        await asyncio.Event().wait()

    limits = WireLimits(connect_timeout_s=bound_s)
    wire = Wire("http://127.0.0.1:1", system="wms", limits=limits, connect=never)
    started = time.monotonic()
    refused = await failure(wire, within_s=within_s)
    took_s = time.monotonic() - started

    assert refused.reason == reason
    assert 0.09 < took_s < 0.6
    assert wire.stats.in_use == 0


async def test_a_connection_made_while_its_request_gives_up_is_closed() -> None:
    """An opener that is cancelled after it has connected leaks nothing."""

    async def slow(protocol: Callable[[], asyncio.Protocol], origin: Origin) -> None:
        await asyncio.get_running_loop().create_connection(protocol, origin.host, origin.port)
        await asyncio.Event().wait()

    async with serving(echoing) as server:
        wire = Wire(server.origin, system="wms", connect=slow)
        gave_up = await failure(wire, within_s=0.1)
        is_left = await server.is_left()

        assert gave_up.reason == Reason.TIMEOUT
        assert (server.connections, is_left) == (1, True)
        assert wire.stats == WireStats(0, 0, 0, 0, 0, 0)


async def test_a_connection_that_ends_before_its_request_is_cut_off() -> None:
    """A system at its limit accepts and closes; the request is not even written."""

    async def slow(protocol: Callable[[], asyncio.Protocol], origin: Origin) -> None:
        await asyncio.get_running_loop().create_connection(protocol, origin.host, origin.port)
        await asyncio.sleep(0.05)

    async def script(peer: Peer) -> None:
        await peer.send(b"")

    async with serving(script) as server:
        wire = Wire(server.origin, system="wms", connect=slow)
        cut = await failure(wire)

        assert cut.facts == {"system": "wms", "reason": "CUT_OFF", "retriable": True}
        assert wire.stats == WireStats(0, 0, 0, 0, 0, 0)


async def test_tls_needs_nothing_but_another_way_to_connect() -> None:
    """Without one `https` is refused; with one the wire itself stays as it is. Nagle is off."""
    no_delay: list[int] = []

    async with serving(echoing) as server:

        async def connect(protocol: Callable[[], asyncio.Protocol], origin: Origin) -> None:
            assert (origin.port, origin.is_tls) == (443, True)
            there = Origin.parse(server.origin)
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(protocol, there.host, there.port)
            connected = transport.get_extra_info("socket")
            no_delay.append(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        with pytest.raises(InvalidOriginError, match="TLS"):
            Wire("https://erp.example", system="erp")
        wire = Wire("https://erp.example", system="erp", connect=connect)
        answered = await send(wire)
        await wire.aclose()

        assert answered.body == b"/lines?order=1"
        assert b"\r\nhost: erp.example\r\n" in server.requests[0]
        assert no_delay == [1]


async def test_an_idle_connection_is_closed_when_its_time_is_over() -> None:
    """By our own bound, or by an earlier one the server tells; not by the next request."""
    hinting = answering(answer(b"ok", b"Keep-Alive: max=9, timeout=1"))
    for script, limits, at_least_s in (
        (answering(OK), WireLimits(max_idle_s=0.1), 0.08),
        (hinting, WireLimits(max_idle_s=60.0), 0.95),
    ):
        async with wired(script, limits) as (server, wire):
            await send(wire, within_s=30.0)
            started = time.monotonic()
            is_left = await server.is_left()
            idle_s = time.monotonic() - started

            assert is_left
            assert at_least_s < idle_s < at_least_s + 0.6
            assert wire.stats.open == 0


async def test_closing_ends_what_is_in_flight_and_what_waits() -> None:
    """Shutting down leaves nobody hanging, may be done twice, and is final."""
    async with wired(answering(OK[:-1]), ONE) as (server, wire):
        pending = [asyncio.create_task(failure(wire)) for _ in range(3)]
        await asyncio.sleep(0.05)
        before = wire.stats
        await wire.aclose()
        await wire.aclose()
        failed = await asyncio.gather(*pending)
        late = await failure(wire)

        assert (before.open, before.in_use, before.waiting) == (1, 1, 2)
        assert [one.facts for one in (*failed, late)] == [
            {"system": "wms", "reason": "CUT_OFF", "retriable": True}
        ] * 4
        assert await server.is_left()
        assert len(server.requests) == 1


async def test_whoever_leaves_while_the_wire_closes_leaves_no_noise() -> None:
    """A failure that comes in the moment of a cancellation is not an unhandled one."""
    noises: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, noise: noises.append(noise))
    async with wired(answering(b""), ONE) as (_, wire):
        leaving = [asyncio.create_task(send(wire)) for _ in range(2)]
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(wire.aclose())
        await asyncio.sleep(0)
        for one in leaving:
            one.cancel()
        # Types alone: an exception kept here would keep everything it has passed alive.
        left = [type(one) for one in await asyncio.gather(*leaving, return_exceptions=True)]
        await closing
        del leaving, one
        gc.collect()

        assert left == [asyncio.CancelledError] * 2
        assert noises == []


async def test_closing_is_over_when_the_sockets_are_closed() -> None:
    """Not only asked to close: an idle one and one in flight."""
    sockets: list[int] = []

    async def connect(protocol: Callable[[], asyncio.Protocol], origin: Origin) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(protocol, origin.host, origin.port)
        sockets.append(transport.get_extra_info("socket").fileno())

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await peer.send(b"" if b"/hang" in request else OK)

    async with serving(script) as server:
        wire = Wire(server.origin, system="wms", connect=connect)
        await asyncio.gather(send(wire), send(wire))
        pending = asyncio.create_task(failure(wire, Request("GET", "/hang")))
        await asyncio.sleep(0.02)
        before = wire.stats
        await wire.aclose()
        closed = []
        for number in sockets:
            with pytest.raises(OSError, match="Bad file descriptor") as caught:
                os.fstat(number)
            closed.append(caught.value.errno)

        assert (before.open, before.idle, before.in_use) == (2, 1, 1)
        assert closed == [errno.EBADF] * 2
        assert (await pending).reason == Reason.CUT_OFF
        assert server.connections == 2


async def test_closing_while_connecting_leaves_no_connection_behind() -> None:
    """What opens after the end is closed at once, and its request never sent."""
    may_connect = asyncio.Event()

    async def held(protocol: Callable[[], asyncio.Protocol], origin: Origin) -> None:
        await may_connect.wait()
        await asyncio.get_running_loop().create_connection(protocol, origin.host, origin.port)

    async with serving(echoing) as server:
        wire = Wire(server.origin, system="wms", connect=held)
        pending = asyncio.create_task(failure(wire))
        await asyncio.sleep(0)
        await wire.aclose()
        may_connect.set()
        failed = await pending

        assert failed.reason == Reason.CUT_OFF
        assert await server.is_left()
        assert server.requests == []


async def test_giving_up_a_request_closes_its_connection_and_nothing_else() -> None:
    """Half an answer is of no use to the next request."""

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await peer.send(OK[:-1] if b"/hang" in request else OK)

    async with wired(script) as (server, wire):
        await asyncio.gather(send(wire), send(wire))
        leaving = asyncio.create_task(send(wire, Request("GET", "/hang")))
        await asyncio.sleep(0.02)
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        await asyncio.sleep(0.02)

        assert leaving.cancelled()
        assert (wire.stats.open, wire.stats.idle, server.open) == (1, 1, 1)
        assert (await send(wire)).body == b"ok"
        assert server.connections == 2
