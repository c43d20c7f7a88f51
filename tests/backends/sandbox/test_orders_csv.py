"""Order lines from a file: what is read, what is assumed, what is refused, and where."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backends.sandbox.csv_table import OrdersFileError, RowProblem
from backends.sandbox.erp import create_erp
from backends.sandbox.oms import create_oms
from backends.sandbox.orders_csv import LoadedOrders, load_orders
from backends.sandbox.snapshot import one_change_ago
from backends.sandbox.wms import create_wms
from backends.sandbox.world import Line
from orderlines.quantity import Ratio
from orderlines.stated import Channel
from tests.backends.sandbox.conftest import Connect, WriteOrders

FULL_HEADER = (
    "order_number,line_number,sku,customer,requested,requested_on,ordered_on,shipped_on,shipped,"
    "promised,promised_on,allocated,warehouse,unit,units_per_case,unit_price,currency,channel"
)
# The shape of a well-known training data set: other names, extra columns, quoted texts.
NEEDED = (
    "The header lacks columns that are needed "
    "(item: sku or product_id; quantity: requested or quantity)."
)
EXPORT_HEADER = (
    "order_id,product_id,customer_id,employee_id,order_date,required_date,shipped_date,quantity,"
    "unit_price,discount,product_name,quantity_per_unit"
)
EXPORT = (
    EXPORT_HEADER,
    '7001,11,ALFKI,5,1996-07-04,1996-08-01,1996-07-16,12,14,0.0,"Blue ""Old"" Cheese","1 kg, cut"',
    '7001,42,ALFKI,5,1996-07-04,1996-08-01,1996-07-16,10,9.8,0.0,"Noodles","32 - 1 kg pkgs."',
    "7002,11,BERGS,6,1996-07-05,1996-08-16,,9,18.6,0.0,Tofu,40 - 100 g pkgs.",
)
PROMISES = """
{ promiseLines(orders: ["A"]) { ... on PromiseLinePage { lines {
  line unit requested customerOrder substitutions { status }
  promise {
    __typename
    ... on PromiseSchedule { versions { version basis madeAt slices { quantity date confidence } } }
    ... on PromisePending { reason }
    ... on PromiseNotTracked { reason }
  }
} } } }
"""


def first_line(loaded: LoadedOrders) -> Line:
    """Give the first line of the first order."""
    return next(iter(next(iter(loaded.orders.values())).lines.values()))


async def three_views(
    connect: Connect, loaded: LoadedOrders
) -> tuple[list[Any], list[Any], list[Any]]:
    """Ask each system for order A."""
    async with connect(create_erp(loaded.world)) as erp:
        items = await erp.get(
            "/odata/v2/SalesOrderItems", params={"$filter": "SalesOrder eq 'A'", "$expand": "Order"}
        )
    async with connect(create_oms(loaded.world)) as oms:
        promises = await oms.post("/graphql", json={"query": PROMISES})
    async with connect(create_wms(loaded.world)) as wms:
        rows = await wms.get("/v2/outbound-lines?orders=A")
    return (
        items.json()["d"]["results"],
        promises.json()["data"]["promiseLines"]["lines"],
        rows.json()["data"],
    )


async def test_a_full_row_in_all_three_systems(connect: Connect, write_orders: WriteOrders) -> None:
    """Every system keeps the line's own unit, and says only what the file says."""
    loaded = load_orders(
        write_orders(
            FULL_HEADER,
            "A,10,S-1,C-9,2.5,2026-11-18,2026-11-12,2026-11-19,1.25,2,2026-11-25,0.5,W7,KG,0.125,"
            "9.5,EUR,edi",
        )
    )
    items, promises, rows = await three_views(connect, loaded)

    assert loaded.problems == ()
    assert items == [
        {
            "SalesOrder": "A",
            "SalesOrderItem": "10",
            "HigherLevelItem": "",
            "Material": "S-1",
            "MaterialByCustomer": "",
            "RequestedQuantity": "2.500",
            "RequestedQuantityUnit": "KG",
            "RequestedShipDate": "/Date(1794960000000)/",
            "RequestedDeliveryDate": None,
            "Plant": "W7",
            "NetPriceAmount": "9.50",
            "Cancellations": {"results": []},
            "DropShipment": False,
            "DeliveryHoldReason": "",
            "OverdeliveryTolerancePct": "0.0",
            "DeliveredQuantity": None,
            "Order": {
                "SalesOrder": "A",
                "SoldToParty": "C-9",
                "ShipToParty": "",
                "DistributionChannel": "20",
                "PurchaseOrderByCustomer": "",
                "SalesOrderDate": "/Date(1794441600000)/",
                "TransactionCurrency": "EUR",
                "LastChangeDateTime": "/Date(1795183445000+0000)/",
            },
        }
    ]
    assert promises == [
        {
            "line": "10",
            "unit": "KG",
            "requested": "2.5",
            "customerOrder": None,
            "substitutions": [],
            "promise": {
                "__typename": "PromiseSchedule",
                "versions": [
                    {
                        "version": 1,
                        "basis": "MANUAL",
                        "madeAt": "2026-11-20T14:04:05Z",
                        "slices": [{"quantity": "2", "date": "2026-11-25", "confidence": "FIRM"}],
                    }
                ],
            },
        }
    ]
    assert rows == [
        {
            "id": 500001,
            "order_ref": "A",
            "order_line_ref": "10",
            "sku": "S-1",
            "warehouse": "W7",
            "uom": "KG",
            "decimals": 2,
            "units_ordered": 250,
            "units_allocated": 50,
            "units_shipped": 125,
            "units_returned": 0,
            "mode": "STOCK",
            "allocations": [],
            "shipments": [
                {
                    "shipment": "A/10",
                    "warehouse": "W7",
                    "sku": "S-1",
                    "units": 125,
                    "shipped_at": "2026-11-19T12:00:00",
                    "delivered_at": None,
                    "carrier": "",
                }
            ],
            "updated_at": "2026-11-20T15:04:05",
        }
    ]
    assert loaded.world.items["S-1"].packs == {"CS": Ratio(1, 8)}
    assert (loaded.world.items["S-1"].base_unit, loaded.world.items["S-1"].decimals) == ("KG", 2)


