"""The wire with systems that are slow, lying, half-closing, or not HTTP at all."""

import asyncio
import gc
import random
import time
import tracemalloc
from typing import Any

import pytest

from backends.reasons import Reason
from backends.transport import Request
from backends.wire import UnsafeRequestError, WireLimits
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
    wired,
)

MIB = 2**20
HEAD = b"HTTP/1.1 200 OK\r\n"
ONE = WireLimits(max_connections=1)

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


# Doubt about a connection.


async def test_a_system_that_closes_after_each_answer_unannounced_costs_no_failure() -> None:
    """A stale connection is noticed before it is used, or the request is sent once more."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with wired(script) as (server, wire):
        bodies = [(await send(wire)).body for _ in range(200)]

        assert bodies == [b"ok"] * 200
        assert (server.connections, len(server.requests)) == (200, 200)


@pytest.mark.parametrize("request_", [GET, Request("POST", "/search", body=b"{}")])
async def test_a_request_that_meets_a_stale_connection_is_sent_once_more(request_: Request) -> None:
    """On a fresh connection, and if that fails too, the failure is told: two times, not three."""

    async def script(peer: Peer) -> None:
        first = await peer.request()
        if first and b"/warm" in first:
            await peer.send(OK)
            # It reads the next request and closes without a word.
            await peer.request()

    async with wired(script) as (server, wire):
        await send(wire, Request("GET", "/warm"))
        cut = await failure(wire, request_)

        assert cut.reason == Reason.CUT_OFF
        assert (server.connections, len(server.requests)) == (2, 3)
        assert wire.stats.requests_sent == 3


async def test_one_byte_of_an_answer_is_enough_not_to_ask_again() -> None:
    """The system was at work on it; whether to ask again is for those who know the question."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"H")

    async with wired(script) as (server, wire):
        await send(wire)
        cut = await failure(wire)

        assert cut.reason == Reason.CUT_OFF
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_an_answer_longer_than_it_said_spoils_its_connection() -> None:
    """The declared length is believed; the rest is nobody's, and no connection with it is kept."""
    for raw in (
        answer(b"ok") + b"and more",
        answer(b"ok") + b"HTTP",
        answer(b"ok") + OK,
        CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + OK,
        b"HTTP/1.1 204 No Content\r\n\r\nok",
    ):
        async with wired(answering(raw)) as (server, wire):
            statuses = {(await send(wire)).status for _ in range(3)}

            assert statuses <= {200, 204}
            assert server.connections == 3


@pytest.mark.parametrize("when", ["with it", "after it", "while nobody looks"])
async def test_a_second_answer_is_never_taken_for_the_next_one(when: str) -> None:
    """What nobody asked for spoils the connection: in one piece, later, or still in the kernel."""
    served = 0
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        nonlocal served
        peers.append(peer)
        while await peer.request() is not None:
            served += 1
            real = answer(b"%02d" % served)
            await peer.send(real + answer(b"!!") if when == "with it" else real)
            if when == "after it":
                await peer.send(answer(b"!!"))

    async with wired(script) as (server, wire):
        bodies = []
        for _ in range(10):
            bodies.append((await send(wire)).body)
            if when == "while nobody looks":
                peers[-1].send_now(answer(b"!!"))
            else:
                await asyncio.sleep(0.005)

        assert bodies == [b"%02d" % number for number in range(1, 11)]
        assert server.connections == 10


async def test_an_answer_before_the_whole_request_was_sent_spoils_its_connection() -> None:
    """The system may still read the rest, and take it for the next request."""

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(answer(b"", status=b"413 Too Large"))
        await peer.reader.read()

    async with wired(script) as (_, wire):
        early = await send(wire, Request("POST", "/x", body=b"x" * (32 * MIB)))

        assert early.status == 413
        assert (wire.stats.open, wire.stats.idle) == (0, 0)


# Many at once.


async def test_a_storm_of_cancellations_loses_no_turn_and_mixes_no_answer() -> None:
    """R-6: forty workers, ten connections, seven of ten requests given up at any moment."""
    rng = random.Random(7)  # noqa: S311 - a storm that can be repeated, not a secret
    loop = asyncio.get_running_loop()
    noises: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, noise: noises.append(noise))

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await asyncio.sleep(rng.random() * 0.008)
            raw = answer(request.split(b" ")[1])
            # In two pieces, so that some are given up between them.
            await peer.send(raw[:-3], raw[-3:], pause_s=rng.random() * 0.004)

    async def work(worker: int) -> None:
        while time.monotonic() < until:
            target = f"/{worker}-{next(turns)}"
            within_s = rng.random() * 0.04 if rng.random() < 0.7 else 5.0
            try:
                async with asyncio.timeout(within_s):
                    body = (await send(wire, Request("GET", target))).body
            except TimeoutError:
                outcomes["given up"] += 1
            else:
                outcomes["right" if body == target.encode() else "wrong"] += 1

    async with wired(script, WireLimits(max_connections=10)) as (server, wire):
        turns = iter(range(1, 1_000_000))
        outcomes = {"right": 0, "wrong": 0, "given up": 0}
        until = time.monotonic() + 1.2
        await asyncio.gather(*(work(worker) for worker in range(40)))
        after = wire.stats
        probes = [f"/probe-{turn}" for turn in range(20)]
        found = await asyncio.gather(*(send(wire, Request("GET", one)) for one in probes))
        others = asyncio.all_tasks() - {asyncio.current_task()} - server.tasks
        gc.collect()

        assert outcomes["wrong"] == 0
        assert outcomes["right"] > 100
        assert outcomes["given up"] > 100
        assert (after.in_use, after.waiting) == (0, 0)
        assert after.open <= 10
        assert [one.body.decode() for one in found] == probes
        assert others == set()
        assert noises == []


async def test_many_requests_to_a_dead_system_all_fail_by_their_deadlines() -> None:
    """A system that accepts and never answers holds nobody longer than they asked for."""
    async with wired(answering(b""), WireLimits(max_connections=4)) as (server, wire):
        started = time.monotonic()
        failed = await asyncio.gather(*(failure(wire, within_s=0.1) for _ in range(200)))
        took_s = time.monotonic() - started

        assert {one.reason for one in failed} == {Reason.TIMEOUT}
        assert took_s < 1.0
        assert (wire.stats.in_use, wire.stats.waiting) == (0, 0)
        assert len(server.requests) <= 8


# What a request must not be.


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
