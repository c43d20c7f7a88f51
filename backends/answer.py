"""Bytes of one connection become answers, one after another; anything odd ends it.

httptools (llhttp, no leniency) reads the grammar. It refuses two lengths, a length
beside chunks, folded lines and line ends without a carriage return by itself. What
it lets pass and HTTP/1.1 does not is refused here: other versions and protocols,
status codes that do not exist, transfer codings other than `chunked`, switching
protocols. Sizes are held while bytes arrive, so an endless answer costs no more
memory than the cap.

A system says the same before every answer, but for their lengths and the second. So a
head that was read, and was followed by all of its body in the same piece, is remembered
byte for byte: where it comes again in the same way, it means what it meant then.
"""

import re
from io import BytesIO
from typing import Final, NamedTuple

import httptools

from backends.reasons import Reason
from backends.transport import Headers, Response
from backends.wire_limits import WireLimits

MAX_INTERIM_ANSWERS: Final = 8
MAX_HEADS: Final = 256
MAX_KNOWN_BYTES: Final = 1_024
"""Of a head that is remembered."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_FIRST_BYTE: Final = ord("H")
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_WITHOUT_BODY: Final = frozenset({204, 304})
_WATCHED: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"content-encoding", b"keep-alive"}
)
_TIMEOUT: Final = re.compile(rb"(?:^|[\s,;])timeout\s*=\s*([0-9]{1,6})", re.IGNORECASE)


class UnansweredError(Exception):
    """There is no whole, well-formed answer. Stays inside the wire, which names the system."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Head(NamedTuple):
    """What a head was found to say, of an answer that allows the next."""

    status: int
    headers: Headers
    body_bytes: int
    idle_s: float | None


class Heads(dict[bytes, _Head]):
    """Heads of one system that were read under the same limits; anew once there are too many."""

    def remember(self, head: bytes, told: _Head) -> None:
        """Keep what a head says."""
        if len(self) >= MAX_HEADS:
            self.clear()
        self[head] = told


