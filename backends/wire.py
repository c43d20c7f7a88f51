"""The lean wire of the hot path: keep-alive HTTP/1.1 to one system.

One deadline covers waiting in line, connecting, sending and receiving. Redirects
are answers like any other; nothing is followed. Whatever is asked over it may be
asked twice: systems are only read, also by POST. So a request that met a stale idle
connection (the system had closed it, and not one byte of an answer came) is sent
once more, on a fresh connection. Nothing else is ever repeated here.

A request first takes a turn. There are as many turns as connections allowed; whoever
ends passes the turn on, with the connection if it is still good. `send` does both in
one place, so that no way of ending loses a turn.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from backends.answer import Heads, UnansweredError
from backends.connection import Connection
from backends.origin import InvalidOriginError, Origin
from backends.reasons import Reason
from backends.request_bytes import UnsafeRequestError, common_lines, request_bytes
from backends.sent import Sent
from backends.transport import BackendUnavailableError, Request, Response
from backends.wire_limits import WireLimits
from orderlines.deadline import Deadline

__all__ = [
    "Connect",
    "InvalidOriginError",
    "UnsafeRequestError",
    "Wire",
    "WireLimits",
    "WireStats",
]

Connect: TypeAlias = Callable[[Callable[[], asyncio.Protocol], Origin], Awaitable[object]]
"""Opens a stream to an origin and attaches the protocol that the first argument makes.

