"""Taking a page apart row by row reads what decoding it in one go reads: for any rows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backends.ports import Aligned, LineAddress, Readings
from backends.reasons import Reason
from backends.transport import BackendInvalidAnswerError, Response
from orderlines.facets import FulfilmentFacet, HeaderFacet, PromiseFacet
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Table
from tests.backends.native import (
    Row,
    by_itself,
    item,
    odata_page,
    order,
    outbound,
    promise_line,
    promise_page,
    read_fulfilments,
    read_headers,
    read_promises,
    rest_page,
    schedule,
    slices,
    version,
    words,
)

Told: TypeAlias = dict[LineAddress, Any]  # Any: words of facets, or a discrepancy


@dataclass(frozen=True, slots=True)
class Way:
    """A way to read rows: how a page of them is written, and how it is read."""

    row: Callable[[str], Row]
    page: Callable[[list[Row]], Response]
    read: Callable[[Response], Awaitable[Readings[Any]]]
    protocol: type


LINES: Final = tuple(("SO-1", str(number)) for number in range(10, 100, 10))

WAYS: Final = {
    "whole orders": Way(
        item, lambda rows: odata_page(order("SO-1", *rows)), read_headers, HeaderFacet
    ),
    "single items": Way(
        lambda line: by_itself(item(line)),
        lambda rows: odata_page(*rows),
        lambda told: read_headers(told, *LINES),
        HeaderFacet,
    ),
    "promises": Way(promise_line, lambda rows: promise_page(*rows), read_promises, PromiseFacet),
    "fulfilments": Way(outbound, lambda rows: rest_page(*rows), read_fulfilments, FulfilmentFacet),
}

NUMBERS = st.decimals(-(10**15), 10**15, places=3, allow_nan=False).map(str) | st.integers().map(
    str
)
STAMPS = st.integers(-(10**14), 10**14).map(lambda ms: f"/Date({ms})/")
DAYS = st.integers(-20_000, 20_000).map(lambda day: f"/Date({day * 86_400_000})/")
UNITS = st.none() | st.integers(-(10**25), 10**25) | st.integers(0, 1000)
EDGES = st.sampled_from(["0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-03-29T02:30:00"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2)
    ),
    max_leaves=4,
)
SENSIBLE: Final[dict[str, st.SearchStrategy[Any]]] = {
    "RequestedQuantity": NUMBERS,
    "NetPriceAmount": st.none() | NUMBERS,
    "DeliveredQuantity": st.none() | NUMBERS,
    "OverdeliveryTolerancePct": NUMBERS,
    "RequestedShipDate": st.none() | DAYS | STAMPS,
    "RequestedDeliveryDate": st.none() | DAYS,
    "units_allocated": UNITS,
    "units_shipped": UNITS,
    "decimals": st.integers(-1, 10),
    "updated_at": EDGES | st.datetimes().map(lambda at: at.isoformat(timespec="seconds")),
    "updatedAt": EDGES.map(lambda text: text + "+05:00") | EDGES.map(lambda text: text + "-05:00"),
    "promise": st.lists(NUMBERS, max_size=3).map(
        lambda values: schedule(version(1, *(slices(value) for value in values)))
    ),
}


@st.composite
def rows(draw: st.DrawFn, way: Way) -> list[Row]:
    """Write rows of which some say something else, sensible or not."""
    written = []
    for _, line in LINES[: draw(st.integers(1, 4))]:
        row = way.row(line)
        for name in draw(st.lists(st.sampled_from(sorted(row)), max_size=2)):
            row[name] = draw(SENSIBLE.get(name, ANYTHING) | ANYTHING)
        written.append(row)
    return written


def _read(way: Way, page: list[Row]) -> tuple[Told, Told, int]:
    async def read() -> Readings[Any]:
        return await way.read(way.page(page))

    readings = asyncio.run(read())
    told = {
        address: [words(facet, way.protocol) for facet in facets]
        for address, facets in readings.by_line.items()
    }
    return told, dict(readings.failed), len(readings.unplaced)


@pytest.mark.parametrize("name", WAYS)
@given(data=st.data())
def test_a_row_reads_the_same_alone_and_among_others(name: str, data: st.DataObject) -> None:
    """A page's answer is that of its rows: a bad neighbour changes nothing but the speed."""
    way = WAYS[name]
    page = data.draw(rows(way))
    alone = [_read(way, [row]) for row in page]
    told: Told = {}
    failed: Told = {}
    for one_told, one_failed, _ in alone:
        # Two rows of one line are told together, and may be a duplicate.
        assume((told | failed).keys().isdisjoint(one_told | one_failed))
        told |= one_told
        failed |= one_failed

    assert _read(way, page) == (told, failed, sum(unplaced for _, _, unplaced in alone))


