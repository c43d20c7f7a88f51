"""The wire with servers that are slow, lying, half-closing, or not HTTP at all."""

import asyncio
import random
import time
import tracemalloc

import pytest

from backends.reasons import Reason
from backends.transport import Request
from backends.wire import Wire
from orderlines.deadline import Deadline
from tests.backends.loopback import OK, Handler, Loopback, serving
from tests.backends.test_wire import failure, send, wire_to

MIB = 1024 * 1024
LENGTH_2 = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"<html><body>hello</body></html>", Reason.MALFORMED),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Reason.MALFORMED),
        (b"\x16\x03\x01\x02\x00\x01", Reason.MALFORMED),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", Reason.MALFORMED),
        (b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok", Reason.MALFORMED),
        (LENGTH_2 + b"content-length: 3\r\n\r\nok", Reason.MALFORMED),
        (LENGTH_2 + b"transfer-encoding: chunked\r\n\r\nok", Reason.MALFORMED),
        (LENGTH_2 + b"content-encoding: gzip\r\n\r\nok", Reason.MALFORMED),
        (LENGTH_2 + b"a: b\r\n folded\r\n\r\nok", Reason.MALFORMED),
        (b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok", Reason.MALFORMED),
        (CHUNKED.replace(b"chunked", b"xchunked") + b"2\r\nok", Reason.MALFORMED),
        (CHUNKED.replace(b"chunked", b"gzip, chunked") + b"2\r\nok", Reason.MALFORMED),
        (CHUNKED + b"zz\r\nok", Reason.MALFORMED),
        (b"HTTP/1.1 101 Hm\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx", Reason.MALFORMED),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + OK, Reason.MALFORMED),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101 + b"\r\n", Reason.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 40_000 + b"\r\n\r\n", Reason.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 80_000, Reason.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", Reason.TOO_LARGE),
    ],
)
async def test_an_answer_that_is_not_one_is_refused_at_once(answer: bytes, reason: Reason) -> None:
    """H-5, R-2: refused for what it is, long before the deadline, and the connection is gone."""
    async with serving(lambda server: server.answering(answer)) as server, wire_to(server) as wire:
        started = time.monotonic()
        refused = await failure(wire)
        took_s = time.monotonic() - started

        assert refused.reason == reason
        assert refused.facts == {"system": "wms", "reason": reason, "retriable": True}
        assert took_s < 1.0
        assert wire.stats.idle == 0


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    ],
)
@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
async def test_an_answer_that_ends_in_the_middle_is_cut_off(sent: bytes, how: str) -> None:
    """R-2: half an answer is none, and a fresh connection that failed is not tried again."""

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(sent)
            await writer.drain()
            if how == "half-close":
                writer.write_eof()
                await reader.read()
            elif how == "close":
                writer.close()
            else:
                writer.transport.abort()

        return handle

    async with serving(make) as server, wire_to(server) as wire:
        assert (await failure(wire)).reason == Reason.CUT_OFF
        assert server.connections == 1
        assert wire.stats.open == 0


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n", *([b"a"] * 100)],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", *([b"a"] * 100)],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *([b"1\r\na\r\n"] * 100)],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"],
    ],
)
async def test_a_dribbling_server_is_left_at_the_deadline(pieces: list[bytes]) -> None:
    """R-1: however slowly bytes come, the deadline is one for the whole answer."""
    async with (
        serving(lambda server: server.answering(*pieces, pause_s=0.05)) as server,
        wire_to(server) as wire,
    ):
        started = time.monotonic()
        late = await failure(wire, within_s=0.3)
        took_s = time.monotonic() - started

        assert late.reason == Reason.TIMEOUT
        assert 0.25 < took_s < 0.8
        assert wire.stats.idle == 0