class AnswerReader:
    """Reads the answers of one connection.

    Args:
        limits: Bounds of answers.
        heads: Those that were read before, on this connection or another to the system.

    Attributes:
        may_reuse: Whether the connection may carry another request after the answer
            that was taken last.
        idle_s: How long the server keeps an idle connection, if it said so.
    """

    __slots__ = (
        "_body",
        "_has_begun",
        "_has_head",
        "_headers",
        "_heads",
        "_interim",
        "_is_complete",
        "_limits",
        "_more",
        "_parser",
        "_since_body",
        "_status",
        "_until_end",
        "idle_s",
        "may_reuse",
    )

    def __init__(self, limits: WireLimits, heads: Heads | None = None) -> None:
        self._limits = limits
        self._heads = Heads() if heads is None else heads
        self._parser = httptools.HttpResponseParser(self)
        self.may_reuse = True
        self.idle_s: float | None = None
        self._reset()

    def _reset(self) -> None:
        self._has_begun = self._has_head = self._is_complete = self._until_end = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._status = self._interim = self._since_body = 0
        # The common answer has one piece, which is not copied.
        self._body = b""
        self._more: BytesIO | None = None

    def feed(self, data: bytes) -> Response | None:
        """Read what has arrived.

        Returns:
            The answer, if it is complete; what comes then is the next.

        Raises:
            UnansweredError: This is no answer, or one that is too large.
        """
        if self._has_begun:
            return self._read(data)
        body_at = data.find(_END_OF_HEAD, 0, MAX_KNOWN_BYTES) + len(_END_OF_HEAD)
        head = data[:body_at]
        known = self._heads.get(head)
        if known is not None:
            status, headers, body_bytes, idle_s = known
            if len(data) - body_at == body_bytes:
                self.may_reuse = True
                if idle_s is not None:
                    self.idle_s = idle_s
                return Response(status, headers, data[body_at:])
        if data[0] != _FIRST_BYTE:
            raise UnansweredError(Reason.MALFORMED, "does not begin like HTTP")
        self._has_begun = True
        answer = self._read(data)
        if answer is not None and self.may_reuse and len(data) - body_at == len(answer.body):
            says_idle = any(name == b"keep-alive" for name, _ in answer.headers)
            idle_s = self.idle_s if says_idle else None
            told = _Head(answer.status, answer.headers, len(answer.body), idle_s)
            self._heads.remember(head, told)
        return answer

    def _read(self, data: bytes) -> Response | None:
        """Have what has arrived read by the parser."""
        self._since_body += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._is_complete:
                # The answer stands. What follows it was not asked for.
                self.may_reuse = False
                return self._take()
            if isinstance(error.__context__, UnansweredError):
                raise error.__context__ from None
            raise UnansweredError(Reason.MALFORMED, str(error)) from error
        if self._since_body > self._limits.max_head_bytes and not self._is_complete:
            raise UnansweredError(Reason.TOO_LARGE, "head, chunk extension or trailers")
        return self._take() if self._is_complete else None

    def end(self) -> Response | None:
        """Read the end of the stream; give the answer, if that completes it."""
        return self._take() if self._has_head and self._until_end else None

    def _take(self) -> Response:
        """Give the complete answer, and be ready for the next."""
        body = self._body if self._more is None else self._more.getvalue()
        answer = Response(self._status, tuple(self._headers), body)
        self._reset()
        return answer

    # Called by the parser. What is raised here comes out of `feed_data` as the context of
    # an error of the parser's own.

    def on_message_begin(self) -> None:
        """Stop at a second answer to one request."""
        if self._is_complete:
            raise UnansweredError(Reason.MALFORMED, "an answer that was not asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is dropped."""
        if self._has_head:
            return
        headers = self._headers
        if len(headers) == self._limits.max_header_count:
            raise UnansweredError(Reason.TOO_LARGE, "too many headers")
        headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        """Decide how the body is framed, and refuse what cannot be right."""
        parser = self._parser
        status = parser.get_status_code()
        if not 200 <= status < 600:  # noqa: PLR2004 - the range RFC 9110 15 gives final answers
            if status == 101 or not 100 <= status < 200:  # noqa: PLR2004 - interim ones
                raise UnansweredError(Reason.MALFORMED, f"status {status}")
            return
        if parser.get_http_version() not in _VERSIONS:
            raise UnansweredError(Reason.MALFORMED, "not HTTP/1")
        self._status = status
        self._has_head = True
        if self._since_body > self._limits.max_head_bytes:
            self._check_head_bytes()
        is_framed = status in _WITHOUT_BODY
        self.may_reuse = parser.should_keep_alive() and not self._interim
        for name, value in self._headers:
            if name in _WATCHED:
                is_framed = self._heed(name, value.lower()) or is_framed
        self._until_end = not is_framed

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self._since_body = 0
        if not self._body:
            size = len(piece)
            self._body = piece
        else:
            if self._more is None:
                self._more = BytesIO()
                self._more.write(self._body)
            self._more.write(piece)
            size = self._more.tell()
        if size > self._limits.max_body_bytes:
            raise UnansweredError(Reason.TOO_LARGE, "body")

    def on_message_complete(self) -> None:
        """Note the end of an answer; an interim one is forgotten."""
        if self._has_head:
            self._is_complete = True
            return
        self._headers.clear()
        self._interim += 1
        if self._interim > MAX_INTERIM_ANSWERS:
            raise UnansweredError(Reason.MALFORMED, "too many interim answers")

    def _heed(self, name: bytes, value: bytes) -> bool:
        """Obey a header that matters here; tell whether it frames the body."""
        if name == b"content-length":
            if self._status not in _WITHOUT_BODY and int(value) > self._limits.max_body_bytes:
                raise UnansweredError(Reason.TOO_LARGE, "declared body")
            return True
        if name == b"transfer-encoding":
            names = [key for key, _ in self._headers if key == name]
            if value != b"chunked" or len(names) > 1 or self._parser.get_http_version() == "1.0":
                raise UnansweredError(Reason.MALFORMED, "transfer coding")
            return True
        if name == b"content-encoding":
            # The place where gzip would be taken, and undone in `take` under the same cap.
            if value != b"identity":
                raise UnansweredError(Reason.MALFORMED, "a content coding not asked for")
        elif found := _TIMEOUT.search(value):
            self.idle_s = float(found[1])
        return False

    def _check_head_bytes(self) -> None:
        """Measure the head, where it came in one piece with so much that it might be too large."""
        size = sum(len(name) + len(value) + 4 for name, value in self._headers)
        if size > self._limits.max_head_bytes:
            raise UnansweredError(Reason.TOO_LARGE, "head")
