"""A connection that strangers hold, as it is read: how long, how much, how plainly.

uvicorn speaks HTTP; here stands what it leaves to others. A request must be there
in time, its head within bounds and about one host; how a connection ends is told in
`ending_connection`. What is refused is told in one answer and one line of the log, and ends the
connection. Answers keep the order of the questions, refusals too.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from gateway.answers import RETRY_SOON, Header, TakeBody, WriteWhole
from gateway.ending_connection import EndingProtocol
from gateway.last_words import last_words
from gateway.request_head import (
    HeadRefusedError,
    RequestHead,
    check_head,
    head_too_large,
    url_too_long,
)
from gateway.whole_answer import BODY, WHOLE, take_body

if TYPE_CHECKING:
    from gateway.connection_guard import ConnectionGuard

MAX_TURNED_AWAY: Final = 256
"""Connections beyond the bound that are told so at the same time; more are just cut."""

# Between two requests, in a head, in a body: where the reading of a connection stands.
_REST, _HEAD, _BODY = range(3)

_SLASH: Final = ord("/")
_SPECIAL: Final = frozenset((b"host", b"expect", b"transfer-encoding"))


class GuardedProtocol(EndingProtocol):
    """One connection.

    Args:
        guard: Watches over it.
    """

    def __init__(
        self,
        guard: "ConnectionGuard",
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(guard, config, server_state, app_state, _loop)
        self.access_log = False  # it would hold whole URLs, and callers put keys in URLs
        self._reading = _REST
        self._running: RequestResponseCycle | None = None
        self._whole: WriteWhole = self._write_whole
        self._take: TakeBody = self._take_body
        self._last_words = b""
        # Of the head that is being read: what has come of it, at most; its Host.
        self._head_bytes = 0
        self._host: bytes | None = None
        self._is_special = False
        self._known_host: object = self  # nothing that a header could hold
        self._done: object = None  # the scope of the last request that came as a whole
        # Of the body that is being read.
        self._body_began = 0.0
        self._body_bytes = 0
        self._body_seen = 0
        self._between_bytes = 0
        self._rests_since = 0.0  # since when nothing is asked or answered

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is being asked or answered."""
        return self._reading == _REST and (self._running is None or self._running.response_complete)

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch it, unless there are too many already."""
        super().connection_made(transport)
        if len(self.connections) <= self._limits.max_connections:
            self._rests_since = self.loop.time()
            self._guard.heads.start(self, self.loop)
            self._guard.rounds.start(self, self.loop)
        elif len(self._guard.parting) < MAX_TURNED_AWAY:
            self._refuse("NOT_READY", "Too many connections are open.", RETRY_SOON)
        else:
            self._is_deaf = True
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on, and begin to watch whatever is not there as a whole."""
        if self._is_deaf:
            return
        before = self._reading
        if before == _HEAD:
            self._head_bytes += len(data)
        else:
            # The whole of a head that begins in here is not larger than this.
            self._head_bytes = len(data)
            if before == _REST:
                self._reading = _HEAD
                if self._running is None:
                    self._guard.heads.stop(self)
            else:
                self._body_bytes += len(data)
                self._between_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            refused = error.__context__
            if not isinstance(refused, HeadRefusedError):
                refused = HeadRefusedError("MALFORMED_REQUEST", "This is not HTTP as it should be.")
            self._refuse(refused.code, refused.message)
            return
        except httptools.HttpParserUpgrade:
            self._on_upgrade()
            return
        if before == _HEAD != self._reading:
            self._guard.heads.stop(self)
        if self._reading != _REST or self.scope is not self._done:
            self._on_part()

    def eof_received(self) -> None:
        """Let the transport close: nobody reads on the other side."""

    def close_after_answer(self) -> None:
        """Close the connection; a body that nobody waits for may still be coming."""
        if self._reading == _BODY and self._running is self.cycle:
            self._part(b"")
        else:
            self.transport.close()

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header of the head; what comes after a body is none of it."""
        if self._reading == _BODY:
            return
        name = name.lower()
        if name in _SPECIAL:
            if name == b"host":
                self._host = value if self._host is None else b""
            elif name == b"expect":
                self.expect_100_continue = value.lower() == b"100-continue"
            else:
                self._is_special = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Look the head through, and have it answered."""
        limits = self._limits
        # A host that was looked at is not looked at again, nor is the size of a head
        # whose bytes, with all that came along with them, are few enough.
        if (
            self._host != self._known_host
            or self._head_bytes > limits.max_head_bytes
            or len(self.headers) > limits.max_headers
            or len(self.url) > limits.max_url_bytes
            or self._is_special
            or self.url[0] != _SLASH
        ):
            self._check_head()
        super().on_headers_complete()
        self._reading = _BODY
        if not self.pipeline:
            self._running = self.cycle
        if self._guard.is_draining:
            self.cycle.keep_alive = False
        self.scope[WHOLE] = self._whole  # type: ignore[typeddict-unknown-key] # of our own
        self.scope[BODY] = self._take  # type: ignore[typeddict-unknown-key]

    # The two that follow do what uvicorn does, too: to ask it costs a call of each request.

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._between_bytes = 0
        cycle = self.cycle
        if cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Take the end of the request, and be ready for the next."""
        cycle = self.cycle
        if not (
            cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade())
        ):
            cycle.more_body = False
            cycle.message_event.set()
        self._reading = _REST
        self._done = self.scope
        self._host = None
        if self._body_bytes:
            self._guard.bodies.stop(self)
            self._body_bytes = self._between_bytes = 0

    # What the answer tells.

    def on_response_complete(self) -> None:
        """Go on with the next question, with a refusal that waits, or rest."""
        self.server_state.total_requests += 1
        if self._is_deaf or self.transport.is_closing():
            self._on_last_response()
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._answer_next()
        else:
            self._rests_since = self.loop.time()

    # What the application may ask for, of the request that is being answered.

    def _take_body(self, max_bytes: int) -> bytes | None:
        running = self._running
        return None if running is None else take_body(running, max_bytes)

    def _write_whole(self, status: int, lines: bytes, pieces: Sequence[bytes]) -> bool:
        running = self._running
        return running is not None and self._guard.whole.write(running, status, lines, pieces)

    def _on_last_response(self) -> None:
        if self.transport.is_closing():
            self._on_closing()
        elif self in self._guard.parting:
            pass
        elif self.pipeline:
            self._answer_next()
        else:
            self._part(self._last_words)

    def _answer_next(self) -> None:
        self._running, app = self.pipeline.pop()
        self._start_asgi_task(self._running, app)

    # What the time tells; each is called by the `Waiting` of the guard.

    def on_late_head(self) -> None:
        """End a request that does not begin, or does not come to its body."""
        if self.flow.read_paused:
            self._guard.heads.start(self, self.loop)
        elif self._reading == _HEAD:
            self._refuse("REQUEST_TIMEOUT", "The headers did not arrive in time.")
        else:
            self._close()

    def on_body_due(self) -> None:
        """End a request whose body comes too slowly, or too long."""
        limits = self._limits
        new_bytes = self._body_bytes - self._body_seen
        is_late = self.loop.time() - self._body_began >= limits.body_s
        if not self.flow.read_paused and (
            is_late or new_bytes < limits.min_body_bytes_per_s * limits.body_look_s
        ):
            self._refuse("REQUEST_TIMEOUT", "The body did not arrive in time.")
            return
        self._body_seen = self._body_bytes
        self._guard.bodies.start(self, self.loop)

    def on_round(self) -> None:
        """Close a connection that is not used, or whose last answer is not taken."""
        rests_s = self.loop.time() - self._rests_since
        if not self.is_at_rest or self in self._guard.unread:
            self._guard.rounds.start(self, self.loop)
        elif self.transport.get_write_buffer_size() and rests_s >= self._limits.unread_s:
            self.give_up("the answer was not taken")
        elif rests_s >= self._limits.rest_s:
            self._close()
        else:
            self._guard.rounds.start(self, self.loop)

    # What the server tells when it stops.

    def drain(self) -> None:
        """Let the answer that is being made be the last one."""
        # The newest: those before it on the same connection are still to be answered.
        if self._running is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection once nothing is asked on it."""
        if self.is_at_rest:
            self._close()
        else:
            self.drain()

    def end(self) -> None:
        """Close it now; who still waits for an answer is told to try again."""
        running = self._running
        is_answered = running is None or running.response_complete
        if self.is_at_rest or self._is_deaf or (is_answered and self._reading == _BODY):
            self._close()
        elif running is not None and running.response_started and not is_answered:
            self.transport.abort()
        else:
            self.pipeline.clear()
            sent = self._new_headers()
            if running is not None and not is_answered:
                sent = [*running.scope["headers"]]
                self._leave(running)
            self._is_deaf = True
            common = self.server_state.default_headers
            stopping = "The gateway is stopping."
            self._part(last_words("NOT_READY", stopping, RETRY_SOON, sent=sent, common=common))

    # How it ends.

    def _check_head(self) -> None:
        limits = self._limits
        head = RequestHead(
            self.parser.get_http_version(),
            self.parser.get_method(),
            self.url,
            self.headers,
            self._host,
        )
        check_head(
            head,
            max_headers=limits.max_headers,
            max_bytes=limits.max_head_bytes,
            max_url_bytes=limits.max_url_bytes,
        )
        self._known_host = self._host
        self._is_special = False

    def _on_part(self) -> None:
        """Look at a request of which more is to come."""
        if self._reading == _BODY:
            self._on_part_of_body()
            return
        if self._reading == _REST:
            # It came along with the end of the last one. What the parser keeps of a field
            # that is not whole is counted in the end.
            self._reading = _HEAD
            self._is_special = True
            self._head_bytes = len(self.url) + sum(len(n) + len(v) for n, v in self.headers)
        if self._head_bytes > self._limits.max_head_bytes:
            headers = self._new_headers()
            is_url = not headers and 2 * len(self.url) > self._head_bytes
            refused = url_too_long() if is_url else head_too_large()
            self._refuse(refused.code, refused.message)
        else:
            self._guard.heads.start(self, self.loop)

    def _on_part_of_body(self) -> None:
        if self not in self._guard.bodies:
            self._body_began = self.loop.time()
            self._body_seen = 0
            self.cycle.transport = cast("asyncio.Transport", _EarlyAnswer(self))
            self._guard.bodies.start(self, self.loop)
        if self._between_bytes > self._limits.max_head_bytes:
            # Chunks that hold nothing, or fields behind the last one, without end.
            self._refuse("HEADER_TOO_LARGE", "The body is more framing than content.")
        elif self._body_bytes > self._limits.max_unread_bytes and self.cycle.response_complete:
            self._refuse("BODY_TOO_LARGE", "The body is larger than this gateway reads.")

    def _on_upgrade(self) -> None:
        if self._should_upgrade():
            self._guard.forget(self)
            self.handle_websocket_upgrade()
            return
        # The parser does not look at what follows, so nothing may.
        self._is_deaf = True
        self._guard.forget(self)
        if self.cycle.response_complete:
            self._close()
        else:
            self.cycle.keep_alive = False

    def _refuse(self, code: str, message: str, *headers: Header) -> None:
        """Refuse the request that is being read, when its turn comes, and read no more."""
        self._is_deaf = True
        self._guard.heads.stop(self)
        self._guard.bodies.stop(self)
        words = last_words(
            code,
            message,
            *headers,
            sent=self._new_headers(),
            common=self.server_state.default_headers,
        )
        running = self._running
        if running is None or (running.response_complete and self._reading != _BODY):
            self._part(words)
        elif self._reading != _BODY:
            self._last_words = words
        elif running is not self.cycle:
            self.pipeline.popleft()
            self._last_words = words
        elif running.response_complete:
            self._part(b"")
        elif running.response_started:
            running.keep_alive = False
        else:
            self._leave(running)
            self._part(words)

    def _new_headers(self) -> Collection[Header]:
        """List the headers of the request that is being read."""
        return self.headers if self.scope is not self._done else []

    def _leave(self, running: RequestResponseCycle) -> None:
        """Tell the application that nobody waits for its answer."""
        running.disconnected = True
        running.message_event.set()


class _EarlyAnswer:
    """The transport, for an answer that may be out before its question is in."""

    def __init__(self, connection: GuardedProtocol) -> None:
        self.write = connection.transport.write
        self.writelines = connection.transport.writelines
        self.is_closing = connection.transport.is_closing
        self.close = connection.close_after_answer
