"""The usual way in Python: strawberry with a DataLoader for each system, and httpx.

Written as strawberry's documentation shows it: types with asynchronous resolvers, a
context with loaders for each request, its own ASGI application under uvicorn with
uvloop and httptools. httpx2 is httpx as it is maintained now.
"""

import os
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from backends.odata import parse_date
from backends.oms.sandbox_query import Variables, wanted_of
from bench.questions import PAGE
from bench.recording import facts_of

ASKED = wanted_of(facts_of(PAGE)).query


@strawberry.type
class Quantity:
    """So many of a unit."""

    value: Decimal
    unit: str


@strawberry.type
class Item:
    """What was ordered."""

    sku: str


@strawberry.type
class Requested:
    """What the customer asked for."""

    quantity: Quantity
    ship_on: date | None


@strawberry.type
class Promised:
    """When how much will leave."""

    quantity: Quantity
    first_date: date | None


@strawberry.type
class Stock:
    """A quantity of the warehouse."""

    quantity: Quantity | None


Key = tuple[str, str]


@strawberry.type
class OrderLine:
    """One line, joined by loaders."""

    order: strawberry.Private[str]
    line_number: str
    item: Item
    requested: Requested

    @strawberry.field
    async def promised(self, info: strawberry.Info) -> Promised:
        """Load the promise."""
        line = await info.context["promises"].load((self.order, self.line_number))
        slices = line["promise"]["versions"][-1]["slices"]
        dates = [date.fromisoformat(one["date"]) for one in slices if one["date"]]
        total = sum((Decimal(one["quantity"]) for one in slices), Decimal(0))
        return Promised(
            quantity=Quantity(value=total, unit=line["unit"]), first_date=min(dates, default=None)
        )

    @strawberry.field
    async def allocated(self, info: strawberry.Info) -> Stock:
        """Load the row of the warehouse."""
        return _stock(await info.context["rows"].load((self.order, self.line_number)), "allocated")

    @strawberry.field
    async def shipped(self, info: strawberry.Info) -> Stock:
        """Load the row of the warehouse."""
        return _stock(await info.context["rows"].load((self.order, self.line_number)), "shipped")


def _stock(row: dict[str, Any], name: str) -> Stock:
    units = row.get(f"units_{name}")
    if units is None:
        return Stock(quantity=None)
    value = Decimal(units).scaleb(-row["decimals"])
    return Stock(quantity=Quantity(value=value, unit=row["uom"]))


@strawberry.type
class Lines:
    """A page of lines."""

    nodes: list[OrderLine]


@strawberry.type
class Order:
    """An order of the ERP."""

    rows: strawberry.Private[list[dict[str, Any]]]

    @strawberry.field
    def lines(self, first: int = 100) -> Lines:
        """Give a page of lines."""
        return Lines(nodes=[_line(one) for one in self.rows[:first]])


def _exact(text: str) -> Decimal:
    value = Decimal(text)
    whole = value.to_integral_value()
    return whole if whole == value else value.normalize()


def _line(row: dict[str, Any]) -> OrderLine:
    ship_on = row["RequestedShipDate"]
    return OrderLine(
        order=row["SalesOrder"],
        line_number=row["SalesOrderItem"],
        item=Item(sku=row["Material"]),
        requested=Requested(
            quantity=Quantity(
                value=_exact(row["RequestedQuantity"]), unit=row["RequestedQuantityUnit"]
            ),
            ship_on=None if ship_on is None else parse_date(ship_on),
        ),
    )


class Systems:
    """The three systems, by httpx."""

    def __init__(self, erp: int, oms: int, wms: int) -> None:
        self.urls = [f"http://127.0.0.1:{port}" for port in (erp, oms, wms)]
        self.client = httpx2.AsyncClient()

    async def order(self, number: str) -> list[dict[str, Any]]:
        """Read the items of an order."""
        response = await self.client.get(
            f"{self.urls[0]}/odata/v2/SalesOrders",
            params={"$filter": f"SalesOrder eq '{number}'", "$expand": "Items"},
        )
        (order,) = response.json()["d"]["results"]
        rows: list[dict[str, Any]] = order["Items"]["results"]
        return rows

    async def promises(self, keys: list[Key]) -> list[dict[str, Any]]:
        """Read promises, all orders at once."""
        question = ASKED.question(
            Variables(orders=sorted({order for order, _ in keys}), first=1000)
        )
        response = await self.client.post(
            f"{self.urls[1]}/graphql",
            content=question.body,
            headers={"content-type": "application/json"},
        )
        told = {
            (one["order"], one["line"]): one
            for one in response.json()["data"]["promiseLines"]["lines"]
        }
        return [told[key] for key in keys]

    async def rows(self, keys: list[Key]) -> list[dict[str, Any]]:
        """Read rows of the warehouse, all orders at once."""
        orders = ",".join(sorted({order for order, _ in keys}))
        response = await self.client.get(
            f"{self.urls[2]}/v2/outbound-lines", params={"orders": orders, "limit": 1000}
        )
        told = {(one["order_ref"], one["order_line_ref"]): one for one in response.json()["data"]}
        return [told[key] for key in keys]


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    async def order(self, info: strawberry.Info, number: str) -> Order:
        """Read an order."""
        return Order(rows=await info.context["systems"].order(number))


class App(GraphQL[Any, Any]):
    """The endpoint, with loaders for each request."""

    systems: Systems

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:  # noqa: ANN401 - of Starlette
        """Make the loaders of one request."""
        del request, response
        systems = self.systems
        return {
            "systems": systems,
            "promises": DataLoader(load_fn=systems.promises),
            "rows": DataLoader(load_fn=systems.rows),
        }


def main() -> None:
    """Serve: `python -m bench.peers.stock PORT CORE ERP OMS WMS`."""
    port, core, *ports = map(int, sys.argv[1:])
    os.sched_setaffinity(0, {core})
    app = App(strawberry.Schema(Query), graphql_ide=None)
    app.systems = Systems(*ports)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