async def test_what_the_file_does_not_say_is_not_invented(
    connect: Connect, write_orders: WriteOrders
) -> None:
    """No column is "not tracked": no key in the WMS, a type of its own in the OMS."""
    loaded = load_orders(write_orders("order_number,sku,quantity", "A,S,3"))
    items, promises, rows = await three_views(connect, loaded)
    [item] = items

    assert (item["SalesOrderItem"], item["RequestedQuantityUnit"]) == ("1", "EA")
    assert {name: item[name] for name in ("NetPriceAmount", "RequestedShipDate")} == {
        "NetPriceAmount": None,
        "RequestedShipDate": None,
    }
    assert (item["Order"]["SalesOrderDate"], item["Order"]["TransactionCurrency"]) == (None, "")
    assert (item["Order"]["DistributionChannel"], item["Plant"]) == ("90", "")
    assert promises[0]["promise"] == {
        "__typename": "PromiseNotTracked",
        "reason": "NOT_IN_THE_FILE",
    }
    assert not {"units_allocated", "units_shipped", "units_picked"} & rows[0].keys()
    assert (rows[0]["units_ordered"], rows[0]["warehouse"], rows[0]["shipments"]) == (3, "", [])


async def test_an_empty_cell_is_not_yet(connect: Connect, write_orders: WriteOrders) -> None:
    """The column is there, so the quantity is known of, and has not come."""
    header = "order_number,sku,quantity,promised,promised_on,allocated,shipped"
    loaded = load_orders(write_orders(header, "A,S,3,,2026-11-30,,"))
    _, promises, rows = await three_views(connect, loaded)

    assert promises[0]["promise"] == {"__typename": "PromisePending", "reason": "NOT_PROMISED_YET"}
    assert (rows[0]["units_allocated"], rows[0]["units_shipped"]) == (None, None)


