"""JSON that is read in one way or not at all.

What two readers could take for two things is refused: a member that stands twice,
`NaN`, half of a surrogate pair, a byte order mark. Nesting is bounded before it
is followed. Numbers keep the digits they were written with.

Definitions: RFC 8259; I-JSON (RFC 7493) 2.1 to 2.3.
"""

import json
import re
from typing import ClassVar, Final, NoReturn, Self

from orderlines.errors import GatewayError

MAX_DEPTH: Final = 64
MAX_NUMBER_CHARS: Final = 64
MAX_EXPONENT: Final = 300

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TOKENS: Final = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*"?|(?P<open>[\[{])|(?P<close>[\]}])|(?P<word>NaN|-?Infinity)',
    re.DOTALL,
)


class MalformedJsonError(GatewayError):
    """Text that should be JSON is not, or is JSON that can be read in two ways."""

    code: ClassVar[str] = "MALFORMED_JSON"


class ExactNumber(float):
    """A number with the text it was written as.

    To GraphQL's `Int` and `Float` it is a float; `str()` gives the digits as sent,
    which is what an exact `Decimal` is made from. A number that is too long or too
    large to be a quantity is infinite, and so fits no type.
    """

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> Self:
        """Read the text of a JSON number."""
        fits = len(text) <= MAX_NUMBER_CHARS and _exponent(text) <= MAX_EXPONENT
        number = super().__new__(cls, text if fits else "inf")
        number._text = text if fits else f"a number of {len(text)} characters"
        return number

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__


def decode(data: bytes, *, where: str) -> object:
    """Read UTF-8 JSON; see `parse`."""
    if data.startswith(_BYTE_ORDER_MARK):
        msg = f"The {where} begins with a byte order mark."
        raise MalformedJsonError(msg, line=1, column=1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        _refuse(f"The {where} is not UTF-8", data[: error.start].decode(), error.start)
    return parse(text, where=where)


def parse(text: str, *, where: str) -> object:
    """Read JSON.

    Args:
        text: The JSON.
        where: What the text is, for the message: "body".

    Returns:
        dict, list, str, int, bool, None, or `ExactNumber` for every number that
        has a fraction, an exponent, or more digits than an `int` is made of here.

    Raises:
        MalformedJsonError: Says where, in line and column.
    """
    # Brackets inside strings count here too, so that only a text with many of
    # them is looked at twice.
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(text, where)
    try:
        value: object = _decoder.decode(text)
    except json.JSONDecodeError as error:
        _refuse(f"The {where} is not JSON: {error.msg}", text, error.pos)
    except _NotANumberError:
        found = next(token for token in _TOKENS.finditer(text) if token["word"])
        _refuse(f"The {where} is not JSON: it says {found[0]}", text, found.start())
    except _TwiceError as error:
        msg = f"The {where} has a member twice in one object. Which one is meant is not clear."
        raise MalformedJsonError(msg, member=error.name) from None
    if "\\u" in text and not _is_text(value):
        msg = f"The {where} has a string with half of a surrogate pair."
        raise MalformedJsonError(msg)
    return value


class _NotANumberError(Exception):
    """`NaN`, `Infinity` or `-Infinity`, which Python would read."""


class _TwiceError(Exception):
    """A member stands twice in one object."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name[:MAX_NUMBER_CHARS].encode("utf-8", "replace").decode()


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _TwiceError(name)
            seen.add(name)
    return members


def _integer(text: str) -> int | ExactNumber:
    return int(text) if len(text) <= MAX_NUMBER_CHARS else ExactNumber(text)


def _word(_: str) -> NoReturn:
    raise _NotANumberError


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=ExactNumber, parse_constant=_word
)


def _exponent(text: str) -> int:
    digits = text.lower().partition("e")[2].lstrip("+-")
    return int(digits or 0)


def _refuse_depth(text: str, where: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += bool(token["open"]) - bool(token["close"])
        if depth > MAX_DEPTH:
            _refuse(f"The {where} is nested too deeply", text, token.start())


def _refuse(message: str, text: str, position: int) -> NoReturn:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    msg = f"{message} (line {line}, column {column})."
    raise MalformedJsonError(msg, line=line, column=column)


def _is_text(value: object) -> bool:
    """Tell whether every string can be written as UTF-8 again."""
    if isinstance(value, str):
        return value.isprintable() or value == value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return all(map(_is_text, value)) and all(map(_is_text, value.values()))
    return not isinstance(value, list) or all(map(_is_text, value))
