"""Columns: one value of many lines at once, as their sections tell it one by one.

A page of lines is mostly as usual: each system tells of a line in one record, and states
a number that was met before. Then a column is a few loops that run in C. Where one line
is not usual, every line of the column is asked itself; so a column is never anything
else than what the sections say, and tests hold it to that.
"""

from collections.abc import Callable, Sequence
from datetime import date
from operator import getitem
from typing import Final, TypeAlias, TypeVar

from orderlines.discrepancy import DiscrepancyError
from orderlines.errors import GatewayError
from orderlines.facets import FulfilmentFacet, HeaderFacet, PromiseFacet, SliceFacet
from orderlines.lines import Lines, in_force
from orderlines.measured_column import MeasuredColumn
from orderlines.quantity import Quantity, total
from orderlines.stitched_line import StitchedLine, Told
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Column, Single, Table

T = TypeVar("T")

AnyLines: TypeAlias = Sequence[StitchedLine]
"""Lines in a list of their own, or as columns."""

Quantities: TypeAlias = Sequence[Quantity | DiscrepancyError | None]

_UNUSUAL: Final = (TypeError, ValueError, LookupError, AttributeError)
"""What the loops of the usual case stumble over."""


_ONE: Final = {1}


def requested_quantities(lines: AnyLines) -> Quantities:
    """Give `requested.quantity` of each line; its header must be there."""
    return _or_each(_requested, lambda line: _section(line.requested).quantity, lines)


def promised_quantities(lines: AnyLines) -> Quantities:
    """Give `promised.quantity` of each line; its promise must have been read."""
    return _or_each(_promised, lambda line: _section(line.promised).quantity, lines)


def allocated_quantities(lines: AnyLines) -> Quantities:
    """Give `allocated.quantity` of each line; its fulfilment must have been read."""
    return _or_each(_allocated, lambda line: _section(line.allocated).quantity, lines)


def shipped_quantities(lines: AnyLines) -> Quantities:
    """Give `shipped.quantity` of each line; its fulfilment must have been read."""
    return _or_each(_shipped, lambda line: _section(line.shipped).quantity, lines)


def returned_quantities(lines: AnyLines) -> Sequence[Quantity | None]:
    """Give `shipped.returned` of each line; its fulfilment must have been read."""
    return _or_each(_returned, lambda line: _section(line.shipped).returned, lines)


def cancelled_quantities(lines: AnyLines) -> Quantities:
    """Give `cancelled.quantity` of each line; its header must be there."""
    return _or_each(_cancelled, lambda line: _section(line.cancelled).quantity, lines)


def first_dates(lines: AnyLines) -> Sequence[date | None]:
    """Give `promised.first_on` of each line; its promise must have been read."""
    return _or_each(_first, lambda line: _section(line.promised).first_on, lines)


def latest_dates(lines: AnyLines) -> Sequence[date | None]:
    """Give `promised.latest_on` of each line; its promise must have been read."""
    return _or_each(_latest, lambda line: _section(line.promised).latest_on, lines)


def headers_of(lines: AnyLines) -> Sequence[HeaderFacet | GatewayError]:
    """Give the header of each line, or why it was not read."""
    return lines.headers if type(lines) is Lines else [line.header for line in lines]


def promises_of(lines: AnyLines) -> Sequence[Told[PromiseFacet]]:
    """Give what the promising system says of each line, or why it was not read."""
    return lines.promises if type(lines) is Lines else [line.promise for line in lines]


def fulfilments_of(lines: AnyLines) -> Sequence[Told[FulfilmentFacet]]:
    """Give what the warehouse system says of each line, or why it was not read."""
    return lines.fulfilments if type(lines) is Lines else [line.fulfilment for line in lines]


def column(records: Sequence[object], name: str) -> Column:
    """Read an accessor of each record.

    Raises:
        AttributeError: One is an error that says why there is no record.
    """
    if type(records) is Table:
        return records.columns[name]
    return [getattr(one, name) for one in records]


