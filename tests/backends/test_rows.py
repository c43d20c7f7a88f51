"""Rows: one bad row costs one line, and what it said is never repeated."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
import pytest

from backends.numbers import NUMBERS, check_texts
from backends.ports import LineAddress, Readings
from backends.rows import UNREADABLE, Asked, BadRow, Rows, explain, in_utc, place, sort_out
from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.order_line import Reading
from tests.backends.kit import NOW, lines, orders
from tests.orderlines.facet_kit import FulfilmentRecord

READING = Reading("wms", NOW)
CONTRACT = "A record could not be read as its contract says: "


class Part(msgspec.Struct):
    """A record inside a record."""

    quantity: str

    def __post_init__(self) -> None:
        check_texts((("qty", self.quantity, NUMBERS),))


class Record(msgspec.Struct):
    """A record of a system."""

    order: str
    line: str
    mode: Literal["A", "B"] = "A"
    parts: list[Part] = []


class RecordIds(msgspec.Struct):
    """As much of it as tells what it is about."""

    order: str
    line: str

    @property
    def address(self) -> LineAddress:
        """The line."""
        return (self.order, self.line)

    @property
    def record(self) -> str:
        """Its name."""
        return f"{self.order}/{self.line}"


def _sorted_out(*rows: bytes) -> Rows[Record]:
    return sort_out(
        [msgspec.Raw(row) for row in rows],
        msgspec.json.Decoder(Record).decode,
        msgspec.json.Decoder(RecordIds).decode,
    )


def _told(record: str, order: str, line: str) -> FulfilmentRecord:
    return FulfilmentRecord(record=record, order_number=order, line_number=line)


def _placed(
    told: Sequence[FulfilmentRecord],
    asked: Asked,
    admitted: Sequence[LineAddress] | None = None,
    *,
    bad: Sequence[BadRow] = (),
    may_split: bool = False,
) -> Readings[FulfilmentRecord]:
    return place(Rows(told, bad), READING, asked, admitted, may_split=may_split)


def test_rows_are_told_apart_one_by_one() -> None:
    """A bad row that says whose it is fails that line; one that does not is unplaced."""
    rows = _sorted_out(
        b'{"order":"O","line":"1"}',
        b'{"order":"O","line":"2","mode":"Z"}',
        b'{"order":5,"line":"3"}',
        b'"a row"',
        b'{"order":"O","line":"4","parts":[{"quantity":"1"}]}',
    )

    assert rows == Rows(
        [Record("O", "1"), Record("O", "4", parts=[Part("1")])],
        [
            BadRow(
                ("O", "2"),
                "O/2",
                "mode",
                CONTRACT + "the value is not one of those that are known.",
            ),
            BadRow(None, "", "order", CONTRACT + "expected `str`, got `int`."),
            BadRow(None, "", "", CONTRACT + "expected `object`, got `str`."),
        ],
    )


@pytest.mark.parametrize(
    ("row", "field", "expected"),
    [
        (b'{"line":"1"}', "order", "the field is missing"),
        (b'{"order":null,"line":"1"}', "order", "expected `str`, got `null`"),
        (
            b'{"order":"O","line":"1","parts":[{"quantity":"1"},{}]}',
            "parts[1].quantity",
            "the field is missing",
        ),
        (
            b'{"order":"O","line":"1","parts":[{"quantity":"1"},{"quantity":"a lot"}]}',
            "parts[1].qty",
            "expected a number as decimal text",
        ),
        (b'{"order":"O","line":"1","mode":"secret"}', "mode", "the value is not one of those"),
        (b'{"order":"\xff","line":"1"}', "", "it cannot be decoded"),
        (b'{"order":"O","x":' + b"[" * 100_000, "", "it cannot be decoded"),
    ],
)
def test_what_is_wrong_is_said_by_field_and_never_by_value(
    row: bytes, field: str, expected: str
) -> None:
    """The path is the decoder's, in the system's spelling; the value stays inside."""
    with pytest.raises(UNREADABLE) as caught:
        msgspec.json.decode(row, type=Record)
    where, message = explain(caught.value)

    assert where == field
    assert message.startswith(CONTRACT + expected)
    assert "secret" not in message
    assert "a lot" not in message


def test_whole_orders_are_asked_for_by_number_and_lines_by_both() -> None:
    """Each once, in the order asked."""
    assert Asked.of(orders("B", "A", "B")) == Asked({"B": None, "A": None}, {})
    assert Asked.of(lines(("A", "2"), ("A", "1"), ("A", "2"))) == Asked(
        {}, {("A", "2"): None, ("A", "1"): None}
    )
    assert list(Asked.of(orders("B", "A")).orders) == ["B", "A"]


def test_rows_are_put_under_the_lines_they_tell_about() -> None:
    """An order that was asked for whole takes every line the system has of it."""
    one, two = _told("r1", "A", "1"), _told("r2", "A", "2")

    assert _placed([one, two], Asked.of(orders("A"))) == Readings(
        READING, {("A", "1"): (one,), ("A", "2"): (two,)}
    )


def test_rows_nobody_asked_for_are_no_part_of_the_answer() -> None:
    """Neither the good ones nor the bad ones; a caller could not place them."""
    one, other = _told("r1", "A", "1"), _told("r2", "B", "1")
    bad = BadRow(("B", "2"), "r3", "x", "…")
    expected = Readings(READING, {("A", "1"): (one,)})

    assert _placed([one, other], Asked.of(orders("A")), bad=[bad]) == expected
    assert _placed([one, other], Asked.of(lines(("A", "1"))), bad=[bad]) == expected


@pytest.mark.parametrize("refs", [orders("A"), lines(("A", "1"), ("A", "2"))])
def test_only_admitted_lines_come_out(refs: list[object]) -> None:
    """What a header did not admit is not in the readings, good or bad; nobody admits nobody."""
    asked = Asked.of(refs)  # type: ignore[arg-type]  # one of the two kinds
    one, two = _told("r1", "A", "1"), _told("r2", "A", "2")
    bad = [BadRow(("A", "1"), "r1", "x", "…"), BadRow(("A", "2"), "r2", "x", "…")]
    readings = _placed([one, two], asked, [("A", "2")], bad=bad)

    assert readings == Readings(READING, {("A", "2"): (two,)}, {("A", "2"): bad[1].told_of("wms")})
    assert _placed([one, two], asked, [], bad=bad) == Readings(READING, {})


def test_a_bad_row_fails_its_line_and_an_unplaceable_one_is_told() -> None:
    """The failure stands beside the line's good records; the desk lets it win."""
    one = _told("r1", "A", "1")
    bad = [BadRow(("A", "1"), "r2", "units", "Bad."), BadRow(None, "", "order_ref", "Worse.")]

    assert _placed([one], Asked.of(orders("A")), bad=bad) == Readings(
        READING,
        {("A", "1"): (one,)},
        {("A", "1"): Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "r2", "units", "Bad.")},
        (Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "", "order_ref", "Worse."),),
    )


