"""Order lines as a table: every one that stands anywhere in an answer, one row each.

A dash is a value the answer does not have: not asked for, not known to its system,
or not read. What could not be read has a note below: one per failure, with the place
of the first field it cost and how many more there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

NOTHING: Final = "-"
MAX_WIDTH: Final = 10_000
QUANTITIES: Final = ("requested", "promised", "allocated", "shipped", "open")

# A selection of an order line has its number, or at least one of its quantities.
_MARKS: Final = frozenset(("lineNumber", *QUANTITIES))


def print_table(
    data: object, errors: Sequence[Mapping[str, Any]], console: Console | None = None
) -> None:
    """Print the order lines of an answer, and a note per error."""
    console = console or Console()
    table = Table(header_style="bold", box=None, pad_edge=False)
    for title in ("order", "line", "item"):
        table.add_column(title)
    for title in QUANTITIES:
        table.add_column(title, justify="right")
    table.add_column("state")
    for line, order in order_lines(data):
        table.add_row(*(_plain(cell) for cell in _row(line, order)))
    if table.row_count:
        # A number that is cut off is another number: rather too wide than too narrow.
        whole = Measurement.get(console, console.options.update(max_width=MAX_WIDTH), table)
        console.width = max(console.width, whole.maximum)
        console.print(table)
    else:
        console.print("There are no order lines in the answer.")
    for note in notes(errors):
        console.print(_plain(f"! {note}"), style="yellow", highlight=False, soft_wrap=True)


def order_lines(value: object, order: str = NOTHING) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Find the order lines in an answer, each with the number of the order around it."""
    if isinstance(value, list):
        for one in value:
            yield from order_lines(one, order)
    elif isinstance(value, dict):
        if _MARKS & value.keys():
            yield value, order
        else:
            number = value.get("number", order)
            for one in value.values():
                yield from order_lines(one, number)


def _row(line: Mapping[str, Any], order: str) -> list[str]:
    own_order = _member(line, "order", "number") or order
    return [
        _text(own_order),
        _text(line.get("lineNumber")),
        _text(_member(line, "item", "sku")),
        *(_quantity(line.get(name)) for name in QUANTITIES),
        _text(line.get("state")),
    ]


def _quantity(value: object) -> str:
    """Write `{value, unit}`, alone or under `quantity`; or why there is none."""
    if not isinstance(value, dict):
        return NOTHING
    quantity = value.get("quantity", value)
    if isinstance(quantity, dict) and "value" in quantity:
        return f"{quantity['value']} {quantity.get('unit', '')}".rstrip()
    absence = value.get("absence")
    return str(absence).lower().replace("_", " ") if absence else NOTHING


def notes(errors: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say each failure once, however many fields it cost."""
    places: dict[tuple[str, str], list[str]] = {}
    for error in errors:
        failure = (str(error.get("message")), str(_member(error, "extensions", "code")))
        path = ".".join(str(step) for step in error.get("path") or ())
        places.setdefault(failure, []).append(path)
    for (message, code), paths in places.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        at = f" at {paths[0]}{more}" if paths[0] else ""
        yield f"{message} [{code}]{at}"


def _member(value: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401 - JSON
    found: Any = value
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _plain(text: str) -> Text:
    """Keep text of a system from styling the table or steering the terminal."""
    return Text("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text))


def _text(value: object) -> str:
    return NOTHING if value is None else str(value)
