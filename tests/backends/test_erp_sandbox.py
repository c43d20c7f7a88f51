"""The sandbox's ERP, spoken to: what goes out, and what comes back as headers."""

import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from backends.erp.sandbox import ErpSandbox
from backends.erp.sandbox_select import wanted_of
from orderlines import facets
from orderlines.facets import HeaderFacet
from orderlines.stated import CancelledBy, Channel, StatedCancellation
from tests.backends.kit import EVERYTHING, answering, observed, orders, soon
from tests.backends.native import by_itself, item, odata_page, order, read_headers, words

NEXT = "http://erp.internal:8000/odata/v2/SalesOrders?$filter=x&$skiptoken=1"


async def header(**changes: Any) -> HeaderFacet:  # noqa: ANN401 - any JSON
    """Read one line of which something is different."""
    readings = await read_headers(odata_page(order("SO-1", item(**changes))))
    return readings.by_line["SO-1", "10"][0]


async def test_whole_orders_are_asked_for_with_their_items() -> None:
    """One call for up to fifty orders."""
    inner = answering(odata_page())
    await ErpSandbox(observed(inner, "erp")).read_headers(
        orders("SO-1", "SO-2"), visibility=EVERYTHING, deadline=soon()
    )
    clauses = "SalesOrder%20eq%20%27SO-1%27%20or%20SalesOrder%20eq%20%27SO-2%27"

    assert [(request.method, request.target) for request in inner.requests] == [
        ("GET", f"/odata/v2/SalesOrders?$filter={clauses}&$expand=Items&$format=json")
    ]


async def test_single_lines_are_asked_for_with_their_order() -> None:
    """A line is named by both numbers; the order comes along, because it decides visibility."""
    inner = answering(odata_page())
    await read_headers(inner, ("SO-1", "10"), ("O'2", "20"))
    clauses = (
        "(SalesOrder eq 'SO-1' and SalesOrderItem eq '10') or "
        "(SalesOrder eq 'O''2' and SalesOrderItem eq '20')"
    )

    assert [unquote(request.target) for request in inner.requests] == [
        f"/odata/v2/SalesOrderItems?$filter={clauses}&$expand=Order&$format=json"
    ]


async def test_an_item_reads_as_a_header() -> None:
    """Every word of the ledger, from an order and one of its items."""
    cancellation = {
        "Quantity": "2.500",
        "CancelledBy": "CUSTOMER",
        "Reason": "NO_LONGER_NEEDED",
        "CancelledAt": "/Date(1795012200000+0000)/",
    }
    told = await header(
        HigherLevelItem="1",
        MaterialByCustomer="THEIR-1",
        RequestedDeliveryDate="/Date(1795132800000)/",
        Cancellations={"results": [cancellation]},
        DropShipment=True,
        DeliveryHoldReason="CREDIT",
        DeliveredQuantity="1.500",
    )
    changed_at = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
    reason = "NO_LONGER_NEEDED"

    assert words(told, HeaderFacet) == {
        "record": "SO-1/10",
        "order_number": "SO-1",
        "line_number": "10",
        "unit": "CS",
        "changed_at": changed_at,
        "root_line_number": "1",
        "customer_po": "PO-7",
        "sku": "BV-015",
        "customer_item": "THEIR-1",
        "sold_to": "C-100",
        "ship_to": "C-100-1",
        "channel": Channel.B2B_PORTAL,
        "channel_code": "50",
        "owner_node": "W1",
        "ordered_on": date(2026, 11, 18),
        "requested": 12,
        "requested_ship_on": date(2026, 11, 19),
        "requested_delivery_on": date(2026, 11, 20),
        "unit_price": Decimal("12.50"),
        "currency": "EUR",
        "cancellations": (
            StatedCancellation(Decimal("2.5"), CancelledBy.CUSTOMER, reason, changed_at),
        ),
        "is_drop_ship": True,
        "hold_reason": "CREDIT",
        "over_delivery_tolerance": Decimal("0.05"),
        "posted_shipped": Decimal("1.5"),
    }


