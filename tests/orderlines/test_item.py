"""Items: packs are the item's own, and what it does not say is not converted."""

from fractions import Fraction
from types import MappingProxyType

import pytest

from orderlines.item import Item
from orderlines.quantity import ONE, Exact, Ratio

BOLTS = Item(
    "SKU-1", "EA", packs=MappingProxyType({"CS": Ratio(12), "KG": Ratio(5, 2)}), name="Bolts"
)
PALLETS = Item("SKU-2", "CS")


@pytest.mark.parametrize(
    ("unit", "factor"), [("EA", ONE), ("CS", Ratio(12)), ("KG", Ratio(5, 2)), ("BX", None)]
)
def test_a_factor_is_what_the_master_data_says(unit: str, factor: Ratio | None) -> None:
    """The base unit is one of itself; a unit nobody declared has no factor."""
    assert BOLTS.factor(unit) == factor


@pytest.mark.parametrize(
    ("unit", "in_base", "from_base"),
    [("EA", 7, 7), ("CS", 84, Fraction(7, 12)), ("KG", Fraction(35, 2), Fraction(14, 5))],
)
def test_quantities_convert_both_ways(unit: str, in_base: Exact, from_base: Exact) -> None:
    """Exactly, also where the result never ends."""
    assert (BOLTS.to_base(7, unit), BOLTS.from_base(7, unit)) == (in_base, from_base)


def test_an_unknown_unit_is_not_converted() -> None:
    """None, never a guess and never a factor of 1."""
    assert (BOLTS.to_base(7, "BX"), BOLTS.from_base(7, "BX")) == (None, None)


@pytest.mark.parametrize(
    ("item", "expected"), [(BOLTS, Ratio(12)), (PALLETS, ONE), (Item("SKU-3", "EA"), None)]
)
def test_a_case_is_a_pack_like_any_other(item: Item, expected: Ratio | None) -> None:
    """It may be the base unit itself, or not be there."""
    assert item.units_per_case == expected