def test_a_line_that_is_stated_twice_is_a_duplicate() -> None:
    """Which of two headers is right cannot be known, so neither is believed."""
    first, second = _told("r1", "A", "1"), _told("r2", "A", "1")

    assert _placed([first, second], Asked.of(orders("A"))) == Readings(
        READING,
        {("A", "1"): (first, second)},
        {
            ("A", "1"): Discrepancy(
                DiscrepancyKind.DUPLICATE, "wms", "r1", "", "A system states one line twice."
            )
        },
    )


def test_where_lines_may_split_several_records_add_up() -> None:
    """A split over warehouses is told by one record each, in the system's order."""
    first, second, other = _told("r1", "A", "1"), _told("r2", "A", "1"), _told("r3", "B", "1")

    assert _placed([first, second, other], Asked.of(orders("A")), may_split=True) == Readings(
        READING, {("A", "1"): (first, second)}
    )


def test_the_same_record_twice_never_adds_up() -> None:
    """A page boundary that moved shows a record twice; its goods left once."""
    first, second = _told("r1", "A", "1"), _told("r2", "A", "1")
    readings = _placed([first, second, first], Asked.of(orders("A")), may_split=True)

    assert readings.failed.keys() == {("A", "1")}
    assert readings.failed["A", "1"].kind is DiscrepancyKind.DUPLICATE


@pytest.mark.parametrize(
    ("at", "utc"),
    [
        ("2026-11-18T15:30:00+01:00", "2026-11-18T14:30:00+00:00"),
        ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_an_instant_off_the_calendar_stays_at_its_edge(at: str, utc: str) -> None:
    """A sentinel of some system in some zone must not break a line."""
    assert in_utc(datetime.fromisoformat(at)).isoformat() == utc
