"""A request as bytes, with nothing in it that could pass for framing.

A line break, a blank or a control character inside a target or a header would let
whoever chose an order number write headers of their own, or a second request. Such
a request is refused before a byte is sent; it is never repaired. Percent-encoding
is the caller's job.
"""

import re
from functools import lru_cache
from typing import Final

from backends.transport import Headers, Request
from orderlines.errors import GatewayError

MAX_TARGET_CHARS: Final = 65_535

# What the wire may send twice (see there): reads, which POSTs are here too, and PUT, which
# means the same the second time. HEAD is not among them: its answers end differently.
_METHODS: Final = {"GET": b"GET ", "POST": b"POST ", "PUT": b"PUT "}
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e]*")
_OF_THE_WIRE: Final = frozenset(
    {
        b"accept-encoding",
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


class UnsafeRequestError(GatewayError):
    """A request would not have been one request: a fault of the gateway, not of a system."""


def common_lines(authority: str) -> bytes:
    """Write what every request to one origin says after its target."""
    return f" HTTP/1.1\r\nhost: {authority}\r\naccept-encoding: identity\r\n".encode("ascii")


def request_bytes(request: Request, common: bytes) -> bytes:
    """Write a request.

    Args:
        request: What to ask.
        common: `common_lines` of the origin.

    Raises:
        UnsafeRequestError: Method, target or a header is not what it must be.
    """
    target, body = request.target, request.body
    method = _METHODS.get(request.method)
    if method is None:
        msg = "A request is a GET, a POST or a PUT."
        raise UnsafeRequestError(msg, detail=repr(request.method[:20]))
    if (
        not target.startswith("/")
        or len(target) > MAX_TARGET_CHARS
        # Together: visible ASCII. Four quick passes in C beat one pattern.
        or not target.isascii()
        or not target.isprintable()
        or " " in target
        or "#" in target
    ):
        msg = "The target of a request is a percent-encoded path and query."
        raise UnsafeRequestError(msg, detail=repr(target[:200]))
    lines = _header_lines(request.headers) if request.headers else b""
    if body or request.method != "GET":
        lines += b"content-length: %d\r\n" % len(body)
    return b"".join((method, target.encode("ascii"), common, lines, b"\r\n", body))


# An adapter sends the same headers with every question; they are checked once. Few are
# kept, so that an old credential does not live on here.
@lru_cache(maxsize=64)
def _header_lines(headers: Headers) -> bytes:
    for name, value in headers:
        if not _NAME.fullmatch(name) or name in _OF_THE_WIRE:
            msg = "A header name is a lower-case word that the wire does not write itself."
            raise UnsafeRequestError(msg, detail=repr(name[:200]))
        if not _VALUE.fullmatch(value):
            msg = "A header value is one line of ASCII text."
            # The value may be a credential: only the name goes to the log.
            raise UnsafeRequestError(msg, detail=repr(name))
    return b"".join([b"%b: %b\r\n" % header for header in headers])
