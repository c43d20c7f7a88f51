"""The server over real sockets: what is not HTTP, what is too much, and how it stops."""

import asyncio
import json
import select
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
import uvloop

from backends.registry import Systems
from backends.store.memory import MemoryKeyStore
from gateway.app import create_app
from gateway.callers import Keyring
from gateway.cli.server import (
    AddressInUseError,
    StartFailedError,
    listen,
    serve_until_told,
)
from gateway.settings import GatewaySettings, Settings
from tests.gateway.door import PEPPER

QUESTION = b'{"query": "{ viewer { name } }"}'
NO_SYSTEMS = cast("Systems", SimpleNamespace(backends=()))


@asynccontextmanager
async def served(application: Any) -> AsyncIterator[int]:  # noqa: ANN401 - any ASGI application
    """Serve on a free port, and stop by the signal that Ctrl-C sends."""
    ready = asyncio.Event()
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    serving = asyncio.create_task(
        serve_until_told(application, listener, deadline_s=2.0, on_ready=ready.set)
    )
    await asyncio.wait_for(ready.wait(), 5)
    try:
        yield port
    finally:
        if not serving.done():
            signal.raise_signal(signal.SIGINT)
        await asyncio.wait_for(serving, 10)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Say where the application logs to."""
    return tmp_path / "server.log"


@pytest.fixture
async def port(store: MemoryKeyStore, log_path: Path) -> AsyncIterator[int]:
    """Serve the real application, without systems."""
    settings = Settings(gateway=GatewaySettings(log_file=str(log_path)))
    async with served(create_app(settings, systems=NO_SYSTEMS, keys=Keyring(store, PEPPER))) as at:
        yield at


async def exchange(port: int, request: bytes) -> bytes:
    """Send bytes as they are, and give all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def post(key: str, body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    """Write a POST by hand."""
    head = (
        b"POST /graphql HTTP/1.1",
        b"Host: gateway.test",
        b"Authorization: Bearer " + key.encode(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % (len(body) if length is None else length),
        *headers,
    )
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def test_a_question_over_a_socket_is_answered(port: int, key: str) -> None:
    """And the next one on the same connection, until the caller wants no more."""
    answer = await exchange(port, post(key, QUESTION) + post(key, QUESTION, b"Connection: close"))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b'{"data":{"viewer":{"name":"portal"}}') == 2
    assert b"server:" not in answer.lower()


MALFORMED_HTTP = {
    "no HTTP": b"NONSENSE\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "two framings": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "a signed length": b"Content-Length: +4\r\n\r\nabcd",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "a bad chunk extension": b"Transfer-Encoding: chunked\r\n\r\n2;\nab\r\nab\r\n0\r\n\r\n",
    "a space before the colon": b"X-A : b\r\n\r\n",
    "NUL in a header": b"X-A: a\x00b\r\n\r\n",
    "line feeds only": b"X-A: b\n\n",
    "a folded header": b"X-A: b\r\n c: d\r\nContent-Length: nope\r\n\r\n",
}


@pytest.mark.parametrize("what", MALFORMED_HTTP)
async def test_what_is_not_http_is_400_and_the_end_of_the_connection(
    port: int, key: str, what: str
) -> None:
    """H-5: two readers must not see two requests in the same bytes."""
    raw = MALFORMED_HTTP[what]
    begins_anew = what in ("no HTTP", "another protocol")
    head = b"" if begins_anew else b"POST /graphql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
    answer = await exchange(port, raw if begins_anew else head + key.encode() + b"\r\n" + raw)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "MALFORMED_REQUEST"),
        (b"{", 400, "MALFORMED_JSON"),
        (b'{"query": "\xff"}', 400, "MALFORMED_JSON"),
        (b'{"query": 1, "query": 2}', 400, "MALFORMED_JSON"),
        (b'{"query": "{a}", "variables": ' + b"[" * 100_000, 400, "MALFORMED_JSON"),
        (b" " * 131_073, 413, "BODY_TOO_LARGE"),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_bad_body_is_4xx_in_one_piece_or_in_chunks(  # noqa: PLR0913 - rows, and two fixtures
    port: int, key: str, body: bytes, status: int, code: str, *, chunked: bool
) -> None:
    """H-6: with a length or without; and the connection serves the next question."""

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 40_000):
            yield body[at : at + 40_000]

    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    url = f"http://127.0.0.1:{port}/graphql"
    async with httpx2.AsyncClient(headers=headers) as client:
        reply = await client.post(url, content=chunks() if chunked else body)
        after = await client.post(url, content=QUESTION)
    answer = reply.json()
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]

    assert reply.status_code == status
    assert (codes or [answer["code"]]) == [code]
    assert after.status_code == 200