def test_an_export_with_other_names_loads(write_orders: WriteOrders) -> None:
    """Quoted cells, unknown columns and missing line numbers are everyday things."""
    loaded = load_orders(write_orders(*EXPORT))
    shipped = loaded.orders["7001"].lines["1"].wms[0]
    waiting = loaded.orders["7002"].lines["1"].wms[0]

    assert (loaded.line_count, loaded.problems) == (3, ())
    assert {number: list(order.lines) for number, order in loaded.orders.items()} == {
        "7001": ["1", "2"],
        "7002": ["1"],
    }
    assert loaded.orders["7001"].ordered_on == date(1996, 7, 4)
    assert loaded.orders["7001"].lines["2"].price == Decimal("9.8")
    assert (shipped.shipped, shipped.shipments[0].shipped_at.isoformat()) == (
        12,
        "1996-07-16T10:00:00+00:00",
    )
    assert (waiting.shipped, waiting.shipments) == (None, ())
    assert loaded.notes == (
        "There is no column line_number: lines are numbered 1, 2, 3 within their order.",
        "There is no column unit: EA is assumed.",
        "There is no column channel: OTHER is assumed.",
        "There is no column warehouse: the lines belong to no warehouse.",
        "There is no column currency: prices have no currency.",
        "There is no column promised: promises are not tracked.",
        "There is no column allocated: allocations are not tracked.",
        "required_date is read as the requested ship date.",
        "shipped_date has no time of day: noon in Europe/Berlin is assumed.",
        "2 rows have a ship date and no shipped quantity: the whole quantity counts as shipped.",
        "Columns that are not read: employee_id, discount, product_name, quantity_per_unit.",
    )


