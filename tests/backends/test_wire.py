"""The wire with well-behaved servers: framing, keeping alive, waiting in line, safety."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.connection import WireLimits
from backends.reasons import Reason
from backends.transport import BackendUnavailableError, Request, Response
from backends.wire import InvalidOriginError, UnsafeRequestError, Wire
from orderlines.deadline import Deadline
from tests.backends.loopback import OK, Handler, Loopback, serving

GET = Request("GET", "/v1/things?id=1")


@asynccontextmanager
async def wire_to(loopback: Loopback, **limits: float) -> AsyncIterator[Wire]:
    """Open a wire and close it."""
    wire = Wire(loopback.origin, system="wms", limits=WireLimits(**limits))  # type: ignore[arg-type] # numbers of either kind
    try:
        yield wire
    finally:
        await wire.aclose()


async def send(wire: Wire, request: Request = GET, within_s: float = 2.0) -> Response:
    """Send one request under a deadline."""
    return await wire.send(request, deadline=Deadline.after(within_s))


async def failure(wire: Wire, within_s: float = 2.0) -> BackendUnavailableError:
    """Send one request that must fail, and give the failure."""
    with pytest.raises(BackendUnavailableError) as caught:
        await send(wire, within_s=within_s)
    return caught.value


async def test_fifty_requests_use_one_connection() -> None:
    """Keep-alive is what makes three calls a query affordable."""
    async with serving(lambda server: server.answering(OK)) as server, wire_to(server) as wire:
        answers = [await send(wire) for _ in range(50)]

        assert answers == [Response(200, ((b"content-length", b"2"),), b"ok")] * 50
        assert server.connections == 1
        assert (wire.stats.open, wire.stats.idle, wire.stats.requests) == (1, 1, 50)


async def test_a_request_goes_out_as_it_was_given() -> None:
    """The bytes on the wire are the request, our framing, and nothing else."""
    async with serving(lambda server: server.answering(OK)) as server, wire_to(server) as wire:
        await send(wire, Request("POST", "/graphql", ((b"x-key", b"a b"),), b'{"q":1}'))
        await send(wire)
        host = server.origin.removeprefix("http://").encode()

        assert server.requests == [
            b"POST /graphql HTTP/1.1\r\nhost: " + host + b"\r\naccept-encoding: identity\r\n"
            b'x-key: a b\r\ncontent-length: 7\r\n\r\n{"q":1}',
            b"GET /v1/things?id=1 HTTP/1.1\r\nhost: "
            + host
            + b"\r\naccept-encoding: identity\r\n\r\n",
        ]


@pytest.mark.parametrize(
    ("answer", "body", "connections"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=y\r\nc\r\n0\r\n\r\n", b"c", 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", 1),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", b"", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok", 1),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", b"ok", 2),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", 2),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=0\r\n\r\nok", b"ok", 2),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            b"",
            1,
        ),
    ],
)
async def test_every_framing_ends_where_it_says(
    answer: bytes, body: bytes, connections: int
) -> None:
    """A connection is used again exactly where the answer allows it."""
    async with serving(lambda server: server.answering(answer)) as server, wire_to(server) as wire:
        first = await send(wire)
        second = await send(wire)

        assert (first.body, second.body) == (body, body)
        assert first.status == second.status
        assert server.connections == connections


async def test_an_answer_may_end_with_its_connection() -> None:
    """Without a length the end of the connection is the end of the body."""

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        return handle

    async with serving(make) as server, wire_to(server) as wire:
        assert (await send(wire)).body == b"all of it"
        assert wire.stats.open == 0


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=400),
    is_chunked=st.booleans(),
    cuts=st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=8),
)
def test_a_body_arrives_as_it_was_sent_however_it_is_split(
    *, body: bytes, is_chunked: bool, cuts: list[int]
) -> None:
    """Pieces of TCP are nobody's units."""
    if is_chunked:
        answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        for start in range(0, len(body), cuts[0]):
            piece = body[start : start + cuts[0]]
            answer += b"%x\r\n%b\r\n" % (len(piece), piece)
        answer += b"0\r\n\r\n"
    else:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    pieces, at = [], 0
    for turn in range(len(answer)):
        pieces.append(answer[at : at + cuts[turn % len(cuts)]])
        at += cuts[turn % len(cuts)]
        if at >= len(answer):
            break

    async def exchanged() -> list[bytes]:
        async with (
            serving(lambda server: server.answering(*pieces)) as server,
            wire_to(server) as wire,
        ):
            return [(await send(wire)).body for _ in range(2)]

    assert asyncio.run(exchanged()) == [body, body]


async def test_requests_wait_in_line_and_are_served_in_order() -> None:
    """A bound on connections is a queue, first come first served, not a failure."""
    served: list[bytes] = []

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (request := await server.read_request(reader)) is not None:
                await asyncio.sleep(0.005)
                served.append(request.split(b" ")[1])
                writer.write(OK)

        return handle

    async with serving(make) as server, wire_to(server, max_connections=1) as wire:
        await asyncio.gather(*(send(wire, Request("GET", f"/{turn}")) for turn in range(20)))

        assert served == [b"/%d" % turn for turn in range(20)]
        assert server.connections == 1


