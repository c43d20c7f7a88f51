"""The ERP of the sandbox: what was requested and cancelled, in an OData V2 dialect.

    GET /odata/v2/SalesOrders      ?$filter=SalesOrder eq 'SO-1001' or …    &$expand=Items
    GET /odata/v2/SalesOrderItems  ?$filter=(SalesOrder eq 'SO-1001'
                                     and SalesOrderItem eq '10') or (…)     &$expand=Order
    GET /odata/v2/Products         ?$filter=Product eq 'BV-015' or …        &$expand=Units

The rows are in `erp_rows`. Every answer is `{"d": {"results": […], "__next": "http:…"}}`,
with `__next` only while more rows remain than the 200 of a page. A navigation that is
not expanded is `{"__deferred": {"uri": …}}`; one to many rows is `{"results": […]}`.

Quantities and prices are decimal text, in the customer's unit. A date is `/Date(ms)/`,
an instant `/Date(ms+0000)/`. `""` stands for no value of a text, null for no number or
date. A change is stamped on the order, never on the item.

Options: `$filter` (see `odata_filter`), `$expand`, `$select`, `$top`, `$skiptoken` and
`$format=json` (see `odata_options`); any other is refused. An error is
`{"error": {"code", "message": {"lang", "value"}}}`: 400 for a question that is not
understood, 404 for an unknown set, 429 with `Retry-After` when asked too much, 503 when
broken.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backends.sandbox.control import create_app, json_response
from backends.sandbox.erp_rows import (
    CHANNEL_CODES,
    Product,
    SalesOrder,
    SalesOrderItem,
    Unit,
    item_row,
    order_row,
    product_row,
)
from backends.sandbox.faults import Manners
from backends.sandbox.odata_options import ROOT, Question, options_of, understand
from backends.sandbox.refusal import RefusedError
from backends.sandbox.world import Line, Order, World

PAGE_ROWS: Final = 200

V = TypeVar("V")

Rows: TypeAlias = Iterator[Callable[[], SalesOrder | SalesOrderItem | Product]]
"""Rows that are found and not yet made: those of earlier pages never are."""


def sales_orders(world: World, question: Question) -> Rows:
    """Find every order that is meant."""
    for order in _orders(world, question):
        properties = {
            "SalesOrder": order.number,
            "SoldToParty": order.customer,
            "ShipToParty": order.ship_to,
            "DistributionChannel": CHANNEL_CODES[order.channel],
            "PurchaseOrderByCustomer": order.purchase_order,
        }
        if question.wants(properties):
            yield partial(_sales_order, order, question)


def sales_order_items(world: World, question: Question) -> Rows:
    """Find every item that is meant."""
    for order in _orders(world, question):
        header = cache(partial(_header, order, question))
        for line in order.lines.values():
            properties = {
                "SalesOrder": order.number,
                "SalesOrderItem": line.number,
                "Material": line.sku,
                "Plant": line.plant,
                "Order/SoldToParty": order.customer,
                "Order/DistributionChannel": CHANNEL_CODES[order.channel],
            }
            if question.wants(properties):
                yield partial(_sales_order_item, order, line, question, header)


def products(world: World, question: Question) -> Rows:
    """Find every product that is meant."""
    wanted = question.candidates("Product")
    for item in world.items.values() if wanted is None else _known(world.items, wanted):
        properties = {
            "Product": item.sku,
            "ProductGroup": item.group or "",
            "BaseUnit": item.base_unit,
        }
        if question.wants(properties):
            where = question.deferred(f"Products({_literal(item.sku)})/Units")
            yield partial(product_row, item, None if question.is_expanded else where)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A set: its rows, what of them can be compared, expanded and selected."""

    rows: Callable[[World, Question], Rows]
    row: type[msgspec.Struct]
    expands: str
    expanded: type[msgspec.Struct]
    compares: frozenset[str]

    @property
    def selects(self) -> frozenset[str]:
        """Name the properties of a row, and those of an expanded one after a slash."""
        own = {one.encode_name for one in msgspec.structs.fields(self.row)}
        below = {one.encode_name for one in msgspec.structs.fields(self.expanded)}
        return frozenset(own | {f"{self.expands}/{name}" for name in below})


