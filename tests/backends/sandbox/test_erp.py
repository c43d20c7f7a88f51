"""The ERP's dialect: rows, expansion, paging, and what it refuses."""

from typing import Any

import httpx2
import pytest

from backends.sandbox.erp import SETS, create_erp
from backends.sandbox.scenarios import build_world
from backends.sandbox.world import World
from tests.backends.sandbox.conftest import Connect

ORDERS = "/odata/v2/SalesOrders"
ITEMS = "/odata/v2/SalesOrderItems"
PRODUCTS = "/odata/v2/Products"

HEADER = {
    "SalesOrder": "SO-1001",
    "SoldToParty": "C-100",
    "ShipToParty": "C-100-1",
    "DistributionChannel": "50",
    "PurchaseOrderByCustomer": "PO-4711",
    "SalesOrderDate": "/Date(1794441600000)/",
    "TransactionCurrency": "EUR",
    "LastChangeDateTime": "/Date(1795019400000+0000)/",
}
ITEM = {
    "SalesOrder": "SO-1001",
    "SalesOrderItem": "70",
    "HigherLevelItem": "",
    "Material": "EL-015",
    "MaterialByCustomer": "KN-EL-015",
    "RequestedQuantity": "6.000",
    "RequestedQuantityUnit": "CS",
    "RequestedShipDate": "/Date(1794960000000)/",
    "RequestedDeliveryDate": "/Date(1795132800000)/",
    "Plant": "W1",
    "NetPriceAmount": "42.50",
    "Cancellations": {
        "results": [
            {
                "Quantity": "2.000",
                "CancelledBy": "SUPPLIER",
                "Reason": "DISCONTINUED",
                "CancelledAt": "/Date(1794830400000+0000)/",
            }
        ]
    },
    "DropShipment": False,
    "DeliveryHoldReason": "",
    "OverdeliveryTolerancePct": "5.0",
    "DeliveredQuantity": "4.000",
}


async def ask(client: httpx2.AsyncClient, path: str, **options: str) -> dict[str, Any]:
    """Ask with `$` options and take the answer's body."""
    answer = await client.get(path, params={f"${name}": text for name, text in options.items()})
    told: dict[str, Any] = answer.json()
    return told


async def read_all(client: httpx2.AsyncClient, path: str, **options: str) -> list[Any]:
    """Follow `__next` to the end."""
    page = (await ask(client, path, **options))["d"]
    rows = list(page["results"])
    while "__next" in page:
        page = (await client.get(page["__next"])).json()["d"]
        rows += page["results"]
    return rows


async def test_an_item_with_its_order(erp: httpx2.AsyncClient) -> None:
    """The order comes without its items: what was asked for is the item."""
    wanted = "(SalesOrder eq 'SO-1001' and SalesOrderItem eq '70')"

    assert await ask(erp, ITEMS, filter=wanted, expand="Order") == {
        "d": {"results": [{**ITEM, "Order": HEADER}]}
    }


async def test_an_order_with_its_items(erp: httpx2.AsyncClient) -> None:
    """Items come in the order of their lines, none of them with the order again."""
    answer = await ask(erp, ORDERS, filter="SalesOrder eq 'SO-1001'", expand="Items", format="json")
    [order] = answer["d"]["results"]
    items = order.pop("Items")["results"]

    assert order == HEADER
    assert [item["SalesOrderItem"] for item in items] == [str(10 * n) for n in range(1, 19)]
    assert items[6] == ITEM


async def test_what_is_selected_comes_and_nothing_else(erp: httpx2.AsyncClient) -> None:
    """Of a row, and of those expanded inside it, whether one or many."""
    orders = await ask(
        erp,
        ORDERS,
        filter="SalesOrder eq 'SO-1001'",
        expand="Items",
        select="SoldToParty,Items/SalesOrderItem,Items/Plant",
        format="json",
    )
    items = await ask(
        erp,
        ITEMS,
        filter="(SalesOrder eq 'SO-1001' and SalesOrderItem eq '70')",
        expand="Order",
        select="Material,Order/SoldToParty",
    )
    [order] = orders["d"]["results"]

    assert order == {
        "SoldToParty": HEADER["SoldToParty"],
        "Items": {
            "results": [{"SalesOrderItem": str(10 * n), "Plant": "W1"} for n in range(1, 19)]
        },
    }
    assert items["d"]["results"] == [
        {"Material": ITEM["Material"], "Order": {"SoldToParty": HEADER["SoldToParty"]}}
    ]


