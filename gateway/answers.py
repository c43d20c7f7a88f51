"""What goes back over the wire: a status, a body, and the headers every answer has.

Nothing that leaves the gateway may be stored by anyone between it and the caller,
or be taken for another media type than it says; every answer names its request.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec

from gateway import correlation
from gateway.codes import status_of
from gateway.errors import NO_FACTS, problem
from orderlines.errors import Fact

Scope: TypeAlias = MutableMapping[str, Any]  # ASGI's own shapes
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]
WriteWhole: TypeAlias = Callable[[int, bytes, Sequence[bytes]], bool]
"""Takes status, the lines of its headers (each with its end; one says how long the body is,
and none speaks of the connection), and the pieces of the body; tells whether it wrote them."""
TakeBody: TypeAlias = Callable[[int], bytes | None]
"""Takes how many bytes a body may have; gives it if it is there and no larger, else None."""

CLOSE: Final[Header] = (b"connection", b"close")
RETRY_SOON: Final[Header] = (b"retry-after", b"1")

_PRIVATE: Final[Header] = (b"cache-control", b"private, no-store")
_NOSNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")
_PROBLEM: Final = b"application/problem+json"

_FIRST_LINES: Final = b"%b: %b\r\n%b: %b\r\n" % (*_PRIVATE, *_NOSNIFF) + correlation.HEADER + b": "


class Answer(msgspec.Struct, frozen=True, gc=False):
    """One whole answer.

    Attributes:
        content_type: None where there is no body.
        pieces: Of the body, in order.
        codes: The codes of the failures in it, each once.
        headers: What only this answer has.
    """

    status: int
    content_type: bytes | None
    pieces: tuple[bytes, ...]
    codes: tuple[str, ...] = ()
    headers: tuple[Header, ...] = ()

    @property
    def body(self) -> bytes:
        """The body as one."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """How long the body is, in bytes."""
        return sum(map(len, self.pieces))

    def all_headers(self, correlation_id: str, more: tuple[Header, ...] = ()) -> list[Header]:
        """List every header it is sent with."""
        headers = [
            _PRIVATE,
            _NOSNIFF,
            (correlation.HEADER, correlation_id.encode("ascii")),
            *self.headers,
            *more,
        ]
        if self.content_type is not None:
            headers.append((b"content-type", self.content_type))
            headers.append((b"content-length", b"%d" % self.size))
        return headers


def send_whole(
    whole: WriteWhole, answer: Answer, correlation_id: str, more: tuple[Header, ...] = ()
) -> bool:
    """Send an answer at once, with its own headers and more; tells whether it was sent."""
    headers, pieces = answer.headers + more, answer.pieces
    parts = tuple(chain.from_iterable(headers))
    joined = b"".join(parts)
    # What is said of the connection is the server's to heed, and a header that brings lines
    # of its own is the server's to refuse.
    if answer.content_type is None or CLOSE[0] in parts or b"\n" in joined or b"\r" in joined:
        return False
    lines = b"%b%b\r\n%bcontent-type: %b\r\ncontent-length: %d\r\n" % (
        _FIRST_LINES,
        correlation_id.encode("ascii"),
        b"%b: %b\r\n" * len(headers) % parts,
        answer.content_type,
        sum(map(len, pieces)),
    )
    try:
        return whole(answer.status, lines, pieces)
    except OSError:
        return True  # as below


async def send_answer(
    send: Send, answer: Answer, correlation_id: str, more: tuple[Header, ...] = ()
) -> None:
    """Send it with its own headers and more; a caller who has left is no failure."""
    headers = answer.all_headers(correlation_id, more)
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
    except OSError:
        # ASGI: a server may tell so that the connection is gone.
        return


def problem_answer(
    code: str,
    message: str,
    *,
    correlation_id: str,
    headers: tuple[Header, ...] = (),
    facts: Mapping[str, Fact] = NO_FACTS,
) -> Answer:
    """Answer with a problem document; the code decides the status."""
    body = problem(code, message, correlation_id=correlation_id, facts=facts)
    return Answer(status_of(code), _PROBLEM, (body,), (code,), headers)


def fold_headers(headers: Collection[Header]) -> Mapping[bytes, bytes]:
    """Look headers up by name; one that came twice holds both, as a list."""
    folded = dict(headers)
    if len(folded) != len(headers):
        folded = {}
        for name, value in headers:
            folded[name] = folded[name] + b", " + value if name in folded else value
    return folded
