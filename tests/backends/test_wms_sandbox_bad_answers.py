"""The sandbox's WMS talks nonsense: a bad row costs a line, a bad page the section."""

import pytest

from backends.reasons import Reason
from backends.transport import BackendError, BackendInvalidAnswerError, Response
from backends.wms.sandbox import WmsSandbox
from orderlines.discrepancy import DiscrepancyKind
from tests.backends.kit import EVERYTHING, answering, observed, orders, soon
from tests.backends.native import failing, outbound, read_fulfilments, rest_page


async def test_the_same_row_twice_does_not_add_up() -> None:
    """Pages that overlap must not ship goods twice."""
    readings = await read_fulfilments(rest_page(outbound(), outbound()))

    assert readings.failed["SO-1", "10"].kind is DiscrepancyKind.DUPLICATE


A_SHIPMENT = {
    "shipment": "SH-1",
    "warehouse": "W1",
    "sku": "A",
    "units": 1,
    "shipped_at": "2026-11-18T14:30:00",
    "delivered_at": None,
    "carrier": "",
}


TOO_MANY = "expected at most 15 digits before the point"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        (
            {"units_shipped": "many"},
            "units_shipped",
            "expected `int | null`, got `str`",
        ),
        (
            {"units_shipped": 80.5},
            "units_shipped",
            "expected `int | null`, got `float`",
        ),
        ({"units_returned": None}, "units_returned", "expected `int`, got `null`"),
        ({"units_allocated": 10**15}, "units_allocated", TOO_MANY),
        ({"units_picked": -(10**18), "decimals": 3}, "units_picked", TOO_MANY),
        (
            {"shipments": [A_SHIPMENT, A_SHIPMENT | {"units": 10**15}]},
            "shipments[1].units",
            TOO_MANY,
        ),
        ({"decimals": 10}, "decimals", "expected `int` <= 9"),
        ({"mode": "TELEPORT"}, "mode", "the value is not one of those that are known"),
        (
            {"updated_at": "2026-11-18T15:30:00Z"},
            "updated_at",
            "expected `datetime` with no timezone component",
        ),
        ({"updated_at": "18.11.2026"}, "updated_at", "invalid RFC3339 encoded datetime"),
        (
            {"shipments": [A_SHIPMENT | {"shipped_at": None}]},
            "shipments[0].shipped_at",
            "expected `datetime`, got `null`",
        ),
        ({"id": {"no": "id"}}, "id", "expected `int`, got `object`"),
    ],
)
async def test_a_bad_row_fails_its_line_and_no_other(
    changes: dict[str, object], field: str, expected: str
) -> None:
    """Never an exception, never a silent zero."""
    rows = [outbound("10"), outbound("20") | changes, outbound("30")]
    readings = await read_fulfilments(rest_page(*rows))
    record = "" if field == "id" else "500020"

    assert (set(readings.by_line), readings.failed, readings.unplaced) == (
        {("SO-1", "10"), ("SO-1", "30")},
        failing("wms", record, field, expected, "20"),
        (),
    )


@pytest.mark.parametrize(
    "reference", [{"order_ref": 1001}, {"order_line_ref": None}, {"order_ref": "x" * 65}]
)
async def test_a_row_without_a_reference_is_unplaced(reference: dict[str, object]) -> None:
    """It belongs to some line of the answer; nobody can say to which."""
    readings = await read_fulfilments(rest_page(outbound("10"), outbound("20") | reference))

    assert (set(readings.by_line), readings.failed) == ({("SO-1", "10")}, {})
    assert [one.field for one in readings.unplaced] == list(reference)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html>",
        b'{"data":[]',
        b'{"data":[]}',
        b'{"data":[],"next_cursor":""}',
        b'{"data":[],"next_cursor":5}',
        b'{"data":[],"next_cursor":"' + b"x" * 1025 + b'"}',
        b'{"data":null,"next_cursor":"a"}',
    ],
)
async def test_what_is_no_page_is_refused_when_it_arrives(body: bytes) -> None:
    """Without its end nothing can be said of a page, not even that it is the last."""
    wms = WmsSandbox(observed(answering(Response(200, (), body)), "wms"))
    with pytest.raises(BackendInvalidAnswerError) as caught:
        await wms.read_fulfilments(orders("SO-1"), visibility=EVERYTHING, deadline=soon())

    assert caught.value.reason is Reason.MALFORMED


async def test_a_page_with_a_good_end_may_still_be_bad_inside() -> None:
    """It is found out when it is opened, and counts against the system then."""
    transport = observed(answering(Response(200, (), b'{"data":5,"next_cursor":null}')), "wms")
    sealed = await WmsSandbox(transport).read_fulfilments(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon()
    )
    before = transport.health().failures
    with pytest.raises(BackendInvalidAnswerError) as caught:
        sealed.open(None)

    assert caught.value.reason is Reason.MALFORMED
    assert (before, transport.health().failures) == (0, 1)


@pytest.mark.parametrize(
    ("status", "body", "reason", "retriable"),
    [
        (403, b'{"error":"rate_limited","message":"slow down"}', Reason.THROTTLED, True),
        (403, b'{"error":"forbidden","message":"no"}', Reason.REFUSED, False),
        (403, b"<html>", Reason.REFUSED, False),
        (429, b"{}", Reason.REFUSED, False),
        (400, b'{"error":"rate_limited"}', Reason.REFUSED, False),
        (307, b"", Reason.REDIRECT, False),
        (500, b"{}", Reason.STATUS, True),
    ],
)
async def test_a_status_is_told_by_its_meaning(
    status: int, body: bytes, reason: Reason, *, retriable: bool
) -> None:
    """The WMS throttles with 403 and a word; any other 403 is a no."""
    with pytest.raises(BackendError) as caught:
        await read_fulfilments(Response(status, (), body))

    assert (caught.value.reason, caught.value.retriable) == (reason, retriable)