@pytest.mark.parametrize("name", WAYS)
@given(data=st.data())
def test_good_rows_read_the_same_beside_a_bad_one(name: str, data: st.DataObject) -> None:
    """In one go, and row by row because the last one is spoilt."""
    way = WAYS[name]
    page = data.draw(rows(way))
    in_one_go, failed, unplaced = _read(way, page)
    spoilt = {key: ["spoilt"] for key in way.row("90")}

    assert _read(way, [*page, spoilt]) == (in_one_go, failed, unplaced + 1)


@pytest.mark.parametrize("name", WAYS)
@given(data=st.data())
def test_a_column_says_what_each_record_says(name: str, data: st.DataObject) -> None:
    """Whether the adapter read it while it looked at the texts, or it is read now."""
    way = WAYS[name]

    async def read() -> Readings[Any]:
        return await way.read(way.page(data.draw(rows(way))))

    told = asyncio.run(read()).by_line
    if isinstance(told, Aligned):
        _hold_columns_to_records(told.records, way)


@pytest.mark.parametrize("name", WAYS)
def test_a_usual_page_is_told_by_column(name: str) -> None:
    """So that what is held of columns is held of something."""
    way = WAYS[name]

    async def read() -> Readings[Any]:
        return await way.read(way.page([way.row(line) for _, line in LINES[:3]]))

    told = asyncio.run(read()).by_line
    assert isinstance(told, Aligned)
    assert len(told.records) == 3
    assert (told.records.columns.get(ONLY_SLICE_VALUE) is not None) == (name == "promises")
    _hold_columns_to_records(told.records, way)


def _hold_columns_to_records(records: Table[Any], way: Way) -> None:
    for accessor in (one for one in dir(way.protocol) if not one.startswith("_")):
        assert [*records.columns[accessor]] == [getattr(one, accessor) for one in records]
    values, dates = records.columns.get(ONLY_SLICE_VALUE), records.columns.get(ONLY_SLICE_ON)
    if values is not None:
        parts = [part for one in records for part in one.promises[-1].slices]
        assert [*values] == [part.value for part in parts]
        assert dates == [part.on for part in parts]


@pytest.mark.parametrize("name", WAYS)
@given(data=st.data())
def test_whatever_bytes_come_the_answer_is_readings_or_a_typed_error(
    name: str, data: st.DataObject
) -> None:
    """R-2: a page with a piece cut out, doubled or replaced never breaks anything else."""
    way = WAYS[name]
    body = way.page([way.row(line) for _, line in LINES[:3]]).body
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    piece = data.draw(st.binary(max_size=8) | st.sampled_from([body[start:end] * 2, b"null", b"["]))
    damaged = Response(200, (), body[:start] + piece + body[end:])

    async def outcome() -> object:
        try:
            readings = await way.read(damaged)
        except BackendInvalidAnswerError as error:
            return error.reason
        told = [
            words(facet, way.protocol) for facets in readings.by_line.values() for facet in facets
        ]
        return "rows" if told else "no rows"

    assert asyncio.run(outcome()) in {"rows", "no rows", Reason.MALFORMED, Reason.REFUSED}
