"""Cells of an order file: text in; an exact number, a date or a name out, or why not.

Columns are found by name, in any order and case; a field may go by several names.
Numbers are read from their digits, never through a float.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NoReturn

from backends.sandbox.csv_table import OrdersFileError
from orderlines.identity import InvalidNumberError, normalise_number
from orderlines.quantity import MAX_INTEGER_DIGITS, InvalidQuantityError, Number, stated
from orderlines.stated import Channel

FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "order number": ("order_number", "order_id"),
        "line number": ("line_number",),
        "item": ("sku", "product_id"),
        "customer": ("customer", "customer_id"),
        "quantity": ("requested", "quantity"),
        "requested date": ("requested_on", "required_date"),
        "order date": ("ordered_on", "order_date"),
        "ship date": ("shipped_on", "shipped_date"),
        "shipped": ("shipped",),
        "promised": ("promised",),
        "promised date": ("promised_on",),
        "allocated": ("allocated",),
        "warehouse": ("warehouse",),
        "unit": ("unit", "uom"),
        "units per case": ("units_per_case",),
        "price": ("unit_price", "price"),
        "currency": ("currency",),
        "channel": ("channel",),
    }
)
"""Names a column may have, by what it holds; where two are there, the first is read."""

REQUIRED: Final = ("order number", "item", "quantity")
NAMES: Final = frozenset(name for names in FIELDS.values() for name in names)

MAX_NUMBER_CHARS: Final = 64
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadCellError(Exception):
    """A cell does not say what its column is for: the row is left out and named."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands.

    Attributes:
        titles: The header as written, white space dropped.
        positions: Column of each field the file has.
    """

    titles: tuple[str, ...]
    positions: Mapping[str, int]

    @classmethod
    def of(cls, header: Sequence[str]) -> "Columns":
        """Find the fields in a header.

        Raises:
            OrdersFileError: A field that is needed is not there, or a name is
                there twice.
        """
        titles = tuple(title.strip() for title in header)
        known = [title.lower() for title in titles]
        twice = sorted({name for name in known if name in NAMES and known.count(name) > 1})
        if twice:
            msg = f"The header names {twice[0]} more than once."
            raise OrdersFileError(msg)
        positions = {
            field: next(known.index(name) for name in names if name in known)
            for field, names in FIELDS.items()
            if any(name in known for name in names)
        }
        missing = [field for field in REQUIRED if field not in positions]
        if missing:
            wanted = "; ".join(f"{field}: {' or '.join(FIELDS[field])}" for field in missing)
            msg = f"The header lacks columns that are needed ({wanted})."
            raise OrdersFileError(msg)
        return cls(titles, positions)

    def has(self, field: str) -> bool:
        """Tell whether the file has a column for a field."""
        return field in self.positions

    def title(self, field: str) -> str:
        """Give the name the file uses, or the first it could have used."""
        position = self.positions.get(field)
        return FIELDS[field][0] if position is None else self.titles[position]

    @property
    def unread(self) -> tuple[str, ...]:
        """Columns that are not looked at."""
        read = set(self.positions.values())
        return tuple(title for place, title in enumerate(self.titles) if place not in read)


@dataclass(frozen=True, slots=True)
class Cells:
    """One row, field by field. A field without a column reads as an empty cell."""

    columns: Columns
    row: Sequence[str]

    def text(self, field: str) -> str:
        """Give a cell as it stands, white space dropped."""
        position = self.columns.positions.get(field)
        return "" if position is None else self.row[position].strip()

    def refuse(self, field: str, reason: str) -> NoReturn:
        """Leave the row out because of a cell.

        Raises:
            BadCellError: Always.
        """
        raise BadCellError(self.columns.title(field), reason)

    def name(self, field: str, default: str | None = None) -> str:
        """Read what identifies something: printable, at most 64 characters.

        Raises:
            BadCellError: It is not, or it is empty and there is no default.
        """
        text = self.text(field)
        if not text and default is not None:
            return default
        try:
            return normalise_number(text, what=field)
        except InvalidNumberError as error:
            self.refuse(field, error.message)

    def number(self, field: str) -> Number | None:
        """Read a number that counts or costs; an empty cell is none.

        Raises:
            BadCellError: It is no finite number, is below zero, or has more than
                15 digits before or 9 after the decimal point.
        """
        text = self.text(field)
        if text.isascii() and text.isdigit() and len(text) <= MAX_INTEGER_DIGITS:
            return int(text)
        if not text:
            return None
        if _NOT_FINITE.fullmatch(text):
            self.refuse(field, "It is not a finite number.")
        if len(text) > MAX_NUMBER_CHARS or not _NUMBER.fullmatch(text):
            self.refuse(field, "It is not a number like 12 or 12.5.")
        try:
            value = stated(Decimal(text))
        except InvalidQuantityError as error:
            self.refuse(field, error.message)
        if value < 0:
            self.refuse(field, "It is below zero.")
        return int(value) if value == int(value) else Decimal(value).normalize()

    def day(self, field: str) -> date | None:
        """Read an ISO date; an empty cell is none.

        Raises:
            BadCellError: It is anything else.
        """
        text = self.text(field)
        found = _day(text)
        if text and found is None:
            self.refuse(field, "It is not a date like 2026-11-20.")
        return found

    def channel(self) -> Channel:
        """Read the channel by its name; an empty cell is OTHER.

        Raises:
            BadCellError: There is no such channel.
        """
        text = self.text("channel").upper()
        if not text:
            return Channel.OTHER
        if text not in Channel.__members__:
            self.refuse("channel", f"It is none of {', '.join(Channel.__members__)}.")
        return Channel[text]


@lru_cache(maxsize=4096)
def _day(text: str) -> date | None:
    """Read a date, once per text: a file names few days, and each of them often."""
    if _DATE.fullmatch(text):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(text)
    return None