async def test_what_the_erp_leaves_empty_is_none() -> None:
    """An empty text is no text, and a null is not a zero."""
    empty_item = item(Plant="", NetPriceAmount=None, DeliveredQuantity=None, RequestedShipDate=None)
    empty_order = order(
        "SO-1",
        empty_item,
        SoldToParty="",
        ShipToParty="",
        DistributionChannel="",
        PurchaseOrderByCustomer="",
        TransactionCurrency="",
        SalesOrderDate=None,
    )
    readings = await read_headers(odata_page(empty_order))
    told = words(readings.by_line["SO-1", "10"][0], HeaderFacet)

    assert [name for name, value in told.items() if value is None] == [
        "channel_code",
        "currency",
        "customer_item",
        "customer_po",
        "hold_reason",
        "ordered_on",
        "owner_node",
        "posted_shipped",
        "requested_delivery_on",
        "requested_ship_on",
        "root_line_number",
        "ship_to",
        "sold_to",
        "unit_price",
    ]
    assert (told["channel"], told["cancellations"]) == (Channel.OTHER, ())


@pytest.mark.parametrize(
    ("code", "channel"),
    [
        ("10", Channel.ECOMMERCE),
        ("20", Channel.EDI),
        ("30", Channel.MARKETPLACE),
        ("40", Channel.FIELD_SALES),
        ("50", Channel.B2B_PORTAL),
        ("90", Channel.OTHER),
        ("77", Channel.OTHER),
    ],
)
async def test_a_channel_keeps_its_code(code: str, channel: Channel) -> None:
    """A code nobody knows is OTHER, and still told."""
    readings = await read_headers(odata_page(order("SO-1", item(), DistributionChannel=code)))
    told = readings.by_line["SO-1", "10"][0]

    assert (told.channel, told.channel_code) == (channel, code)


async def test_a_sentinel_date_is_no_date() -> None:
    """The last day of the calendar is how the ERP writes "none"."""
    assert (await header(RequestedShipDate="/Date(253402214400000)/")).requested_ship_on is None


@pytest.mark.parametrize(
    ("text", "share"), [("0.0", 0), ("5.0", Decimal("0.05")), ("12.345", Decimal("0.12345"))]
)
async def test_a_tolerance_is_a_share(text: str, share: Decimal) -> None:
    """Percent in the ERP, a share of the request in the ledger, exactly."""
    assert (await header(OverdeliveryTolerancePct=text)).over_delivery_tolerance == share


async def test_a_single_line_reads_as_it_does_in_its_order() -> None:
    """Two ways to ask, one answer."""
    whole = await read_headers(odata_page(order("SO-1", item(), item("20"))))
    single = await read_headers(odata_page(by_itself(item())), ("SO-1", "10"))
    address = ("SO-1", "10")

    assert list(single.by_line) == [address]
    assert words(single.by_line[address][0], HeaderFacet) == words(
        whole.by_line[address][0], HeaderFacet
    )


async def test_a_link_is_followed_on_the_same_wire() -> None:
    """S-1: only the query of the link is used, whichever host it names."""
    inner = answering(
        odata_page(order("SO-1", item()), link=NEXT), odata_page(order("SO-1", item("20")))
    )
    readings = await read_headers(inner)

    assert set(readings.by_line) == {("SO-1", "10"), ("SO-1", "20")}
    assert inner.requests[1].target == "/odata/v2/SalesOrders?$filter=x&$skiptoken=1"


def test_pages_that_were_read_leave_nothing_behind() -> None:
    """An item knows its order; neither keeps the other alive, and no collector is needed."""
    body = odata_page(order("SO-1", *(item(str(line)) for line in range(200)))).body
    take_orders = wanted_of(facets.EVERYTHING).take_orders
    take_orders(body)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(20):
        take_orders(body)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak - before > 100_000
    assert after - before < 20_000


def test_the_table_says_what_the_adapter_does() -> None:
    """Fifty keys a call."""
    table = ErpSandbox(observed(answering(odata_page()), "erp")).capabilities

    assert [table.calls_for(keys) for keys in (0, 1, 50, 51, 1000)] == [0, 1, 1, 2, 20]
