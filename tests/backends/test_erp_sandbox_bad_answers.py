"""The sandbox's ERP talks nonsense: a bad record costs a line, a bad page the section."""

from typing import Any

import pytest

from backends.erp.sandbox import ErpSandbox
from backends.reasons import Reason
from backends.transport import BackendError, BackendInvalidAnswerError, Response
from orderlines.discrepancy import DiscrepancyKind
from tests.backends.kit import EVERYTHING, answering, observed, orders, soon
from tests.backends.native import by_itself, failing, item, odata_page, order, read_headers

LINES = (("SO-1", "10"), ("SO-1", "20"), ("SO-1", "30"))
A_NUMBER = "expected a number as decimal text"


def _cancelled(**changes: str) -> dict[str, Any]:
    one = {"Quantity": "1", "CancelledBy": "CUSTOMER", "Reason": "", "CancelledAt": "/Date(0)/"}
    return {"results": [one | changes]}


@pytest.mark.parametrize(
    ("field", "value", "where", "expected"),
    [
        ("Material", None, "", "expected `str`, got `null`"),
        ("RequestedQuantity", 12.5, "", "expected `str`, got `float`"),
        ("RequestedQuantity", {"unexpected": True}, "", "expected `str`, got `object`"),
        ("RequestedQuantity", "12,5", "", A_NUMBER),
        ("NetPriceAmount", "NaN", "", A_NUMBER),
        (
            "DeliveredQuantity",
            "1" + "0" * 15,
            "",
            "expected a number of at most 15 digits before and 9 after the point",
        ),
        ("OverdeliveryTolerancePct", "-5.0", "", "expected a percentage of 0 or more"),
        (
            "RequestedShipDate",
            "2026-11-19",
            "",
            "expected an instant written /Date(milliseconds)/",
        ),
        (
            "RequestedDeliveryDate",
            "/Date(1795046400001)/",
            "",
            "expected a date as midnight UTC",
        ),
        ("DropShipment", "no", "", "expected `bool`, got `str`"),
        ("Cancellations", {"__deferred": {}}, ".results", "the field is missing"),
        ("Cancellations", _cancelled(Quantity="x"), ".results[0].Quantity", A_NUMBER),
        (
            "Cancellations",
            _cancelled(CancelledBy="A_STRANGER"),
            ".results[0].CancelledBy",
            "the value is not one of those that are known",
        ),
    ],
)
async def test_a_bad_item_fails_its_line_and_no_other(
    field: str, value: object, where: str, expected: str
) -> None:
    """One bad row costs one line, asked for with its order or by itself."""
    items = [item("10"), item("20") | {field: value}, item("30")]
    told = {
        "whole": await read_headers(odata_page(order("SO-1", *items))),
        "single": await read_headers(odata_page(*map(by_itself, items)), *LINES),
    }
    failed = failing("erp", "SO-1/20", field + where, expected, "20")

    assert {how: (set(one.by_line), one.failed, one.unplaced) for how, one in told.items()} == (
        dict.fromkeys(told, ({LINES[0], LINES[2]}, failed, ()))
    )


async def test_an_item_that_cannot_be_placed_is_told_apart() -> None:
    """While there is one, a missing line may be the one behind it."""
    items = [item("10"), item() | {"SalesOrderItem": 20}]
    readings = await read_headers(odata_page(order("SO-1", *items)))

    assert (set(readings.by_line), readings.failed) == ({("SO-1", "10")}, {})
    assert [(one.record, one.field) for one in readings.unplaced] == [("", "SalesOrderItem")]


async def test_a_bad_head_fails_every_line_of_its_order() -> None:
    """Who may see a line stands in the head; without one nothing can be shown."""
    readings = await read_headers(
        odata_page(order("SO-1", item("10"), item("20"), SoldToParty=100))
    )
    why = ("SoldToParty", "expected `str`, got `int`")

    assert readings.by_line == {}
    assert readings.failed == (
        failing("erp", "SO-1/10", *why) | failing("erp", "SO-1/20", *why, "20")
    )


@pytest.mark.parametrize(
    ("field", "value"), [("SalesOrderDate", "18.11.2026"), ("LastChangeDateTime", "yesterday")]
)
async def test_a_bad_text_in_a_head_is_named(field: str, value: str) -> None:
    """Dates of the order are checked with the order, whichever way it came."""
    whole = await read_headers(odata_page(order("SO-1", item(), **{field: value})))
    single = await read_headers(odata_page(by_itself(item(), **{field: value})), ("SO-1", "10"))
    expected = "expected an instant written /Date(milliseconds)/"

    assert whole.failed == failing("erp", "SO-1/10", field, expected)
    assert single.failed == failing("erp", "SO-1/10", f"Order.{field}", expected)


