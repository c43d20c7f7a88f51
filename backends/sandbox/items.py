"""Master data of the simulated distributor: what it sells, in which packs.

A pack belongs to an item and is a ratio of whole numbers to the item's base unit:
a case of ball valves holds 12, a case of elbows 50. Loose grease is kept in
kilograms with three decimals and sold in pounds, which no decimal can convert.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from orderlines.item import Item
from orderlines.quantity import Ratio

POUND = Ratio(45_359_237, 100_000_000)


def _item(sku: str, name: str, group: str, base: str, decimals: int, **packs: Ratio) -> Item:
    return Item(sku, base, decimals, MappingProxyType(packs), name, group)


ITEMS: Mapping[str, Item] = MappingProxyType(
    {
        item.sku: item
        for item in (
            _item("BV-015", "Ball valve 1/2 in", "VALVES", "EA", 0, CS=Ratio(12), PAL=Ratio(480)),
            _item("BV-020", "Ball valve 3/4 in", "VALVES", "EA", 0, CS=Ratio(12), PAL=Ratio(480)),
            _item("BV-020S", "Ball valve 3/4 in, stainless", "VALVES", "EA", 0, CS=Ratio(12)),
            _item("GV-050", "Gate valve 2 in", "VALVES", "EA", 0, CS=Ratio(4), PAL=Ratio(96)),
            _item("EL-015", "Elbow 1/2 in", "FITTINGS", "EA", 0, CS=Ratio(50), PAL=Ratio(2400)),
            _item("TE-015", "Tee 1/2 in", "FITTINGS", "EA", 0, CS=Ratio(40)),
            _item("FL-200", "Flange gasket 8 in", "FITTINGS", "EA", 0, CS=Ratio(24)),
            _item("SE-1000", "Thread sealant 1 l", "CHEMICALS", "EA", 0, CS=Ratio(6)),
            _item("SE-500", "Thread sealant 500 ml", "CHEMICALS", "EA", 0, CS=Ratio(12)),
            _item("GR-400", "Bearing grease, loose", "CHEMICALS", "KG", 3, LB=POUND),
            _item("PU-900", "Booster pump 1.1 kW", "PUMPS", "EA", 0),
        )
    }
)

PRICES: Mapping[str, Decimal] = MappingProxyType(
    {
        "BV-015": Decimal("4.20"),
        "BV-020": Decimal("5.60"),
        "BV-020S": Decimal("9.80"),
        "GV-050": Decimal("38.00"),
        "EL-015": Decimal("0.85"),
        "TE-015": Decimal("1.10"),
        "FL-200": Decimal("2.30"),
        "SE-1000": Decimal("12.40"),
        "SE-500": Decimal("6.90"),
        "GR-400": Decimal("18.00"),
        "PU-900": Decimal("410.00"),
    }
)
"""Net price of one base unit, in EUR."""

SUBSTITUTES: Mapping[str, tuple[str, Ratio]] = MappingProxyType(
    {"SE-1000": ("SE-500", Ratio(2)), "BV-020": ("BV-020S", Ratio(1))}
)
"""What may go out instead, and how many of it replace one, in base units."""

UNKNOWN_PACK = "BX"
UNITS_PER_UNKNOWN_PACK = Ratio(10)
"""A box: the packers know what is in it, the master data does not."""