def test_the_smallest_file_says_what_is_assumed(write_orders: WriteOrders) -> None:
    """Also that nobody owns the lines, and that shipments are not tracked."""
    notes = load_orders(write_orders("order_number,sku,quantity,unit", "A,S,1,", "A,S,2,EA")).notes

    assert notes == (
        "There is no column line_number: lines are numbered 1, 2, 3 within their order.",
        "There is no column channel: OTHER is assumed.",
        "There is no column customer: the lines belong to no customer.",
        "There is no column warehouse: the lines belong to no warehouse.",
        "There is no column unit_price: there are no prices.",
        "There is no column currency: prices have no currency.",
        "There is no column promised: promises are not tracked.",
        "There is no column allocated: allocations are not tracked.",
        "There is no column shipped or shipped_on: shipments are not tracked.",
        "1 rows name no unit: EA is assumed.",
    )


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("A,10,S,C,,,,,,,,,,,,,,", "requested", "It is empty."),
        ("A,10,S,C,-1,,,,,,,,,,,,,", "requested", "It is below zero."),
        ("A,10,S,C,a dozen,,,,,,,,,,,,,", "requested", "It is not a number like 12 or 12.5."),
        ('A,10,S,C,"1,5",,,,,,,,,,,,,', "requested", "It is not a number like 12 or 12.5."),
        ("A,10,S,C,١٢,,,,,,,,,,,,,", "requested", "It is not a number like 12 or 12.5."),
        ("A,10,S,C,1_000,,,,,,,,,,,,,", "requested", "It is not a number like 12 or 12.5."),
        (f"A,10,S,C,{'1' * 65},,,,,,,,,,,,,", "requested", "It is not a number like 12 or 12.5."),
        ("A,10,S,C,NaN,,,,,,,,,,,,,", "requested", "It is not a finite number."),
        ("A,10,S,C,-Infinity,,,,,,,,,,,,,", "requested", "It is not a finite number."),
        (
            "A,10,S,C,1234567890123456,,,,,,,,,,,,,",
            "requested",
            "A quantity has at most 15 digits before and 9 after the decimal point.",
        ),
        (
            "A,10,S,C,0.1234567891,,,,,,,,,,,,,",
            "requested",
            "A quantity has at most 15 digits before and 9 after the decimal point.",
        ),
        (
            "A,10,S,C,1e999,,,,,,,,,,,,,",
            "requested",
            "A quantity has at most 15 digits before and 9 after the decimal point.",
        ),
        ("A,10,S,C,1,18.11.2026,,,,,,,,,,,,", "requested_on", "It is not a date like 2026-11-20."),
        ("A,10,S,C,1,,2026-02-30,,,,,,,,,,,", "ordered_on", "It is not a date like 2026-11-20."),
        ("A,10,S,C,1,,,20261118,,,,,,,,,,", "shipped_on", "It is not a date like 2026-11-20."),
        ("A,10,S,C,1,,,,-2,,,,,,,,,", "shipped", "It is below zero."),
        ("A,10,S,C,1,,,,,x,,,,,,,,", "promised", "It is not a number like 12 or 12.5."),
        ("A,10,S,C,1,,,,,1,soon,,,,,,,", "promised_on", "It is not a date like 2026-11-20."),
        ("A,10,S,C,1,,,,,,,-0.5,,,,,,", "allocated", "It is below zero."),
        ("A,10,S,C,1,,,,,,,,,,0,,,", "units_per_case", "It is zero."),
        ("A,10,S,C,1,,,,,,,,,,,free,,", "unit_price", "It is not a number like 12 or 12.5."),
        (
            "A,10,S,C,1,,,,,,,,,,,,,FAX",
            "channel",
            "It is none of ECOMMERCE, EDI, MARKETPLACE, FIELD_SALES, B2B_PORTAL, OTHER.",
        ),
        (",10,S,C,1,,,,,,,,,,,,,", "order_number", "The order number is empty."),
        ("A,10,,C,1,,,,,,,,,,,,,", "sku", "The item is empty."),
        (
            f"{'A' * 65},10,S,C,1,,,,,,,,,,,,,",
            "order_number",
            "The order number is longer than 64 characters.",
        ),
        (
            "A,1\x070,S,C,1,,,,,,,,,,,,,",
            "line_number",
            "The line number contains characters that cannot be printed.",
        ),
        ("A,10,S,C\0,1,,,,,,,,,,,,,", "customer", "It has a NUL character."),
        (b"A,10,S,C\xff,1,,,,,,,,,,,,,", "customer", "It is not valid UTF-8."),
        ("A,10,S,C,1", "", "The row has 5 cells, the header 18."),
        ("A,10,S,C,1,,,,,,,,,,,,,,,", "", "The row has 20 cells, the header 18."),
        ('A,10,"S"x,C,1,,,,,,,,,,,,,', "", "The row cannot be read: ',' expected after '\"'."),
        ("G,10,S,C,1,,,,,,,,,,,,,", "line_number", "Order G already has a line 10."),
        ("G,20,S,C2,1,,,,,,,,,,,,,", "customer", "An earlier line of order G says otherwise."),
        (
            "G,20,S,C,1,,2026-11-02,,,,,,,,,,,",
            "ordered_on",
            "An earlier line of order G says otherwise.",
        ),
        ("G,20,S,C,1,,,,,,,,,,,,USD,", "currency", "An earlier line of order G says otherwise."),
        ("G,20,S,C,1,,,,,,,,,,,,,EDI", "channel", "An earlier line of order G says otherwise."),
        (
            "H,10,S-G,C,1,,,,,,,,,,24,,,",
            "units_per_case",
            "An earlier line of item S-G says otherwise.",
        ),
    ],
)
def test_a_bad_row_is_named_and_left_out(
    write_orders: WriteOrders, row: str | bytes, column: str, reason: str
) -> None:
    """With the line it begins on, its column and a reason; the rows around it are loaded."""
    good = "G,10,S-G,C,4,,2026-11-01,,,,,,,,12,,EUR,OTHER"
    loaded = load_orders(write_orders(FULL_HEADER, good, row, good.replace("G,10", "G,30")))

    assert loaded.problems == (RowProblem(3, column, reason),)
    assert {number: list(order.lines) for number, order in loaded.orders.items()} == {
        "G": ["10", "30"]
    }


def test_lines_of_the_file_are_counted_not_rows(write_orders: WriteOrders) -> None:
    """A quoted cell with line breaks and blank lines in between shift nothing."""
    loaded = load_orders(
        write_orders(
            '"order_number","sku","quantity","remark"',
            'A,S,1,"first\nsecond\r\nthird"',
            "",
            "A,S,bad,",
            'A,S,worse,"over\ntwo"',
            "A,S,2,",
            "A,S,worst,",
        )
    )

    assert [(problem.line, problem.column) for problem in loaded.problems] == [
        (6, "quantity"),
        (7, "quantity"),
        (10, "quantity"),
    ]
    assert list(loaded.orders["A"].lines) == ["1", "4"]


def test_a_quote_that_is_never_closed_names_what_it_swallowed(write_orders: WriteOrders) -> None:
    """The rows behind it are lost, and the reader is told which."""
    loaded = load_orders(
        write_orders("order_number,sku,quantity", "A,S,1", 'A,"S,2', "A,S,3", "A,S,4")
    )

    assert loaded.problems == (
        RowProblem(3, "", "The row cannot be read (up to line 5): unexpected end of data."),
    )
    assert loaded.line_count == 1


