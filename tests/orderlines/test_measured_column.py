"""Numbers measured in one unit: what each quantity says, without making it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderlines.columns import allocated_quantities, requested_quantities
from orderlines.facets import FulfilmentFacet
from orderlines.item import MAX_MEASURES, UNCONVERTED, Item
from orderlines.lines import Lines
from orderlines.masters import Masters
from orderlines.measured_column import MeasuredColumn, NumberTexts, printed_of, units_of
from orderlines.quantity import Number, Quantity, Ratio
from orderlines.stated import Absence
from orderlines.table import Single, Table
from tests.orderlines.facet_kit import READINGS, HeaderRecord, fulfilment, header, promised

PACKED = Item("P", "EA", packs={"CS": Ratio(12), "TR": Ratio(1, 3)})

NUMBERS = st.one_of(
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-1_000, 1_000, places=3),
    st.sampled_from([Decimal("2.50"), Decimal(0), Decimal("-0"), Decimal(12)]),
)


@given(st.lists(NUMBERS), st.sampled_from(["EA", "CS", "TR", "no such unit"]))
def test_it_is_the_quantities_of_its_numbers(stated: list[Number], unit: str) -> None:
    """One by one, in part, and their texts and units together."""
    measures = PACKED.measures[unit]
    column = MeasuredColumn(measures, stated)
    each = [measures[number] for number in stated]

    assert [*column] == each
    assert [column[index] for index in range(len(column))] == each
    assert [*column[1:]] == each[1:]
    assert [*printed_of(column)] == [*printed_of([*column])]
    assert [*units_of(column)] == [*units_of([*column])]


def test_what_is_no_number_has_no_text() -> None:
    """And so no place in such a column."""
    for stated in (None, Absence.NOT_YET, Fraction(1, 3)):
        with pytest.raises(KeyError):
            MeasuredColumn(PACKED.measures["EA"], [1, stated])  # type: ignore[list-item] # that is it


def test_texts_start_anew_once_they_are_too_many() -> None:
    """As what was measured does."""
    measures = Item("P", "EA", decimals=7).measures["EA"]
    numbers = [*range(MAX_MEASURES + 1)]

    assert MeasuredColumn(measures, numbers).texts == [*map(str, numbers)]
    assert len(measures.texts) == 1


def test_texts_of_numbers_need_no_escape() -> None:
    """They are ours: digits, a sign, a point."""
    column = MeasuredColumn(PACKED.measures["TR"], [1, -2, Decimal("0.5")])

    assert type(column.texts) is NumberTexts
    assert NumberTexts.needs_no_escape
    assert set("".join(column.texts)) <= set("0123456789.-")


def test_items_with_one_factor_measure_alike() -> None:
    """An item without master data is measured by nothing, which is another thing."""
    one, other = (Item(sku, "EA", packs={"CS": Ratio(12)}) for sku in "AB")
    six = Item("C", "EA", packs={"CS": Ratio(6)})
    alike = Masters({"A": one, "B": other}, ["A", "B", "A"])

    assert alike.only_measures("CS") is one.measures["CS"]
    assert alike.only_measures("EA") is other.measures["EA"]
    assert Masters({"A": one, "C": six}, ["A", "C"]).only_measures("CS") is None
    assert Masters({"A": one}, ["A", "B", "A"]).only_measures("EA") is None
    assert Masters({}, ["A", "B"]).only_measures("EA") is UNCONVERTED["EA"]


def test_masters_are_the_items_of_their_lines() -> None:
    """By index, in part, and in order."""
    masters = Masters({"A": PACKED}, ["A", "B", "A"])

    assert [*masters] == [PACKED, None, PACKED]
    assert len(masters) == 3
    assert masters[0] is PACKED
    assert masters[-2] is None
    assert [*masters[1:]] == [None, PACKED]
    assert Masters({}, []).only_measures("EA") is None


def test_units_that_differ_have_no_measures_in_common() -> None:
    """And no lines have none either."""
    headers = [header(requested=1), header(requested=2)]
    held = lines_of(headers, [fulfilment(), fulfilment()])

    assert held.only_measures(["CS", "EA"]) is None
    assert held.only_measures([]) is None


def lines_of(headers: list[HeaderRecord], fulfilments: list[FulfilmentFacet]) -> Lines:
    """Stitch lines of one item."""
    return Lines(
        "erp",
        READINGS,
        addresses=[("SO-1", str(number)) for number in range(len(headers))],
        headers=Table(headers),
        items=Masters({"P": PACKED}, ["P"] * len(headers)),
        promises=Single(Table([promised(1)] * len(headers))),
        fulfilments=Single(Table(fulfilments)),
    )


def test_a_page_in_one_unit_is_held_as_numbers() -> None:
    """Whatever the unit is, each line says the same."""
    lines = lines_of([header(requested=n, unit="CS") for n in range(3)], [fulfilment()] * 3)
    column = requested_quantities(lines)

    assert type(column) is MeasuredColumn
    assert [*column] == [Quantity(number, "EA") for number in (0, 12, 24)]
    assert type(requested_quantities(lines)) is MeasuredColumn


def test_a_page_where_a_number_is_missing_is_not() -> None:
    """That line has no quantity; the others have theirs."""
    lines = lines_of(
        [header()] * 3,
        [fulfilment(allocated=1), fulfilment(allocated=Absence.NOT_YET), fulfilment(allocated=3)],
    )

    assert allocated_quantities(lines) == [Quantity(1, "EA"), None, Quantity(3, "EA")]


def test_a_page_in_two_units_is_not() -> None:
    """Each line is measured by its own."""
    lines = lines_of([header(requested=1, unit="CS"), header(requested=1)], [fulfilment()] * 2)

    assert requested_quantities(lines) == [Quantity(12, "EA"), Quantity(1, "EA")]
