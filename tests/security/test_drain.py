"""The end of a gateway, and its health: what is told, to whom, and who is still answered."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.security.edge_kit import Gateway, Reply, connection, exchange, gateway, read_reply

RESTARTS = 3
CALLERS = 8
CALLS_PER_S = 200
DRAIN_DELAY_S = 0.3
GET = b"GET %b HTTP/1.1\r\nHost: gateway.test\r\n%b\r\n"


async def get(port: int, path: bytes, *headers: bytes) -> Reply:
    """Read a page over a connection of its own."""
    async with connection(port) as (reader, writer):
        writer.write(GET % (path, b"".join(header + b"\r\n" for header in headers)))
        return await asyncio.wait_for(read_reply(reader), 5)


async def ended(one: Gateway) -> int:
    """Wait until it has ended, and give its exit code."""
    return await asyncio.wait_for(asyncio.to_thread(one.process.wait), 10)


@dataclass
class Balancer:
    """What stands in front of a gateway: it asks while it is ready, and as it is told."""

    gateway: Gateway
    is_ready: bool = True
    answered: int = 0
    failures: list[object] = field(default_factory=list)

    async def watch(self) -> None:
        """Look at /readyz until it says no, and take a moment to act on it."""
        while (await get(self.gateway.port, b"/readyz")).status == 200:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)
        await asyncio.sleep(DRAIN_DELAY_S / 3)
        self.is_ready = False

    async def call(self) -> None:
        """Ask again and again on one connection; open another after the last answer of it."""
        while self.is_ready:
            try:
                async with connection(self.gateway.port) as (reader, writer):
                    await self._call_until_last(reader, writer)
            except (OSError, EOFError) as error:
                self.failures.append(error)
                return

    async def _call_until_last(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while self.is_ready:
            writer.write(self.gateway.question())
            reply = await read_reply(reader)
            self.answered += 1
            if reply.status != 200:
                self.failures.append(reply)
            if reply.is_last:
                return
            await asyncio.sleep(CALLERS / CALLS_PER_S)


@pytest.mark.parametrize("_", range(RESTARTS))
async def test_d1_a_restart_under_load_fails_nobody(_: int) -> None:
    """D-1: callers on kept connections, who are sent elsewhere once it is not ready."""
    with gateway(drain_delay_s=DRAIN_DELAY_S) as one:
        balancer = Balancer(one)
        calling = asyncio.gather(balancer.watch(), *(balancer.call() for _ in range(CALLERS)))
        await asyncio.sleep(0.5)
        before = balancer.answered
        told_at = time.monotonic()
        one.process.send_signal(signal.SIGTERM)
        await calling
        code = await ended(one)
        lasted_s = time.monotonic() - told_at

    assert balancer.failures == []
    assert balancer.answered > before > 0
    assert code == 0
    assert DRAIN_DELAY_S <= lasted_s < DRAIN_DELAY_S + 3.0


async def test_d1_callers_who_watch_nothing_are_told_by_their_last_answer() -> None:
    """D-1: from the signal on an answer says so, and nobody is let in after the delay."""
    with gateway(drain_delay_s=0.5) as one:
        async with connection(one.port) as (reader, writer):
            writer.write(one.question())
            first = await read_reply(reader)
            one.process.send_signal(signal.SIGTERM)
            await until_unready(one)
            writer.write(one.question())
            second = await read_reply(reader)
            rest = await reader.read()
        pages = [await get(one.port, path) for path in (b"/livez", b"/readyz")]
        code = await ended(one)
        with pytest.raises(ConnectionError):
            await get(one.port, b"/livez")

    assert (first.status, first.is_last) == (200, False)
    assert (second.status, second.is_last, rest) == (200, True, b"")
    assert [page.status for page in pages] == [200, 503]
    assert code == 0


async def until_unready(one: Gateway) -> Reply:
    """Wait until it says that it is not ready."""
    for _ in range(100):
        page = await get(one.port, b"/readyz")
        if page.status == 503:
            return page
        await asyncio.sleep(0.01)
    pytest.fail("it says that it is ready")


@asynccontextmanager
async def asking(one: Gateway, request: bytes) -> AsyncIterator["asyncio.Task[bytes]"]:
    """Ask for something that takes its time."""
    asked = asyncio.create_task(exchange(one.port, request))
    await asyncio.sleep(0.2)
    try:
        yield asked
    finally:
        with suppress(ConnectionError):
            await asked


async def test_d1_what_was_asked_is_answered_within_the_grace() -> None:
    """D-1: the listener is gone by then, the answer comes, and it is the last one."""
    with gateway(grace_s=2.0) as one:
        async with asking(one, GET % (b"/slow?0.7", b"")) as asked:
            one.process.send_signal(signal.SIGTERM)
            answer = await asked
        code = await ended(one)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in answer
    assert code == 0


@pytest.mark.parametrize(
    "request_", [GET % (b"/slow?9", b"X-Correlation-Id: drain-test-1\r\n"), b"POST /graphql HT"]
)
async def test_d2_who_still_waits_when_the_grace_ends_is_told_to_try_again(
    request_: bytes,
) -> None:
    """D-2: 503 with Retry-After, not an empty reply; also to who is still asking."""
    with gateway(grace_s=0.3) as one:
        async with asking(one, request_) as asked:
            one.process.send_signal(signal.SIGTERM)
            answer = await asked
        code = await ended(one)
    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)

    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: " in head
    assert b"\r\nconnection: close" in head
    assert b"\r\nx-content-type-options: nosniff" in head
    assert (problem["code"], problem["detail"]) == ("NOT_READY", "The gateway is stopping.")
    assert (problem["correlationId"] == "drain-test-1") == (b"slow" in request_)
    assert code == 0


async def test_d2_told_twice_it_ends_at_once() -> None:
    """D-2: whoever presses Ctrl-C again waits for nobody; nothing is reported as a failure."""
    with gateway(drain_delay_s=5.0, grace_s=9.0) as one:
        async with asking(one, GET % (b"/slow?9", b"")) as asked:
            one.process.send_signal(signal.SIGINT)
            await until_unready(one)
            told_at = time.monotonic()
            one.process.send_signal(signal.SIGINT)
            code = await ended(one)
            lasted_s = time.monotonic() - told_at
            answer = await asked

    assert code == 0
    assert lasted_s < 2.0
    assert answer.startswith(b"HTTP/1.1 503 ")


async def test_d4_a_blocked_loop_is_seen_from_outside() -> None:
    """D-4: a process that cannot answer is not alive; afterwards it is again."""
    with gateway() as one:
        async with asking(one, GET % (b"/block?1.0", b"Connection: close\r\n")):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(get(one.port, b"/livez"), 0.3)
        alive = await get(one.port, b"/livez")

    assert (alive.status, alive.body) == (200, b'{"status":"alive"}')


async def test_d4_readiness_lists_its_reasons_and_nothing_about_callers() -> None:
    """D-4: the same with a key, without, and with a wrong one."""
    with gateway(drain_delay_s=0.5) as one:
        ready = await get(one.port, b"/readyz")
        one.process.send_signal(signal.SIGTERM)
        unready = await until_unready(one)
        known = await get(one.port, b"/readyz", b"Authorization: Bearer " + one.key.encode())
        wrong = await get(one.port, b"/readyz", b"Authorization: Bearer olg_wrong")

    assert json.loads(ready.body) == {"status": "ready", "reasons": []}
    assert json.loads(unready.body) == {
        "status": "unready",
        "reasons": ["The gateway is stopping."],
    }
    for page in (known, wrong):
        assert (page.status, page.body) == (503, unready.body)
        assert set(page.headers) == set(unready.headers)
        assert not set(page.headers) & {"set-cookie", "www-authenticate", "authorization"}
