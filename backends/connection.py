"""One keep-alive connection to one system, with one request in flight at most.

It parses strictly and forgives nothing: after anything odd (bytes nobody asked for,
a header that contradicts another, an end in the middle) it is closed and never used
again. Sizes are capped while bytes arrive, so an endless answer costs no more
memory than the cap.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import httptools

from backends.reasons import Reason
from backends.transport import Response

NO_BODY = frozenset({204, 304})
MAX_INTERIM_ANSWERS = 5


@dataclass(frozen=True, slots=True)
class WireLimits:
    """How much of anything the wire takes or keeps.

    Attributes:
        max_connections: Open at once to one system; more requests wait in line.
        max_idle_s: How long an unused connection may be used again; a server that
            announces less is believed.
        max_head_bytes: Status line and headers of one answer.
        max_headers: Headers of one answer.
        max_body_bytes: Body of one answer.
        connect_timeout_s: How long making a connection may take.
    """

    max_connections: int = 32
    max_idle_s: float = 30.0
    max_head_bytes: int = 32 * 1024
    max_headers: int = 100
    max_body_bytes: int = 16 * 1024 * 1024
    connect_timeout_s: float = 1.0


class BrokenAnswerError(Exception):
    """The answer cannot be used; stays inside the wire.

    Attributes:
        reason: The public word.
        detail: For the log.
        is_untouched: Not one byte of an answer had come.
    """

    def __init__(self, reason: Reason, detail: str, *, is_untouched: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.is_untouched = is_untouched


class Connection(asyncio.Protocol):
    """One connection; `exchange` carries one request after another over it."""

    def __init__(self, limits: WireLimits, on_closed: Callable[["Connection"], None]) -> None:
        self._limits = limits
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._refused: BrokenAnswerError | None = None
        self.is_open = False
        self.requests = 0
        self.bytes_received = 0
        self.idle_since = 0.0
        self.max_idle_s = limits.max_idle_s
        self._begin()

    def _begin(self) -> None:
        """Forget the answer before."""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._framing_bytes = 0
        self._is_untouched = True
        self._interim = 0
        self._in_body = False
        self._until_close = False
        self._keep_alive = False

    async def exchange(self, request: bytes) -> Response:
        """Send a request and wait for the whole answer.

        Cancelling it closes the connection: half an answer is of no use to the next.

        Raises:
            BrokenAnswerError: There is no complete, well-formed answer.
        """
        if self._transport is None or not self.is_open:
            raise BrokenAnswerError(Reason.CUT_OFF, "closed before the request", is_untouched=True)
        self._begin()
        self.requests += 1
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._transport.write(request)
        try:
            return await answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None

    def close(self) -> None:
        """Close at once; what has not been sent is dropped."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # uvloop's transports have the methods and not the class.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop: the other side, or we, closed."""
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            if self._until_close and exc is None:
                self._complete()
            else:
                untouched = self._is_untouched
                self._fail(BrokenAnswerError(Reason.CUT_OFF, repr(exc), is_untouched=untouched))
        self._on_closed(self)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self.bytes_received += len(data)
        self._is_untouched = False
        if self._answer is None or self._answer.done():
            # Nobody asked: an answer too many, or the end of one we gave up.
            self.close()
            return
        self._framing_bytes += len(data)
        if self._framing_bytes > self._limits.max_head_bytes and not self._is_mostly_body(data):
            self._fail(BrokenAnswerError(Reason.TOO_LARGE, "head, or framing, over the cap"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # After a complete answer this only means that the connection is spent.
            self._fail(self._refused or BrokenAnswerError(Reason.MALFORMED, str(error)))

    def _is_mostly_body(self, data: bytes) -> bool:
        """Tell whether a large piece is large because of a body, not of what frames it."""
        before = self._framing_bytes - len(data)
        if before > self._limits.max_head_bytes:
            return False
        if self._in_body:
            return True
        end = data.find(b"\r\n\r\n")
        return end >= 0 and before + end <= self._limits.max_head_bytes

    def on_message_begin(self) -> None:
        """Called by the parser; a second answer to one request spoils the connection."""
        if self._answer is None or self._answer.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header, and for each trailer."""
        if len(self._headers) >= self._limits.max_headers:
            self._refuse(Reason.TOO_LARGE, "too many headers")
        if not self._in_body:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Called by the parser: decide how the body is framed."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # noqa: PLR2004 - the class of interim answers
            return
        self._in_body = True
        if self._parser.get_http_version() not in {"1.0", "1.1"}:
            self._refuse(Reason.MALFORMED, "not HTTP/1")
        self._keep_alive = self._parser.should_keep_alive()
        is_framed = status in NO_BODY
        for name, value in self._headers:
            if name == b"content-length":
                is_framed = True
                if status not in NO_BODY and int(value) > self._limits.max_body_bytes:
                    self._refuse(Reason.TOO_LARGE, "declared body over the cap")
            elif name == b"transfer-encoding":
                is_framed = True
                if value.strip().lower() != b"chunked":
                    self._refuse(Reason.MALFORMED, "transfer encoding other than chunked")
            elif name == b"content-encoding" and value.strip().lower() != b"identity":
                self._refuse(Reason.MALFORMED, "content encoding that was not asked for")
            elif name == b"keep-alive":
                self._believe_keep_alive(value)
        self._until_close = not is_framed

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each piece of the body."""
        self._framing_bytes = 0
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.max_body_bytes:
            self._refuse(Reason.TOO_LARGE, "body over the cap")
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser: an answer, or an interim one, has ended."""
        if self._in_body:
            self._complete()
            return
        self._interim += 1
        self._headers.clear()
        if self._interim > MAX_INTERIM_ANSWERS:
            self._refuse(Reason.MALFORMED, "too many interim answers")

    def _complete(self) -> None:
        if self._answer is None or self._answer.done():
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        if not self._keep_alive or self._until_close:
            self.close()
        self._answer.set_result(
            Response(self._parser.get_status_code(), tuple(self._headers), body)
        )

    def _fail(self, error: BrokenAnswerError) -> None:
        self.close()
        self._body = []
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _refuse(self, reason: Reason, detail: str) -> None:
        """Stop the parser; `data_received` takes it from there."""
        self._refused = BrokenAnswerError(reason, detail)
        raise self._refused

    def _believe_keep_alive(self, value: bytes) -> None:
        """Take `timeout=n` as the server's own bound on idling."""
        for part in value.split(b","):
            name, _, seconds = part.strip().partition(b"=")
            if name.lower() == b"timeout" and seconds.isdigit():
                self.max_idle_s = min(self._limits.max_idle_s, float(seconds))
