"""The unit-of-measure vectors: what is exact, and what rounding on the way would cost.

A pack is a ratio to the item's base unit, so a vector that leaves the base unit
(eaches to cases) is read out of it, by the inverse of the pack.
"""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from orderlines.item import Item
from orderlines.quantity import Quantity, Ratio, agree, plain, round_half_up, stated


class Conversion(msgspec.Struct, frozen=True):
    """One conversion: so many of one unit are exactly so many of another."""

    id: str
    quantity: Decimal
    from_uom: str
    to_uom: str
    numerator: int
    denominator: int
    exact: str
    base: Decimal | None = None
    chain: list[str] = []
    rounded_2dp: str | None = None
    roundtrip_if_rounded: Decimal | None = None


class CatchWeight(msgspec.Struct, frozen=True):
    """Goods ordered by the case and paid by the weight."""

    id: str
    ordered: str
    nominal: str
    shipped_cases: Decimal
    shipped_weight: str
    pricing_uom: str
    unit_fill_by_case: str
    fill_by_weight: str


class Kit(msgspec.Struct, frozen=True):
    """A line whose item is shipped as components."""

    id: str
    parent_qty: int
    bom: dict[str, int]
    component_shipped: dict[str, int]
    parents_shippable: int


class Vectors(msgspec.Struct, frozen=True):
    """The whole file."""

    conversions: list[Conversion]
    catch_weight: list[CatchWeight]
    kits: list[Kit]


FILE = Path(__file__).parent / "vectors" / "uom_vectors.json"
# The vectors write numbers as strings: a float would not survive the file.
VECTORS = msgspec.json.decode(FILE.read_bytes(), type=Vectors, strict=False)
BY_ID = {one.id: one for one in VECTORS.conversions}


def ratio_of(one: Conversion) -> Ratio:
    """Units of `to_uom` in one of `from_uom`."""
    return Ratio(one.numerator, one.denominator)


@pytest.mark.parametrize("one", VECTORS.conversions, ids=lambda one: one.id)
def test_a_conversion_is_exact(one: Conversion) -> None:
    """Into the base unit by the pack, and out of it by the inverse, as fractions."""
    value = stated(one.quantity)
    into = Item("SKU-1", one.to_uom, packs={one.from_uom: ratio_of(one)})
    out_of = Item("SKU-1", one.from_uom, packs={one.to_uom: ratio_of(one).inverse})

    assert into.to_base(value, one.from_uom) == Fraction(one.exact)
    assert out_of.from_base(value, one.to_uom) == Fraction(one.exact)


def test_whole_cases_are_whole_eaches() -> None:
    """UOM1: the base quantity the vector names, printed as it stands there."""
    one = BY_ID["UOM1"]
    item = Item("SKU-1", one.to_uom, packs={one.from_uom: ratio_of(one)})
    base = item.to_base(stated(one.quantity), one.from_uom)

    assert base is not None
    assert (base, plain(base)) == (one.base, "60")


def test_the_chain_equals_the_direct_factor() -> None:
    """UOM3: pallets to cases to eaches is what pallets to eaches is."""
    one = BY_ID["UOM3"]
    chained = Ratio(1)
    for link in one.chain:
        factor = Fraction(link)
        chained *= Ratio(factor.numerator, factor.denominator)

    assert chained == ratio_of(one)


def test_a_rounded_number_would_not_come_back() -> None:
    """UOM2: 25/3 cases print as 8.33, and 8.33 is four hundredths of an each short."""
    one = BY_ID["UOM2"]
    item = Item("SKU-1", "EA", packs={"CS": Ratio(12)})
    cases = item.from_base(stated(one.quantity), "CS")

    assert cases is not None
    assert Quantity(cases, "CS", decimals=2).printed == one.rounded_2dp
    assert item.to_base(cases, "CS") == one.quantity
    assert item.to_base(round_half_up(cases, 2), "CS") == one.roundtrip_if_rounded
    assert not agree(one.quantity, item.to_base(round_half_up(cases, 2), "CS") or 0, decimals=2)


@pytest.mark.parametrize("one", VECTORS.catch_weight, ids=lambda one: one.id)
def test_catch_weight_keeps_two_quantities_apart(one: CatchWeight) -> None:
    """Cases are full whatever they weigh; the nominal weight is a pack ratio, not a promise."""
    ordered_value, ordered_unit = one.ordered.split()
    nominal = Fraction(one.nominal.split()[0])
    weight_value, weight_unit = one.shipped_weight.split()
    item = Item(
        "SKU-1",
        weight_unit,
        decimals=2,
        packs={ordered_unit: Ratio(nominal.numerator, nominal.denominator)},
    )
    asked = stated(Decimal(ordered_value))
    nominal_weight = item.to_base(asked, ordered_unit)

    assert nominal_weight == 45
    assert Fraction(stated(one.shipped_cases)) / Fraction(asked) == Fraction(one.unit_fill_by_case)
    assert Fraction(weight_value) / Fraction(nominal_weight) == Fraction(one.fill_by_weight)
    assert weight_unit == one.pricing_uom


@pytest.mark.parametrize("one", VECTORS.kits, ids=lambda one: one.id)
def test_components_of_a_kit_are_packs_of_it(one: Kit) -> None:
    """So many components make one kit: an exact ratio each; the scarcest decides.

    Deriving the kit's own shipments is not the ledger's yet, only their arithmetic.
    """
    kits = {
        sku: Item(sku, "EA", packs={"KIT": Ratio(per)}).from_base(one.component_shipped[sku], "KIT")
        for sku, per in one.bom.items()
    }

    assert kits == {"K-A": 7, "K-B": 10}
    assert min(int(value or 0) for value in kits.values()) == one.parents_shippable
