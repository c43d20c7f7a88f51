"""The wire with well-behaved systems: framing, keeping alive, turns, deadlines, closing."""

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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.origin import Origin
from backends.reasons import Reason
from backends.transport import Request, Response
from backends.wire import InvalidOriginError, Wire, WireLimits, WireStats
from orderlines.deadline import Deadline
from tests.backends.loopback import (
    CHUNKED,
    GET,
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
MIB = 2**20


async def test_fifty_requests_use_one_connection() -> None:
    """Keeping connections is what makes three calls a query affordable."""
    async with wired(answering(OK)) as (server, wire):
        answers = [await send(wire) for _ in range(50)]

        assert answers == [Response(200, ((b"content-length", b"2"),), b"ok")] * 50
        assert server.connections == 1
        assert wire.stats == WireStats(
            open=1, idle=1, in_use=0, waiting=0, requests_sent=50, bytes_received=50 * len(OK)
        )


async def test_a_request_goes_out_as_it_was_given() -> None:
    """What a system receives is the request, our framing, and nothing else."""
    async with wired(answering(OK)) as (server, wire):
        await send(wire, Request("POST", "/graphql", ((b"x-key", b"a b"),), b'{"q":1}'))
        await send(wire, Request("POST", "/empty"))
        await send(wire)
        host = server.origin.removeprefix("http://").encode()
        ours = b" HTTP/1.1\r\nhost: " + host + b"\r\naccept-encoding: identity\r\n"

        assert server.requests == [
            b"POST /graphql" + ours + b'x-key: a b\r\ncontent-length: 7\r\n\r\n{"q":1}',
            b"POST /empty" + ours + b"content-length: 0\r\n\r\n",
            b"GET /lines?order=1" + ours + b"\r\n",
        ]


@pytest.mark.parametrize(
    ("raw", "status", "body", "is_reused"),
    [
        (CHUNKED + b"1;x=y\r\nc\r\n0\r\n\r\n", 200, b"c", True),
        (CHUNKED + b"2\r\nab\r\n0\r\nx-late: 1\r\n\r\n", 200, b"ab", True),
        (CHUNKED.replace(b"chunked", b"Chunked ") + b"0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, b"", True),
        (answer(b"", b"location: http://127.0.0.1:1/", status=b"302 Found"), 302, b"", True),
        (answer(b"no", status=b"503 Busy"), 503, b"no", True),
        (answer(b"ok", b"content-encoding: identity"), 200, b"ok", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", False),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 3 + OK, 200, b"ok", False),
        (answer(b"ok", b"connection: close"), 200, b"ok", False),
        (answer(b"ok", b"keep-alive: timeout=0"), 200, b"ok", False),
        (answer(b"ok", b"keep-alive: max=100"), 200, b"ok", True),
        (OK.replace(b"1.1", b"1.0"), 200, b"ok", False),
        (answer(b"ok", b"connection: keep-alive").replace(b"/1.1", b"/1.0"), 200, b"ok", True),
        (b"HTTP/1.1 200 OK\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", True),
    ],
)
async def test_a_connection_is_used_again_where_the_answer_allows_it(
    raw: bytes, status: int, body: bytes, *, is_reused: bool
) -> None:
    """Every framing ends where it says; a redirect is an answer like any other."""
    async with wired(answering(raw)) as (server, wire):
        answers = [await send(wire) for _ in range(3)]

        assert [(one.status, one.body) for one in answers] == [(status, body)] * 3
        assert server.connections == (1 if is_reused else 3)


async def test_an_answer_may_end_with_its_connection() -> None:
    """Without a length, the end of the connection is the end of the body."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n", b"all ", b"of it")

    async with wired(script) as (server, wire):
        answers = [await send(wire) for _ in range(3)]

        assert [one.body for one in answers] == [b"all of it"] * 3
        assert server.connections == 3


async def test_an_answer_may_be_split_at_every_byte() -> None:
    """Where TCP cuts is nobody's business."""
    raw = CHUNKED.replace(b"\r\n\r\n", b"\r\nx: y\r\n\r\n") + (
        b'4\r\n{"a"\r\n5;e=1\r\n:[1]}\r\n0\r\nx-late: 1\r\n\r\n'
    )
    async with wired(answering(*(raw[at : at + 1] for at in range(len(raw))))) as (server, wire):
        answers = [await send(wire) for _ in range(2)]

        assert (
            answers
            == [Response(200, ((b"transfer-encoding", b"chunked"), (b"x", b"y")), b'{"a":[1]}')] * 2
        )
        assert server.connections == 1


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=400),
    chunks=st.none() | st.integers(1, 60),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
async def test_a_body_arrives_as_it_was_sent(
    body: bytes, chunks: int | None, cuts: list[int]
) -> None:
    """Any body, in a length or in chunks, in any pieces, is the body that was sent."""
    raw = answer(body)
    if chunks:
        parts = [body[at : at + chunks] for at in range(0, len(body), chunks)]
        raw = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        raw += b"0\r\n\r\n"
    pieces: list[bytes] = []
    while raw:
        cut = cuts[len(pieces) % len(cuts)]
        pieces.append(raw[:cut])
        raw = raw[cut:]
    async with wired(answering(*pieces)) as (server, wire):
        answers = [await send(wire) for _ in range(2)]

        assert [one.body for one in answers] == [body, body]
        assert server.connections == 1


async def test_a_large_body_comes_whole() -> None:
    """Many pieces are put together in order."""
    body = bytes(range(256)) * 4096
    async with wired(answering(answer(body))) as (server, wire):
        answers = [await send(wire, Request("POST", "/x", body=body)) for _ in range(2)]

        assert [one.body == body for one in answers] == [True, True]
        assert [request.endswith(body) for request in server.requests] == [True, True]


# Turns.


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


# Deadlines.


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


# Connecting.


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


# Idling and closing.


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