async def test_what_is_not_expanded_is_deferred(erp: httpx2.AsyncClient) -> None:
    """A navigation says where its rows are, in the service's own address."""
    orders = await ask(erp, ORDERS, filter="SalesOrder eq 'SO-1001'")
    items = await ask(erp, ITEMS, filter="SalesOrder eq 'SO-1001' and SalesOrderItem eq '70'")
    products = await ask(erp, PRODUCTS, filter="Product eq 'PU-900'")
    root = "http://sandbox/odata/v2"

    assert orders["d"]["results"] == [
        {**HEADER, "Items": {"__deferred": {"uri": f"{root}/SalesOrders('SO-1001')/Items"}}}
    ]
    assert items["d"]["results"][0]["Order"] == {
        "__deferred": {
            "uri": f"{root}/SalesOrderItems(SalesOrder='SO-1001',SalesOrderItem='70')/Order"
        }
    }
    assert products["d"]["results"][0]["Units"] == {
        "__deferred": {"uri": f"{root}/Products('PU-900')/Units"}
    }


async def test_a_product_with_its_packs(erp: httpx2.AsyncClient) -> None:
    """A pack is a ratio of whole numbers: no decimal turns pounds into kilograms."""
    wanted = "Product eq 'BV-015' or Product eq 'GR-400' or Product eq 'NOPE'"
    answer = await ask(erp, PRODUCTS, filter=wanted, expand="Units")

    assert answer["d"]["results"] == [
        {
            "Product": "BV-015",
            "ProductName": "Ball valve 1/2 in",
            "ProductGroup": "VALVES",
            "BaseUnit": "EA",
            "DecimalPlaces": "0",
            "Units": {
                "results": [
                    {"AlternativeUnit": unit, "QuantityNumerator": n, "QuantityDenominator": "1"}
                    for unit, n in (("CS", "12"), ("PAL", "480"))
                ]
            },
        },
        {
            "Product": "GR-400",
            "ProductName": "Bearing grease, loose",
            "ProductGroup": "CHEMICALS",
            "BaseUnit": "KG",
            "DecimalPlaces": "3",
            "Units": {
                "results": [
                    {
                        "AlternativeUnit": "LB",
                        "QuantityNumerator": "45359237",
                        "QuantityDenominator": "100000000",
                    }
                ]
            },
        },
    ]


async def test_the_item_without_a_pack_factor_has_none(erp: httpx2.AsyncClient) -> None:
    """The unit it was ordered in is in no pack: converting it would be a guess."""
    [product] = (await ask(erp, PRODUCTS, filter="Product eq 'FL-200'", expand="Units"))["d"][
        "results"
    ]

    assert [unit["AlternativeUnit"] for unit in product["Units"]["results"]] == ["CS"]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        (path, name, value)
        for path, pairs in (
            (
                ORDERS,
                {
                    "SalesOrder": "SO-1001",
                    "SoldToParty": "C-100",
                    "ShipToParty": "C-100-1",
                    "DistributionChannel": "50",
                    "PurchaseOrderByCustomer": "PO-4711",
                },
            ),
            (
                ITEMS,
                {
                    "SalesOrder": "SO-1001",
                    "SalesOrderItem": "180",
                    "Material": "EL-015",
                    "Plant": "W1",
                },
            ),
            (PRODUCTS, {"Product": "EL-015", "ProductGroup": "FITTINGS", "BaseUnit": "KG"}),
        )
        for name, value in pairs.items()
    ],
)
async def test_every_property_that_can_be_compared_is_compared(
    erp: httpx2.AsyncClient, path: str, name: str, value: str
) -> None:
    """What a filter lets through has the value, and what has the value is let through."""
    every = await read_all(erp, path)
    matching = await read_all(erp, path, filter=f"{name} eq '{value}'")

    assert name in SETS[path.rpartition("/")[2]].compares
    assert matching == [row for row in every if row[name] == value] != []


@pytest.mark.parametrize("page_rows", [1, 7, 200])
@pytest.mark.parametrize("path", [ORDERS, ITEMS, PRODUCTS])
async def test_paging_to_the_end_gives_every_row_once(
    world: World, connect: Connect, path: str, page_rows: int
) -> None:
    """`__next` is absolute, keeps every option, and is there only while rows remain."""
    async with connect(create_erp(world, page_rows=page_rows)) as erp:
        rows = await read_all(erp, path)
    async with connect(create_erp(world, page_rows=10_000)) as erp:
        whole = (await ask(erp, path))["d"]

    assert rows == whole["results"]
    assert "__next" not in whole


