"""`orderline explain`: what a question would do, told without asking anybody."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import cli

PAGE = """
query Page($number: String!, $withStock: Boolean = true) {
  order(number: $number) {
    number
    lines(first: 5) {
      nodes { lineNumber allocated @include(if: $withStock) { quantity { value } } }
    }
  }
}
"""


@pytest.fixture
def explain() -> Callable[..., tuple[int, str]]:
    """Give a function that explains a document from standard input."""

    def run(text: str, *options: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["explain", "-", *options], input=text)
        return result.exit_code, result.output

    return run


def rows(printed: str) -> list[list[str]]:
    """Split what was printed into cells."""
    return [line.split() for line in printed.splitlines() if line.strip()]


def test_the_plan_tells_every_field_and_the_calls_of_every_system(
    explain: Callable[..., tuple[int, str]],
) -> None:
    """One look at each of the systems that the selection needs, and at no other."""
    code, printed = explain(PAGE, "--variables", '{"number": "SO-1001"}')
    table = rows(printed)

    assert code == 0
    assert table[0][:3] == ["Query", "Page:", "8"]
    assert ["order", "batch", "Order"] in table
    assert ["allocated", "column", "QUANTITIES", "AllocatedQuantity"] in table
    assert table[-2:] == [
        ["order", "erp", "HEADER", "1", "50", "1"],
        ["order", "wms", "FULFILMENT", "1", "100", "1"],
    ]


def test_what_is_left_out_is_not_asked_for(explain: Callable[..., tuple[int, str]]) -> None:
    """The plan is the one of these variables."""
    code, printed = explain(PAGE, "--variables", '{"number": "SO-1001", "withStock": false}')

    assert code == 0
    assert "allocated" not in printed
    assert rows(printed)[-1] == ["order", "erp", "HEADER", "1", "50", "1"]


def test_calls_count_each_key_once_and_in_batches(
    explain: Callable[..., tuple[int, str]],
) -> None:
    """101 ids of which one comes twice: two calls of 50."""
    ids = [f'"{number}"' for number in range(100)]
    text = "query ($ids: [ID!]!) { orderLinesById(ids: $ids) { promised { firstDate } } }"
    code, printed = explain(text, "--variables", f'{{"ids": [{", ".join([*ids, ids[0]])}]}}')

    assert code == 0
    assert rows(printed)[-2:] == [
        ["orderLinesById", "erp", "HEADER", "100", "50", "2"],
        ["orderLinesById", "oms", "PROMISE", "100", "200", "1"],
    ]


def test_a_question_about_the_caller_asks_no_system(
    explain: Callable[..., tuple[int, str]],
) -> None:
    """And says so."""
    code, printed = explain("{ viewer { name } }")

    assert code == 0
    assert printed.endswith("No system is asked.\n")


def test_the_source_is_the_python_the_question_becomes(
    explain: Callable[..., tuple[int, str]],
) -> None:
    """Readable, compilable, and without anything the caller sent."""
    code, printed = explain(PAGE, "--variables", '{"number": "SO-4711"}', "--source")
    compile(printed, "printed", "exec")

    assert code == 0
    assert "def columns_1_AllocatedQuantity(parents, at, run):" in printed
    assert "# lineNumber: String!" in printed
    # As the gateway would answer it: with what reads usual lines, beside the plan.
    assert "_OrderLine\ndef read(lines):" in printed
    assert "SO-4711" not in printed


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("{ viewer { nme } }", [], "line 1, column 12: Cannot query field 'nme' on type 'Viewer'."),
        (PAGE, [], "line 2, column 12: Variable '$number' has invalid value"),
        ("query A { viewer { id } } query B { viewer { id } }", [], "more than one operation"),
        ("query A { viewer { id } }", ["--operation", "B"], "no operation of the name"),
    ],
)
def test_what_would_be_refused_is_refused_with_its_place(
    explain: Callable[..., tuple[int, str]], text: str, options: list[str], told: str
) -> None:
    """The same words as the gateway's, and exit code 1."""
    code, printed = explain(text, *options)

    assert code == 1
    assert told in printed


def test_the_systems_of_a_configuration_are_the_ones_explained(
    explain: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """By their configured names."""
    config = tmp_path / "orderline.toml"
    kinds = {"sap": "sandbox-erp", "promises": "sandbox-oms", "stock": "sandbox-wms"}
    config.write_text(
        "".join(
            f'[backends.{name}]\nkind = "{kind}"\nurl = "http://127.0.0.1:1"\n'
            for name, kind in kinds.items()
        )
    )
    code, printed = explain(PAGE, "--variables", '{"number": "SO-1001"}', "--config", str(config))

    assert code == 0
    assert [row[1] for row in rows(printed)[-2:]] == ["sap", "stock"]


def test_cost_and_hidden_fields_are_told_for_scopes(
    explain: Callable[..., tuple[int, str]],
) -> None:
    """What a key may not ask is named, with what it lacks, and costs nothing."""
    variables = ("--variables", '{"number": "SO-1001"}')
    _, whole = explain(PAGE, *variables)
    code, masked = explain(PAGE, *variables, "--scope", "lines:read")

    assert code == 0
    assert "Costs at most 17 points." in whole
    assert "Hidden" not in whole
    assert "Costs at most 7 points." in masked
    assert "Hidden: OrderLine.allocated, which needs fulfilment:read." in masked
    assert "wms" not in masked


def test_a_question_that_asks_too_much_is_refused(explain: Callable[..., tuple[int, str]]) -> None:
    """As the gateway would."""
    code, printed = explain(PAGE.replace("5", "5000"), "--variables", '{"number": "SO-1001"}')

    assert (code, "`first` is a number from 1 to 1000" in printed) == (1, True)
