"""The sandbox's OMS, spoken to: promises by version, offers by ratio, refusals inside a 200."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from backends.capabilities import AskBy
from backends.oms.sandbox import OmsSandbox
from backends.reasons import Reason
from backends.transport import BackendError, BackendInvalidAnswerError, Request, Response
from orderlines.discrepancy import DiscrepancyKind
from orderlines.facets import (
    Absence,
    PromiseBasis,
    PromiseFacet,
    StatedPromise,
    StatedSlice,
    StatedSubstitution,
    SubstitutionStatus,
)
from orderlines.identity import CUSTOMER, LineRef, OrderLineKey, XRef
from orderlines.quantity import Ratio
from tests.backends.kit import EVERYTHING, answering, lines, observed, ok, orders, soon
from tests.backends.native import (
    failing,
    promise_line,
    promise_page,
    read_promises,
    schedule,
    slices,
    version,
    words,
)

AN_OFFER = {
    "forSku": "SE-1000",
    "bySku": "SE-500",
    "ratioNumerator": 2,
    "ratioDenominator": 1,
    "proposedQuantity": "48",
    "acceptedQuantity": "0",
    "status": "PROPOSED",
    "reason": None,
}


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


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"promise": ["soon"]}, "promise", "expected `object`, got `array`"),
        ({"promise": {}}, "promise.__typename", "the field is missing"),
        (
            {"promise": {"__typename": "PromiseKept"}},
            "promise.__typename",
            "the value is not one of those that are known",
        ),
        (
            {"promise": schedule(version(1, slices("a few")))},
            "promise.versions[0].slices[0].quantity",
            "expected a number as decimal text",
        ),
        (
            {"promise": schedule(version(1), version(1, slices()))},
            "promise.versions",
            "expected each version once",
        ),
        (
            {"promise": schedule(version(1, slices(), basis="HOPE"))},
            "promise.versions[0].basis",
            "the value is not one of those that are known",
        ),
        (
            {"promise": schedule(version(1, slices(confidence="MAYBE")))},
            "promise.versions[0].slices[0].confidence",
            "the value is not one of those that are known",
        ),
        (
            {"substitutions": [AN_OFFER, AN_OFFER | {"ratioDenominator": 0}]},
            "substitutions[1].ratioDenominator",
            "expected `int` >= 1",
        ),
        (
            {"substitutions": [AN_OFFER | {"acceptedQuantity": ""}]},
            "substitutions[0].acceptedQuantity",
            "expected a number as decimal text",
        ),
        (
            {"substitutions": [AN_OFFER | {"status": "LOST"}]},
            "substitutions[0].status",
            "the value is not one of those that are known",
        ),
        (
            {"updatedAt": "2026-11-18T14:30:00"},
            "updatedAt",
            "expected `datetime` with a timezone component",
        ),
        ({"id": 7}, "id", "expected `str`, got `int`"),
    ],
)
async def test_a_bad_line_fails_itself_and_no_other(
    changes: dict[str, Any], field: str, expected: str
) -> None:
    """One bad record costs one line."""
    rows = [promise_line("10"), promise_line("20") | changes, promise_line("30")]
    readings = await read_promises(promise_page(*rows))
    record = "" if field == "id" else "SO-1/20"

    assert (set(readings.by_line), readings.failed, readings.unplaced) == (
        {("SO-1", "10"), ("SO-1", "30")},
        failing("oms", record, field, expected, "20"),
        (),
    )


async def test_a_line_stated_twice_is_a_duplicate() -> None:
    """An OMS states a line once; two records are not added up."""
    rows = [promise_line(id="PL-1"), promise_line(id="PL-2")]
    readings = await read_promises(promise_page(*rows))

    assert readings.failed["SO-1", "10"].kind is DiscrepancyKind.DUPLICATE


async def test_a_line_without_a_number_is_unplaced() -> None:
    """It belongs to some line of the answer; nobody can say to which."""
    readings = await read_promises(promise_page(promise_line("10"), promise_line() | {"line": 20}))

    assert (set(readings.by_line), readings.failed) == ({("SO-1", "10")}, {})
    assert [one.field for one in readings.unplaced] == ["line"]


def _refused(code: str) -> Response:
    return ok({"data": {"promiseLines": {"__typename": "Refused", "code": code}}})


@pytest.mark.parametrize(
    ("answer", "code", "reason", "retriable"),
    [
        (_refused("THROTTLED"), "BACKEND_UNAVAILABLE", Reason.THROTTLED, True),
        (_refused("TOO_MANY_KEYS"), "BACKEND_UNAVAILABLE", Reason.REFUSED, False),
        (_refused("BAD_REQUEST"), "BACKEND_UNAVAILABLE", Reason.REFUSED, False),
        (
            ok({"errors": [{"message": "at host db-7"}], "data": None}),
            "BACKEND_INVALID_ANSWER",
            Reason.REFUSED,
            False,
        ),
        (
            ok({"errors": [{"message": "at host db-7"}]}),
            "BACKEND_INVALID_ANSWER",
            Reason.REFUSED,
            False,
        ),
        (ok({"data": None}), "BACKEND_INVALID_ANSWER", Reason.REFUSED, False),
        (ok({"data": {}}), "BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
        (Response(200, (), b"<html>"), "BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
        (Response(200, (), b""), "BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
        (promise_page(cursor=""), "BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
        (promise_page(cursor="x" * 1025), "BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
        (Response(400, (), b"{}"), "BACKEND_UNAVAILABLE", Reason.REFUSED, False),
        (Response(429, (), b"{}"), "BACKEND_UNAVAILABLE", Reason.REFUSED, False),
        (Response(302, (), b""), "BACKEND_UNAVAILABLE", Reason.REDIRECT, False),
        (Response(502, (), b""), "BACKEND_UNAVAILABLE", Reason.STATUS, True),
    ],
)
async def test_a_refusal_is_told_by_its_meaning(
    answer: Response, code: str, reason: Reason, *, retriable: bool
) -> None:
    """The OMS refuses inside a 200; what it writes beside it stays in the log."""
    transport = observed(answering(answer), "oms")
    oms = OmsSandbox(transport)
    with pytest.raises(BackendError) as caught:
        await oms.read_promises(orders("SO-1"), visibility=EVERYTHING, deadline=soon())
    error = caught.value

    assert (error.code, error.reason, error.retriable) == (code, reason, retriable)
    assert "db-7" not in f"{error.message} {error.facts}"
    assert transport.health().last_reason == reason


async def test_errors_beside_data_make_the_answer_worthless() -> None:
    """A null in it may be a value or a failure, so none of it is believed."""
    page = {"__typename": "PromiseLinePage", "lines": [promise_line()], "nextCursor": None}
    answer = ok({"errors": [{"message": "x"}], "data": {"promiseLines": page}})
    with pytest.raises(BackendInvalidAnswerError) as caught:
        await read_promises(answer)

    assert caught.value.reason is Reason.REFUSED