@pytest.mark.parametrize(
    "told",
    [
        order("SO-1", SoldToParty=100),
        order("SO-1", Items={"__deferred": {"uri": "…"}}),
        "SO-1",
    ],
)
async def test_an_order_that_does_not_even_list_its_items_is_unplaced(told: object) -> None:
    """It is there and cannot be read, which is not the same as not being there."""
    readings = await read_headers(odata_page(told))

    assert (readings.by_line, readings.failed, len(readings.unplaced)) == ({}, {}, 1)


async def test_an_item_under_another_order_is_not_believed() -> None:
    """Visibility is decided by the order; a strange item must not borrow one."""
    strange = item("20", "SO-2")
    whole = await read_headers(odata_page(order("SO-1", item("10"), strange)))
    single = await read_headers(odata_page(by_itself(strange)), ("SO-2", "20"))

    assert (set(whole.by_line), whole.failed) == ({("SO-1", "10")}, {})
    assert (set(single.by_line), {key: one.field for key, one in single.failed.items()}) == (
        set(),
        {("SO-2", "20"): "SalesOrder"},
    )


async def test_a_line_stated_twice_is_a_duplicate() -> None:
    """Two headers of one line: neither is believed."""
    readings = await read_headers(odata_page(order("SO-1", item(), item(Plant="W2"))))

    assert readings.failed["SO-1", "10"].kind is DiscrepancyKind.DUPLICATE


@pytest.mark.parametrize(
    "link",
    [
        "http://169.254.169.254/latest/meta-data?x=1",
        "http://erp.internal:8000/odata/v2/Products?$skiptoken=1",
        "file:///etc/passwd?x=1",
        "/odata/v2/SalesOrders?$skiptoken=1",
    ],
)
async def test_a_link_elsewhere_ends_the_reading(link: str) -> None:
    """S-1: not followed, and not taken for the last page either."""
    inner = answering(odata_page(order("SO-1", item()), link=link))
    with pytest.raises(BackendInvalidAnswerError) as caught:
        await read_headers(inner)

    assert (caught.value.reason, len(inner.requests)) == (Reason.MALFORMED, 1)
    assert link not in f"{caught.value.message} {caught.value.detail}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html>",
        b"[]",
        b'{"d":{}}',
        b'{"d":{"results":[]',
        b'{"d":{"results":{}}}',
        b'{"d":{"results":[],"__next":5}}',
        b'{"d":{"results":[' + b"[" * 100_000,
        b'{"d":{"results":["\xff"]',
    ],
)
async def test_what_is_no_page_is_no_answer(body: bytes) -> None:
    """R-2: a typed error, whatever came."""
    with pytest.raises(BackendInvalidAnswerError) as caught:
        await read_headers(Response(200, (), body))

    assert (caught.value.reason, caught.value.retriable) == (Reason.MALFORMED, False)


@pytest.mark.parametrize(
    ("status", "reason", "retriable"),
    [
        (302, Reason.REDIRECT, False),
        (400, Reason.REFUSED, False),
        (401, Reason.REFUSED, False),
        (403, Reason.REFUSED, False),
        (429, Reason.THROTTLED, True),
        (503, Reason.STATUS, True),
    ],
)
async def test_a_status_is_told_by_its_meaning(
    status: int, reason: Reason, *, retriable: bool
) -> None:
    """The ERP throttles with 429; what it writes beside it stays in the log."""
    transport = observed(answering(Response(status, (), b"at host db-7")), "erp")
    erp = ErpSandbox(transport)
    reads = [
        erp.read_headers(orders("SO-1"), visibility=EVERYTHING, deadline=soon()),
        erp.read_items(["A"], visibility=EVERYTHING, deadline=soon()),
    ]
    errors: list[BackendError] = []
    for read in reads:
        with pytest.raises(BackendError) as caught:
            await read
        errors.append(caught.value)

    assert [(one.reason, one.retriable) for one in errors] == [(reason, retriable)] * 2
    assert "db-7" not in " ".join(f"{one.message} {one.facts}" for one in errors)
    assert transport.health().failures_by_reason == {reason: 2}
