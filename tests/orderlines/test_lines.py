"""Lines as columns: the same lines, made only when somebody takes one."""

from collections.abc import Callable, Sequence

import pytest

from orderlines import lines as module
from orderlines.columns import (
    fulfilments_of,
    headers_of,
    promised_quantities,
    promises_of,
    requested_quantities,
)
from orderlines.item import UNCONVERTED
from orderlines.lines import Lines
from orderlines.quantity import Quantity
from orderlines.stitched_line import NOT_READ, StitchedLine
from tests.orderlines.facet_kit import ITEM, READINGS, fulfilment, header, promised

MANY = 12


def columns(count: int = MANY) -> Lines:
    """Give lines as columns; the third has no item, and the fourth no header."""
    return Lines(
        "erp",
        READINGS,
        addresses=[("SO-1", str(number)) for number in range(count)],
        headers=[header(requested=n) if n != 3 else NOT_READ for n in range(count)],
        items=[ITEM if n not in {2, 3} else None for n in range(count)],
        promises=[(promised(n),) for n in range(count)],
        fulfilments=[(fulfilment(shipped=n),) for n in range(count)],
    )


def parts(line: StitchedLine) -> tuple[object, ...]:
    """Give everything a line was stitched from."""
    return (
        line.key,
        line.readings,
        line.header,
        line.item,
        line.promise,
        line.fulfilment,
        line.measures,
    )


def test_they_are_a_sequence_of_lines() -> None:
    """By index, from the end, in order, and each made once."""
    held = columns()

    assert len(held) == MANY
    assert [line.line_number for line in held] == [str(number) for number in range(MANY)]
    assert parts(held[2])[1:] == (
        READINGS,
        header(requested=2),
        None,
        (promised(2),),
        (fulfilment(shipped=2),),
        UNCONVERTED,
    )
    assert held.measures(["EA"] * MANY) == [line.measures["EA"] for line in held]
    assert held.measures(["EA", "CS"] * 6)[:MANY][1] is held[1].measures["CS"]
    assert held[-1] is held[MANY - 1]
    assert next(iter(held)) is held[0]
    with pytest.raises(IndexError):
        held[MANY]


@pytest.mark.parametrize(
    "cut", [slice(0, 4), slice(2, 5), slice(10, 99), slice(5, 5), slice(0, MANY), slice(0, 99)]
)
def test_a_part_of_them_is_held_as_columns_too(cut: slice) -> None:
    """And has the lines a list would have."""
    held = columns()
    part = held[cut]

    assert isinstance(part, Lines)
    assert [parts(line) for line in part] == [parts(line) for line in [*held][cut]]


@pytest.mark.parametrize(
    "read",
    [
        headers_of,
        promises_of,
        fulfilments_of,
        promised_quantities,
        lambda lines: requested_quantities(lines[4:]),
    ],
)
def test_a_column_is_read_without_making_a_line(
    read: Callable[[Sequence[StitchedLine]], Sequence[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what reading each line gives."""
    held = columns()
    expected = read([*columns()])
    monkeypatch.setattr(module, "StitchedLine", lambda *_: pytest.fail("a line was made"))

    assert [*read(held)] == expected


def test_a_line_that_is_not_usual_is_asked_itself() -> None:
    """Then the lines are made, and the column still says what they say."""
    held = columns()[:4]
    without_header = promised_quantities(held)

    assert without_header == [Quantity(number, "EA") for number in range(4)]
    with pytest.raises(type(NOT_READ)):
        requested_quantities(held)
