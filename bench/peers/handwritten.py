"""The best a person would write for these two questions and nothing else.

The gateway's own wire, msgspec structs of just the fields that are answered, exact
decimals, checks of shape, a template for each question; no schema, no policies, no
partial answers. It decides by the name of the operation, and reads nothing of the
question but its variables. Of the systems it asks what the gateway asks.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from backends.erp.sandbox_select import wanted_of as wanted_headers
from backends.odata import parse_date
from backends.oms.sandbox_query import Variables
from backends.oms.sandbox_query import wanted_of as wanted_promises
from backends.transport import Request
from backends.wire import Wire
from backends.wire_limits import WireLimits
from bench.questions import PAGE, WIDE
from bench.recording import facts_of
from gateway.cli.server import listen, run, serve_until_told
from orderlines.deadline import Deadline

T = TypeVar("T")
ACCEPT: Final = ((b"accept", b"application/json"),)
MAX_MEMO: Final = 16_384
CHANNELS: Final = {
    "10": "ECOMMERCE",
    "20": "EDI",
    "30": "MARKETPLACE",
    "40": "FIELD_SALES",
    "50": "B2B_PORTAL",
}


class Results(msgspec.Struct, Generic[T], gc=False):
    """Rows of OData."""

    results: tuple[T, ...]


class Cancellation(msgspec.Struct, gc=False, rename="pascal"):
    """A part that will not be delivered."""

    quantity: str


class Item(msgspec.Struct, gc=False, rename="pascal"):
    """An item of the ERP, as far as the page needs it."""

    sales_order_item: str
    material: str
    requested_quantity: str
    requested_quantity_unit: str
    requested_ship_date: str | None


class WideItem(Item, gc=False, rename="pascal"):
    """An item of the ERP."""

    plant: str
    net_price_amount: str | None
    cancellations: Results[Cancellation]


class Order(msgspec.Struct, gc=False, rename="pascal"):
    """An order of the ERP, as far as the page needs it."""

    items: Results[Item]


class WideOrder(msgspec.Struct, gc=False, rename="pascal"):
    """An order of the ERP."""

    sold_to_party: str
    distribution_channel: str
    transaction_currency: str
    items: Results[WideItem]


class Orders(msgspec.Struct, Generic[T], gc=False):
    """A page of the ERP."""

    d: Results[T]


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

    # As they come: then each is found at the first look.
    order_line_ref: str
    decimals: int
    units_allocated: int | None = None
    units_shipped: int | None = None
    units_returned: int | None = None


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


class LineInBrief(msgspec.Struct, gc=False):
    """A line of the OMS, and the text of its promise."""

    line: str
    promise: msgspec.Raw


class PromiseLines(msgspec.Struct, Generic[T], gc=False):
    """A page of the OMS."""

    lines: tuple[T, ...]


class PromiseData(msgspec.Struct, Generic[T], gc=False, rename="camel"):
    """The data of the OMS."""

    promise_lines: PromiseLines[T]


class Promises(msgspec.Struct, Generic[T], gc=False):
    """The answer of the OMS."""

    data: PromiseData[T]


class Asked(msgspec.Struct, gc=False):
    """The variables of a question."""

    number: str


class Question(msgspec.Struct, gc=False, rename="camel"):
    """As much of a question as is needed."""

    operation_name: str
    variables: Asked


class Dialect:
    """What one question asks of each system."""

    def __init__(self, text: str) -> None:
        facts = facts_of(text)
        self.select = wanted_headers(facts).of_orders
        self.promises = wanted_promises(facts).query


decode_question = msgspec.json.Decoder(Question).decode
decode_orders = msgspec.json.Decoder(Orders[Order]).decode
decode_wide_orders = msgspec.json.Decoder(Orders[WideOrder]).decode
decode_rows = msgspec.json.Decoder(Rows).decode
decode_promises = msgspec.json.Decoder(Promises[PromiseLine]).decode
decode_in_brief = msgspec.json.Decoder(Promises[LineInBrief]).decode
decode_schedule = msgspec.json.Decoder(Schedule).decode
decode_products = msgspec.json.Decoder(Products).decode
encode = msgspec.json.Encoder().encode


class Memo:
    """What was written before; anew once it holds too much.

    Whoever looks much up looks into `known`, and comes here for what is not there.
    """

    def __init__(self, write: Callable[[Any], str]) -> None:
        self.known: dict[Any, str] = {}
        self.write = write

    def __getitem__(self, value: object) -> str:
        text = self.known.get(value)
        if text is None:
            if len(self.known) > MAX_MEMO:
                self.known.clear()
            self.known[value] = text = self.write(value)
        return text


def write_text(text: str | None) -> str:
    """Write a text as JSON; the empty text stands for none."""
    return encode(text or None).decode()


def write_decimal(text: str | None) -> str:
    """Write a decimal plainly, as JSON: no exponent, no zeros at the end."""
    if text is None:
        return "null"
    value = Decimal(text)
    whole = int(value)
    return f'"{whole}"' if whole == value else f'"{value.normalize():f}"'


def write_units(units: int | None) -> str:
    """Write whole units, as JSON."""
    return "null" if units is None else f'"{units}"'


def write_day(text: str | None) -> str:
    """Write a date of OData, as JSON."""
    return "null" if text is None else f'"{parse_date(text).isoformat()}"'


Texts: TypeAlias = Memo | dict[Any, str]
said, plain, whole, day = (
    Memo(write_text),
    Memo(write_decimal),
    Memo(write_units),
    Memo(write_day),
)


def scaled(units: int | None, decimals: int) -> str:
    """Write so many of the last decimal, as JSON."""
    if decimals == 0 or units is None:
        return whole[units]
    return plain[str(Decimal(units).scaleb(-decimals))]


def promised(slices: tuple[Slice, ...]) -> str:
    """Add up a promise."""
    if len(slices) == 1:
        return plain[slices[0].quantity]
    return plain[str(sum(Decimal(one.quantity) for one in slices))]


def first_date(slices: tuple[Slice, ...]) -> str:
    """Find the earliest date of a promise."""
    if len(slices) == 1:
        return said[slices[0].date]
    return said[min([one.date for one in slices if one.date], default=None)]


def write_promise(text: bytes) -> str:
    """Write a promise of the page; few differ, so the text of each is read once."""
    slices = decode_schedule(text).versions[-1].slices
    return f'{{"quantity":{{"value":{promised(slices)}}},"firstDate":{first_date(slices)}}}'


schedule = Memo(write_promise)


def page_nodes(
    items: Sequence[Item], promises: Mapping[str, LineInBrief], rows: Mapping[str, Row]
) -> list[str]:
    """Write the lines of the page, in one loop while all that they say was said before."""
    try:
        return _page_nodes(
            items,
            promises,
            rows,
            said.known,
            plain.known,
            whole.known,
            day.known,
            schedule.known,
        )
    except KeyError:
        return _page_nodes(items, promises, rows, said, plain, whole, day, schedule)


def _page_nodes(  # noqa: PLR0913, PLR0917 - where texts are looked up
    items: Sequence[Item],
    promises: Mapping[str, LineInBrief],
    rows: Mapping[str, Row],
    say: Texts,
    number: Texts,
    count: Texts,
    date: Texts,
    promise: Texts,
) -> list[str]:
    nodes = []
    for item in items:
        line_number = item.sales_order_item
        told, row = promise[bytes(promises[line_number].promise)], rows[line_number]
        if row.decimals == 0:
            allocated, shipped = count[row.units_allocated], count[row.units_shipped]
        else:
            allocated = scaled(row.units_allocated, row.decimals)
            shipped = scaled(row.units_shipped, row.decimals)
        nodes.append(
            f'{{"lineNumber":{say[line_number]},"item":{{"sku":{say[item.material]}}},'
            f'"requested":{{"quantity":{{"value":{number[item.requested_quantity]},"unit":'
            f'{say[item.requested_quantity_unit]}}},"shipOn":{date[item.requested_ship_date]}}},'
            f'"promised":{told},'
            f'"allocated":{{"quantity":{{"value":{allocated}}}}},'
            f'"shipped":{{"quantity":{{"value":{shipped}}}}}}}'
        )
    return nodes


def wide_node(
    order: WideOrder, item: WideItem, product: Product, line: PromiseLine, row: Row
) -> str:
    """Write one line of the wide question."""
    slices = line.promise.versions[-1].slices
    latest = max([one.date for one in slices if one.date], default=None)
    cancelled = item.cancellations.results
    total = str(sum(Decimal(one.quantity) for one in cancelled)) if cancelled else "0"
    channel = CHANNELS.get(order.distribution_channel, "OTHER")
    return (
        f'{{"lineNumber":{said[item.sales_order_item]},"channel":"{channel}",'
        f'"ownerWarehouse":{said[item.plant]},"item":{{"sku":{said[item.material]},'
        f'"name":{said[product.product_name]},"group":{said[product.product_group]}}},'
        f'"customer":{{"soldTo":{said[order.sold_to_party]}}},'
        f'"requested":{{"quantity":{{"value":{plain[item.requested_quantity]},'
        f'"unit":{said[item.requested_quantity_unit]}}},"shipOn":{day[item.requested_ship_date]},'
        f'"unitPrice":{plain[item.net_price_amount]},'
        f'"currency":{said[order.transaction_currency]}}},'
        # Python joins an f-string of more than thirty parts as a list.
        f'"promised":{{"quantity":{{"value":{promised(slices)},"unit":{said[line.unit]}}},'
        f'"firstDate":{first_date(slices)},"latestDate":{said[latest]}}},'
        f'"allocated":{{"quantity":{{"value":{scaled(row.units_allocated, row.decimals)}}}}},'
        f'"shipped":{{"quantity":{{"value":{scaled(row.units_shipped, row.decimals)}}},'
        f'"returned":{{"value":{scaled(row.units_returned, row.decimals)}}}}},'
        f'"cancelled":{{"quantity":{{"value":{plain[total]}}}}}}}'
    )


class App:
    """The ASGI application."""

    def __init__(self, erp: int, oms: int, wms: int) -> None:
        ports = {"erp": erp, "oms": oms, "wms": wms}
        self.wires = {
            name: Wire(f"http://127.0.0.1:{port}", system=name, limits=WireLimits())
            for name, port in ports.items()
        }
        self.dialects = {"Page": Dialect(PAGE), "Wide": Dialect(WIDE)}
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
        nodes = await self.nodes(question.variables.number, question.operation_name)
        answer = f'{{"data":{{"order":{{"lines":{{"nodes":[{",".join(nodes)}]}}}}}}}}'.encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def nodes(self, number: str, operation: str) -> list[str]:
        """Ask the three systems at once, and join what they say."""
        deadline = Deadline.after(10)
        wires, dialect = self.wires, self.dialects[operation]
        erp, oms, wms = await asyncio.gather(
            wires["erp"].send(
                Request(
                    "GET",
                    f"/odata/v2/SalesOrders?$filter=SalesOrder%20eq%20%27{number}%27"
                    f"&$expand=Items&$format=json&$select={dialect.select}",
                    ACCEPT,
                ),
                deadline=deadline,
            ),
            wires["oms"].send(
                dialect.promises.question(Variables(orders=[number], first=1000)),
                deadline=deadline,
            ),
            wires["wms"].send(
                Request(
                    "GET",
                    f"/v2/outbound-lines?orders={number}&limit=1000&fields=order_line_ref,"
                    "decimals,units_allocated,units_shipped,units_returned",
                    ACCEPT,
                ),
                deadline=deadline,
            ),
        )
        rows = {one.order_line_ref: one for one in decode_rows(wms.body).data}
        if operation == "Page":
            (order,) = decode_orders(erp.body).d.results
            brief = decode_in_brief(oms.body).data.promise_lines.lines
            return page_nodes(order.items.results, {one.line: one for one in brief}, rows)
        promises = {one.line: one for one in decode_promises(oms.body).data.promise_lines.lines}
        (wide,) = decode_wide_orders(erp.body).d.results
        items = wide.items.results
        if not {one.material for one in items} <= self.products.keys():
            told = await wires["erp"].send(
                Request("GET", "/odata/v2/Products?$expand=Units", ACCEPT), deadline=deadline
            )
            self.products = {one.product: one for one in decode_products(told.body).d.results}
        return [
            wide_node(
                wide,
                one,
                self.products[one.material],
                promises[one.sales_order_item],
                rows[one.sales_order_item],
            )
            for one in items
        ]


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
