"""Raw loopback servers, and a wire to them: a script says, byte by byte, what a system does.

A server speaks over real sockets and parses nothing but where a request ends. A
script runs once for every connection.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest

from backends.transport import BackendUnavailableError, Request, Response
from backends.wire import Wire, WireLimits
from orderlines.deadline import Deadline

GET = Request("GET", "/lines?order=1")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Write an answer with a length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"content-length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


@dataclass(slots=True)
class Peer:
    """One connection, seen by the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[bytes]

    async def request(self) -> bytes | None:
        """Read one request; None once the client has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            _, has_body, rest = head.partition(b"content-length: ")
            body = await self.reader.readexactly(int(rest.split(b"\r\n")[0])) if has_body else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.requests.append(head + body)
        return head + body

    async def send(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        """Send pieces one by one; the client reads each before the next comes."""
        for piece in pieces:
            if self.writer.transport.is_closing():
                msg = "the client has left"
                raise ConnectionResetError(msg)
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause_s)
            # Two turns of the loop: in the first one this task is ahead of the client.
            await asyncio.sleep(0)

    async def half_close(self) -> None:
        """Send the end of the stream, and keep listening until the client has closed."""
        self.writer.write_eof()
        await self.reader.read()

    def send_now(self, data: bytes) -> None:
        """Send past the event loop, which may be busy with the client: straight into the kernel."""
        os.write(self.writer.get_extra_info("socket").fileno(), data)

    def reset(self) -> None:
        """Break the connection off: RST instead of an orderly end."""
        no_linger = struct.pack("ii", 1, 0)
        connected = self.writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.writer.transport.abort()


Script: TypeAlias = Callable[[Peer], Awaitable[object]]


@dataclass(slots=True)
class Loopback:
    """A server that listens.

    Attributes:
        connections: How many it has accepted.
        open: How many of them are still open.
        requests: Every request it has read, whole.
    """

    script: Script
    origin: str = ""
    connections: int = 0
    open: int = 0
    requests: list[bytes] = field(default_factory=list)
    tasks: set[asyncio.Task[object]] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run the script for one connection, and close it."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self.script(Peer(reader, writer, self.requests))
        finally:
            writer.close()
            self.open -= 1
            # How it ended is asked for: collected in a cycle, it would complain that nobody did.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self.tasks.discard(task)

    async def is_left(self) -> bool:
        """Wait until no connection is open any more; False if that does not happen soon."""
        for _ in range(200):
            if not self.open:
                return True
            await asyncio.sleep(0.01)
        return False


def answering(*pieces: bytes, pause_s: float = 0.0) -> Script:
    """Answer every request with the same pieces."""

    async def script(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.send(*pieces, pause_s=pause_s)

    return script


async def echoing(peer: Peer) -> None:
    """Answer every request with its own target."""
    while (request := await peer.request()) is not None:
        await peer.send(answer(request.split(b" ")[1]))


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Loopback]:
    """Serve on a free loopback port; whatever is left at the end is cancelled."""
    loopback = Loopback(script)
    server = await asyncio.start_server(loopback.accept, "127.0.0.1", 0, limit=2**20)
    loopback.origin = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
    try:
        yield loopback
    finally:
        server.close()
        for task in tuple(loopback.tasks):
            task.cancel()
        await asyncio.gather(*loopback.tasks, return_exceptions=True)
        # The transports of what was cancelled let go in the loop's next turns.
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def wired(
    script: Script, limits: WireLimits | None = None
) -> AsyncIterator[tuple[Loopback, Wire]]:
    """Serve, and open a wire to it; afterwards nothing is in use, nor left open."""
    async with serving(script) as server:
        wire = Wire(server.origin, system="wms", limits=limits)
        try:
            yield server, wire
        finally:
            await wire.aclose()
        stats = wire.stats

        assert (stats.open, stats.idle, stats.in_use, stats.waiting) == (0, 0, 0, 0)


async def send(wire: Wire, request: Request = GET, within_s: float = 5.0) -> Response:
    """Send one request under a deadline."""
    return await wire.send(request, deadline=Deadline.after(within_s))


async def failure(
    wire: Wire, request: Request = GET, within_s: float = 5.0
) -> BackendUnavailableError:
    """Send one request that must fail, and give the failure."""
    with pytest.raises(BackendUnavailableError) as caught:
        await send(wire, request, within_s)
    return caught.value
