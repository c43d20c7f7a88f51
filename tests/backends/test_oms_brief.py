"""Promises of which little is asked: read as they would be read whole, and each text once."""

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import numbers
from backends.oms import sandbox_brief
from backends.oms.sandbox_brief import BRIEF, LineInBrief, table_of_briefs
from backends.oms.sandbox_query import wanted_of
from backends.oms.sandbox_rows import Line
from backends.rows import Rows
from orderlines.facets import Fact
from orderlines.stated import Absence
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Table
from tests.backends.native import Row, promise_line, schedule, slices, version

IN_BRIEF: Final = wanted_of(frozenset({Fact.PROMISES}))
WHOLE: Final = wanted_of(frozenset({Fact.PROMISES, Fact.VERSIONS}))

DAYS: Final = st.none() | st.dates().map(str)
QUANTITIES: Final = st.integers(-(10**9), 10**9).map(str) | st.decimals(
    0, 999, places=3, allow_nan=False
).map(str)
PARTS: Final = st.builds(slices, QUANTITIES, DAYS)
PROMISES: Final = (
    st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=3).map(
        lambda told: schedule(*(version(n + 1, *parts) for n, parts in enumerate(told)))
    )
    | st.just({"__typename": "PromisePending"})
    | st.just({"__typename": "PromiseNotTracked"})
)


def body_of(*promises: Row) -> bytes:
    """Write a page; each promise is of a line of its own."""
    lines = [promise_line(str(n), promise=one) for n, one in enumerate(promises, 1)]
    page = {"__typename": "PromiseLinePage", "lines": lines, "nextCursor": None}
    return json.dumps({"data": {"promiseLines": page}}).encode()


def told(rows: Rows[Line]) -> list[object]:
    """Say what each line was promised."""
    return [
        one.promises
        if isinstance(one.promises, Absence)
        else [[(part.value, part.on) for part in each.slices] for each in one.promises]
        for one in rows.good
    ]


@given(st.lists(PROMISES, max_size=4))
def test_what_is_read_in_brief_is_what_is_read_whole(promises: list[Row]) -> None:
    """Quantities, dates and reasons, of any page; and as columns, where each has one part."""
    body = body_of(*promises)
    brief, whole = IN_BRIEF.take_lines("oms", body), WHOLE.take_lines("oms", body)

    assert told(brief) == told(whole)
    assert not brief.bad
    assert isinstance(brief.good, Table)
    assert isinstance(whole.good, Table)
    for name in (ONLY_SLICE_VALUE, ONLY_SLICE_ON):
        ours, theirs = brief.good.columns.get(name), whole.good.columns.get(name)
        assert (ours is None) == (theirs is None)
        assert [*(ours or ())] == [*(theirs or ())]


def test_a_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not at all, where another page said the same."""
    read: list[bytes] = []

    def decoding(text: bytes) -> Any:  # noqa: ANN401 - as the decoder
        read.append(text)
        return msgspec.json.decode(text, type=BRIEF)

    monkeypatch.setattr(sandbox_brief, "_DECODER", type("", (), {"decode": staticmethod(decoding)}))
    one, other = (schedule(version(1, slices(quantity))) for quantity in ("7.25", "8.125"))
    for _ in range(3):
        IN_BRIEF.take_lines("oms", body_of(one, other, one))

    assert len(read) == len(set(read)) == 2


def test_a_long_text_is_read_each_time_and_not_kept() -> None:
    """What one system sends takes no more room than many usual promises."""
    many = schedule(version(1, *(slices(str(n)) for n in range(40))))
    line = IN_BRIEF.take_lines("oms", body_of(many)).good[0]
    assert isinstance(line.promises, tuple)

    assert len(json.dumps(many)) > numbers.MAX_TEXT
    assert len(line.promises[0].slices) == 40
    assert line.promise is not line.promise


@pytest.mark.parametrize(
    ("promise", "field"),
    [
        (schedule(version(1, slices("a few"))), "promise.versions[0].slices[0].quantity"),
        (schedule(version(1, slices()), version(1, slices())), "promise.versions"),
        (schedule(version(1, slices(on="soon"))), "promise.versions[0].slices[0].date"),
        ({"__typename": "PromiseKept"}, "promise.__typename"),
        ([], "promise"),
    ],
)
def test_a_bad_promise_fails_its_line_each_time(promise: Row, field: str) -> None:
    """It is not remembered as good, nor as bad; and the others stand."""
    for _ in range(2):
        rows = IN_BRIEF.take_lines("oms", body_of(schedule(version(1, slices())), promise))

        assert [one.line_number for one in rows.good] == ["1"]
        assert [(one.address, one.field) for one in rows.bad] == [(("SO-1", "2"), field)]


def test_no_lines_are_a_table_without_any() -> None:
    """With its columns."""
    found = table_of_briefs([])

    assert (list(found), found.columns[ONLY_SLICE_VALUE]) == ([], ())
    assert LineInBrief.__struct_fields__[-1] == "text"
