"""One system of the sandbox as a process: it listens on loopback and says when it is ready.

Standard output carries one JSON line, the moment connections are accepted:
`{"system": "erp", "url": "http://127.0.0.1:PORT", "fault": "http://…/_sandbox/fault"}`.
Everything else goes to standard error. It stops on SIGTERM and SIGINT, and at the end
of standard input if it is told to watch it, so that it never outlives a parent that
was killed. Calls that are still being answered then are dropped.
"""

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import ClassVar, Final

import msgspec
import uvicorn
from starlette.types import ASGIApp

from orderlines.errors import GatewayError

MAX_PORT: Final = 65_535
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class SandboxAddressError(GatewayError):
    """The sandbox cannot or may not listen there."""

    code: ClassVar[str] = "SANDBOX_ADDRESS"


class Ready(msgspec.Struct, frozen=True):
    """The line a system prints when it accepts connections."""

    system: str
    url: str
    fault: str


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; port 0 takes a free one.

    Raises:
        SandboxAddressError: The host is not loopback, or the port is taken.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        msg = "The sandbox has no access control and listens on loopback only."
        raise SandboxAddressError(msg, detail=host)
    if not 0 <= port <= MAX_PORT:
        msg = f"There is no port {port}."
        raise SandboxAddressError(msg)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=512)
    except OSError as error:
        msg = f"The sandbox cannot listen on port {port}: {error.strerror}."
        raise SandboxAddressError(msg, detail=str(error)) from error


def serve(
    system: str,
    app: ASGIApp,
    listener: socket.socket,
    *,
    announce: Callable[[Ready], None],
    stops_with_stdin: bool = False,
) -> None:
    """Serve until told to stop.

    Args:
        system: Its name, for the ready line.
        app: The system.
        listener: An open socket; it is closed at the end.
        announce: Called once, when connections are accepted.
        stops_with_stdin: Whether the end of standard input means stop.
    """
    url = origin(*listener.getsockname()[:2])
    config = uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = _Server(config, Ready(system, url, f"{url}/_sandbox/fault"), announce)
    if stops_with_stdin:
        server.stop_at_end_of(sys.stdin.fileno())
    server.run(sockets=[listener])


def origin(host: str, port: int) -> str:
    """Write an address as the beginning of a URL."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def print_ready(ready: Ready) -> None:
    """Print the ready line."""
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()


class _Server(uvicorn.Server):
    """A server that announces itself, and for which a signal is an ordinary end."""

    def __init__(
        self, config: uvicorn.Config, ready: Ready, announce: Callable[[Ready], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting, and say so."""
        await super().startup(sockets)
        self._announce(self._ready)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal without passing it on afterwards, so that the exit code is 0."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """End soon, and wait for nobody: a slow answer may have a minute to go."""
        self.should_exit = self.force_exit = True

    def stop_at_end_of(self, descriptor: int) -> None:
        """Stop when nobody holds the other end any more.

        A thread, because an event loop cannot watch every kind of file.
        """

        def watch() -> None:
            while os.read(descriptor, 4096):
                pass
            self.stop()

        threading.Thread(target=watch, daemon=True).start()
