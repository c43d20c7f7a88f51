"""The table: every order line of an answer, whole numbers, one note per failure."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from gateway.cli.table import notes, order_lines, print_table


def printed(data: object, errors: list[dict[str, Any]] | None = None, width: int = 80) -> str:
    """Print to a text as wide as a terminal."""
    console = Console(file=StringIO(), width=width)
    print_table(data, errors or [], console)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


LINE = {
    "lineNumber": "10",
    "item": {"sku": "BV-015"},
    "requested": {"quantity": {"value": "120", "unit": "EA"}},
    "promised": {"quantity": None, "absence": "NOT_YET"},
    "allocated": None,
    "open": {"value": "120", "unit": "EA"},
    "state": "OPEN",
}


def test_a_line_is_a_row() -> None:
    """Quantities with units, the reason where there is none, a dash where nothing is known."""
    data = {"order": {"number": "SO-1001", "lines": {"nodes": [LINE]}}}

    assert printed(data) == (
        "order    line  item    requested  promised  allocated  shipped    open  state\n"
        "SO-1001  10    BV-015     120 EA   not yet          -        -  120 EA  OPEN"
    )


@pytest.mark.parametrize(
    ("data", "orders"),
    [
        (
            {"a": {"number": "1", "x": {"nodes": [LINE] * 2}}, "b": {"number": "2", "y": [LINE]}},
            ["1", "1", "2"],
        ),
        ({"orderLine": LINE | {"order": {"number": "7"}}}, ["-"]),
        ({"orderLinesById": [None, LINE, None]}, ["-"]),
        ({"viewer": {"name": "portal"}}, []),
        ({"order": None}, []),
    ],
)
def test_order_lines_are_found_wherever_they_stand(data: object, orders: list[str]) -> None:
    """Under any alias, in lists, with the number of the order around them."""
    assert [order for _, order in order_lines(data)] == orders


def test_a_line_that_tells_its_own_order_is_believed() -> None:
    """`orderLine` has no order around it."""
    assert (
        printed({"orderLine": LINE | {"order": {"number": "SO-7"}}}).splitlines()[1][:4] == "SO-7"
    )


def test_no_number_is_cut_off_however_narrow_the_terminal() -> None:
    """A number that is cut off is another number."""
    quantity = {"quantity": {"value": "123456789012345.123456789", "unit": "KG"}}
    line = LINE | dict.fromkeys(("requested", "promised", "allocated", "shipped"), quantity)

    assert printed({"l": line}, width=20).count("123456789012345.123456789 KG") == 4


def test_text_of_a_system_can_neither_style_nor_steer() -> None:
    """A SKU is a SKU, even if it looks like markup or a terminal's command."""
    line = LINE | {"item": {"sku": "[bold red]x[/] \x1b[2J"}}
    error = {"message": "[red]\x1b]0;owned\x07"}

    assert "[bold red]x[/] \N{REPLACEMENT CHARACTER}[2J" in printed({"l": line}, [error])
    assert "! [red]\N{REPLACEMENT CHARACTER}]0;owned" in printed({"l": line}, [error])


def test_an_answer_without_order_lines_says_so() -> None:
    """An empty table would look like a fault."""
    assert printed({"viewer": {"name": "portal"}}) == "There are no order lines in the answer."


def test_one_failure_is_one_note_however_many_fields_it_cost() -> None:
    """With the place of the first, and how many more."""
    down = {"message": "The WMS is down.", "extensions": {"code": "BACKEND_UNAVAILABLE"}}
    errors = [down | {"path": ["a", n, "shipped"]} for n in range(20)] + [
        {"message": "No.", "path": ["b"], "extensions": {"code": "NOT_FOUND"}},
        {"message": "Late.", "extensions": {"code": "DEADLINE_EXCEEDED"}},
    ]

    assert list(notes(errors)) == [
        "The WMS is down. [BACKEND_UNAVAILABLE] at a.0.shipped and 19 more",
        "No. [NOT_FOUND] at b",
        "Late. [DEADLINE_EXCEEDED]",
    ]
