"""The lean wire of the hot path: keep-alive HTTP/1.1 to one system.

Only reads go over it, so a request that met a stale idle connection, before one
byte of an answer had come, is sent once more on a fresh one; nothing else is ever
repeated here. One deadline covers waiting in line, connecting, sending and
receiving. Redirects are answers like any other: nothing is followed.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias
from urllib.parse import urlsplit

from backends.connection import BrokenAnswerError, Connection, WireLimits
from backends.reasons import Reason
from backends.transport import BackendUnavailableError, Headers, Request, Response
from orderlines.deadline import Deadline
from orderlines.errors import GatewayError

Connect: TypeAlias = Callable[[Callable[[], Connection]], Awaitable[Connection]]
"""Opens a connection around a protocol; TLS will be another one of these."""

MAX_TARGET_CHARS: Final = 64 * 1024

_TARGET = re.compile(r"/[\x21-\x7e]*")
_METHOD = re.compile(r"[A-Z]+")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_HEADER_VALUE = re.compile(rb"[\t\x20-\x7e]*")
_OWN_HEADERS: Final = frozenset(
    {b"host", b"content-length", b"connection", b"transfer-encoding", b"accept-encoding"}
)


class InvalidOriginError(GatewayError):
    """The address of a system is not one the wire can speak to."""

    code: ClassVar[str] = "CONFIGURATION"


class UnsafeRequestError(GatewayError):
    """A request would have smuggled something past its own framing: a fault of the gateway."""


@dataclass(frozen=True, slots=True)
class WireStats:
    """How a wire stands."""

    open: int
    idle: int
    waiting: int
    requests: int
    bytes_received: int


class Wire:
    """A pool of connections to one origin.

    Args:
        origin: `http://host:port`, nothing more.
        system: Configured name of the system, for errors.
        limits: Caps and bounds.
        connect: Opens connections; by default over plain TCP.

    Raises:
        InvalidOriginError: `origin` is something else.
    """

    def __init__(
        self,
        origin: str,
        *,
        system: str,
        limits: WireLimits | None = None,
        connect: Connect | None = None,
    ) -> None:
        host, port = _host_and_port(origin)
        self._system = system
        self._limits = limits or WireLimits()
        self._connect = connect or _tcp(host, port)
        name = f"[{host}]" if ":" in host else host
        self._head = f"HTTP/1.1\r\nhost: {name}:{port}\r\naccept-encoding: identity\r\n".encode()
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._slots = self._limits.max_connections
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._requests = 0
        self._bytes_before = 0
        self._is_closed = False

    @property
    def stats(self) -> WireStats:
        """How many connections there are and what went over them."""
        return WireStats(
            open=len(self._all),
            idle=len(self._idle),
            waiting=sum(not one.done() for one in self._waiting),
            requests=self._requests,
            bytes_received=self._bytes_before + sum(one.bytes_received for one in self._all),
        )

    async def send(self, request: Request, *, deadline: Deadline) -> Response:
        """Carry one request and wait for the whole answer.

        Raises:
            BackendUnavailableError: No complete, well-formed answer came in time.
            UnsafeRequestError: The request holds what HTTP would take for framing.
        """
        data = self._rendered(request)
        remaining_s = deadline.remaining_s
        if remaining_s <= 0:
            raise self._unavailable(Reason.TIMEOUT, "the deadline had passed before the call")
        try:
            async with asyncio.timeout(remaining_s):
                return await self._exchange(data)
        except TimeoutError as error:
            raise self._unavailable(Reason.TIMEOUT, "deadline") from error
        except BrokenAnswerError as error:
            raise self._unavailable(error.reason, error.detail) from error

    async def aclose(self) -> None:
        """Close every connection; requests in flight and in line fail."""
        self._is_closed = True
        for connection in tuple(self._all):
            connection.close()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(BrokenAnswerError(Reason.CUT_OFF, "the wire was closed"))
        # Sockets are gone once the loop has told the protocols.
        await asyncio.sleep(0)

    async def _exchange(self, data: bytes) -> Response:
        connection = await self._acquire()
        try:
            is_reused = connection.requests > 0
            self._requests += 1
            try:
                return await connection.exchange(data)
            except BrokenAnswerError as error:
                if not (is_reused and error.is_untouched):
                    raise
            # The idle connection had been closed by the other side. That says nothing
            # about the request, and a read may be sent again, in the same slot.
            connection = await self._open()
            self._requests += 1
            return await connection.exchange(data)
        finally:
            self._release(connection)

    async def _acquire(self) -> Connection:
        """Take an idle connection, or make one, or wait in line for one of the two."""
        if self._is_closed:
            raise BrokenAnswerError(Reason.CUT_OFF, "the wire was closed")
        connection = self._take_idle()
        if connection is None and self._slots:
            self._slots -= 1
        elif connection is None:
            connection = await self._wait_in_line()
        if connection is not None:
            return connection
        try:
            return await self._open()
        except BaseException:
            self._hand_over(None)
            raise

    def _take_idle(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and now - connection.idle_since < connection.max_idle_s:
                return connection
            connection.close()
            self._slots += 1
        return None

    async def _wait_in_line(self) -> Connection | None:
        """Wait for a connection, or for the right to make one (None)."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # What was handed over in the moment of giving up goes to the next in line.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._hand_over(waiter.result())
            raise

    async def _open(self) -> Connection:
        """Make a connection in a slot that is already ours."""
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                connection = await self._connect(lambda: Connection(self._limits, self._forget))
        except (TimeoutError, OSError) as error:
            raise BrokenAnswerError(Reason.CONNECT, repr(error)) from error
        self._all.add(connection)
        if self._is_closed:
            connection.close()
        return connection

    def _release(self, connection: Connection) -> None:
        if connection.is_open and not self._is_closed:
            connection.idle_since = asyncio.get_running_loop().time()
            self._hand_over(connection)
        else:
            connection.close()
            self._hand_over(None)

    def _hand_over(self, connection: Connection | None) -> None:
        """Give a connection, or the right to make one, to the first in line, or keep it."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._slots += 1
        else:
            self._idle.append(connection)

    def _forget(self, connection: Connection) -> None:
        """A connection has closed; if it was idle, its slot is free again."""
        self._all.discard(connection)
        self._bytes_before += connection.bytes_received
        if connection in self._idle:
            self._idle.remove(connection)
            self._hand_over(None)

    def _rendered(self, request: Request) -> bytes:
        """Write a request as bytes; anything that could pass for framing is refused."""
        if (
            not _METHOD.fullmatch(request.method)
            or len(request.target) > MAX_TARGET_CHARS
            or not _TARGET.fullmatch(request.target)
        ):
            msg = "A request line would not have been one."
            raise UnsafeRequestError(msg, detail=repr(request.target[:100]))
        head = f"{request.method} {request.target} ".encode("ascii") + self._head
        if request.headers:
            head += _rendered_headers(request.headers)
        if request.body or request.method == "POST":
            head += b"content-length: %d\r\n" % len(request.body)
        return head + b"\r\n" + request.body

    def _unavailable(self, reason: Reason, detail: str) -> BackendUnavailableError:
        return BackendUnavailableError(
            _SENTENCES[reason].format(system=self._system),
            system=self._system,
            reason=reason,
            retriable=True,
            detail=detail,
        )


_SENTENCES: Final = {
    Reason.CONNECT: "No connection to the system `{system}` could be made.",
    Reason.TIMEOUT: "The system `{system}` did not answer in time.",
    Reason.CUT_OFF: "The system `{system}` broke off its answer.",
    Reason.TOO_LARGE: "The system `{system}` answered more than it should.",
    Reason.MALFORMED: "The system `{system}` did not answer in HTTP.",
}


def _rendered_headers(headers: Headers) -> bytes:
    for name, value in headers:
        if (
            not _HEADER_NAME.fullmatch(name)
            or name in _OWN_HEADERS
            or not _HEADER_VALUE.fullmatch(value)
        ):
            msg = "A header would not have been one."
            raise UnsafeRequestError(msg, detail=repr(name[:100]))
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _host_and_port(origin: str) -> tuple[str, int]:
    example = "Write it as `http://host:port`."
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError as error:
        msg = f"This is not the address of a system. {example}"
        raise InvalidOriginError(msg, detail=origin) from error
    if parts.scheme == "https":
        msg = "TLS to systems is not built yet. Put a TLS-terminating proxy on loopback meanwhile."
        raise InvalidOriginError(msg)
    if (
        parts.scheme != "http"
        or not parts.hostname
        or parts.username is not None
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        msg = f"A system's address has a host and a port, and nothing else. {example}"
        raise InvalidOriginError(msg, detail=origin)
    return parts.hostname, port or 80


def _tcp(host: str, port: int) -> Connect:
    async def connect(make: Callable[[], Connection]) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(make, host, port)
        return connection

    return connect
