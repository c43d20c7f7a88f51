"""The one narrow seam through which every system is called.

`send(request, deadline) → response`, whole bodies as bytes. A transport may wrap
a transport: observation here, later retry, breaker and bulkhead, are the same
small shape, and so is a test double. What the answer *means* is decided by the
adapter; this seam knows only whether an answer came.
"""

from collections.abc import Generator
from typing import Any, ClassVar, Final, Protocol, TypeAlias, runtime_checkable

import msgspec

from orderlines.deadline import Deadline
from orderlines.errors import GatewayError

OK: Final = 200
"""As a number: to ask the standard library's enum for it is a function of Python."""

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request, without a host: a transport belongs to one origin.

    Attributes:
        method: `GET` or `POST`.
        target: Path and query as they go on the wire, percent-encoded ASCII,
            starting with a slash.
        headers: Lower-case names. `Host`, `Content-Length` and `Connection`
            belong to the wire and are refused here.
        body: Sent with `Content-Length`; empty for none.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A complete answer; header names in lower case, body decoded and whole."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        # What a system sent is in no log.
        return f"Response(status={self.status})"

    def header(self, name: bytes) -> bytes | None:
        """Look up the first header of this lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


class Transport(Protocol):
    """Something that can carry a request to one system."""

    async def send(self, request: Request, *, deadline: Deadline) -> Response:
        """Carry one request and wait for the whole answer.

        Raises:
            BackendUnavailableError: No complete, well-formed answer came in time.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        ...


class Sending(Protocol):
    """A request that is on its way: awaiting it brings the answer."""

    def __await__(self) -> Generator[Any, None, Response]:
        """Wait for the whole answer, or fail as `Transport.send` does."""
        ...

    def cancel(self) -> None:
        """Wait for nothing. Whoever does not await must say so."""
        ...


@runtime_checkable
class SendsNow(Transport, Protocol):
    """A transport that can do without a task where nothing stands in the way."""

    def send_now(self, request: Request, deadline: Deadline) -> Sending | None:
        """Begin to carry one request; None where that must be awaited as `send`."""
        ...


class BackendError(GatewayError):
    """A system behind the gateway did not give what was asked of it.

    `reason` is one of a closed set of words (docs/error-codes.md) and public;
    what the system sent is not.
    """

    code: ClassVar[str] = "BACKEND_ERROR"

    def __init__(
        self, message: str, *, system: str, reason: str, retriable: bool, detail: str = ""
    ) -> None:
        super().__init__(message, detail=detail, system=system, reason=reason, retriable=retriable)
        self.system = system
        self.reason = reason
        self.retriable = retriable


class BackendUnavailableError(BackendError):
    """No usable answer came: unreachable, too slow, refusing, or cut off."""

    code: ClassVar[str] = "BACKEND_UNAVAILABLE"


class BackendInvalidAnswerError(BackendError):
    """An answer came whole, and is not what the system's contract says."""

    code: ClassVar[str] = "BACKEND_INVALID_ANSWER"
