"""The wire with systems that are slow, lying, half-closing, endless, or not HTTP at all."""

import time
import tracemalloc

import pytest

from backends.reasons import Reason
from backends.transport import Request
from backends.wire import UnsafeRequestError, WireLimits
from tests.backends.loopback import (
    CHUNKED,
    OK,
    Peer,
    answer,
    answering,
    echoing,
    failure,
    send,
    wired,
)

MIB = 2**20
HEAD = b"HTTP/1.1 200 OK\r\n"

# Whole answers that are none, or more than one.
NOT_ANSWERS = {
    "a page": b"<html><body>It works!</body></html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok!",
    "a length beside chunks": CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-length: 2\r\n\r\n")
    + b"2\r\nok\r\n0\r\n\r\n",
    "chunks beside a length": HEAD
    + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "gzip unasked": answer(b"\x1f\x8b", b"content-encoding: gzip"),
    "switching protocols": b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "interim without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + OK,
}


@pytest.mark.parametrize("what", NOT_ANSWERS)
async def test_what_is_not_an_answer_is_refused_at_once(what: str) -> None:
    """H-5, R-2: long before the deadline; the message says nothing of what was sent."""
    async with wired(answering(NOT_ANSWERS[what])) as (server, wire):
        started = time.monotonic()
        refused = [await failure(wire) for _ in range(2)]
        took_s = time.monotonic() - started

        assert [(one.message, one.facts) for one in refused] == [
            (
                "The system `wms` did not answer in well-formed HTTP.",
                {"system": "wms", "reason": "MALFORMED", "retriable": False},
            )
        ] * 2
        assert took_s < 1.0
        assert server.connections == 2


@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcd",
        CHUNKED,
        CHUNKED + b"5\r\nab",
        CHUNKED + b"2\r\nab\r\n",
        CHUNKED + b"2\r\nab\r\n0\r\n",
        CHUNKED + b"2\r\nab\r\n0\r\nx-late: 1",
    ],
)
async def test_an_answer_that_ends_in_the_middle_is_cut_off(sent: bytes, how: str) -> None:
    """R-2: half an answer is none, and a fresh connection that failed is not tried again."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(sent)
        if how == "half-close":
            await peer.half_close()
        elif how == "reset":
            peer.reset()

    async with wired(script) as (server, wire):
        cut = await failure(wire)

        assert cut.facts == {"system": "wms", "reason": "CUT_OFF", "retriable": True}
        assert (server.connections, len(server.requests)) == (1, 1)
        assert wire.stats.open == 0


async def test_a_reset_does_not_complete_an_answer_without_a_length() -> None:
    """Only an orderly end is an end; a broken connection may have lost the rest."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"\r\nall of i", pause_s=0.02)
        peer.reset()

    async with wired(script) as (_, wire):
        cut = await failure(wire)

        assert cut.reason == Reason.CUT_OFF
        assert wire.stats.bytes_received == len(HEAD + b"\r\nall of i")


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD, *([b"a"] * 100)],
        [HEAD + b"content-length: 100\r\n\r\n", *([b"a"] * 100)],
        [CHUNKED, *([b"1\r\na\r\n"] * 100)],
        [HEAD + b"\r\n", *([b"a"] * 100)],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
        [answer(b"short").replace(b": 5", b": 6")],
    ],
)
async def test_a_system_that_dribbles_is_left_at_the_deadline(pieces: list[bytes]) -> None:
    """However slowly bytes come, there is one deadline for the whole answer."""
    async with wired(answering(*pieces, pause_s=0.02)) as (server, wire):
        started = time.monotonic()
        late = await failure(wire, within_s=0.2)
        took_s = time.monotonic() - started

        assert late.facts == {"system": "wms", "reason": "TIMEOUT", "retriable": True}
        assert 0.19 < took_s < 0.6
        assert await server.is_left()


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"x: " + b"y" * 40_000 + b"\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"".join(b"x-%d: %b\r\n" % (n, b"y" * 900) for n in range(40)) + b"\r\n",
        HEAD + b"a: b\r\n" * 101 + b"\r\n",
        HEAD + b"content-length: 16777217\r\n\r\n",
        HEAD + b"content-length: 18446744073709551615\r\n\r\n",
        CHUNKED + b"1000001\r\n" + b"x" * (16 * MIB + 1),
    ],
)
async def test_an_answer_over_a_cap_is_refused_at_once(raw: bytes) -> None:
    """A head, a number of headers, a declared body and a real one each have their bound."""
    async with wired(answering(raw)) as (_, wire):
        refused = await failure(wire)

        assert (refused.message, refused.facts) == (
            "The system `wms` answered with more than the gateway reads.",
            {"system": "wms", "reason": "TOO_LARGE", "retriable": False},
        )
        assert wire.stats.open == 0


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD + b"\r\n", b"x" * 65_536),
        (CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        (CHUNKED, b"2\r\nxx\r\n" * 8_192),
        (CHUNKED + b"1;", b"x" * 65_536),
        (CHUNKED + b"1\r\nx\r\n0\r\nx-late: ", b"x" * 65_536),
        (HEAD + b"x: ", b"x" * 65_536),
        (HEAD, b"x: y\r\n" * 8_192),
    ],
)
async def test_an_endless_answer_costs_no_more_memory_than_the_cap(
    head: bytes, piece: bytes
) -> None:
    """R-2: 200 MB are offered, in bodies, chunks, extensions, trailers, headers; a cap ends it."""
    offered = 0

    async def script(peer: Peer) -> None:
        nonlocal offered
        await peer.request()
        await peer.send(head)
        while offered < 200 * MIB:
            await peer.send(piece)
            offered += len(piece)

    cap = MIB
    async with wired(script, WireLimits(max_body_bytes=cap)) as (_, wire):
        tracemalloc.start()
        try:
            refused = await failure(wire, within_s=20.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert refused.reason == Reason.TOO_LARGE
        assert peak < 2 * cap + 3 * MIB
        assert wire.stats.bytes_received < 8 * cap


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a\r\nx-evil: 1"),
        Request("GET", "/a HTTP/1.1\r\nx-evil: 1\r\n\r\n"),
        Request("GET\r\n", "/"),
        Request("GET", "/", ((b"x-trace", b"1\r\nx-evil: 1"),)),
        Request("GET", "/", ((b"x-evil: 1\r\nx", b"1"),)),
        Request("GET", "/", ((b"content-length", b"0"),)),
    ],
)
async def test_nothing_smuggled_into_a_request_reaches_a_system(request_: Request) -> None:
    """H-4: it is refused before there is a connection, and hurts no other request."""
    async with wired(echoing) as (server, wire):
        with pytest.raises(UnsafeRequestError):
            await send(wire, request_)
        before = server.connections
        after = await send(wire)

        assert before == 0
        assert after.body == b"/lines?order=1"
        assert len(server.requests) == 1
