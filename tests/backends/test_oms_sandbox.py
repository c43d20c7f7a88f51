"""The sandbox's OMS, spoken to: promises by version, offers by ratio, refusals inside a 200."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from backends.capabilities import AskBy
from backends.oms.sandbox import OmsSandbox
from backends.transport import Request
from orderlines.facets import PromiseFacet
from orderlines.identity import CUSTOMER, LineRef, OrderLineKey, XRef
from orderlines.quantity import Ratio
from orderlines.stated import (
    Absence,
    PromiseBasis,
    StatedPromise,
    StatedSlice,
    StatedSubstitution,
    SubstitutionStatus,
)
from tests.backends.kit import EVERYTHING, answering, lines, observed, ok, orders, soon
from tests.backends.native import (
    AN_OFFER,
    promise_line,
    promise_page,
    read_promises,
    schedule,
    slices,
    version,
    words,
)


def variables(request: Request) -> Any:  # noqa: ANN401 - any JSON
    """Give the variables of a question."""
    return msgspec.json.decode(request.body)["variables"]


async def told(**changes: Any) -> PromiseFacet:  # noqa: ANN401 - any JSON
    """Read one line of which something is different."""
    readings = await read_promises(promise_page(promise_line(**changes)))
    return readings.by_line["SO-1", "10"][0]


async def test_orders_and_lines_travel_as_variables() -> None:
    """S-2: the text of the query is the same whatever is asked for."""
    inner = answering(promise_page())
    oms = OmsSandbox(observed(inner, "oms"))
    await oms.read_promises(orders('"}', "SO-2"), visibility=EVERYTHING, deadline=soon())
    await oms.read_promises(lines(("SO-1", "10")), visibility=EVERYTHING, deadline=soon())
    texts = {msgspec.json.decode(request.body)["query"] for request in inner.requests}

    assert [(request.method, request.target) for request in inner.requests] == [
        ("POST", "/graphql")
    ] * 2
    assert [variables(request) for request in inner.requests] == [
        {"orders": ['"}', "SO-2"], "first": 1000},
        {"lines": [{"order": "SO-1", "line": "10"}], "first": 1000},
    ]
    assert len(texts) == 1


async def test_a_line_reads_as_a_promise() -> None:
    """Every word of the ledger: the versions in order, the offers in base units."""
    promise = schedule(
        version(2, slices("4"), slices("4.5", None, "LOW"), basis="SCHEDULE"),
        version(1, slices("8.000", "2026-11-18")),
    )
    offer = AN_OFFER | {"acceptedQuantity": "24.5", "status": "ACCEPTED", "reason": "OUT_OF_STOCK"}
    facet = await told(promise=promise, substitutions=[offer])

    assert words(facet, PromiseFacet) == {
        "record": "SO-1/10",
        "order_number": "SO-1",
        "line_number": "10",
        "unit": "CS",
        "changed_at": datetime(2026, 11, 18, 14, 30, tzinfo=UTC),
        "promises": (
            StatedPromise(
                1,
                datetime(2026, 11, 11, 8, 0, tzinfo=UTC),
                PromiseBasis.ATP,
                (StatedSlice(8, date(2026, 11, 18), is_firm=True),),
            ),
            StatedPromise(
                2,
                datetime(2026, 11, 12, 8, 0, tzinfo=UTC),
                PromiseBasis.SCHEDULE,
                (
                    StatedSlice(4, date(2026, 11, 24), is_firm=True),
                    StatedSlice(Decimal("4.5"), None, is_firm=False),
                ),
            ),
        ),
        "substitutions": (
            StatedSubstitution(
                "SE-1000",
                "SE-500",
                Ratio(2, 1),
                48,
                Decimal("24.5"),
                SubstitutionStatus.ACCEPTED,
                "OUT_OF_STOCK",
            ),
        ),
    }


@pytest.mark.parametrize(
    ("promise", "expected"),
    [
        ({"__typename": "PromisePending"}, Absence.NOT_YET),
        ({"__typename": "PromiseNotTracked"}, Absence.NOT_PROVIDED),
        (schedule(), ()),
    ],
)
async def test_a_promise_that_is_not_there_says_why(
    promise: dict[str, Any], expected: object
) -> None:
    """Nothing promised yet, nothing ever promised, and an empty schedule are three things."""
    assert (await told(promise=promise)).promises == expected


async def test_a_stamp_in_another_zone_is_the_same_instant() -> None:
    """The ledger keeps UTC."""
    changed_at = (await told(updatedAt="2026-11-18T15:30:00+01:00")).changed_at

    assert (changed_at, changed_at and changed_at.tzinfo) == (
        datetime(2026, 11, 18, 14, 30, tzinfo=UTC),
        UTC,
    )


def _ref(line: str, *xrefs: XRef) -> LineRef:
    return LineRef(OrderLineKey("erp", "SO-1", line), xrefs)


async def test_an_oms_of_customer_orders_is_asked_by_their_numbers() -> None:
    """Each number once; a line without one is not asked for, and comes back missing."""
    inner = answering(promise_page(promise_line("10"), promise_line("20"), promise_line("30")))
    oms = OmsSandbox(observed(inner, "oms"), ask_by=AskBy.CUSTOMER_PO)
    refs = [
        _ref("10", XRef("oms", "7"), XRef(CUSTOMER, "PO-7")),
        _ref("20", XRef(CUSTOMER, "PO-7")),
        _ref("40", XRef("oms", "9")),
    ]
    sealed = await oms.read_promises(refs, visibility=EVERYTHING, deadline=soon())

    assert oms.capabilities.ask_by is AskBy.CUSTOMER_PO
    assert [variables(request) for request in inner.requests] == [
        {"customerOrders": ["PO-7"], "first": 1000}
    ]
    assert set(sealed.open(None).by_line) == {("SO-1", "10"), ("SO-1", "20")}


async def test_lines_without_a_customer_order_cost_no_call() -> None:
    """There is nothing they could be asked by."""
    inner = answering(promise_page())
    oms = OmsSandbox(observed(inner, "oms"), ask_by=AskBy.CUSTOMER_PO)
    sealed = await oms.read_promises([_ref("10")], visibility=EVERYTHING, deadline=soon())

    assert (inner.requests, sealed.open(None).by_line) == ([], {})


async def test_two_orders_of_one_customer_number_are_kept_apart() -> None:
    """What comes back is taken by order and line, never by the customer's number."""
    inner = answering(promise_page(promise_line("10", "SO-2"), promise_line("10", "SO-1")))
    oms = OmsSandbox(observed(inner, "oms"), ask_by=AskBy.CUSTOMER_PO)
    refs = [_ref("10", XRef(CUSTOMER, "PO-7"))]
    opened = (await oms.read_promises(refs, visibility=EVERYTHING, deadline=soon())).open(None)

    assert [one.record for one in opened.by_line["SO-1", "10"]] == ["SO-1/10"]
    assert (len(opened.by_line), opened.failed) == (1, {})


