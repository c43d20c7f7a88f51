"""Texts that stand for values: each distinct text is parsed once and remembered.

A page of order lines says `"12.000"` and the same three dates over and over, so the
second look at a text is a dictionary's. A record checks its texts when it is decoded;
whoever asks it for a value later gets one, and never an exception.

The rule kept here: a text that is not the number or date it should be fails its
record, with the field's name and without the text itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from operator import itemgetter
from typing import Final, TypeAlias, TypeVar

from msgspec import UnsetType

from orderlines.quantity import InvalidQuantityError, Number, stated

K = TypeVar("K", str, bytes)
T = TypeVar("T")

MAX_TEXTS: Final = 16_384
MAX_TEXT: Final = 512
"""A longer text is read each time."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")

NamedText: TypeAlias = tuple[str, str | UnsetType | None, Mapping[str, object]]
"""A field's native name, what stands in it if it was asked for, and the memo that parses it."""


class Memo(Mapping[K, T]):
    """Texts and their values; starts anew once it holds too many.

    Args:
        parse: Gives the value of a text. What it raises is not remembered.
    """

    __slots__ = ("_known", "_parse")

    def __init__(self, parse: Callable[[K], T]) -> None:
        # A plain dictionary: many are looked up in it at once, without a call for each.
        self._known: dict[K, T] = {}
        self._parse: Callable[[K], T] = parse

    def __getitem__(self, text: K) -> T:
        known = self._known
        if text in known:
            return known[text]
        value = self._parse(text)
        if len(text) <= MAX_TEXT:
            if len(known) >= MAX_TEXTS:
                known.clear()
            known[text] = value
        return value

    def __contains__(self, text: object) -> bool:
        return text in self._known

    def __iter__(self) -> Iterator[K]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def all_of(self, texts: Sequence[K | None]) -> Sequence[T | None]:
        """Give the value of each of many texts, some of which may be missing."""
        try:
            if len(texts) > 1:  # of one alone it would be no tuple
                found: tuple[T, ...] = itemgetter(*texts)(self._known)
                return found
            return [*map(self._known.__getitem__, texts)]  # type: ignore[arg-type] # as mostly
        except LookupError:  # one is new or missing
            return [None if text is None else self[text] for text in texts]


class Parsed(Memo[str, T]):
    """A memo of texts that may be bad.

    Args:
        parse: Gives the value of a text, or raises a `ValueError` of the form
            "Expected …" that does not quote the text.
    """

    def reads(self, texts: AbstractSet[str]) -> bool:
        """Tell whether all texts are good. Parses those that are new."""
        if self._known.keys() >= texts:
            return True
        try:
            for text in texts:
                self[text]
        except ValueError:
            return False
        return True

    def maybe(self, text: str | None) -> T | None:
        """Give the value of a text that may be missing."""
        return None if text is None else self[text]


def check_texts(texts: Iterable[NamedText]) -> None:
    """Parse texts one by one.

    Raises:
        ValueError: One is bad; says what was expected, and names the field the way
            the decoder names fields.
    """
    for field, text, parsed in texts:
        if text is None or isinstance(text, UnsetType):
            continue
        try:
            parsed[text]
        except ValueError as error:
            msg = f"{error} - at `$.{field}`"
            raise ValueError(msg) from None


def _number(text: str) -> Number:
    """Read plain decimal text, exactly; a whole number becomes an `int`.

    An `int` adds and multiplies at a third of the cost of a `Decimal`, and prints the
    same.
    """
    if _NUMBER.fullmatch(text) is None:
        msg = "Expected a number as decimal text"
        raise ValueError(msg)
    try:
        value = stated(Decimal(text))
    except InvalidQuantityError as error:
        msg = "Expected a number of at most 15 digits before and 9 after the point"
        raise ValueError(msg) from error
    whole = int(value)
    return whole if whole == value else value


NUMBERS: Final = Parsed(_number)
