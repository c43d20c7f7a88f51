"""Raw loopback servers: each connection is one coroutine that does what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass(slots=True)
class Loopback:
    """A server that is listening.

    Attributes:
        connections: How many it has accepted.
        requests: The heads and bodies of the requests it has read.
    """

    origin: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def read_request(self, reader: asyncio.StreamReader) -> bytes | None:
        """Read one request; None once the client has closed."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        request = head + (await reader.readexactly(length) if length else b"")
        self.requests.append(request)
        return request

    def answering(self, *answers: bytes, pause_s: float = 0.0) -> Handler:
        """Answer every request with these pieces, a pause between each two."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await self.read_request(reader) is not None:
                for index, piece in enumerate(answers):
                    if index:
                        await asyncio.sleep(pause_s)
                    writer.write(piece)
                    await writer.drain()

        return handle


@asynccontextmanager
async def serving(make: Callable[[Loopback], Handler]) -> AsyncIterator[Loopback]:
    """Serve on a free loopback port; every connection is closed at the end."""
    loopback = Loopback()
    handler = make(loopback)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loopback.connections += 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            if task is not None:
                tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**20)
    loopback.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield loopback
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tuple(tasks), return_exceptions=True)
