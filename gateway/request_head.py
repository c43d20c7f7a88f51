"""What a request line and its headers must be, before anybody is asked to answer them.

The parser has refused what is not HTTP. Here stands what it leaves open: how much
there may be of it, and that it names one host, and the same one everywhere.

Definitions: RFC 9112, 3.2 and 6.1; RFC 6585, 5.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.answers import Header

# A name or an address, and perhaps a port. What else RFC 3986 allows names no host
# that exists, and has been used to make two readers see two hosts.
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ABSOLUTE: Final = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]+)[/?]")
_VERSIONS: Final = frozenset(("1.0", "1.1"))
_FRAMING_BYTES: Final = len(b"  HTTP/1.1\r\n\r\n")
_FIELD_BYTES: Final = len(b": \r\n")


class HeadRefusedError(Exception):
    """A request that is refused by its head.

    Attributes:
        code: As in `gateway.codes`.
        message: One sentence for the caller.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class RequestHead:
    """What a request says before its body.

    Attributes:
        host: The one Host header; empty where there were more, None where none was.
    """

    version: str
    method: bytes
    url: bytes
    headers: Sequence[Header]
    host: bytes | None


def check_head(head: RequestHead, *, max_headers: int, max_bytes: int, max_url_bytes: int) -> None:
    """Refuse a head that is too large, or whose meaning two readers could see differently.

    Raises:
        HeadRefusedError: Says which of it.
    """
    if len(head.url) > max_url_bytes:
        raise url_too_long()
    if len(head.headers) > max_headers or _size(head) > max_bytes:
        raise head_too_large()
    fault = _framing_fault(head) or _host_fault(head)
    if fault is not None:
        raise HeadRefusedError("MALFORMED_REQUEST", fault)  # noqa: EM101 - a code, not a message


def url_too_long() -> HeadRefusedError:
    """Refuse a URL."""
    return HeadRefusedError("URL_TOO_LONG", "The URL is too long. Send the question as a POST.")


def head_too_large() -> HeadRefusedError:
    """Refuse the headers."""
    return HeadRefusedError("HEADER_TOO_LARGE", "The headers are too many, or too large.")


def _framing_fault(head: RequestHead) -> str | None:
    if head.version not in _VERSIONS:
        return "This server speaks HTTP/1.1."
    codings = [value.lower() for name, value in head.headers if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or head.version == "1.0"):
        return "The only transfer coding read here is chunked, of HTTP/1.1."
    return None


def _host_fault(head: RequestHead) -> str | None:
    if head.host is None and head.version == "1.1":
        return "A request needs a Host header."
    if head.host is not None and not _HOST.fullmatch(head.host):
        return "A request needs one Host header, with a host and perhaps a port."
    if head.url.startswith(b"/"):
        return None
    absolute = _ABSOLUTE.match(head.url)
    if absolute is None:
        return "The request line does not name a path."
    if head.host is not None and absolute[1].lower() != head.host.lower():
        return "The request line and the Host header name two hosts."
    return None


def _size(head: RequestHead) -> int:
    fields = sum(len(name) + len(value) + _FIELD_BYTES for name, value in head.headers)
    return len(head.method) + len(head.url) + _FRAMING_BYTES + fields
