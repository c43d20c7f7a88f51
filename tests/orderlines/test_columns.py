"""Columns: what the sections say, for a whole page at once."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines import columns
from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.item import MAX_MEASURES, MAX_UNITS, Item, Measures
from orderlines.measured_column import printed_of
from orderlines.quantity import Quantity, Ratio
from orderlines.stated import Absence
from orderlines.stitched_line import NOT_READ, SectionNotReadError, StitchedLine
from tests.orderlines.facet_kit import (
    ITEM,
    cancelled,
    fulfilment,
    header,
    line,
    promise,
    promised,
    version,
)

DAY, LATER = date(2026, 11, 19), date(2026, 11, 27)
BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "oms", "P-2", "slices", "This is not a list.")
BAD_ITEM = DiscrepancyError(BAD)

COLUMNS: dict[str, tuple[Callable[[Sequence[StitchedLine]], Sequence[object]], str]] = {
    "requested": (columns.requested_quantities, "requested.quantity"),
    "promised": (columns.promised_quantities, "promised.quantity"),
    "first": (columns.first_dates, "promised.first_on"),
    "latest": (columns.latest_dates, "promised.latest_on"),
    "allocated": (columns.allocated_quantities, "allocated.quantity"),
    "shipped": (columns.shipped_quantities, "shipped.quantity"),
    "returned": (columns.returned_quantities, "shipped.returned"),
    "cancelled": (columns.cancelled_quantities, "cancelled.quantity"),
}

USUAL = [
    line(
        header(requested=10 + n, cancellations=(cancelled(1), cancelled(n)) if n % 3 else ()),
        [promise((version(1, (1, DAY)), version(2, (n, LATER), (1, DAY), (1, None))))]
        if n % 2
        else [promised(n, DAY)],
        [fulfilment(shipped=n, allocated=3, returned=n, unit="CS" if n % 5 == 0 else "EA")],
    )
    for n in range(12)
]
ODD = {
    "in cases": line(header(unit="CS"), [promised(2)], [fulfilment(shipped=1)]),
    "decimals": line(header(requested=Decimal("2.50")), [promised(2)], [fulfilment()]),
    "without an item": line(header(), [promised(2)], [fulfilment(shipped=1)], item=None),
    "with a bad item": line(header(), [promised(2)], [fulfilment(shipped=1)], item=BAD_ITEM),
    "in a third": line(
        header(),
        [promised(2)],
        [fulfilment(shipped=1, unit="TR")],
        item=Item("SKU-1", "EA", packs={"TR": Ratio(1, 3)}),
    ),
    "not promised": line(header(), [], [fulfilment()]),
    "not promised yet": line(header(), [promise()], [fulfilment()]),
    "a promise of nothing": line(header(), [promise((version(1),))], [fulfilment()]),
    "a promise without a version": line(header(), [promise(())], [fulfilment()]),
    "a bad promise": line(header(), [promise(BAD)], [fulfilment()]),
    "no warehouse": line(header(), [promised(2)], []),
    "two warehouses": line(
        header(), [promised(2)], [fulfilment(shipped=1), fulfilment(shipped=2, record="W-2")]
    ),
    "not tracked": line(
        header(cancellations=Absence.NOT_PROVIDED),
        [promised(2)],
        [fulfilment(shipped=Absence.NOT_PROVIDED, allocated=Absence.NOT_APPLICABLE)],
    ),
    "a bad number": line(header(requested=BAD), [promised(2)], [fulfilment(shipped=BAD)]),
}


def alone(one: StitchedLine, path: str) -> object:
    """Ask the section of one line."""
    value: Any = one
    for name in path.split("."):
        value = getattr(value, name)
    return told(value)


def told(value: object) -> object:
    """Make errors comparable, and tell the digits that are printed."""
    if isinstance(value, DiscrepancyError):
        return repr(value)
    return (value, value.printed) if isinstance(value, Quantity) else value


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("odd", ODD)
def test_a_column_says_what_each_section_says(name: str, odd: str) -> None:
    """Whatever one of its lines is like."""
    column, path = COLUMNS[name]
    lines = [*USUAL, ODD[odd], *USUAL]

    assert [told(one) for one in column(lines)] == [alone(one, path) for one in lines]


@given(st.lists(st.sampled_from([*USUAL, *ODD.values()])), st.sampled_from(sorted(COLUMNS)))
def test_any_mixture_of_lines_is_told_line_by_line(lines: list[StitchedLine], name: str) -> None:
    """In any order, and also none at all."""
    column, path = COLUMNS[name]

    assert [told(one) for one in column(lines)] == [alone(one, path) for one in lines]


@pytest.mark.parametrize("name", COLUMNS)
def test_usual_lines_make_no_sections(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what a column is for."""
    column, path = COLUMNS[name]
    expected = [alone(one, path) for one in USUAL]
    for section in ("requested", "promised", "allocated", "shipped", "cancelled"):
        monkeypatch.setattr(StitchedLine, section, property(lambda _: pytest.fail("asked")))

    assert [told(one) for one in column(USUAL)] == expected


def test_a_column_of_a_section_that_nobody_read_fails() -> None:
    """As asking a line for it would."""
    with pytest.raises(SectionNotReadError):
        columns.promised_quantities([*USUAL, line(header(), NOT_READ)])


def test_quantities_are_printed_as_each_prints_itself() -> None:
    """Also those that never end."""
    quantities = [
        Quantity(2, "EA"),
        Quantity(Fraction(1, 3), "KG", 2),
        Quantity(Decimal("2.50"), "KG"),
    ]

    assert printed_of(quantities) == printed_of(quantities) == ["2", "0.33", "2.5"]


def test_items_with_the_same_factor_share_what_was_measured() -> None:
    """There are far fewer factors than items."""
    packs = {"CS": Ratio(12)}
    one, other = Item("A", "EA", packs=packs), Item("B", "EA", packs=packs)

    assert one.measures["CS"] is other.measures["CS"]
    assert one.measures["CS"] is not Item("C", "EA", packs={"CS": Ratio(6)}).measures["CS"]
    assert one.measures["CS"][2] == Quantity(24, "EA")


def test_what_was_measured_is_bounded() -> None:
    """However many numbers and units a system states."""
    measures, item = Measures(ITEM, "EA"), Item("A", "EA")
    for number in range(3 * MAX_MEASURES):
        assert measures[number] == Quantity(number, "EA")
        assert item.measures[f"U{number}"][1] == Quantity(1, f"U{number}")

    assert len(measures) <= MAX_MEASURES
    assert len(item.measures) <= MAX_UNITS
