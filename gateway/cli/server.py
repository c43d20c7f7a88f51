"""uvicorn as this gateway runs it: in this process, on a socket opened beforehand.

The socket comes first, so that a port that is taken is told in a sentence before
anything else is started. Signals end the server and nothing but the server: what
was started around it is stopped afterwards, in order.
"""

import asyncio
import gc
import logging
import math
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

import uvicorn

from gateway.answers import Receive, Scope, Send
from orderlines.errors import GatewayError

KEEP_ALIVE_S: Final = 75
BACKLOG: Final = 2_048
GC_OBJECTS: Final = 50_000
"""New objects between two looks of the garbage collector; some pages' worth."""

T = TypeVar("T")
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


class AddressInUseError(GatewayError):
    """The address to listen on cannot be had."""

    code: ClassVar[str] = "ADDRESS_IN_USE"


class StartFailedError(GatewayError):
    """The application did not start."""

    code: ClassVar[str] = "START_FAILED"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop the gateway is made for."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on; port 0 takes a free one.

    Raises:
        AddressInUseError: Somebody else listens there, or may, or the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        msg = f"Port {port} of {host} cannot be listened on: {error.strerror}. Choose another."
        raise AddressInUseError(msg) from error
    return listener


async def serve_until_told(
    application: Application,
    listener: socket.socket,
    *,
    deadline_s: float,
    on_ready: Callable[[], None],
) -> None:
    """Serve until SIGINT or SIGTERM; questions that are being answered are answered first.

    Args:
        application: The gateway.
        listener: From `listen`; it is closed in the end.
        deadline_s: What a question may take; the grace is a little longer.
        on_ready: Called once questions are answered.

    Raises:
        StartFailedError: The application did not start; its log says why.
    """
    # Until the application opens its log, uvicorn must not write one of its own.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(deadline_s) + 1,
    )
    try:
        await _Server(config, on_ready).serve(sockets=[listener])
    except SystemExit as stopped:
        msg = "The gateway did not start."
        raise StartFailedError(msg) from stopped


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _settle_memory() -> None:
    """Let the garbage collector forget what lives as long as the process.

    An answer makes thousands of objects that are gone when it is sent, and next to no
    cycles. With Python's defaults a quarter of the time would go into looking through
    them, and through everything that was loaded at the start.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, *gc.get_threshold()[1:])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _settle_memory()
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take a signal as a wish to stop, and do not send it to the process again."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)
