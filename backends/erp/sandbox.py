"""The sandbox's ERP, spoken to: headers of order lines and master data, by OData V2.

    whole orders    SalesOrders?$filter=SalesOrder eq '…' or …&$expand=Items&$select=…
    single lines    SalesOrderItems?$filter=(SalesOrder eq '…' and SalesOrderItem eq '…') or …
                    &$expand=Order&$select=…
    items           Products?$filter=Product eq '…' or …&$expand=Units

What a caller may see is part of the filter (`sandbox_visibility`).
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

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
from backends.erp.sandbox_rows import SENTINEL_DATES, Item
from backends.erp.sandbox_select import Selected, wanted_of
from backends.erp.sandbox_visibility import rows_clause
from backends.freshness import LIVE, Wanted
from backends.observe import ObservedTransport
from backends.pages import Asking, Look, fetch, in_batches
from backends.ports import ItemReadings, LineAddress, Readings, Refs
from backends.rows import Asked, Rows, place
from backends.transport import Request
from backends.underway import begin, begin_one
from orderlines.deadline import Deadline
from orderlines.facets import EVERYTHING, Facts, HeaderFacet, Section
from orderlines.order_line import Reading
from orderlines.visibility import Visibility

K = TypeVar("K")

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


Way: TypeAlias = tuple[Selected, Look[Rows[Item]], Look[Rows[Item]]]
"""What is selected, and how answers with whole orders, and with single items, are looked at."""


class ErpSandbox:
    """An `OrderSource` and an `ItemSource`."""

    def __init__(self, transport: ObservedTransport) -> None:
        self.name = transport.system
        self.capabilities = CAPABILITIES
        self._transport = transport
        self._way = lru_cache(maxsize=64)(self._made_way)

    def _made_way(self, facts: Facts) -> Way:
        """Choose what to select, and how answers are looked at."""
        shape = wanted_of(facts)
        looking = partial(odata.looking, self.name)
        return shape, looking(shape.take_orders), looking(shape.take_items)

    def read_headers(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Awaitable[Readings[HeaderFacet]]:
        """Read the headers of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked, (shape, look_at_orders, look_at_items) = Asked.of(refs), self._way(facts)
        asking = Asking(visibility, deadline, wanted, asked)
        if not asked.orders:
            rows = rows_clause(visibility, of_items=True)
            questions = self._questions(ITEMS, asked.lines, _is_item, "Order", shape.of_items, rows)
            return begin(self._transport, questions, look_at_items, asking, _placed)
        rows, number = rows_clause(visibility, of_items=False), asked.only_order
        if number is not None:  # as mostly
            question = odata.question(ORDERS, _is_order(number), "Items", shape.of_orders, rows)
            return begin_one(self._transport, question, look_at_orders, asking, _placed)
        questions = self._questions(ORDERS, asked.orders, _is_order, "Items", shape.of_orders, rows)
        return begin(self._transport, questions, look_at_orders, asking, _placed)

    async def read_items(
        self,
        skus: Sequence[str],
        *,
        visibility: Visibility,
        deadline: Deadline,
    ) -> ItemReadings:
        """Read the master data of items by number.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked = dict.fromkeys(skus)
        questions = self._questions(PRODUCTS, asked, _is_product, "Units")
        look = odata.looking(self.name, take_products)
        asking = Asking(visibility, deadline)
        reading, pages = await fetch(self._transport, questions, look, asking=asking)
        return place_items(Rows.of_all(pages), reading, asked)

    def _questions(  # noqa: PLR0913, PLR0917 - the parts of a question
        self,
        path: str,
        keys: Collection[K],
        clause_of: Callable[[K], str],
        expand: str,
        select: str = "",
        rows: str = "",
    ) -> list[Request]:
        return [
            odata.question(path, odata.any_of(batch), expand, select, rows)
            for batch in in_batches(map(clause_of, keys), self.capabilities.max_batch)
        ]


def _placed(reading: Reading, pages: Sequence[Rows[Item]], asked: Asked) -> Readings[HeaderFacet]:
    return place(Rows.of_all(pages), reading, asked)


def _is_order(number: str) -> str:
    return odata.equals("SalesOrder", number)


def _is_product(sku: str) -> str:
    return odata.equals("Product", sku)


def _is_item(address: LineAddress) -> str:
    order, line = address
    return f"({odata.equals('SalesOrder', order)}%20and%20{odata.equals('SalesOrderItem', line)})"
