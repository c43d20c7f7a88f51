"""Measuring: what a number is in the base unit, and how well a sum is known."""

from decimal import Decimal
from fractions import Fraction

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.item import Item, in_base
from orderlines.measure import measure, sum_of
from orderlines.quantity import Quantity, Ratio
from orderlines.stated import Absence, Stated
from tests.orderlines.facet_kit import ITEM, fulfilment

BY_WEIGHT = Item("SKU-1", "KG", decimals=3, packs={"LB": Ratio(45359237, 100000000)})
BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "W-2", "units", "This is not a number.")
UNLIKE = Discrepancy(
    DiscrepancyKind.UOM,
    "wms",
    "W-1",
    "unit",
    "Parts of one line are in units that cannot be added up.",
)


@pytest.mark.parametrize(
    ("item", "unit", "expected", "decimals"),
    [
        (ITEM, "EA", Quantity(5, "EA"), 0),
        (ITEM, "CS", Quantity(60, "EA"), 0),
        (ITEM, "BX", Quantity(5, "BX"), 0),
        (None, "CS", Quantity(5, "CS"), 0),
        (BY_WEIGHT, "KG", Quantity(5, "KG"), 3),
        (BY_WEIGHT, "LB", Quantity(Decimal("2.26796185"), "KG"), 3),
    ],
)
def test_a_number_is_told_in_the_base_unit(
    item: Item | None, unit: str, expected: Quantity, decimals: int
) -> None:
    """Without a factor it keeps its own unit: nothing is converted by guess."""
    found = in_base(item, 5, unit)

    assert (found, found.decimals) == (expected, decimals)


def test_parts_add_up() -> None:
    """The sum keeps the decimals of the unit."""
    parts = [Quantity(Fraction(1, 3), "KG", 3), Quantity(Fraction(1, 6), "KG", 3)]
    found = sum_of(parts, fulfilment(), "wms")

    assert found == Quantity(Decimal("0.5"), "KG")
    assert isinstance(found, Quantity)
    assert found.decimals == 3


def test_parts_in_unlike_units_do_not_add_up() -> None:
    """Twelve eaches and one box are no thirteen of anything."""
    parts = [Quantity(12, "EA"), Quantity(1, "BX")]

    assert sum_of(parts, fulfilment(), "wms") == UNLIKE


NOT_PROVIDED, NOT_YET, NOT_APPLICABLE = (
    Absence.NOT_PROVIDED,
    Absence.NOT_YET,
    Absence.NOT_APPLICABLE,
)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ((), NOT_YET),
        ((7,), Quantity(7, "EA")),
        ((7, 0, Decimal("0.5")), Quantity(Decimal("7.5"), "EA")),
        ((7, NOT_YET), Quantity(7, "EA")),
        ((7, NOT_APPLICABLE), Quantity(7, "EA")),
        ((7, NOT_PROVIDED), NOT_PROVIDED),
        ((NOT_APPLICABLE,), NOT_APPLICABLE),
        ((NOT_YET, NOT_APPLICABLE), NOT_YET),
        ((NOT_APPLICABLE, NOT_YET), NOT_YET),
        ((NOT_YET, NOT_PROVIDED), NOT_PROVIDED),
        ((7, BAD), BAD),
        ((NOT_PROVIDED, BAD), BAD),
    ],
)
def test_a_sum_is_known_only_as_far_as_its_parts(
    stated: tuple[Stated, ...], expected: Quantity | Absence | Discrepancy
) -> None:
    """A part that may be anything leaves no sum; one that is not there yet adds nothing."""
    records = tuple(fulfilment(allocated=one) for one in stated)

    assert measure(records, lambda one: one.allocated, ITEM, "wms") == expected