def _or_each(
    usual: Callable[[AnyLines], Sequence[T]], each: Callable[[StitchedLine], T], lines: AnyLines
) -> Sequence[T]:
    try:
        return usual(lines)
    except _UNUSUAL:
        return [each(line) for line in lines]


def _section(section: T | GatewayError) -> T:
    """Take a section that was read, or raise why it was not."""
    if isinstance(section, GatewayError):
        raise section.with_traceback(None)
    return section


def _requested(lines: AnyLines) -> Quantities:
    headers = headers_of(lines)
    return _in_base(lines, column(headers, "unit"), column(headers, "requested"))


def _cancelled(lines: AnyLines) -> Quantities:
    headers = headers_of(lines)
    return _in_base(
        lines,
        column(headers, "unit"),
        [
            total([part.value for part in parts]) if parts else 0
            for parts in column(headers, "cancellations")
        ],
    )


def _promised(lines: AnyLines) -> Quantities:
    facets = _one_promise_each(lines)
    values = _known_slices(facets, ONLY_SLICE_VALUE)
    if values is None:
        slices = _slices_in_force(lines)
        values = (
            [part.value for (part,) in slices]
            if {*map(len, slices)} == _ONE
            else [total([part.value for part in parts]) for parts in slices]
        )
    return _in_base(lines, column(facets, "unit"), values)


def _first(lines: AnyLines) -> Sequence[date | None]:
    return _dates(lines, min)


def _latest(lines: AnyLines) -> Sequence[date | None]:
    return _dates(lines, max)


def _dates(lines: AnyLines, pick: Callable[..., date | None]) -> Sequence[date | None]:
    known = _known_slices(_one_promise_each(lines), ONLY_SLICE_ON)
    if known is not None:
        return known
    slices = _slices_in_force(lines)
    if {*map(len, slices)} == _ONE:
        return [part.on for (part,) in slices]
    return [
        pick([part.on for part in parts if part.on is not None], default=None) for parts in slices
    ]


def _allocated(lines: AnyLines) -> Quantities:
    facets = _one_fulfilment_each(lines)
    return _in_base(lines, column(facets, "unit"), column(facets, "allocated"))


def _shipped(lines: AnyLines) -> Quantities:
    facets = _one_fulfilment_each(lines)
    return _in_base(lines, column(facets, "unit"), column(facets, "shipped"))


def _returned(lines: AnyLines) -> Sequence[Quantity | None]:
    facets = _one_fulfilment_each(lines)
    return _in_base(lines, column(facets, "unit"), column(facets, "returned"))


def _one_promise_each(lines: AnyLines) -> Sequence[PromiseFacet]:
    told = promises_of(lines)
    if type(told) is Single:
        return told.records
    return [one for (one,) in told]  # type: ignore[misc] # an error is not usual


def _one_fulfilment_each(lines: AnyLines) -> Sequence[FulfilmentFacet]:
    told = fulfilments_of(lines)
    if type(told) is Single:
        return told.records
    return [one for (one,) in told]  # type: ignore[misc] # as above


def _known_slices(facets: Sequence[PromiseFacet], name: str) -> Column | None:
    return facets.columns.get(name) if type(facets) is Table else None


def _slices_in_force(lines: AnyLines) -> list[Sequence[SliceFacet]]:
    if type(lines) is Lines:
        return lines.slices_in_force
    return in_force(_one_promise_each(lines))


def _in_base(
    lines: AnyLines, units: Sequence[str], stated: Sequence[object]
) -> Sequence[Quantity | None]:
    """Look each number up where its item keeps what was measured before."""
    only = lines.only_measures(units) if type(lines) is Lines else None
    if only is not None:
        try:
            return MeasuredColumn(only, stated)  # type: ignore[arg-type] # or it raises
        except LookupError:
            pass  # a line has no number
    measures = (
        lines.measures(units)
        if type(lines) is Lines
        else [line.measures[unit] for line, unit in zip(lines, units, strict=True)]
    )
    return [*map(getitem, measures, stated)]
