"""How the leaves of usual order lines are read together, as an executor may ask.

A leaf that stands here is printed by the ledger's `usual`, for all lines at once. It is
what its own field gives, and tests hold it to that. A selection with any other leaf is
read field by field.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, TypeAlias

from orderlines import usual
from orderlines.lines import Lines
from orderlines.table import Column, Table
from orderlines.usual import UNUSUAL, fulfilments, headers, promises
from resolvers.scalars import DATE_TEXTS

Leaf: TypeAlias = tuple[str, ...]
"""Names of fields, from `OrderLine` down."""

Read: TypeAlias = Callable[[Lines], Sequence[str]]
"""Gives a column of texts, or raises one of `UNUSUAL`."""


def _texts(name: str, lines: Lines) -> Sequence[str]:
    """Read texts of the headers, if JSON takes all of them as they are."""
    column: Sequence[str] = headers(lines).column(name)
    _look_at("".join(column))
    return column


def _look_at(text: str) -> None:
    if not text.isprintable() or '"' in text or "\\" in text:
        msg = "A text is written in another way in JSON."
        raise ValueError(msg)


def _names(name: str, lines: Lines) -> Sequence[str]:
    """Read members of an enum of the headers."""
    return [one._name_ for one in headers(lines).column(name)]  # noqa: SLF001 - without a call


def _dates(name: str, lines: Lines) -> Sequence[str]:
    return _printed(headers(lines).column(name))


def _promised_dates(lines: Lines) -> Sequence[str]:
    return _printed(usual.promised_dates(lines))


def _printed(dates: Sequence[date] | Column) -> Sequence[str]:
    return [*map(DATE_TEXTS.__getitem__, dates)]


def _unit(records: Callable[[Lines], Table[object]], lines: Lines) -> Sequence[str]:
    units = usual.unit(lines, records(lines))
    _look_at(units[0])
    return units


READS: Final[Mapping[Leaf, Read]] = {
    ("lineNumber",): partial(_texts, "line_number"),
    ("item", "sku"): partial(_texts, "sku"),
    ("channel",): partial(_names, "channel"),
    ("customer", "soldTo"): partial(_texts, "sold_to"),
    ("ownerWarehouse",): partial(_texts, "owner_node"),
    ("requested", "quantity", "value"): usual.requested,
    ("requested", "quantity", "unit"): partial(_unit, headers),
    ("requested", "shipOn"): partial(_dates, "requested_ship_on"),
    ("requested", "deliveryOn"): partial(_dates, "requested_delivery_on"),
    ("promised", "quantity", "value"): usual.promised,
    ("promised", "quantity", "unit"): partial(_unit, promises),
    ("promised", "firstDate"): _promised_dates,
    ("promised", "latestDate"): _promised_dates,
    ("allocated", "quantity", "value"): usual.allocated,
    ("allocated", "quantity", "unit"): partial(_unit, fulfilments),
    ("shipped", "quantity", "value"): usual.shipped,
    ("shipped", "quantity", "unit"): partial(_unit, fulfilments),
    ("shipped", "returned", "value"): usual.returned,
    ("shipped", "returned", "unit"): partial(_unit, fulfilments),
}
NULLS: Final = frozenset(
    {(part, "absence") for part in ("requested", "promised", "allocated", "shipped")}
)
"""Where there is a quantity, nothing is said of its absence."""
QUANTITIES: Final[Mapping[str, Read]] = {leaf[0]: READS[leaf] for leaf in READS if leaf[1:] == ("quantity", "value")}
"""What must be there, where its absence is asked for."""


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reads some leaves of lines."""

    reads: Sequence[Read]
    nulls: frozenset[Leaf]
    given: Sequence[Read] = ()

    def read(self, lines: Sequence[object], /) -> Sequence[Sequence[str]] | None:
        """Give a column for each leaf that is not null; None if lines are not as usual."""
        if type(lines) is not Lines:
            return None
        try:
            for one in self.given:
                one(lines)
            return [read(lines) for read in self.reads]
        except UNUSUAL:
            return None


def read_lines(leaves: Sequence[Leaf]) -> LineReader | None:
    """Make what reads these leaves; None if one of them is not read so."""
    nulls = NULLS.intersection(leaves)
    known = [leaf for leaf in leaves if leaf not in nulls]
    if not READS.keys() >= {*known}:
        return None
    # What is said to be null must be so: the quantity beside it is read, asked for or not.
    given = [QUANTITIES[part] for part, _ in nulls if (part, "quantity", "value") not in known]
    return LineReader([READS[leaf] for leaf in known], nulls, given)


READERS: Final = {"OrderLine": read_lines}
"""For the executor, by name of the type."""
