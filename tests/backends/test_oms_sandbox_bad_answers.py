"""The sandbox's OMS talks nonsense or refuses: a bad record costs a line, a no the section."""

from typing import Any

import pytest

from backends.oms.sandbox import OmsSandbox
from backends.reasons import Reason
from backends.transport import BackendError, BackendInvalidAnswerError, Response
from orderlines.discrepancy import DiscrepancyKind
from tests.backends.kit import EVERYTHING, answering, observed, ok, orders, soon
from tests.backends.native import (
    AN_OFFER,
    failing,
    promise_line,
    promise_page,
    read_promises,
    schedule,
    slices,
    version,
)


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