def test_a_later_row_may_leave_out_what_its_order_has_said(write_orders: WriteOrders) -> None:
    """Exports often write the header of an order on its first line only."""
    loaded = load_orders(
        write_orders(
            "order_number,sku,quantity,customer,channel,order_date,currency",
            "A,S,1,C-1,edi,2026-11-12,EUR",
            "A,S,2,,,,",
        )
    )
    order = loaded.orders["A"]

    assert loaded.problems == ()
    assert (order.customer, order.channel, order.currency) == ("C-1", Channel.EDI, "EUR")
    assert list(order.lines) == ["1", "2"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_marks_and_line_ends_are_recognised(
    tmp_path: Path, mark: str, start: bytes, end: str
) -> None:
    """As spreadsheets of several countries write them."""
    rows = [["Order_ID ", " SKU", "QUANTITY", "note"], ["A", " Ä-1 ", "2.50", "x"]]
    path = tmp_path / "orders.csv"
    path.write_bytes(start + end.join(mark.join(row) for row in rows).encode())
    loaded = load_orders(path)

    assert (first_line(loaded).sku, first_line(loaded).requested) == ("Ä-1", Decimal("2.5"))
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("0", 0, 0),
        ("007", 7, 0),
        ("+3", 3, 0),
        ("5.", 5, 0),
        (".5", Decimal("0.5"), 1),
        ("1.500", Decimal("1.5"), 1),
        ("2.000000000000", 2, 0),
        ("1.0E+3", 1000, 0),
        ("25e-1", Decimal("2.5"), 1),
        ("0.1", Decimal("0.1"), 1),
        ("999999999999999.999999999", Decimal("999999999999999.999999999"), 9),
        ("-0", 0, 0),
    ],
)
def test_quantities_stay_exact(
    write_orders: WriteOrders, text: str, value: int | Decimal, decimals: int
) -> None:
    """Read from their digits, counted by the warehouse in their last decimal."""
    loaded = load_orders(write_orders("order_number,sku,quantity", f"A,S,{text}"))
    line = first_line(loaded)

    assert (line.requested, str(line.requested)) == (value, str(value))
    assert (line.wms[0].ordered, line.wms[0].decimals) == (value * 10**decimals, decimals)
    assert loaded.world.items["S"].decimals == decimals


def test_packs_and_units_of_items(write_orders: WriteOrders) -> None:
    """The first unit of an item is its base unit; a case is a pack of it, never of itself."""
    loaded = load_orders(
        write_orders(
            "order_number,sku,quantity,uom,units_per_case",
            "A,S,24,EA,",
            "A,S,2,CS,12",
            "A,S,1,EA,12",
            "A,T,3,CS,6",
            "A,U,1,M,2.5",
            "A,U,1,ROLL,",
        )
    )
    items = loaded.world.items

    assert loaded.problems == ()
    assert {sku: (item.base_unit, dict(item.packs)) for sku, item in items.items()} == {
        "S": ("EA", {"CS": Ratio(12)}),
        "T": ("CS", {}),
        "U": ("M", {"CS": Ratio(5, 2)}),
    }
    assert [line.wms[0].unit for line in loaded.orders["A"].lines.values()] == [
        "EA", "CS", "EA", "CS", "M", "ROLL",
    ]  # fmt: skip
    assert loaded.notes[-1] == (
        "1 items come in several units: the first one is taken as the base unit."
    )


def test_shipped_and_ship_date(write_orders: WriteOrders) -> None:
    """A quantity without a day is no shipment; a day without a quantity is all of it."""
    loaded = load_orders(
        write_orders(
            "order_number,sku,quantity,shipped,shipped_on",
            "A,S,5,3,",
            "A,S,5,,2026-11-18",
            "A,S,5,0,2026-11-18",
            "A,S,5,5,2026-11-18",
        )
    )
    rows = [line.wms[0] for line in loaded.orders["A"].lines.values()]

    assert [(row.shipped, [one.units for one in row.shipments]) for row in rows] == [
        (3, []),
        (5, [5]),
        (0, []),
        (5, [5]),
    ]
    assert "1 rows have a ship date and no shipped quantity" in loaded.notes[-1]


