"""What is printed of lines that are as usual: a column of texts for each thing.

As usual means: each system told of each line in one record, all of a system's records
are in one unit, and their items have one factor for it. Then a number is looked up as
text by what was stated, and nothing is made of it on the way. Anything else raises one
of `UNUSUAL`, and lines are to be asked as always (`columns`, and the sections).
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from orderlines.lines import Lines
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Column, Table

UNUSUAL: Final = (AttributeError, LookupError, TypeError, ValueError)
"""What is raised where lines are not as usual."""


def headers(lines: Lines) -> Table[Any]:
    """Give the header of each line."""
    told = lines.headers
    return told if type(told) is Table else _unusual()


def promises(lines: Lines) -> Table[Any]:
    """Give the promise of each line."""
    return lines.promises.records  # type: ignore[attr-defined, no-any-return] # or it is unusual


def fulfilments(lines: Lines) -> Table[Any]:
    """Give the fulfilment of each line."""
    return lines.fulfilments.records  # type: ignore[attr-defined, no-any-return] # as above


def requested(lines: Lines) -> list[str]:
    """Print `requested.quantity`."""
    return _values(lines, headers(lines), "requested")


def promised(lines: Lines) -> list[str]:
    """Print `promised.quantity`."""
    return _values(lines, promises(lines), ONLY_SLICE_VALUE)


def allocated(lines: Lines) -> list[str]:
    """Print `allocated.quantity`."""
    return _values(lines, fulfilments(lines), "allocated")


def shipped(lines: Lines) -> list[str]:
    """Print `shipped.quantity`."""
    return _values(lines, fulfilments(lines), "shipped")


def returned(lines: Lines) -> list[str]:
    """Print `shipped.returned`."""
    return _values(lines, fulfilments(lines), "returned")


def unit(lines: Lines, records: Table[Any]) -> list[str]:
    """Name the unit that numbers of these records are printed in."""
    name = _measures(lines, records).quantity(0).unit
    return [name] * len(records)


def promised_dates(lines: Lines) -> Sequence[date]:
    """Give the date of the only slice of each promise in force: its first and its latest."""
    return _known(promises(lines), ONLY_SLICE_ON)


def _values(lines: Lines, records: Table[Any], name: str) -> list[str]:
    column = _known(records, name) if name is ONLY_SLICE_VALUE else records.column(name)
    return [*map(_measures(lines, records).texts.__getitem__, column)]


def _measures(lines: Lines, records: Table[Any]) -> Any:  # noqa: ANN401 - measures, or it is unusual
    measures = lines.only_measures(records.column("unit"))
    return _unusual() if measures is None else measures


def _known(records: Table[Any], name: str) -> Column:
    column = records.known(name)
    return _unusual() if column is None else column


def _unusual() -> Any:  # noqa: ANN401 - nothing
    msg = "These lines are not as usual."
    raise LookupError(msg)
