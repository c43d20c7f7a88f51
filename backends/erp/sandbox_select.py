"""What is selected of the sandbox's ERP, and how its pages are read.

Who ordered a line in which channel, and what item it is of, is always selected;
everything else where it is wanted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from backends import odata
from backends.erp.sandbox_rows import (
    ORDER_TEXTS,
    TEXTS,
    Item,
    ItemOfOrder,
    Order,
    OrderWithItems,
)
from backends.erp.sandbox_table import TextColumn, table_of, table_of_orders, text_columns
from backends.ports import LineAddress
from backends.rows import UNREADABLE, BadRow, Id, Rows, bad_row, explain, is_plain, sort_out
from backends.wanted import requiring
from orderlines.facets import Fact, Facts

# In the order in which the ERP writes them: then each is found at the first look.
_OF_ORDERS: Final[Mapping[str, Fact | None]] = {
    "number": None,
    "sold_to_party": None,
    "ship_to_party": Fact.REFERENCES,
    "distribution_channel": None,
    "purchase_order_by_customer": Fact.REFERENCES,
    "sales_order_date": Fact.REFERENCES,
    "transaction_currency": Fact.PRICE,
    "last_change_date_time": Fact.HEADER_CHANGED,
}
_OF_ITEMS: Final[Mapping[str, Fact | None]] = {
    "order_number": None,
    "line_number": None,
    "higher_level_item": Fact.REFERENCES,
    "sku": None,
    "material_by_customer": Fact.REFERENCES,
    "requested_quantity": Fact.REQUEST,
    "unit": None,
    "requested_ship_date": Fact.SHIP_DATE,
    "requested_delivery_date": Fact.DELIVERY_DATE,
    "plant": Fact.OWNER,
    "net_price_amount": Fact.PRICE,
    "cancelled": Fact.CANCELLATIONS,
    "is_drop_ship": Fact.TERMS,
    "delivery_hold_reason": Fact.TERMS,
    "overdelivery_tolerance_pct": Fact.TERMS,
    "delivered_quantity": Fact.TERMS,
}


class ItemIds(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """As much of an item as tells which line it is."""

    sales_order: Id
    sales_order_item: Id

    @property
    def address(self) -> LineAddress:
        """The line."""
        return (self.sales_order, self.sales_order_item)

    @property
    def record(self) -> str:
        """Order and item number."""
        return f"{self.sales_order}/{self.sales_order_item}"


class OrderInPieces(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """An order taken apart to find the items that are bad."""

    items: odata.Results[msgspec.Raw]


_PIECES: Final = msgspec.json.Decoder(odata.Answer[msgspec.Raw])
_ORDER_IN_PIECES: Final = msgspec.json.Decoder(OrderInPieces)
_ITEM_IDS: Final = msgspec.json.Decoder(ItemIds)


@dataclass(frozen=True, slots=True)
class Selected:
    """What is selected, and how pages of that are read.

    Attributes:
        of_orders: `$select` of whole orders; empty where all of them is wanted.
        of_items: `$select` of single items.
        texts: Those of `TEXTS` that are wanted.
        order_texts: The names of those of `ORDER_TEXTS`.
    """

    of_orders: str
    of_items: str
    texts: Sequence[TextColumn]
    order_texts: Sequence[str]
    orders: msgspec.json.Decoder[odata.Answer[OrderWithItems]]
    items: msgspec.json.Decoder[odata.Answer[ItemOfOrder]]
    order: msgspec.json.Decoder[Order]
    item: msgspec.json.Decoder[Item]
    item_of_order: msgspec.json.Decoder[ItemOfOrder]

    def take_orders(self, body: bytes) -> tuple[Rows[Item], str | None]:
        """Take the items out of a page of whole orders."""
        try:
            page = self.orders.decode(body).d
            table = table_of_orders(page.results, self.texts, self.order_texts)
            table.is_plain = is_plain(body)
            return Rows(table), page.next
        except UNREADABLE:
            pieces = _PIECES.decode(body).d
            return Rows.of_all([self._take_order(raw) for raw in pieces.results]), pieces.next

    def take_items(self, body: bytes) -> tuple[Rows[Item], str | None]:
        """Take the items out of a page of single items."""
        try:
            page = self.items.decode(body).d
            table = table_of(page.results, self.texts, self.order_texts)
            table.is_plain = is_plain(body)
            return Rows(table), page.next
        except UNREADABLE:
            pieces = _PIECES.decode(body).d
            return sort_out(pieces.results, self._take_item, _ITEM_IDS.decode), pieces.next

    def _take_order(self, raw: msgspec.Raw) -> Rows[Item]:
        """Take an order apart. What is wrong with its head is wrong with each item."""
        try:
            items = _ORDER_IN_PIECES.decode(raw).items.results
        except UNREADABLE as error:
            return Rows([], [BadRow(None, "", *explain(error))])
        try:
            order = self.order.decode(raw)
            order.check()
        except UNREADABLE as error:
            bad = [bad_row(error, item, _ITEM_IDS.decode) for item in items]
            return Rows([], bad or [BadRow(None, "", *explain(error))])
        return sort_out(
            items, lambda item: self.item.decode(item).completed_by(order), _ITEM_IDS.decode
        )

    def _take_item(self, raw: msgspec.Raw) -> Item:
        item = self.item_of_order.decode(raw)
        item.order.check("Order.")
        return item.completed_by(item.order)


@lru_cache(maxsize=64)
def wanted_of(facts: Facts) -> Selected:
    """Choose what to select."""
    of_order, of_item = list(_chosen(_OF_ORDERS, facts)), list(_chosen(_OF_ITEMS, facts))
    order, item = requiring(Order, of_order), requiring(Item, of_item)
    items: Any = odata.Results[item]  # type: ignore[valid-type]  # a type, at run time
    with_items = requiring(OrderWithItems, of_order, types={"items": items})
    item_of_order = requiring(ItemOfOrder, of_item, types={"order": order})
    of_orders: Any = odata.Answer[with_items]  # type: ignore[valid-type]  # as above
    of_items: Any = odata.Answer[item_of_order]  # type: ignore[valid-type]  # as above
    orders, lines = _native(Order, of_order), _native(Item, of_item)
    if len(of_order) + len(of_item) == len(_OF_ORDERS) + len(_OF_ITEMS):
        orders, lines = [], []  # all of it, which needs no saying
    return Selected(
        of_orders=",".join([*orders, *(f"Items/{name}" for name in lines)]),
        of_items=",".join([*lines, *(f"Order/{name}" for name in orders)]),
        texts=text_columns(name for name in TEXTS if name in of_item),
        order_texts=[name for name in ORDER_TEXTS if name in of_order],
        orders=msgspec.json.Decoder(of_orders),
        items=msgspec.json.Decoder(of_items),
        order=msgspec.json.Decoder(order),
        item=msgspec.json.Decoder(item),
        item_of_order=msgspec.json.Decoder(item_of_order),
    )


def _chosen(fields: Mapping[str, Fact | None], facts: Facts) -> Iterator[str]:
    return (name for name, fact in fields.items() if fact is None or fact in facts)


def _native(record: type[msgspec.Struct], names: Sequence[str]) -> list[str]:
    return [one.encode_name for one in msgspec.structs.fields(record) if one.name in names]
