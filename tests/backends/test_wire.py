"""The wire with well-behaved systems: what goes out, how answers end, what is used again."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.transport import Request, Response
from backends.wire import WireStats
from tests.backends.loopback import (
    CHUNKED,
    OK,
    Peer,
    answer,
    answering,
    send,
    wired,
)


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
