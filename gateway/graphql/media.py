"""Which media type an answer is written in, and what that does to its status.

`application/graphql-response+json` says by itself that a GraphQL server answered,
so a refused document may be a 400. `application/json` may come from any proxy, so
there a GraphQL answer is a 200 whatever it says.

Definitions: GraphQL over HTTP, "Response"; RFC 9110, 12.5.1.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import ClassVar, Final

from orderlines.errors import GatewayError

MAX_ACCEPT_BYTES: Final = 1_024

_QUALITY: Final = re.compile(rb"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


class MediaType(Enum):
    """The two a GraphQL answer is served in; JSON first, where the caller is open."""

    JSON = b"application/json"
    GRAPHQL = b"application/graphql-response+json"

    # There is one of each in a process; an enum's own hash goes by its name, in Python.
    __hash__ = object.__hash__


class NotAcceptableError(GatewayError):
    """The caller takes neither media type."""

    code: ClassVar[str] = "NOT_ACCEPTABLE"


def negotiate(accept: bytes | None) -> MediaType:
    """Choose the media type of the answer.

    Raises:
        NotAcceptableError: Nothing that can be served is accepted.
    """
    if accept is None:
        return MediaType.JSON
    chosen = _chosen(accept[:MAX_ACCEPT_BYTES].lower())
    if chosen is None:
        msg = "Accept application/graphql-response+json or application/json, in UTF-8."
        raise NotAcceptableError(msg)
    return chosen


@lru_cache(maxsize=512)
def _chosen(accept: bytes) -> MediaType | None:
    """Choose by quality; among equals by order, where each is named, else JSON."""
    ranges = [_range(text) for text in accept.split(b",") if text.strip()]
    if not ranges:
        return MediaType.JSON
    best: tuple[float, int, int] | None = None
    chosen = None
    for preference, media in enumerate(MediaType):
        # The most specific range decides for a type, wherever it stands.
        for pattern in (media.value, b"application/*", b"*/*"):
            found = [(at, q) for at, (name, q) in enumerate(ranges) if name == pattern]
            if not found:
                continue
            at, quality = found[0]
            order = at if pattern == media.value else len(ranges)
            rank = (-quality, order, preference)
            if quality > 0 and (best is None or rank < best):
                best, chosen = rank, media
            break
    return chosen


def _range(text: bytes) -> tuple[bytes, float]:
    """Read one media range; one that asks for what is not served counts as refused."""
    name, *parameters = (part.strip() for part in text.split(b";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition(b"=")
        if key.strip() == b"q":
            quality = float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
        elif key.strip() == b"charset" and value.strip(b' "') not in (b"utf-8", b"utf8"):
            name = b""
    return name, quality
