"""The best a person would write for these two questions and nothing else.

The gateway's own wire, msgspec structs of just the fields that are answered, exact
decimals, checks of shape; no schema, no policies, no partial answers. It decides by the
name of the operation, and reads nothing of the question but its variables.
"""

import asyncio
import os
import sys
from contextlib import closing
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from backends.odata import parse_date
from backends.oms.sandbox import QUERY, Variables
from backends.transport import Request
from backends.wire import Wire
from backends.wire_limits import WireLimits
from gateway.cli.server import listen, run, serve_until_told
from orderlines.deadline import Deadline

T = TypeVar("T")
ACCEPT = ((b"accept", b"application/json"),)
CHANNELS = {"10": "ECOMMERCE", "20": "EDI", "30": "MARKETPLACE", "40": "FIELD_SALES"}


class Results(msgspec.Struct, Generic[T], gc=False):
    """Rows of OData."""

    results: tuple[T, ...]


class Cancellation(msgspec.Struct, gc=False, rename="pascal"):
    """A part that will not be delivered."""

    quantity: str


class Item(msgspec.Struct, gc=False, rename="pascal"):
    """An item of the ERP."""

    sales_order_item: str
    material: str
    requested_quantity: str
    requested_quantity_unit: str
    requested_ship_date: str | None
    plant: str
    net_price_amount: str | None
    cancellations: Results[Cancellation]


class Order(msgspec.Struct, gc=False, rename="pascal"):
    """An order of the ERP."""

    sales_order: str
    sold_to_party: str
    distribution_channel: str
    transaction_currency: str
    items: Results[Item]


class Orders(msgspec.Struct, gc=False):
    """A page of the ERP."""

    d: Results[Order]


class Product(msgspec.Struct, gc=False, rename="pascal"):
    """Master data."""

    product: str
    product_name: str
    product_group: str


class Products(msgspec.Struct, gc=False):
    """A page of master data."""

    d: Results[Product]


class Row(msgspec.Struct, gc=False):
    """A row of the WMS."""

    order_line_ref: str
    decimals: int
    units_returned: int
    units_allocated: int | None = None
    units_shipped: int | None = None


class Rows(msgspec.Struct, gc=False):
    """A page of the WMS."""

    data: tuple[Row, ...]


class Slice(msgspec.Struct, gc=False):
    """Part of a promise."""

    quantity: str
    date: str | None


class Version(msgspec.Struct, gc=False):
    """A version of a promise."""

    version: int
    slices: tuple[Slice, ...]


class Schedule(msgspec.Struct, gc=False):
    """A promise."""

    versions: tuple[Version, ...]


class PromiseLine(msgspec.Struct, gc=False):
    """A line of the OMS."""

    line: str
    unit: str
    promise: Schedule


class PromiseLines(msgspec.Struct, gc=False):
    """A page of the OMS."""

    lines: tuple[PromiseLine, ...]


class PromiseData(msgspec.Struct, gc=False, rename="camel"):
    """The data of the OMS."""

    promise_lines: PromiseLines


class Promises(msgspec.Struct, gc=False):
    """The answer of the OMS."""

    data: PromiseData


class Asked(msgspec.Struct, gc=False):
    """The variables of a question."""

    number: str


class Question(msgspec.Struct, gc=False, rename="camel"):
    """As much of a question as is needed."""

    operation_name: str
    variables: Asked


decode_question = msgspec.json.Decoder(Question).decode
decode_orders = msgspec.json.Decoder(Orders).decode
decode_rows = msgspec.json.Decoder(Rows).decode
decode_promises = msgspec.json.Decoder(Promises).decode
decode_products = msgspec.json.Decoder(Products).decode
encode = msgspec.json.Encoder().encode


def plain(text: str) -> str:
    """Write a decimal plainly: no exponent, no zeros at the end."""
    value = Decimal(text)
    whole = int(value)
    return str(whole) if whole == value else format(value.normalize(), "f")


def scaled(units: int | None, decimals: int) -> str | None:
    """Write so many of the last decimal."""
    if units is None:
        return None
    return str(units) if decimals == 0 else plain(str(Decimal(units).scaleb(-decimals)))


def day(text: str | None) -> str | None:
    """Write a date of OData."""
    return None if text is None else parse_date(text).isoformat()