ENDLESS = b"x" * 0x10000
CHUNK = b"10000\r\n" + ENDLESS + b"\r\n"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ENDLESS),
        (CHUNKED, CHUNK),
        (CHUNKED + b"0\r\nx-trailer: ", ENDLESS),
        (CHUNKED + b"1;", ENDLESS),
        (b"HTTP/1.1 200 OK\r\nx-endless: ", ENDLESS),
    ],
)
async def test_an_endless_answer_costs_no_more_memory_than_the_cap(
    head: bytes, piece: bytes
) -> None:
    """R-2: two hundred megabytes are offered; the body cap, or the head's, ends it."""

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(head)
            for _ in range(200 * MIB // len(piece)):
                writer.write(piece)
                await writer.drain()

        return handle

    async with serving(make) as server, wire_to(server, max_body_bytes=4 * MIB) as wire:
        tracemalloc.start()
        try:
            refused = await failure(wire, within_s=10.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert refused.reason == Reason.TOO_LARGE
        assert peak < 16 * MIB
        assert wire.stats.bytes_received < 16 * MIB


async def test_a_server_that_closes_after_each_answer_without_saying_so_costs_no_failure() -> None:
    """A stale idle connection is met again and again; the request goes out once more, fresh."""

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for turn in range(2):
                request = await server.read_request(reader)
                if request is None or turn:
                    return
                writer.write(OK)
                await writer.drain()

        return handle

    async with serving(make) as server, wire_to(server) as wire:
        answers = [await send(wire) for _ in range(200)]

        assert {answer.body for answer in answers} == {b"ok"}
        assert server.connections >= 199


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_second_answer_is_never_taken_for_the_next_one(*, at_once: bool) -> None:
    """What nobody asked for spoils the connection, in the same packet or while it idles.

    The forged answer is there before the next request goes out; one that comes later
    cannot be told from a real one by anybody.
    """
    turn = 0
    forged_is_sent = asyncio.Event()

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal turn
            while await server.read_request(reader) is not None:
                turn += 1
                real = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n%04d" % turn
                forged = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"
                writer.write(real + forged if at_once else real)
                await writer.drain()
                if not at_once:
                    await asyncio.sleep(0.002)
                    writer.write(forged)
                    await writer.drain()
                forged_is_sent.set()

        return handle

    async with serving(make) as server, wire_to(server) as wire:
        bodies = []
        for _ in range(20):
            forged_is_sent.clear()
            bodies.append((await send(wire)).body)
            await forged_is_sent.wait()
            async with asyncio.timeout(2.0):
                while wire.stats.open:  # noqa: ASYNC110 - the loop itself tells the wire
                    await asyncio.sleep(0.001)

        assert bodies == [b"%04d" % number for number in range(1, 21)]
        assert server.connections == 20


async def test_an_answer_longer_than_it_said_spoils_its_connection() -> None:
    """The length that was declared is believed, and the rest is nobody's."""
    lying = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more"
    async with serving(lambda server: server.answering(lying)) as server, wire_to(server) as wire:
        bodies = [(await send(wire)).body for _ in range(3)]

        assert bodies == [b"ok"] * 3
        assert server.connections == 3


async def test_a_connection_that_cannot_be_made_in_time_is_told_as_such() -> None:
    """The connect bound is its own, shorter than the deadline."""

    async def never(_: object) -> object:
        return await asyncio.Event().wait()

    wire = Wire("http://127.0.0.1:1", system="wms", connect=never)  # type: ignore[arg-type] # never returns
    started = time.monotonic()
    refused = await failure(wire, within_s=5.0)

    assert refused.reason == Reason.CONNECT
    assert time.monotonic() - started < 2.0


async def test_a_storm_of_cancellations_loses_no_slot_and_mixes_no_answer() -> None:
    """R-6: forty workers over ten connections, seven of ten requests given up in flight."""
    rng = random.Random(7)  # noqa: S311 - a reproducible storm, not a secret

    def make(server: Loopback) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (request := await server.read_request(reader)) is not None:
                await asyncio.sleep(rng.random() * 0.01)
                token = request.split(b" ")[1]
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(token), token)
                )

        return handle

    async with serving(make) as server, wire_to(server, max_connections=10) as wire:
        wrong: list[bytes] = []
        answered = 0
        until = time.monotonic() + 2.0

        async def work(worker: int) -> None:
            nonlocal answered
            turn = 0
            while time.monotonic() < until:
                turn += 1
                token = f"/{worker}-{turn}"
                within_s = rng.random() * 0.006 if rng.random() < 0.7 else 5.0
                try:
                    async with asyncio.timeout(within_s):
                        body = (await send(wire, Request("GET", token), within_s=5.0)).body
                except TimeoutError:
                    continue
                answered += 1
                if body != token.encode():
                    wrong.append(body)

        await asyncio.gather(*(work(worker) for worker in range(40)))
        await asyncio.sleep(0.05)
        probes = await asyncio.gather(
            *(send(wire, Request("GET", f"/probe-{turn}")) for turn in range(20))
        )
        others = asyncio.all_tasks() - {asyncio.current_task()}

        assert answered > 100
        assert wrong == []
        assert [probe.body for probe in probes] == [b"/probe-%d" % turn for turn in range(20)]
        assert wire.stats.waiting == 0
        assert wire.stats.open == wire.stats.idle <= 10
        assert all("accept" in repr(task) for task in others)


async def test_giving_up_a_request_is_not_an_error_of_the_system() -> None:
    """A caller that leaves takes its connection along and raises nothing but its own leaving."""
    async with serving(lambda server: server.answering(OK[:-1])) as server, wire_to(server) as wire:
        leaving = asyncio.create_task(wire.send(Request("GET", "/"), deadline=Deadline.after(5.0)))
        await asyncio.sleep(0.05)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await asyncio.sleep(0)

        assert wire.stats.open == 0
