"""Tables: what is read of all records at once is what each of them says."""

from collections.abc import Sequence
from datetime import date

import pytest

from orderlines.columns import (
    allocated_quantities,
    first_dates,
    promised_quantities,
    requested_quantities,
    shipped_quantities,
)
from orderlines.facets import FulfilmentFacet, PromiseFacet
from orderlines.lines import Lines
from orderlines.quantity import Quantity
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Columns, Single, Table
from tests.orderlines.facet_kit import (
    ITEM,
    READINGS,
    HeaderRecord,
    fulfilment,
    header,
    promised,
)

DAY, LATER = date(2026, 11, 19), date(2026, 11, 27)
HEADERS = [header(requested=number) for number in range(3)]
PROMISES = [promised(number, DAY) for number in range(3)]
FULFILMENTS = [fulfilment(allocated=number) for number in range(3)]


def test_a_column_is_one_accessor_of_every_record() -> None:
    """By its name; read once."""
    table = Table(HEADERS)

    assert [*table] == HEADERS
    assert [*table.columns["requested"]] == [0, 1, 2]
    assert table.columns["requested"] is table.columns["requested"]
    assert table.columns.get("unit") is None
    assert table.columns.get("requested") == [0, 1, 2]


def test_a_table_is_its_records() -> None:
    """As they were given, and whose they are as columns."""
    table = Table(HEADERS)

    assert (len(table), table[1], table[1:], [*table]) == (3, HEADERS[1], HEADERS[1:], HEADERS)
    assert table.records is HEADERS
    assert table.columns["line_number"] == [one.line_number for one in HEADERS]
    assert table.columns["order_number"] == [one.order_number for one in HEADERS]


def test_whoever_took_the_records_may_know_better() -> None:
    """A column that is given is not read, and a maker is asked once."""
    asked = []

    def make(told: Columns) -> Sequence[str]:
        asked.append(len(told.records))
        return ["made"] * len(told.records)

    table: Table[HeaderRecord] = Table(HEADERS, {"unit": ["CS", "EA", "EA"]}, {"sku": make})

    assert table.columns["unit"] == ["CS", "EA", "EA"]
    assert table.columns["sku"] is table.columns["sku"]
    assert asked == [3]


def test_single_records_are_told_by_line() -> None:
    """Each in a sequence of its own, as several would be."""
    told = Single(Table(PROMISES))

    assert len(told) == 3
    assert [*told] == [(one,) for one in PROMISES]
    assert told[1] == (PROMISES[1],)
    assert told[-1] == (PROMISES[2],)
    assert told[1:] == [(PROMISES[1],), (PROMISES[2],)]
    with pytest.raises(IndexError):
        told[3]


def lines_of(
    headers: Table[HeaderRecord],
    promises: Table[PromiseFacet] | None = None,
    fulfilments: Table[FulfilmentFacet] | None = None,
) -> Lines:
    """Stitch three lines."""
    return Lines(
        "erp",
        READINGS,
        addresses=[("SO-1", str(number)) for number in range(3)],
        headers=headers,
        items=[ITEM] * 3,
        promises=Single(promises or Table(PROMISES)),
        fulfilments=Single(fulfilments or Table(FULFILMENTS)),
    )


def test_quantities_and_dates_are_taken_from_the_tables() -> None:
    """No record is read where its table knows."""
    lines = lines_of(
        Table(HEADERS, {"requested": [7, 8, 9]}),
        Table(PROMISES, {ONLY_SLICE_VALUE: [4, 5, 6], ONLY_SLICE_ON: [LATER, None, DAY]}),
        Table(FULFILMENTS, {"shipped": [3, 2, 1]}),
    )

    assert requested_quantities(lines) == [Quantity(number, "EA") for number in (7, 8, 9)]
    assert promised_quantities(lines) == [Quantity(number, "EA") for number in (4, 5, 6)]
    assert first_dates(lines) == [LATER, None, DAY]
    assert allocated_quantities(lines) == [Quantity(number, "EA") for number in range(3)]
    assert shipped_quantities(lines) == [Quantity(number, "EA") for number in (3, 2, 1)]


def test_a_part_of_lines_reads_its_own_records() -> None:
    """What a table knows of all lines is not taken for what it knows of some."""
    lines = lines_of(Table(HEADERS, {"requested": [7, 8, 9]}))[1:]

    assert requested_quantities(lines) == [Quantity(number, "EA") for number in (1, 2)]
    assert promised_quantities(lines) == [Quantity(number, "EA") for number in (1, 2)]
