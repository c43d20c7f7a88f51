"""What the sandbox's ERP sends of its products, and how it reads as master data."""

from collections import Counter
from collections.abc import Collection
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from backends import odata
from backends.numbers import Parsed, check_texts
from backends.ports import ItemReadings
from backends.rows import UNREADABLE, BadRow, Rows, explain
from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.item import Item
from orderlines.order_line import Reading
from orderlines.quantity import MAX_DECIMALS, Ratio

MAX_DIGITS: Final = 15
Text = Annotated[str, msgspec.Meta(min_length=1)]


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text)):
        msg = f"Expected a whole number above 0 of at most {MAX_DIGITS} digits"
        raise ValueError(msg)
    return int(text)


def _decimals(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 1):
        msg = f"Expected a number of decimals from 0 to {MAX_DECIMALS}"
        raise ValueError(msg)
    return int(text)


_WHOLE: Final = Parsed(_whole)
_DECIMALS: Final = Parsed(_decimals)


class Unit(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """A pack: numerator base units in denominator packs."""

    alternative_unit: Text
    quantity_numerator: str
    quantity_denominator: str

    def __post_init__(self) -> None:
        check_texts(
            (
                ("QuantityNumerator", self.quantity_numerator, _WHOLE),
                ("QuantityDenominator", self.quantity_denominator, _WHOLE),
            )
        )


class Product(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """A product with its packs."""

    product: Text
    product_name: str
    product_group: str
    base_unit: Text
    decimal_places: str
    units: odata.Results[Unit]

    def __post_init__(self) -> None:
        check_texts((("DecimalPlaces", self.decimal_places, _DECIMALS),))

    def item(self) -> Item:
        """Give the item; a pack that repeats the base unit is no pack."""
        packs = {
            unit.alternative_unit: Ratio(
                _WHOLE[unit.quantity_numerator], _WHOLE[unit.quantity_denominator]
            )
            for unit in self.units.results
            if unit.alternative_unit != self.base_unit
        }
        return Item(
            sku=self.product,
            base_unit=self.base_unit,
            decimals=_DECIMALS[self.decimal_places],
            packs=MappingProxyType(packs),
            name=self.product_name or None,
            group=self.product_group or None,
        )


class ProductId(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """As much of a product as tells which one it is."""

    product: Text


_PAGE: Final = msgspec.json.Decoder(odata.Answer[msgspec.Raw])
_PRODUCT: Final = msgspec.json.Decoder(Product)
_PRODUCT_ID: Final = msgspec.json.Decoder(ProductId)


def take_products(body: bytes) -> tuple[Rows[Item], str | None]:
    """Take the items out of a page, one by one: they are read seldom, and kept."""
    page = _PAGE.decode(body).d
    good: list[Item] = []
    bad: list[BadRow] = []
    for raw in page.results:
        try:
            good.append(_PRODUCT.decode(raw).item())
        except UNREADABLE as error:
            bad.append(BadRow(None, _sku(raw), *explain(error)))
    return Rows(good, bad), page.next


def place_items(rows: Rows[Item], reading: Reading, asked: Collection[str]) -> ItemReadings:
    """Put master data under the items that were asked for.

    While there is a record that does not say which item it is, an item that is
    missing may be the one behind it, and fails.
    """
    system = reading.system
    items = {item.sku: item for item in rows.good if item.sku in asked}
    failed = {row.record: row.told_of(system) for row in rows.bad if row.record in asked}
    for sku, count in Counter(item.sku for item in rows.good).items():
        if count > 1 and sku in items:
            failed[sku] = Discrepancy(
                DiscrepancyKind.DUPLICATE, system, sku, "", "The system states one item twice."
            )
    nameless = next((row for row in rows.bad if not row.record), None)
    if nameless is not None:
        for sku in asked:
            if sku not in items:
                failed.setdefault(sku, nameless.told_of(system))
    return ItemReadings(reading, items, failed)


def _sku(raw: msgspec.Raw) -> str:
    """Read which item a bad record is about; empty if that is bad too."""
    try:
        return _PRODUCT_ID.decode(raw).product
    except UNREADABLE:
        return ""
