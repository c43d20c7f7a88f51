"""Promises of the sandbox's OMS of which only quantities and dates were asked for.

Such a promise is a short text, and a page says few different ones: most are for the
same few quantities on the same few days. So each text is read once and remembered, as
numbers and dates are, and a page of known promises makes no objects of them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, TypeAlias

import msgspec

from backends.numbers import NUMBERS, Memo
from backends.oms.sandbox_rows import (
    Line,
    Promise,
    PromiseSchedule,
    check_offers,
    is_consistent,
    promise_of,
    table_of,
)
from backends.wanted import FEW, columns_of_few
from orderlines.quantity import Number
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Column, Table

_BETWEEN: Final = bytes(8)
"""What no JSON has; a single byte is found more slowly."""

Only: TypeAlias = tuple[Number, date | None]
"""Quantity and date of the only slice that a promise has."""


class _NotOneSliceError(Exception):
    """A promise was changed, comes in parts, or is none."""


class LineInBrief(Line, frozen=True, gc=False, kw_only=True, rename="camel"):
    """A line and the text of its promise."""

    text: msgspec.Raw = msgspec.field(name="promise")

    @property
    def promise(self) -> Promise:
        """What the text says."""
        return _PROMISES[bytes(self.text)]


def table_of_briefs(lines: Sequence[LineInBrief]) -> Table[LineInBrief]:
    """Check many lines at once, of which no offers were asked for.

    Where each line is promised once, and in one go, its only slice is a column already.

    Raises:
        ValueError: One of them is bad; which one, nobody says.
    """
    columns: dict[str, Column]
    if lines and len(lines) < FEW:
        columns = columns_of_few(lines)
    else:
        columns = {  # what every page is asked
            "order_number": [one.order_number for one in lines],
            "line_number": [one.line_number for one in lines],
            "unit": [one.unit for one in lines],
            "text": [one.text for one in lines],
        }
    raws = columns["text"]
    # To copy each by itself takes twice as long.
    texts = _BETWEEN.join(raws).split(_BETWEEN)
    if len(texts) != len(raws):
        texts = [*map(bytes, raws)]
    try:
        only = _ONLY.all_of(texts)
    except _NotOneSliceError:
        return table_of(lines)
    values, days = zip(*only, strict=True) if only else ((), ())
    columns[ONLY_SLICE_VALUE], columns[ONLY_SLICE_ON] = values, days
    return Table(lines, columns)


def table_with_offers(lines: Sequence[LineInBrief]) -> Table[LineInBrief]:
    """Check many lines at once, and what was offered instead."""
    check_offers(lines)
    return table_of_briefs(lines)


BRIEF: Final = promise_of(is_whole=False)
_DECODER: Final[msgspec.json.Decoder[Promise]] = msgspec.json.Decoder(BRIEF)


def _promise(text: bytes) -> Promise:
    """Read a promise.

    Raises:
        ValueError: It is none, or holds a bad text.
    """
    promise = _DECODER.decode(text)
    if isinstance(promise, PromiseSchedule):
        quantities = {part.quantity for one in promise.versions for part in one.slices}
        if not (is_consistent(promise.versions) and NUMBERS.reads(quantities)):
            msg = "Expected a promise with good texts"
            raise ValueError(msg)
    return promise


_PROMISES: Final = Memo(_promise)


def _only(text: bytes) -> Only:
    promise = _PROMISES[text]
    parts = (
        [part for one in promise.versions for part in one.slices]
        if isinstance(promise, PromiseSchedule) and len(promise.versions) == 1
        else []
    )
    if len(parts) != 1:
        raise _NotOneSliceError
    return parts[0].value, parts[0].on


_ONLY: Final = Memo(_only)