async def test_whoever_waits_in_line_leaves_at_their_own_deadline() -> None:
    """The deadline covers the queue; who leaves it takes no slot along."""
    async with (
        serving(lambda server: server.answering(OK[:-1], OK[-1:], pause_s=0.3)) as server,
        wire_to(server, max_connections=1) as wire,
    ):
        slow = asyncio.create_task(send(wire))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        hasty = await failure(wire, within_s=0.05)
        left_after_s = time.monotonic() - started

        assert hasty.reason == Reason.TIMEOUT
        assert left_after_s < 0.25
        assert (await slow).body == b"ok"
        assert (await send(wire)).body == b"ok"
        assert server.connections == 1


async def test_a_deadline_that_has_passed_starts_nothing() -> None:
    """R-5: not one byte is sent after expiry."""
    async with serving(lambda server: server.answering(OK)) as server, wire_to(server) as wire:
        late = await failure(wire, within_s=0.0)

        assert late.reason == Reason.TIMEOUT
        assert (server.connections, server.requests) == (0, [])


async def test_nobody_listening_is_told_as_such() -> None:
    """The word for it is CONNECT, and the slot is free again."""
    wire = Wire("http://127.0.0.1:9", system="wms", limits=WireLimits(max_connections=1))
    refused = [await failure(wire) for _ in range(3)]

    assert [one.facts for one in refused] == [
        {"system": "wms", "reason": "CONNECT", "retriable": True}
    ] * 3
    assert wire.stats.open == 0


async def test_closing_ends_what_is_in_flight_and_what_waits() -> None:
    """Shutting down leaves nobody hanging, and may be done twice."""
    async with (
        serving(lambda server: server.answering(OK[:-1])) as server,
        wire_to(server, max_connections=1) as wire,
    ):
        pending = [asyncio.create_task(failure(wire)) for _ in range(3)]
        await asyncio.sleep(0.05)
        await wire.aclose()
        await wire.aclose()

        assert [one.reason for one in await asyncio.gather(*pending)] == [Reason.CUT_OFF] * 3
        assert (await failure(wire)).reason == Reason.CUT_OFF
        assert wire.stats.open == 0


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a b"),
        Request("GET", "/a\r\nx-evil: 1"),
        Request("GET", "/a\x00"),
        Request("GET", "/\u2028"),
        Request("GET", "http://elsewhere/"),
        Request("GET", "/" + "a" * 70_000),
        Request("GET /x HTTP/1.1\r\nx", "/"),
        Request("GET", "/", ((b"x-id", b"1\r\nx-evil: 1"),)),
        Request("GET", "/", ((b"x-id", b"1\x00"),)),
        Request("GET", "/", ((b"x-id", "\u2028".encode()),)),
        Request("GET", "/", ((b"x: 1\r\nx-evil", b"1"),)),
        Request("GET", "/", ((b"content-length", b"5"),)),
        Request("GET", "/", ((b"transfer-encoding", b"chunked"),)),
        Request("GET", "/", ((b"host", b"elsewhere"),)),
    ],
)
async def test_nothing_can_be_smuggled_into_a_request(request_: Request) -> None:
    """H-4: what would change the framing is refused before a connection is made."""
    async with serving(lambda server: server.answering(OK)) as server, wire_to(server) as wire:
        with pytest.raises(UnsafeRequestError):
            await send(wire, request_)

        assert server.connections == 0


@pytest.mark.parametrize(
    "origin",
    [
        "https://127.0.0.1:1",
        "http://user:pass@127.0.0.1:1",
        "http://127.0.0.1:1/path",
        "http://127.0.0.1:1?x=1",
        "http://127.0.0.1:1#x",
        "http://127.0.0.1:notaport",
        "http://",
        "file:///etc/passwd",
        "127.0.0.1:1",
    ],
)
def test_an_address_that_is_more_than_an_origin_is_refused(origin: str) -> None:
    """S-1: what a wire speaks to is decided once, by configuration."""
    with pytest.raises(InvalidOriginError):
        Wire(origin, system="wms")


def test_an_address_of_six_is_an_origin() -> None:
    """Brackets belong to the address, the default port to the scheme."""
    assert Wire("http://[::1]", system="wms").stats.open == 0


async def test_it_runs_on_uvloop_too() -> None:
    """The loop in production is another one than in these tests."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop does not exist for this platform")

    async def exchanged() -> int:
        async with serving(lambda server: server.answering(OK)) as server, wire_to(server) as wire:
            for _ in range(20):
                await send(wire)
            return server.connections

    loop = uvloop.new_event_loop()
    try:
        connections = await asyncio.to_thread(loop.run_until_complete, exchanged())
    finally:
        loop.close()

    assert connections == 1