def test_a_stale_system_has_not_heard_of_the_last_shipment(write_orders: WriteOrders) -> None:
    """Lines from a file have a past too: promised and shipped are taken back."""
    loaded = load_orders(
        write_orders(
            "order_number,sku,quantity,shipped_on,promised,allocated", "A,S,5,2026-11-18,5,1"
        )
    )
    line = first_line(loaded)
    older = one_change_ago(line)

    assert (older.wms[0].shipped, older.wms[0].allocated) == (0, 6)
    assert older.wms[0].changed_at < line.wms[0].changed_at
    assert older.oms.changed_at < line.oms.changed_at
    assert older.erp.changed_at < line.erp.changed_at


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "The file is empty."),
        (("", ""), "The file is empty."),
        (
            ("order_number,quantity", "A,1"),
            "The header lacks columns that are needed (item: sku or product_id).",
        ),
        (
            ("order_id,product,number", "1,2,3"),
            NEEDED,
        ),
        (("order_id,sku,quantity,SKU", "A,S,1,S"), "The header names sku more than once."),
        (
            ('order_id,sku,"quantity"x', "A,S,1"),
            "The header cannot be read. The row cannot be read: ',' expected after '\"'.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    write_orders: WriteOrders, lines: tuple[str, ...], message: str
) -> None:
    """With a sentence that names the columns it could have had."""
    with pytest.raises(OrdersFileError) as refused:
        load_orders(write_orders(*lines))

    assert refused.value.message == message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message is for the caller, the path for the log."""
    with pytest.raises(OrdersFileError) as refused:
        load_orders(tmp_path / "nope.csv")

    assert refused.value.message == "The file cannot be read: No such file or directory."
    assert "nope.csv" in refused.value.detail


def test_of_two_names_for_a_field_the_first_is_read(write_orders: WriteOrders) -> None:
    """And the other is among those that are not read."""
    loaded = load_orders(write_orders("order_id,sku,product_id,quantity", "A,S,P,1"))

    assert first_line(loaded).sku == "S"
    assert loaded.notes[-1] == "Columns that are not read: product_id."


def test_a_bad_row_keeps_its_place_in_the_numbering(write_orders: WriteOrders) -> None:
    """Correcting it later renumbers none of the others."""
    loaded = load_orders(write_orders("order_id,sku,quantity", "A,S,1", "A,S,?", "A,S,3"))

    assert list(loaded.orders["A"].lines) == ["1", "3"]


def test_every_row_is_looked_at_a_bounded_number_of_times(
    write_orders: WriteOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty thousand lines of one order cost twenty thousand times one line."""
    looked_at = 0
    original = Line.__init__

    def counting(self: Line, *args: Any, **fields: Any) -> None:  # noqa: ANN401 - passed on as it is
        nonlocal looked_at
        looked_at += 1
        original(self, *args, **fields)

    monkeypatch.setattr(Line, "__init__", counting)
    rows = (f"A,S{n % 50},{n}" for n in range(20_000))
    loaded = load_orders(write_orders("order_number,sku,quantity", *rows))

    assert (loaded.line_count, looked_at) == (20_000, 40_000)


async def test_a_world_from_a_file_is_asked_like_any_other(
    connect: Connect, write_orders: WriteOrders
) -> None:
    """Paging, products and unknown keys work as they do with the simulated orders."""
    rows = (f"O{n},S{n},1,6" for n in range(7))
    loaded = load_orders(write_orders("order_number,sku,quantity,units_per_case", *rows))
    async with connect(create_erp(loaded.world, page_rows=3)) as erp:
        sizes = []
        address: str | None = "/odata/v2/Products?$expand=Units"
        while address:
            page: dict[str, Any] = (await erp.get(httpx2.URL(f"http://sandbox{address}"))).json()[
                "d"
            ]
            sizes.append(len(page["results"]))
            address = page.get("__next", "").removeprefix("http://sandbox") or None

    assert sizes == [3, 3, 1]
    assert page["results"][0] == {
        "Product": "S6",
        "ProductName": "",
        "ProductGroup": "",
        "BaseUnit": "EA",
        "DecimalPlaces": "0",
        "Units": {
            "results": [
                {
                    "AlternativeUnit": "CS",
                    "QuantityNumerator": "6",
                    "QuantityDenominator": "1",
                }
            ]
        },
    }
