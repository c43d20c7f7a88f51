"""Who an order line is, and under which other names it is known.

A line is named by the system that plays `OrderSource` for it: source, order
number, line number. Never by its SKU: one order may list a SKU twice. Other
systems' names for the same line are cross-references, carried beside the key.

The public id encodes the key and nothing else. It is opaque to callers, has
exactly one spelling per key, and is stable over splits and renumbering.
"""

import base64
import re
import unicodedata
from typing import ClassVar, NamedTuple

from orderlines.errors import GatewayError

MAX_PART_CHARS = 64
_LINE_PREFIX = "ol_"
_ORDER_PREFIX = "or_"
_SEPARATOR = "\x1f"
_BODY = re.compile("[A-Za-z0-9_-]+")
# Three parts of four-byte characters and two separators, in base64: what is given
# out must be taken back, and nothing longer need be decoded.
_MAX_KEY_BYTES = 3 * 4 * MAX_PART_CHARS + 2
MAX_ID_CHARS = len(_LINE_PREFIX) + -(-4 * _MAX_KEY_BYTES // 3)


class InvalidIdError(GatewayError):
    """An id was not one this gateway gives out."""

    code: ClassVar[str] = "INVALID_ID"


class InvalidNumberError(GatewayError):
    """An order or line number is empty, too long, or has control characters."""

    code: ClassVar[str] = "INVALID_NUMBER"


class OrderLineKey(NamedTuple):
    """The identity of an order line, as its order source names it.

    Attributes:
        source: Configured name of the system that plays `OrderSource`.
        order_number: As that system writes it; leading zeros are significant.
        line_number: As that system writes it.
    """

    source: str
    order_number: str
    line_number: str

    @property
    def id(self) -> str:
        """Encode the key as the public id of the line."""
        return _encode(_LINE_PREFIX, self.source, self.order_number, self.line_number)

    @classmethod
    def from_id(cls, text: str) -> "OrderLineKey":
        """Decode a public id.

        Raises:
            InvalidIdError: The text is not the one spelling of a key.
        """
        return cls(*_decode(_LINE_PREFIX, text, parts=3))


class OrderKey(NamedTuple):
    """The identity of an order: its source and its number there."""

    source: str
    order_number: str

    @property
    def id(self) -> str:
        """Encode the key as the public id of the order."""
        return _encode(_ORDER_PREFIX, self.source, self.order_number)

    @classmethod
    def from_id(cls, text: str) -> "OrderKey":
        """Decode a public id.

        Raises:
            InvalidIdError: The text is not the one spelling of a key.
        """
        return cls(*_decode(_ORDER_PREFIX, text, parts=2))


class XRef(NamedTuple):
    """Another system's name for an order or one of its lines.

    Attributes:
        system: Configured name of the system, or `customer` for the numbers the
            customer put on the order.
        document: That system's document number or own id.
        line: Its line number within the document; empty for a whole order.
    """

    system: str
    document: str
    line: str = ""


CUSTOMER = "customer"


class OrderRef(NamedTuple):
    """An order to be read whole: its key and every cross-reference known."""

    key: OrderKey
    xrefs: tuple[XRef, ...] = ()

    def known_as(self, system: str) -> XRef | None:
        """Find the order's name in a system, if it is known."""
        return next((xref for xref in self.xrefs if xref.system == system), None)


class LineRef(NamedTuple):
    """An order line to be read: its key and every cross-reference known."""

    key: OrderLineKey
    xrefs: tuple[XRef, ...] = ()

    def known_as(self, system: str) -> XRef | None:
        """Find the line's name in a system, if it is known."""
        return next((xref for xref in self.xrefs if xref.system == system), None)


def normalise_number(text: str, *, what: str) -> str:
    """Bring an order or line number a person typed to the form systems compare.

    Unicode is composed (NFC) and outer white space dropped. Leading zeros stay:
    they are significant in some systems.

    Args:
        text: The number as it came.
        what: What it is, for the message, for example `order number`.

    Raises:
        InvalidNumberError: It is empty, longer than 64 characters, or has
            control characters.
    """
    number = unicodedata.normalize("NFC", text).strip()
    if not number:
        msg = f"The {what} is empty."
        raise InvalidNumberError(msg)
    if len(number) > MAX_PART_CHARS:
        msg = f"The {what} is longer than {MAX_PART_CHARS} characters."
        raise InvalidNumberError(msg)
    if not number.isprintable():
        msg = f"The {what} contains characters that cannot be printed."
        raise InvalidNumberError(msg)
    return number


def _encode(prefix: str, *parts: str) -> str:
    return prefix + base64.urlsafe_b64encode(_SEPARATOR.join(parts).encode()).decode().rstrip("=")


def _decode(prefix: str, text: str, *, parts: int) -> list[str]:
    refusal = "This is not an id of this gateway."
    body = text.removeprefix(prefix)
    if not (text.startswith(prefix) and len(text) <= MAX_ID_CHARS and _BODY.fullmatch(body)):
        raise InvalidIdError(refusal)
    try:
        found = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    except ValueError as error:
        raise InvalidIdError(refusal) from error
    pieces = found.split(_SEPARATOR)
    # One spelling per key: base64 decoders forgive stray bits, we do not.
    if len(pieces) != parts or not all(pieces) or _encode(prefix, *pieces) != text:
        raise InvalidIdError(refusal)
    return pieces