async def test_a_length_that_is_never_reached_is_408(store: MemoryKeyStore, key: str) -> None:
    """H-2: the deadline holds for the body, too."""
    settings = Settings(gateway=GatewaySettings(deadline_s=0.1, log_file="/dev/null"))
    application = create_app(settings, systems=NO_SYSTEMS, keys=Keyring(store, PEPPER))
    async with served(application) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at)
        writer.write(post(key, b"{", length=1_000))
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer


async def test_a_caller_who_leaves_early_leaves_no_trace_but_a_line(
    port: int, key: str, log_path: Path
) -> None:
    """Closed before the body, or before the answer: no exception, no noise."""
    for request in (post(key, b"{", length=1_000), post(key, QUESTION)):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.3)
    log = log_path.read_bytes()  # noqa: ASYNC240 - a test has nothing else to do
    entries = [json.loads(line) for line in log.splitlines()]

    assert [entry["status"] for entry in entries if entry["event"] == "request"] == [499, 200]
    assert [entry for entry in entries if entry["level"] in ("warning", "error")] == []


async def test_a_key_in_the_url_is_refused_and_written_nowhere(port: int, log_path: Path) -> None:
    """K-6: not by the gateway, and not by the server that runs it."""
    request = b"GET /graphql?access_token=hunter2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await exchange(port, request)
    await asyncio.sleep(0.3)

    assert b'"code":"CREDENTIAL_IN_URL"' in answer
    assert b"hunter2" not in answer + log_path.read_bytes()  # noqa: ASYNC240 - nothing else to do


async def slow(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer half a second later."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def test_a_question_that_is_being_answered_is_answered_before_the_end() -> None:
    """Ctrl-C, and SIGTERM from whoever runs the service, let nobody stand in the rain."""
    async with served(slow) as at:
        asking = asyncio.create_task(exchange(at, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        await asyncio.sleep(0.1)
        signal.raise_signal(signal.SIGTERM)
        answer = await asking

    assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")


async def test_an_application_that_does_not_start_is_a_failed_start() -> None:
    """No port stays open, and the reason is asked of the application."""

    async def broken(_: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await receive()
        await send({"type": "lifespan.startup.failed", "message": ""})

    with closing(listen("127.0.0.1", 0)) as listener, pytest.raises(StartFailedError):
        await serve_until_told(broken, listener, deadline_s=1.0, on_ready=lambda: None)


def test_a_port_that_is_taken_is_a_sentence() -> None:
    """Before anything else is started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressInUseError) as refused:
            listen("127.0.0.1", port)

    assert refused.value.message == (
        f"Port {port} of 127.0.0.1 cannot be listened on: Address already in use. Choose another."
    )


def test_what_one_turn_of_the_loop_writes_goes_out_together() -> None:
    """Each write by itself would wake its reader by itself (ADR 0014)."""

    async def heard_at_once() -> tuple[bool, bool]:
        ours, theirs = socket.socketpair()
        with theirs:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            transport.writelines((b"head", b"body"))
            before, _, _ = select.select([theirs], [], [], 0)
            await asyncio.sleep(0)
            after, _, _ = select.select([theirs], [], [], 0)
            transport.abort()
            return bool(before), bool(after)

    assert uvloop.run(heard_at_once()) == (False, True)
