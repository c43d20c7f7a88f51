"""The sandbox's WMS, spoken to: exact units, three absences, and local time made UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from backends.ports import Readings
from backends.wms.sandbox import WmsSandbox
from orderlines.facets import FulfilmentFacet
from orderlines.stated import Absence, StatedAllocation, StatedShipment
from tests.backends.kit import EVERYTHING, answering, lines, observed, ok, orders, soon
from tests.backends.native import outbound, read_fulfilments, rest_page, words

PATH = "/v2/outbound-lines"


async def told(**changes: Any) -> FulfilmentFacet:  # noqa: ANN401 - any JSON
    """Read one row of which something is different."""
    readings = await read_fulfilments(rest_page(outbound(**changes)))
    return readings.by_line["SO-1", "10"][0]


async def without(name: str) -> FulfilmentFacet:
    """Read one row that lacks a key."""
    row = outbound()
    del row[name]
    readings = await read_fulfilments(rest_page(row))
    return readings.by_line["SO-1", "10"][0]


async def test_orders_and_lines_are_asked_for_by_reference() -> None:
    """S-2: each number is encoded by itself, so its commas and colons are its own."""
    inner = answering(rest_page())
    wms = WmsSandbox(observed(inner, "wms"))
    await wms.read_fulfilments(orders("SO-1", "a,b:c"), visibility=EVERYTHING, deadline=soon())
    await wms.read_fulfilments(
        lines(("SO-1", "10"), ("../x?y#&z", "1 0")), visibility=EVERYTHING, deadline=soon()
    )

    assert [(request.method, request.target) for request in inner.requests] == [
        ("GET", f"{PATH}?orders=SO-1,a%2Cb%3Ac&limit=1000"),
        ("GET", f"{PATH}?lines=SO-1:10,..%2Fx%3Fy%23%26z:1%200&limit=1000"),
    ]


async def test_a_row_reads_as_a_fulfilment() -> None:
    """Every word of the ledger; a shipment names the item that left."""
    row: dict[str, Any] = {
        "units_returned": 5,
        "allocations": [
            {
                "warehouse": "W1",
                "units": 40,
                "lot": None,
                "allocated_at": "2026-11-19T09:30:00",
            }
        ],
        "shipments": [
            {
                "shipment": "SH-1",
                "warehouse": "W1",
                "sku": "BV-015S",
                "units": 80,
                "shipped_at": "2026-11-18T14:30:00",
                "delivered_at": "2026-07-01T08:00:00",
                "carrier": "",
            }
        ],
    }

    assert words(await told(**row), FulfilmentFacet) == {
        "record": "500010",
        "order_number": "SO-1",
        "line_number": "10",
        "unit": "EA",
        "changed_at": datetime(2026, 11, 18, 14, 30, tzinfo=UTC),
        "allocated": 40,
        "allocations": (
            StatedAllocation(40, "W1", None, datetime(2026, 11, 19, 8, 30, tzinfo=UTC)),
        ),
        "picked": 80,
        "shipped": 80,
        "shipments": (
            StatedShipment(
                "SH-1",
                80,
                "BV-015S",
                "W1",
                datetime(2026, 11, 18, 13, 30, tzinfo=UTC),
                datetime(2026, 7, 1, 6, 0, tzinfo=UTC),
                None,
            ),
        ),
        "returned": 5,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"units_allocated": None}, Absence.NOT_YET),
        ({"units_allocated": 0}, 0),
        ({"mode": "DROP_SHIP"}, Absence.NOT_APPLICABLE),
        ({"mode": "DROP_SHIP", "units_allocated": None}, Absence.NOT_APPLICABLE),
    ],
)
async def test_an_allocation_that_is_not_there_says_why(
    changes: dict[str, object], expected: object
) -> None:
    """Not yet is not zero, and a drop ship has no stock to set aside."""
    assert (await told(**changes)).allocated == expected


async def test_what_is_not_tracked_is_not_provided() -> None:
    """A missing key is another statement than a null."""
    assert (await without("units_allocated")).allocated is Absence.NOT_PROVIDED
    assert (await without("units_shipped")).shipped is Absence.NOT_PROVIDED
    assert (await without("units_picked")).picked is None
    assert (await told(units_shipped=None)).shipped is Absence.NOT_YET
    assert (await told(units_picked=None)).picked is None


@pytest.mark.parametrize(
    ("units", "decimals", "value"),
    [
        (80, 0, 80),
        (9_072_000, 3, 9072),
        (9_071_847, 3, Decimal("9071.847")),
        (-1, 9, Decimal("-0.000000001")),
        (0, 3, 0),
        (10**15 - 1, 0, 10**15 - 1),
        (123_456_789_012_345_123_456_789, 9, Decimal("123456789012345.123456789")),
    ],
)
async def test_units_scale_exactly(units: int, decimals: int, value: int | Decimal) -> None:
    """Whole numbers of the last decimal, up to what any stock holds; no float in between."""
    scaled = (await told(units_shipped=units, decimals=decimals)).shipped

    assert scaled == value
    assert isinstance(scaled, type(value))


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        # Winter, summer.
        ("2026-11-18T15:30:00", datetime(2026, 11, 18, 14, 30, tzinfo=UTC)),
        ("2026-07-01T15:30:00", datetime(2026, 7, 1, 13, 30, tzinfo=UTC)),
        # 02:30 comes twice on 25 October: the first, still in summer time.
        ("2026-10-25T01:59:59", datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-25T02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T03:00:00", datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        # 02:30 never comes on 29 March: half an hour after the clocks were changed.
        ("2026-03-29T01:59:59", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("2026-03-29T02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-03-29T03:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
async def test_local_stamps_become_instants(local: str, utc: datetime) -> None:
    """Both changes of the clocks are decided, and written down."""
    changed_at = (await told(updated_at=local)).changed_at

    assert (changed_at, changed_at and changed_at.tzinfo) == (utc, UTC)


async def test_rows_of_one_line_add_up() -> None:
    """A split over warehouses is told by a row each, in the system's order."""
    rows = [outbound(id=1), outbound("20"), outbound(id=2, warehouse="W2")]
    readings = await read_fulfilments(rest_page(*rows))

    assert {
        address: [one.record for one in facets] for address, facets in readings.by_line.items()
    } == {("SO-1", "10"): ["1", "2"], ("SO-1", "20"): ["500020"]}
    assert readings.failed == {}