TLS will be another one of these.
"""

_TEXTS: Final = {
    Reason.TIMEOUT: "The system `{}` did not answer in time.",
    Reason.CONNECT: "The system `{}` cannot be reached.",
    Reason.CUT_OFF: "The connection to the system `{}` ended before its answer did.",
    Reason.TOO_LARGE: "The system `{}` answered with more than the gateway reads.",
    Reason.MALFORMED: "The system `{}` did not answer in well-formed HTTP.",
}
_PASSING: Final = frozenset({Reason.TIMEOUT, Reason.CONNECT, Reason.CUT_OFF})


@dataclass(frozen=True, slots=True)
class WireStats:
    """How a wire stands.

    Attributes:
        open: Connections that exist.
        idle: Those of them that wait for a request.
        in_use: Requests that hold a turn: connecting, sending or receiving.
        waiting: Requests in line for a turn.
        requests_sent: Since the start; a repeated one counts twice.
        bytes_received: Since the start.
    """

    open: int
    idle: int
    in_use: int
    waiting: int
    requests_sent: int
    bytes_received: int


class Wire:
    """A `Transport` over a pool of connections to one origin.

    It belongs to the event loop of its first request.

    Args:
        origin: `http://host:port` and nothing more.
        system: Configured name of the system, for errors.
        limits: Bounds on connections, times and sizes.
        connect: Opens connections; by default over plain TCP. `https` needs one
            that does TLS.

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
        self._origin = Origin.parse(origin)
        if self._origin.is_tls and connect is None:
            msg = "TLS to systems is not built yet; let a proxy on the same host speak it."
            raise InvalidOriginError(msg)
        self._system = system
        self._limits = limits or WireLimits()
        self._connect = connect or _open_tcp
        self._common = common_lines(self._origin.authority)
        self._heads = Heads()
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._in_use = 0
        # Ordered, and cheap to leave in the middle.
        self._line: OrderedDict[asyncio.Future[Connection | None], None] = OrderedDict()
        self._requests_before = self._bytes_before = 0
        self._is_closed = False
        self._emptied = asyncio.Event()

    @property
    def stats(self) -> WireStats:
        """How many connections there are, and what has gone over them."""
        return WireStats(
            open=sum(one.is_open for one in self._connections),
            idle=len(self._idle),
            in_use=self._in_use,
            waiting=len(self._line),
            requests_sent=self._requests_before + sum(one.requests for one in self._connections),
            bytes_received=self._bytes_before
            + sum(one.bytes_received for one in self._connections),
        )

    async def send(self, request: Request, *, deadline: Deadline) -> Response:
        """Carry one request and wait for the whole answer.

        Raises:
            BackendUnavailableError: No complete, well-formed answer came in time.
            UnsafeRequestError: The request holds what could pass for framing.
        """
        data = request_bytes(request, self._common)
        try:
            return await self._carry(data, deadline)
        except UnansweredError as error:
            raise self._unavailable(error) from error

    def send_now(self, request: Request, deadline: Deadline) -> Sent | None:
        """Carry one request if a connection rests; what this gives brings the answer.

        Such a request is on its way when this returns: nothing need run for it, and no
        task is made. It takes its turn, and ends, as `send` says.

        Returns:
            What brings the answer, or fails as `send` does; None if it must be awaited
            there.

        Raises:
            UnsafeRequestError: The request holds what could pass for framing.
        """
        data = request_bytes(request, self._common)
        connection = self._idle_connection()
        if connection is None:
            return None
        self._in_use += 1
        try:
            pending = connection.begin(data, deadline, self._pass_on)
        except UnansweredError:
            self._pass_on(connection)
            return None
        return Sent(self, data, deadline, connection, pending)

    async def aclose(self) -> None:
        """Close every connection; requests in flight and in line fail. Safe to call twice."""
        self._is_closed = True
        for waiter in self._line:
            if not waiter.done():
                waiter.set_exception(_closed())
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:
            # The loop lets go of an aborted socket within its next turns.
            self._emptied.clear()
            await self._emptied.wait()

    async def resend(
        self, error: UnansweredError, connection: Connection, data: bytes, deadline: Deadline
    ) -> Response:
        """Send once more what met a stale connection; anything else has failed.

        Raises:
            BackendUnavailableError: No complete, well-formed answer came in time.
        """
        if error.reason is not Reason.CUT_OFF or not connection.was_stale:
            raise self._unavailable(error) from error
        try:
            return await self._carry(data, deadline, on_fresh=True)
        except UnansweredError as again:
            raise self._unavailable(again) from again

    def _unavailable(self, error: UnansweredError) -> BackendUnavailableError:
        return BackendUnavailableError(
            _TEXTS[error.reason].format(self._system),
            system=self._system,
            reason=error.reason,
            retriable=error.reason in _PASSING,
            detail=error.detail,
        )

    async def _carry(self, data: bytes, deadline: Deadline, *, on_fresh: bool = False) -> Response:
        """Take a turn, use it once (twice after a stale connection), and pass it on.

        Args:
            data: The request.
            deadline: When the answer must be there.
            on_fresh: Whether no connection will do that was used before.
        """
        connection = None if on_fresh else self._idle_connection()
        if connection is None and self._in_use >= self._limits.max_connections:
            connection = await self._wait_in_line(deadline)
        else:
            self._in_use += 1
        try:
            if on_fresh:
                self._make_room(connection)
                connection = None
            if connection is None:
                connection = await self._open(deadline)
            try:
                return await connection.exchange(data, deadline)
            except UnansweredError as error:
                if error.reason is not Reason.CUT_OFF or not connection.was_stale:
                    raise
            connection = await self._open(deadline)
            return await connection.exchange(data, deadline)
        finally:
            self._pass_on(connection)

    def _idle_connection(self) -> Connection | None:
        """Take the idle connection that was used last and is still good."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fit():
                return connection
        return None

    def _make_room(self, used: Connection | None) -> None:
        """Close the connection that came with a turn, or one that would be one too many."""
        if used is None and self._in_use + len(self._idle) > self._limits.max_connections:
            used = self._idle.pop(0)
        if used is not None:
            used.abort()

    async def _wait_in_line(self, deadline: Deadline) -> Connection | None:
        """Wait for a turn, which comes with a connection or with the right to open one."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._line[waiter] = None
        alarm = loop.call_later(deadline.remaining_s, _send_away, waiter)
        try:
            connection = await waiter
        except asyncio.CancelledError:
            # The turn may have come in the same moment as the cancellation.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._pass_on(waiter.result())
            raise
        finally:
            alarm.cancel()
            self._line.pop(waiter, None)
        return connection if connection is not None and connection.is_fit() else None

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a turn to the first in line, or back, with the connection if it is good."""
        if connection is not None and not connection.is_open:
            connection = None
        while self._line:
            waiter, _ = self._line.popitem(last=False)
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._in_use -= 1
        if connection is not None:
            self._idle.append(connection)

    async def _open(self, deadline: Deadline) -> Connection:
        """Open a connection within a turn."""
        if self._is_closed:
            raise _closed()
        remaining_s = deadline.remaining_s
        if remaining_s <= 0:
            raise UnansweredError(Reason.TIMEOUT, "before a connection was opened")
        connection = Connection(self._limits, self._forget, self._heads)
        bound_s = self._limits.connect_timeout_s
        try:
            async with asyncio.timeout(min(remaining_s, bound_s)):
                await self._connect(lambda: connection, self._origin)
        except BaseException as error:
            # It may have been made, and then nobody else would ever close it.
            connection.abort()
            if not isinstance(error, OSError):
                raise
            is_late = isinstance(error, TimeoutError) and remaining_s < bound_s
            reason = Reason.TIMEOUT if is_late else Reason.CONNECT
            raise UnansweredError(reason, repr(error)) from error
        if connection.is_open:
            self._connections.add(connection)
        if self._is_closed:
            connection.abort()
            raise _closed()
        return connection

    def _forget(self, connection: Connection) -> None:
        """A connection is gone; what it counted is kept."""
        self._connections.discard(connection)
        if not self._connections:
            self._emptied.set()
        self._requests_before += connection.requests
        self._bytes_before += connection.bytes_received
        if connection in self._idle:
            self._idle.remove(connection)


def _closed() -> UnansweredError:
    return UnansweredError(Reason.CUT_OFF, "the wire is closed")


def _send_away(waiter: asyncio.Future[Connection | None]) -> None:
    if not waiter.done():
        waiter.set_exception(UnansweredError(Reason.TIMEOUT, "still in line at the deadline"))


async def _open_tcp(protocol: Callable[[], asyncio.Protocol], origin: Origin) -> None:
    """Connect over plain TCP. asyncio and uvloop both turn Nagle's delay off (TCP_NODELAY)."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(protocol, origin.host, origin.port)