async def test_a_page_holds_two_hundred_rows(connect: Connect) -> None:
    """The next address carries the question along, and `$skiptoken` with it."""
    async with connect(create_erp(build_world(lines=240))) as erp:
        page = (await ask(erp, ITEMS, filter="Plant eq 'W1' or Plant eq 'W2' or Plant eq 'W3'"))[
            "d"
        ]

    assert len(page["results"]) == 200
    assert page["__next"] == (
        "http://sandbox/odata/v2/SalesOrderItems?$filter=Plant%20eq%20%27W1%27%20or%20Plant%20eq"
        "%20%27W2%27%20or%20Plant%20eq%20%27W3%27&$skiptoken=200"
    )


@pytest.mark.parametrize(("top", "rows"), [("0", 0), ("3", 3), ("10", 10), ("11", 11)])
async def test_top_holds_over_pages(world: World, connect: Connect, top: str, rows: int) -> None:
    """`$top` is of the whole answer, not of a page."""
    async with connect(create_erp(world, page_rows=5)) as erp:
        assert len(await read_all(erp, ORDERS, top=top)) == rows


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("$filter=Nope eq 'A'", "The filter has 'Nope' where a property"),
        ("$filter=SalesOrderItem eq '10'", "The filter has 'SalesOrderItem' where a property"),
        ("$filter=SalesOrder gt 'A'", "The filter has 'gt' where the operator eq"),
        ("$filter=", "The filter has the end where a property"),
        ("$expand=Order", "The only $expand of this set is Items."),
        ("$expand=Items,Order", "The only $expand of this set is Items."),
        ("$format=xml", "The only $format is json."),
        ("$top=-1", "$top is not a whole number."),
        ("$top=1.5", "$top is not a whole number."),
        ("$top=٣", "$top is not a whole number."),
        ("$skiptoken=1234567890", "$skiptoken is not a whole number."),
        ("$skiptoken=x", "$skiptoken is not a whole number."),
        ("$orderby=SalesOrder", "The query option '$orderby' is not supported."),
        ("$select=Nothing", "The property 'Nothing' cannot be selected."),
        ("$select=Items/Plant", "The property 'Items/Plant' cannot be selected."),
        ("filter=SalesOrder eq 'A'", "The query option 'filter' is not supported."),
        ("$top=1&$top=2", "A query option is given more than once."),
    ],
)
async def test_what_it_does_not_understand_it_refuses(
    erp: httpx2.AsyncClient, query: str, message: str
) -> None:
    """A question half understood would get an answer that is half right."""
    answer = await erp.get(f"{ORDERS}?{query}")
    error = answer.json()["error"]

    assert answer.status_code == 400
    assert (error["code"], error["message"]["lang"]) == ("BAD_REQUEST", "en")
    assert error["message"]["value"].startswith(message)


async def test_more_than_two_hundred_comparisons_are_refused(erp: httpx2.AsyncClient) -> None:
    """So a client has to ask in batches."""
    wanted = " or ".join(f"SalesOrder eq 'SO-{n}'" for n in range(1001, 1202))
    answer = await erp.get(ORDERS, params={"$filter": wanted})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]["value"] == "The filter has more than 200 comparisons."


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/odata/v2/Customers", 404, "NOT_FOUND"),
        ("GET", "/odata/v2/", 404, "NOT_FOUND"),
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("POST", ORDERS, 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_unknown_sets_and_methods(
    erp: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    """Every refusal has the dialect's own shape."""
    answer = await erp.request(method, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_literal_cannot_end_the_filter(erp: httpx2.AsyncClient) -> None:
    """An order number that looks like a filter is a number nobody has."""
    for number in ("SO-1001'' or ''1'' eq ''1", "'' or SalesOrder eq ''SO-1001"):
        answer = await ask(erp, ORDERS, filter=f"SalesOrder eq '{number}'")

        assert answer == {"d": {"results": []}}


async def test_orders_come_as_asked_for_and_once(erp: httpx2.AsyncClient) -> None:
    """Asking twice for an order gives it once; an unknown one gives nothing."""
    wanted = " or ".join(
        f"SalesOrder eq '{number}'" for number in ("SO-1003", "NOPE", "SO-1001", "SO-1003")
    )
    rows = await read_all(erp, ORDERS, filter=wanted)

    assert [row["SalesOrder"] for row in rows] == ["SO-1003", "SO-1001"]