async def test_a_cursor_is_sent_with_the_same_question() -> None:
    """And encoded, because it is text from outside."""
    inner = answering(
        rest_page(outbound("10"), cursor="1000&x=ü"),
        rest_page(outbound("20"), cursor="2000"),
        rest_page(outbound("30")),
    )
    readings = await read_fulfilments(inner)
    question = f"{PATH}?orders=SO-1&limit=1000"

    assert [line for _, line in readings.by_line] == ["10", "20", "30"]
    assert [request.target for request in inner.requests] == [
        question,
        f"{question}&cursor=1000%26x%3D%C3%BC",
        f"{question}&cursor=2000",
    ]


async def test_a_text_that_looks_like_a_cursor_is_none() -> None:
    """Where the end of a body leaves a doubt, the page is looked into."""
    row = outbound(sku='"next_cursor')
    inner = answering(ok({"next_cursor": None, "data": [row]}))
    readings = await read_fulfilments(inner)

    assert (set(readings.by_line), len(inner.requests)) == ({("SO-1", "10")}, 1)


async def test_only_admitted_rows_are_decoded_into_the_answer() -> None:
    """A caller who may see one line learns nothing of the others, not even that one is bad."""
    rows = [outbound("10"), outbound("20", units_shipped="many"), outbound("30")]
    wms = WmsSandbox(observed(answering(rest_page(*rows)), "wms"))
    sealed = await wms.read_fulfilments(orders("SO-1"), visibility=EVERYTHING, deadline=soon())
    opened: Readings[FulfilmentFacet] = sealed.open({("SO-1", "30")})

    assert (set(opened.by_line), opened.failed) == ({("SO-1", "30")}, {})


def test_the_table_says_what_the_adapter_does() -> None:
    """A hundred keys a call, and the zone its stamps are read in."""
    table = WmsSandbox(observed(answering(rest_page()), "wms")).capabilities

    assert [table.calls_for(keys) for keys in (0, 1, 100, 101, 1000)] == [0, 1, 1, 2, 10]
    assert table.zone == "Europe/Berlin"
