"""What the tests of the adapters share: adapters over a fake transport, and over the sandbox."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
import uvicorn
from starlette.types import ASGIApp

from backends.observe import ObservedTransport
from backends.transport import Request, Response
from backends.wire import Wire
from orderlines.deadline import Deadline
from orderlines.identity import LineRef, OrderKey, OrderLineKey, OrderRef
from orderlines.visibility import Visibility

NOW = datetime(2026, 11, 20, 14, 4, 5, tzinfo=UTC)
EVERYTHING = Visibility.everything()

Answering: TypeAlias = Callable[[Request], Response]


def soon(seconds: float = 5.0) -> Deadline:
    """Give a deadline that a test does not reach."""
    return Deadline.after(seconds)


def orders(*numbers: str) -> list[OrderRef]:
    """Name whole orders."""
    return [OrderRef(OrderKey("erp", number)) for number in numbers]


def lines(*addresses: tuple[str, str]) -> list[LineRef]:
    """Name single lines."""
    return [LineRef(OrderLineKey("erp", *address)) for address in addresses]


def ok(content: object) -> Response:
    """Answer with JSON."""
    return Response(200, (), msgspec.json.encode(content))


@dataclass(slots=True)
class FakeTransport:
    """A transport behind which a function answers.

    Attributes:
        answer: Gives the answer to a request, or raises.
        requests: What was sent.
        deadlines: Under which.
    """

    answer: Answering
    requests: list[Request] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    is_closed: bool = False

    async def send(self, request: Request, *, deadline: Deadline) -> Response:
        """Answer at once."""
        self.requests.append(request)
        self.deadlines.append(deadline)
        await asyncio.sleep(0)
        return self.answer(request)

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True


def answering(*responses: Response) -> FakeTransport:
    """Answer with these, one after the other; the last one again and again."""
    left = list(responses)
    return FakeTransport(lambda _: left.pop(0) if len(left) > 1 else left[0])


def observed(
    inner: FakeTransport | Wire, system: str, now: Callable[[], datetime] = lambda: NOW
) -> ObservedTransport:
    """Put a transport under observation."""
    return ObservedTransport(inner, system, now)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app on a free loopback port, and give its origin.

    The server is started without its own main loop, whose ticks would cost each test
    a fifth of a second at the end.
    """
    config = uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for one in server.servers:
                one.close()
            for connection in list(server.server_state.connections):
                connection.transport.close()
            if server.server_state.tasks:
                await asyncio.wait(server.server_state.tasks, timeout=2.0)