SETS: Final = {
    "SalesOrders": EntitySet(
        sales_orders,
        SalesOrder,
        "Items",
        SalesOrderItem,
        frozenset(
            {
                "SalesOrder",
                "SoldToParty",
                "ShipToParty",
                "DistributionChannel",
                "PurchaseOrderByCustomer",
            }
        ),
    ),
    "SalesOrderItems": EntitySet(
        sales_order_items,
        SalesOrderItem,
        "Order",
        SalesOrder,
        frozenset(
            {
                "SalesOrder",
                "SalesOrderItem",
                "Material",
                "Plant",
                "Order/SoldToParty",
                "Order/DistributionChannel",
            }
        ),
    ),
    "Products": EntitySet(
        products, Product, "Units", Unit, frozenset({"Product", "ProductGroup", "BaseUnit"})
    ),
}


def create_erp(world: World, *, page_rows: int = PAGE_ROWS) -> Starlette:
    """Make the ERP of a world; an answer holds at most `page_rows` rows."""

    async def read(request: Request) -> Response:
        entity_set = SETS.get(request.path_params["name"])
        if entity_set is None:
            return _error(404, "NOT_FOUND", "There is no such entity set.")
        try:
            question = understand(
                request, entity_set.expands, entity_set.compares, entity_set.selects
            )
        except RefusedError as error:
            return _error(400, "BAD_REQUEST", str(error))
        return _page(request, question, entity_set.rows(world, question), page_rows)

    return create_app(
        "erp",
        world,
        [Route(f"/{ROOT}{{name}}", read, methods=["GET"])],
        Manners(
            refuse=_error,
            failed=_error(503, "SERVICE_UNAVAILABLE", "The system is being restarted."),
            throttled=_error(429, "TOO_MANY_REQUESTS", "Too many requests.", {"Retry-After": "1"}),
            spoil=_spoil,
        ),
    )


def _page(request: Request, question: Question, rows: Rows, page_rows: int) -> Response:
    """Answer with the rows from `$skiptoken` on, and where the others are."""
    wanted = page_rows if question.top is None else min(page_rows, question.top)
    results = [
        question.told(make()) for make in islice(rows, question.skip, question.skip + wanted)
    ]
    page: dict[str, object] = {"results": results}
    left = None if question.top is None else question.top - len(results)
    if left != 0 and next(rows, None) is not None:
        options = dict(options_of(request)) | {"$skiptoken": str(question.skip + len(results))}
        if left is not None:
            options["$top"] = str(left)
        page["__next"] = str(
            request.url.replace(query=urlencode(options, safe="$", quote_via=quote))
        )
    return json_response({"d": page})


def _orders(world: World, question: Question) -> Iterable[Order]:
    wanted = question.candidates("SalesOrder")
    return world.orders.values() if wanted is None else _known(world.orders, wanted)


def _known(having: Mapping[str, V], wanted: Iterable[str]) -> Iterator[V]:
    return (having[name] for name in wanted if name in having)


def _sales_order(order: Order, question: Question) -> SalesOrder:
    row = _header(order, question)
    row.items = (
        {"results": [item_row(order, question.line(line)) for line in order.lines.values()]}
        if question.is_expanded
        else question.deferred(f"SalesOrders({_literal(order.number)})/Items")
    )
    return row


def _sales_order_item(
    order: Order, line: Line, question: Question, header: Callable[[], SalesOrder]
) -> SalesOrderItem:
    row = item_row(order, question.line(line))
    key = f"SalesOrder={_literal(order.number)},SalesOrderItem={_literal(line.number)}"
    row.order = (
        header() if question.is_expanded else question.deferred(f"SalesOrderItems({key})/Order")
    )
    return row


def _header(order: Order, question: Question) -> SalesOrder:
    changed_at = max(question.line(line).erp.changed_at for line in order.lines.values())
    return order_row(order, changed_at)


def _literal(text: str) -> str:
    """Write a key as it stands in an address."""
    return quote("'" + text.replace("'", "''") + "'", safe="'")


def _spoil(page: Any) -> None:  # noqa: ANN401 - a decoded page
    results = page.get("d", {}).get("results")
    if not results:
        return
    row = results[0]
    row = row.get("Items", {}).get("results", [row])[0]
    name = next(name for name in ("RequestedQuantity", "BaseUnit", "SalesOrder") if name in row)
    row[name] = {"unexpected": True}


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    content = {"error": {"code": code, "message": {"lang": "en", "value": message}}}
    return json_response(content, status, headers)