class App:
    """The ASGI application."""

    def __init__(self, erp: int, oms: int, wms: int) -> None:
        ports = {"erp": erp, "oms": oms, "wms": wms}
        self.wires = {
            name: Wire(f"http://127.0.0.1:{port}", system=name, limits=WireLimits())
            for name, port in ports.items()
        }
        self.products: dict[str, Product] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answer one request."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        question = decode_question(body)
        nodes = await self.nodes(question.variables.number, wide=question.operation_name == "Wide")
        answer = encode({"data": {"order": {"lines": {"nodes": nodes}}}})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def nodes(self, number: str, *, wide: bool) -> list[dict[str, Any]]:
        """Ask the three systems at once, and join what they say."""
        deadline = Deadline.after(10)
        wires = self.wires
        erp, oms, wms = await asyncio.gather(
            wires["erp"].send(
                Request(
                    "GET",
                    f"/odata/v2/SalesOrders?$filter=SalesOrder%20eq%20%27{number}%27&$expand=Items",
                    ACCEPT,
                ),
                deadline=deadline,
            ),
            wires["oms"].send(
                QUERY.question(Variables(orders=[number], first=1000)), deadline=deadline
            ),
            wires["wms"].send(
                Request("GET", f"/v2/outbound-lines?orders={number}&limit=1000", ACCEPT),
                deadline=deadline,
            ),
        )
        promises = {one.line: one for one in decode_promises(oms.body).data.promise_lines.lines}
        rows = {one.order_line_ref: one for one in decode_rows(wms.body).data}
        (order,) = decode_orders(erp.body).d.results
        items = order.items.results
        if not wide:
            return [
                page_node(one, promises[one.sales_order_item], rows[one.sales_order_item])
                for one in items
            ]
        if not {one.material for one in items} <= self.products.keys():
            told = await wires["erp"].send(
                Request("GET", "/odata/v2/Products?$expand=Units", ACCEPT), deadline=deadline
            )
            self.products = {one.product: one for one in decode_products(told.body).d.results}
        return [
            self.wide_node(order, one, promises[one.sales_order_item], rows[one.sales_order_item])
            for one in items
        ]

    def wide_node(self, order: Order, item: Item, line: PromiseLine, row: Row) -> dict[str, Any]:
        """Join one line of the wide question."""
        product = self.products[item.material]
        slices = line.promise.versions[-1].slices
        dates = [one.date for one in slices if one.date]
        cancelled = item.cancellations.results
        return {
            "lineNumber": item.sales_order_item,
            "channel": CHANNELS.get(order.distribution_channel, "OTHER"),
            "ownerWarehouse": item.plant or None,
            "item": {
                "sku": item.material,
                "name": product.product_name or None,
                "group": product.product_group or None,
            },
            "customer": {"soldTo": order.sold_to_party or None},
            "requested": {
                "quantity": {
                    "value": plain(item.requested_quantity),
                    "unit": item.requested_quantity_unit,
                },
                "shipOn": day(item.requested_ship_date),
                "unitPrice": None
                if item.net_price_amount is None
                else plain(item.net_price_amount),
                "currency": order.transaction_currency or None,
            },
            "promised": {
                "quantity": {"value": promised(slices), "unit": line.unit},
                "firstDate": min(dates, default=None),
                "latestDate": max(dates, default=None),
            },
            "allocated": {"quantity": {"value": scaled(row.units_allocated, row.decimals)}},
            "shipped": {
                "quantity": {"value": scaled(row.units_shipped, row.decimals)},
                "returned": {"value": scaled(row.units_returned, row.decimals)},
            },
            "cancelled": {
                "quantity": {
                    "value": plain(str(sum(Decimal(one.quantity) for one in cancelled)))
                    if cancelled
                    else "0"
                }
            },
        }


def page_node(item: Item, line: PromiseLine, row: Row) -> dict[str, Any]:
    """Join one line of the page."""
    slices = line.promise.versions[-1].slices
    return {
        "lineNumber": item.sales_order_item,
        "item": {"sku": item.material},
        "requested": {
            "quantity": {
                "value": plain(item.requested_quantity),
                "unit": item.requested_quantity_unit,
            },
            "shipOn": day(item.requested_ship_date),
        },
        "promised": {
            "quantity": {"value": promised(slices)},
            "firstDate": min([one.date for one in slices if one.date], default=None),
        },
        "allocated": {"quantity": {"value": scaled(row.units_allocated, row.decimals)}},
        "shipped": {"quantity": {"value": scaled(row.units_shipped, row.decimals)}},
    }


def promised(slices: tuple[Slice, ...]) -> str:
    """Add up a promise."""
    if len(slices) == 1:
        return plain(slices[0].quantity)
    return plain(str(sum(Decimal(one.quantity) for one in slices)))


def main() -> None:
    """Serve: `python -m bench.peers.handwritten PORT CORE ERP OMS WMS`."""
    port, core, *ports = map(int, sys.argv[1:])
    os.sched_setaffinity(0, {core})
    with closing(listen("127.0.0.1", port)) as listener:
        run(
            serve_until_told(
                App(*ports), listener, deadline_s=10, on_ready=lambda: print("ready", flush=True)
            )
        )


if __name__ == "__main__":
    main()
