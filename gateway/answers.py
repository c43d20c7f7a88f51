"""What goes back over the wire: a status, a body, and the headers every answer has.

Nothing that leaves the gateway may be stored by anyone between it and the caller,
or be taken for another media type than it says; every answer names its request.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from gateway import correlation
from gateway.codes import status_of
from gateway.errors import NO_FACTS, problem
from orderlines.errors import Fact

Scope: TypeAlias = MutableMapping[str, Any]  # ASGI's own shapes
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]
WriteWhole: TypeAlias = Callable[[int, Sequence[Header], Sequence[bytes]], bool]
"""Takes status, headers (one says how long the body is) and the pieces of the body; tells
whether it wrote them."""

CLOSE: Final[Header] = (b"connection", b"close")
RETRY_SOON: Final[Header] = (b"retry-after", b"1")

_PRIVATE: Final[Header] = (b"cache-control", b"private, no-store")
_NOSNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")
_PROBLEM: Final = b"application/problem+json"


class Answer(NamedTuple):
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

    def with_headers(self, headers: tuple[Header, ...]) -> "Answer":
        """Give it with more headers."""
        status, content_type, pieces, codes, own = self
        return Answer(status, content_type, pieces, codes, (*own, *headers))

    @property
    def body(self) -> bytes:
        """The body as one."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """How long the body is, in bytes."""
        return sum(map(len, self.pieces))

    def all_headers(self, correlation_id: str) -> list[Header]:
        """List every header it is sent with."""
        headers = [
            _PRIVATE,
            _NOSNIFF,
            (correlation.HEADER, correlation_id.encode("ascii")),
            *self.headers,
        ]
        if self.content_type is not None:
            headers.append((b"content-type", self.content_type))
            headers.append((b"content-length", b"%d" % self.size))
        return headers


async def send_answer(
    send: Send, answer: Answer, correlation_id: str, whole: WriteWhole | None = None
) -> None:
    """Send it, as a whole where the server can; a caller who has left is no failure."""
    status, headers = answer.status, answer.all_headers(correlation_id)
    try:
        if (
            whole is not None
            and answer.content_type is not None
            and whole(status, headers, answer.pieces)
        ):
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
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
