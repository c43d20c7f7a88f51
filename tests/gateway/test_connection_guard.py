"""The guard over real sockets, with little patience: what it ends, and what it lets be."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from gateway.connection_guard import ConnectionGuard
from gateway.connection_limits import ConnectionLimits
from gateway.request_head import HeadRefusedError, RequestHead, check_head
from gateway.waiting import Waiting

QUICK: Final = ConnectionLimits(
    head_s=0.2,
    body_s=0.4,
    body_look_s=0.2,
    min_body_bytes_per_s=50,
    unread_s=0.2,
    rest_s=0.4,
    parting_s=0.2,
)
GET: Final = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST_GET: Final = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
MEBIBYTE: Final = 1_048_576


@dataclass
class House:
    """A server with a guard, and what its application has seen."""

    guard: ConnectionGuard
    state: ServerState
    port: int = 0
    scopes: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answer with the path; as large as the query says, and as late."""
        self.scopes.append(scope)
        body = b""
        if scope["path"] != "/early":
            while (message := await receive())["type"] == "http.request":
                body += message["body"]
                if not message["more_body"]:
                    break
            self.bodies.append(body)
        size, _, delay_s = scope["query_string"].partition(b",")
        await asyncio.sleep(float(delay_s or 0))
        text = scope["path"].encode().ljust(int(size or 0))
        headers = [(b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    async def exchange(self, *parts: bytes, pause_s: float = 0.05) -> bytes:
        """Send parts one after the other, and give all that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = asyncio.create_task(reader.read())
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
        try:
            return await asyncio.wait_for(answer, 5)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def is_empty(self) -> bool:
        """Tell whether every connection is gone within a second."""
        for _ in range(100):
            if not self.state.connections:
                return True
            await asyncio.sleep(0.01)
        return False


@asynccontextmanager
async def guarded(limits: ConnectionLimits = QUICK) -> AsyncIterator[House]:
    """Serve, and look at the end that nothing is left of any connection."""
    house = House(ConnectionGuard(limits), ServerState())
    config = uvicorn.Config(
        lambda *told: house.answer(*told),  # noqa: PLW0108 - a test may replace it
        interface="asgi3",
        http=house.guard.protocol,
        ws="none",
        lifespan="off",
        log_config=None,
    )
    config.load()

    def connect() -> asyncio.Protocol:
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
            config=config, server_state=house.state, app_state={}
        )
        return made

    with socket.create_server(("127.0.0.1", 0)) as listener:
        house.port = listener.getsockname()[1]
        server = await asyncio.get_running_loop().create_server(connect, sock=listener)
        try:
            yield house
        finally:
            server.close()
            for connection in list(house.state.connections):
                connection.transport.abort()
            assert await house.is_empty()
            assert house.guard.waiting_bytes == 0
            house.guard.close()


def statuses(raw: bytes) -> list[int]:
    """List the statuses of the answers of a connection."""
    return [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:]]


async def test_a_refusal_is_a_problem_document_and_a_line_in_the_log() -> None:
    """Both with the caller's own id, if it brought one; and with nothing else of it."""
    async with guarded() as house:
        with capture_logs() as lines:
            raw = await house.exchange(
                b"GET /secret HTTP/1.1\r\nX-Correlation-Id: my-own-id-1\r\n\r\n"
            )
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")

    assert first == b"HTTP/1.1 400 Bad Request"
    assert sorted(headers) == [
        b"cache-control: private, no-store",
        b"connection: close",
        b"content-length: %d" % len(body),
        b"content-type: application/problem+json",
        b"x-content-type-options: nosniff",
        b"x-correlation-id: my-own-id-1",
    ]
    assert json.loads(body) == {
        "type": "/errors#MALFORMED_REQUEST",
        "title": "Bad Request",
        "status": 400,
        "detail": "A request needs a Host header.",
        "code": "MALFORMED_REQUEST",
        "correlationId": "my-own-id-1",
    }
    assert lines == [
        {
            "event": "connection_refused",
            "log_level": "info",
            "correlation_id": "my-own-id-1",
            "code": "MALFORMED_REQUEST",
            "status": 400,
            "reason": "A request needs a Host header.",
        }
    ]
    assert house.scopes == []


async def test_who_says_nothing_is_closed_and_who_says_half_is_told() -> None:
    """From the first byte of the connection, and of each request on it."""
    async with guarded() as house:
        silent = await house.exchange()
        half = await house.exchange(b"GET / HT")
        second_half = await house.exchange(GET, b"GET / HTTP/1.1\r\nHo")
        with_the_first = await house.exchange(GET + b"GET / HTTP/1.1\r\nHo")
        only_breaks = await house.exchange(b"\r\n\r\n")

    assert silent == b""
    assert [statuses(raw) for raw in (half, second_half, with_the_first, only_breaks)] == [
        [408],
        [200, 408],
        [200, 408],
        [408],
    ]


async def test_a_head_in_pieces_is_read_if_it_comes_in_time() -> None:
    """And the clock of its connection starts again with the next request."""
    async with guarded(replace(QUICK, head_s=0.4, rest_s=2.0)) as house:
        pieces = [b"GET / HTTP/1.1\r\nHo", b"st: a\r\n\r\n"]
        raw = await house.exchange(*pieces * 4, LAST_GET, pause_s=0.15)

    assert statuses(raw) == [200] * 5


async def test_a_body_keeps_a_pace_and_ends_in_time() -> None:
    """Told apart: too slow at the first look, fast enough but too long, and neither."""

    def post(length: int) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (
            length
        )

    ends = []
    async with guarded() as house:
        for parts in (
            [post(100), *[b"a"] * 20],
            [post(1_000), *[b"a" * 20] * 20],
            [post(40), *[b"a" * 10] * 4],
        ):
            began = time.monotonic()
            raw = await house.exchange(*parts, pause_s=0.03)
            ends.append((statuses(raw), time.monotonic() - began))

    assert [status for status, _ in ends] == [[408], [408], [200]]
    assert house.bodies[-1] == b"a" * 40
    assert ends[0][1] < ends[1][1] + 0.3


async def test_a_connection_may_rest_for_a_while() -> None:
    """And is closed without a word."""
    async with guarded() as house:
        began = time.monotonic()
        raw = await house.exchange(GET)
        lasted_s = time.monotonic() - began

    assert statuses(raw) == [200]
    assert QUICK.rest_s <= lasted_s < QUICK.rest_s + 1.0


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    """Else it would be taken for the answer to another question."""
    slow = b"GET /slow?0,0.1 HTTP/1.1\r\nHost: a\r\n\r\n"
    async with guarded() as house:
        raws = [
            await house.exchange(slow + GET + end)
            for end in (
                b"NONSENSE\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            )
        ]

    assert [statuses(raw) for raw in raws] == [[200, 200, 400]] * 3
    assert [scope["path"] for scope in house.scopes] == ["/slow", "/"] * 3


async def test_a_request_that_goes_wrong_while_it_is_answered_is_left() -> None:
    """The application is told that nobody waits, and its answer goes nowhere."""
    async with guarded() as house:
        raw = await house.exchange(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"ZZ\r\n"
        )

    assert statuses(raw) == [400]
    assert house.bodies == [b"a"]


async def test_an_answer_may_be_out_before_its_question_is_in() -> None:
    """The rest is dropped up to a bound; the next question is answered, within it."""
    limits = replace(QUICK, max_unread_bytes=200_000, body_s=2.0)
    early = b"POST /early HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n"
    async with guarded(limits) as house:
        small = await house.exchange(early % (b"", 100_000), b"a" * 100_000, LAST_GET)
        last = await house.exchange(
            early % (b"Connection: close\r\n", 100_000), *[b"a" * 1_000] * 5, pause_s=0.01
        )
        large = await house.exchange(
            early % (b"", 10_000_000), *[b"a" * 50_000] * 100, pause_s=0.001
        )

    assert [statuses(raw) for raw in (small, last, large)] == [[200, 200], [200], [200]]


async def test_trailers_are_no_headers() -> None:
    """What comes after the body cannot change what was asked, by whom (RFC 9110, 6.5.1)."""
    async with guarded() as house:
        raw = await house.exchange(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
            b"Connection: close\r\n\r\n",
            b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\nHost: b\r\n\r\n",
        )

    assert statuses(raw) == [200]
    assert [name for name, _ in house.scopes[0]["headers"]] == [
        b"host",
        b"transfer-encoding",
        b"connection",
    ]


@pytest.mark.parametrize(
    "endless", [b"1;" + b"a" * 200_000, b"1\r\na\r\n0\r\nX-A: " + b"a" * 200_000]
)
async def test_a_body_of_framing_has_a_bound(endless: bytes) -> None:
    """Extensions of chunks, and fields behind them, are kept by nobody."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with guarded(replace(QUICK, body_s=2.0, body_look_s=1.0)) as house:
        parts = [endless[at : at + 20_000] for at in range(0, len(endless), 20_000)]
        raw = await house.exchange(head, *parts, pause_s=0.01)

    assert statuses(raw) == [431]


async def test_a_head_that_came_with_the_request_before_has_the_same_bound() -> None:
    """However the bytes are cut."""
    large = b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 60_000 + b"\r\n\r\n"
    async with guarded(replace(QUICK, head_s=1.0)) as house:
        raws = [
            await house.exchange(GET + large),
            await house.exchange(GET + large[:-2], large[-2:]),
            await house.exchange(GET, large[:30_000], large[30_000:]),
        ]

    assert [statuses(raw) for raw in raws] == [[200, 431]] * 3


async def test_an_upgrade_is_not_made_and_nothing_follows_it() -> None:
    """The parser does not look at what comes behind one."""
    upgrade = b"GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with guarded() as house:
        raw = await house.exchange(upgrade + GET)

    assert statuses(raw) == [200]
    assert b"connection: close" in raw
    assert [scope["path"] for scope in house.scopes] == ["/up"]


async def test_http_1_0_needs_no_host() -> None:
    """RFC 9112, 3.2 asks it of HTTP/1.1; one that is sent is looked at."""
    async with guarded() as house:
        without = await house.exchange(b"GET / HTTP/1.0\r\n\r\n")
        wrong = await house.exchange(b"GET / HTTP/1.0\r\nHost: a@b\r\n\r\n")

    assert [statuses(without), statuses(wrong)] == [[200], [400]]


async def test_connections_have_a_bound() -> None:
    """Who comes too late is told to come again; who is there stays."""
    async with guarded(replace(QUICK, max_connections=2, head_s=1.0)) as house:
        first = [asyncio.create_task(house.exchange(GET)) for _ in range(2)]
        await asyncio.sleep(0.05)
        third = await house.exchange(GET)
        answers = await asyncio.gather(*first)
        again = await house.exchange(GET)

    assert statuses(third) == [503]
    assert b"\r\nretry-after: 1\r\n" in third
    assert [statuses(raw) for raw in (*answers, again)] == [[200]] * 3


def connect_slowly(house: House, request: bytes) -> socket.socket:
    """Ask, and take nothing of the answer."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    one.connect(("127.0.0.1", house.port))
    one.sendall(request)
    return one


@pytest.mark.parametrize("request_", [b"GET /?%d HTTP/1.1\r\nHost: a\r\n%b\r\n"])
@pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
async def test_an_answer_that_nobody_takes_is_dropped(request_: bytes, header: bytes) -> None:
    """Also where the connection would have been closed after it."""
    async with guarded() as house:
        with capture_logs() as lines, connect_slowly(house, request_ % (16 * MEBIBYTE, header)):
            await asyncio.sleep(0.1)
            waiting_bytes = house.guard.waiting_bytes
            is_empty = await house.is_empty()

    assert waiting_bytes > MEBIBYTE
    assert is_empty
    assert [line["event"] for line in lines] == ["connection_dropped"]


async def test_an_answer_that_is_taken_at_a_pace_arrives() -> None:
    """Longer than one look, and no shorter for it."""
    limits = replace(QUICK, min_taken_bytes_per_s=1_000)
    async with guarded(limits) as house:
        request = b"GET /?%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (16 * MEBIBYTE)
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(request)
        size = 0
        while part := await reader.read(MEBIBYTE // 4):
            size += len(part)
            await asyncio.sleep(0.01)
        writer.close()

    assert size > 16 * MEBIBYTE


async def test_answers_that_wait_have_a_bound_together() -> None:
    """The one that has waited longest goes first; the others stay."""
    limits = replace(QUICK, unread_s=5.0, max_waiting_bytes=30 * MEBIBYTE)
    async with guarded(limits) as house:
        request = b"GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n" % (16 * MEBIBYTE)
        readers = []
        for _ in range(4):
            readers.append(connect_slowly(house, request))
            await asyncio.sleep(0.1)
        waiting_bytes, open_ones = house.guard.waiting_bytes, len(house.state.connections)
        for one in readers:
            one.close()

    assert 0 < waiting_bytes <= limits.max_waiting_bytes
    assert 0 < open_ones < 4


async def test_while_draining_every_answer_is_the_last_one() -> None:
    """Of its connection; who rests is not cut before it could ask."""
    async with guarded() as house:
        house.guard.is_draining = True
        raw = await house.exchange(GET)

    assert statuses(raw) == [200]
    assert b"connection: close" in raw


async def test_a_wait_ends_in_the_order_it_began() -> None:
    """One timer for all; what is stopped is not called, what was started twice is due once."""
    loop = asyncio.get_running_loop()
    due: list[str] = []
    waiting: Waiting[str] = Waiting(0.05, due.append)
    for name in ("a", "b", "c"):
        waiting.start(name, loop)
        await asyncio.sleep(0.01)
    waiting.start("a", loop)
    waiting.stop("b")
    first, size = waiting.first(), len(waiting)
    await asyncio.sleep(0.15)
    waiting.start("d", loop)
    waiting.close()
    await asyncio.sleep(0.1)

    assert (first, size) == ("a", 2)
    assert due == ["a", "c"]
    assert "d" not in waiting


def test_the_size_of_a_head_is_counted_to_the_byte() -> None:
    """Request line, fields, and all that separates them."""
    raw = b"GET /abc HTTP/1.1\r\nhost: a\r\nx-b: c\r\n\r\n"
    head = RequestHead("1.1", b"GET", b"/abc", [(b"host", b"a"), (b"x-b", b"c")], b"a")
    check_head(head, max_headers=2, max_bytes=len(raw), max_url_bytes=4)

    for limits in ((1, len(raw), 4), (2, len(raw) - 1, 4), (2, len(raw), 3)):
        with pytest.raises(HeadRefusedError):
            check_head(head, max_headers=limits[0], max_bytes=limits[1], max_url_bytes=limits[2])