async def test_two_hundred_keys_go_in_one_call() -> None:
    """Orders, lines and customer orders alike."""
    inner = answering(promise_page())
    by_number = OmsSandbox(observed(inner, "oms"))
    by_customer = OmsSandbox(observed(inner, "oms"), ask_by=AskBy.CUSTOMER_PO)
    names = [f"N-{number}" for number in range(201)]
    await by_number.read_promises(orders(*names), visibility=EVERYTHING, deadline=soon())
    await by_number.read_promises(
        lines(*((name, "1") for name in names)), visibility=EVERYTHING, deadline=soon()
    )
    await by_customer.read_promises(
        [_ref(name, XRef(CUSTOMER, name)) for name in names],
        visibility=EVERYTHING,
        deadline=soon(),
    )

    assert [
        {name: len(keys) for name, keys in variables(request).items() if name != "first"}
        for request in inner.requests
    ] == [
        {"orders": 200},
        {"orders": 1},
        {"lines": 200},
        {"lines": 1},
        {"customerOrders": 200},
        {"customerOrders": 1},
    ]


async def test_a_cursor_is_sent_with_the_same_question() -> None:
    """The variables are those of the question, and where to go on."""
    inner = answering(
        promise_page(promise_line("10"), cursor='1000-"ü'),
        promise_page(promise_line("20"), cursor="2000"),
        promise_page(promise_line("30")),
    )
    readings = await read_promises(inner)
    question = {"orders": ["SO-1"], "first": 1000}

    assert [line for _, line in readings.by_line] == ["10", "20", "30"]
    assert [variables(request) for request in inner.requests] == [
        question,
        question | {"after": '1000-"ü'},
        question | {"after": "2000"},
    ]


async def test_a_text_that_looks_like_a_cursor_is_none() -> None:
    """Where the end of a body leaves a doubt, the page is looked into."""
    lines_told = [promise_line(unit='"nextCursor')]
    page = {"__typename": "PromiseLinePage", "nextCursor": None, "lines": lines_told}
    inner = answering(ok({"data": {"promiseLines": page}}))
    readings = await read_promises(inner)

    assert (set(readings.by_line), len(inner.requests)) == ({("SO-1", "10")}, 1)
