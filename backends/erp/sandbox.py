"""The sandbox's ERP, spoken to: headers of order lines and master data, by OData V2.

    whole orders    SalesOrders?$filter=SalesOrder eq '…' or …&$expand=Items
    single lines    SalesOrderItems?$filter=(SalesOrder eq '…' and SalesOrderItem eq '…') or …
                    &$expand=Order
    items           Products?$filter=Product eq '…' or …&$expand=Units

A caller's visibility is not sent yet. The filter could carry it: `SoldToParty`,
`DistributionChannel` and `Plant` are properties it can compare.
"""

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from backends import odata
from backends.capabilities import (
    AskBy,
    Basis,
    Capabilities,
    DeltaLevel,
    Evidence,
    NumberType,
    PageStyle,
    QuantityName,
    Throttling,
)
from backends.erp.sandbox_products import place_items, take_products
from backends.erp.sandbox_rows import (
    SENTINEL_DATES,
    Item,
    ItemOfOrder,
    Order,
    OrderWithItems,
    check_items,
)
from backends.observe import ObservedTransport
from backends.pages import fetch, in_batches
from backends.ports import ItemReadings, LineAddress, Readings, Refs
from backends.rows import UNREADABLE, Asked, BadRow, Id, Rows, bad_row, explain, place, sort_out
from orderlines.deadline import Deadline
from orderlines.facets import HeaderFacet, Section
from orderlines.order_line import Reading
from orderlines.visibility import Visibility

T = TypeVar("T")

ORDERS: Final = "/odata/v2/SalesOrders"
ITEMS: Final = "/odata/v2/SalesOrderItems"
PRODUCTS: Final = "/odata/v2/Products"

CAPABILITIES: Final = Capabilities(
    sections=frozenset({Section.HEADER}),
    quantities=MappingProxyType(
        {QuantityName.REQUESTED: Basis.TOTAL, QuantityName.CANCELLED: Basis.EVENTS}
    ),
    ask_by=AskBy.ORDER_NUMBER,
    calls=1,
    max_batch=50,
    page_style=PageStyle.LINK,
    page_rows=200,
    delta=DeltaLevel.DOCUMENT,
    throttling=Throttling.STATUS_429,
    numbers=NumberType.DECIMAL_STRING,
    evidence=Evidence.DOCUMENTED,
    sentinel_dates=SENTINEL_DATES,
)


class ErpSandbox:
    """An `OrderSource` and an `ItemSource`."""

    def __init__(self, transport: ObservedTransport) -> None:
        self.name = transport.system
        self.capabilities = CAPABILITIES
        self._transport = transport

    async def read_headers(
        self,
        refs: Refs,
        *,
        visibility: Visibility,  # noqa: ARG002 - see the module: not sent yet
        deadline: Deadline,
    ) -> Readings[HeaderFacet]:
        """Read the headers of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked = Asked.of(refs)
        path, expand, clauses, take = (
            (ORDERS, "Items", map(_is_order, asked.orders), take_orders)
            if asked.orders
            else (ITEMS, "Order", map(_is_item, asked.lines), take_items)
        )
        rows, reading = await self._read(path, expand, clauses, take, deadline)
        return place(rows, reading, asked)

    async def read_items(
        self,
        skus: Sequence[str],
        *,
        visibility: Visibility,  # noqa: ARG002 - master data is the same for everybody
        deadline: Deadline,
    ) -> ItemReadings:
        """Read the master data of items by number.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked = dict.fromkeys(skus)
        clauses = (odata.equals("Product", sku) for sku in asked)
        rows, reading = await self._read(PRODUCTS, "Units", clauses, take_products, deadline)
        return place_items(rows, reading, asked)

    async def _read(
        self,
        path: str,
        expand: str,
        clauses: Iterable[str],
        take: Callable[[bytes], tuple[Rows[T], str | None]],
        deadline: Deadline,
    ) -> tuple[Rows[T], Reading]:
        questions = [
            odata.question(path, batch, expand)
            for batch in in_batches(clauses, self.capabilities.max_batch)
        ]
        look = odata.looking(self.name, take)
        reading, pages = await fetch(self._transport, questions, look, deadline=deadline)
        return Rows.of_all(pages), reading


def _is_order(number: str) -> str:
    return odata.equals("SalesOrder", number)


def _is_item(address: LineAddress) -> str:
    order, line = address
    return f"({odata.equals('SalesOrder', order)}%20and%20{odata.equals('SalesOrderItem', line)})"


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


_ORDERS: Final = msgspec.json.Decoder(odata.Answer[OrderWithItems])
_ITEMS: Final = msgspec.json.Decoder(odata.Answer[ItemOfOrder])
_PIECES: Final = msgspec.json.Decoder(odata.Answer[msgspec.Raw])
_ORDER: Final = msgspec.json.Decoder(Order)
_ORDER_IN_PIECES: Final = msgspec.json.Decoder(OrderInPieces)
_ITEM: Final = msgspec.json.Decoder(Item)
_ITEM_OF_ORDER: Final = msgspec.json.Decoder(ItemOfOrder)
_ITEM_IDS: Final = msgspec.json.Decoder(ItemIds)


def take_orders(body: bytes) -> tuple[Rows[Item], str | None]:
    """Take the items out of a page of whole orders."""
    try:
        page = _ORDERS.decode(body).d
        items = [item for order in page.results for item in order.take_items()]
        check_items(items)
        return Rows(items), page.next
    except UNREADABLE:
        pieces = _PIECES.decode(body).d
        return Rows.of_all([_take_order(raw) for raw in pieces.results]), pieces.next


def take_items(body: bytes) -> tuple[Rows[Item], str | None]:
    """Take the items out of a page of single items."""
    try:
        page = _ITEMS.decode(body).d
        check_items(page.results)
        return Rows(page.results), page.next
    except UNREADABLE:
        pieces = _PIECES.decode(body).d
        return sort_out(pieces.results, _take_item, _ITEM_IDS.decode), pieces.next


def _take_order(raw: msgspec.Raw) -> Rows[Item]:
    """Take an order apart. What is wrong with its head is wrong with each item."""
    try:
        items = _ORDER_IN_PIECES.decode(raw).items.results
    except UNREADABLE as error:
        return Rows([], [BadRow(None, "", *explain(error))])
    try:
        order = _ORDER.decode(raw)
    except UNREADABLE as error:
        bad = [bad_row(error, item, _ITEM_IDS.decode) for item in items]
        return Rows([], bad or [BadRow(None, "", *explain(error))])
    return sort_out(items, lambda item: _ITEM.decode(item).completed_by(order), _ITEM_IDS.decode)


def _take_item(raw: msgspec.Raw) -> Item:
    item = _ITEM_OF_ORDER.decode(raw)
    return item.completed_by(item.order)
