"""uvicorn as this gateway runs it: in this process, on a socket opened beforehand.

The socket comes first, so that a port that is taken is told in a sentence before
anything else is started. Signals end the server and nothing but the server: what
was started around it is stopped afterwards, in order.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final, TypeVar

import uvicorn

from gateway.answers import Receive, Scope, Send
from gateway.connection_guard import ConnectionGuard
from gateway.connection_limits import ConnectionLimits
from gateway.drain import DrainingServer, DrainTimes
from gateway.memory import settle_memory
from gateway.settings import SettingsError, TlsSettings
from orderlines.errors import GatewayError

BACKLOG: Final = 2_048
GRACE_S: Final = 1.0
"""What is left for an answer to be sent, when the time to make it is over."""

DEFAULT_LIMITS: Final = ConnectionLimits()

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


async def serve_until_told(  # noqa: PLR0913 - what a server is told, each by its name
    application: Application,
    listener: socket.socket,
    *,
    deadline_s: float,
    on_ready: Callable[[], None],
    on_stop: Callable[[], None] = lambda: None,
    drain_delay_s: float = 0.0,
    grace_s: float | None = None,
    limits: ConnectionLimits = DEFAULT_LIMITS,
    tls: TlsSettings | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; questions that are being answered are answered first.

    Args:
        application: The gateway.
        listener: From `listen`; it is closed in the end.
        deadline_s: What a question may take.
        on_ready: Called once questions are answered.
        on_stop: Called at the signal: from then on the gateway should call itself unready.
        drain_delay_s: From the signal until nobody is let in any more.
        grace_s: What may still be answered then; a little longer than the deadline if None.
        limits: What a connection may take.
        tls: What the gateway proves itself by; None for no TLS.

    Raises:
        SettingsError: Certificate or key cannot be used.
        StartFailedError: The application did not start; its log says why.
    """
    # Until the application opens its log, uvicorn must not write one of its own.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    guard = ConnectionGuard(limits)
    config = uvicorn.Config(
        application,
        interface="asgi3",  # which it could not tell of an application that is no coroutine
        http=guard.protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
    )
    if tls is not None:
        _check_tls(config, tls)

    def begin() -> None:
        settle_memory(asyncio.get_running_loop())
        on_ready()

    times = DrainTimes(drain_delay_s, deadline_s + GRACE_S if grace_s is None else grace_s)
    try:
        await DrainingServer(config, guard, times, on_ready=begin, on_stop=on_stop).serve(
            sockets=[listener]
        )
    except SystemExit as stopped:
        msg = "The gateway did not start."
        raise StartFailedError(msg) from stopped


def _check_tls(config: uvicorn.Config, tls: TlsSettings) -> None:
    """Load certificate and key now, so that a mistake is told in a sentence."""
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror
        msg = f"The certificate {tls.certificate} or its key cannot be used: {reason}."
        raise SettingsError(msg) from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
