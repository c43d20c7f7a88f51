"""How the leaves of usual order lines are read together, as an executor may ask.

As usual means: each system told of each line in one record, a system's records are all
in one unit, and their items have one factor for it. Then a number is looked up as text
by what was stated, and nothing is made of it on the way. A leaf that stands here is what
its own field gives, and tests hold it to that; a selection with any other leaf, and any
page that is not as usual, is read field by field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias

from orderlines.lines import Lines
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Single
from resolvers.scalars import DATE_TEXTS

Leaf: TypeAlias = tuple[str, ...]
"""Names of fields, from `OrderLine` down."""

HEADER, PROMISE, FULFILMENT = range(3)
"""Whose records a leaf is read from."""

_UNUSUAL: Final = (AttributeError, LookupError, TypeError, ValueError)
"""What reading stumbles over where lines are not as usual."""


class Kind(Enum):
    """What a leaf is made of."""

    TEXT = "A text of the record"
    TEXT_OR_NONE = "A text of the record that may not be there"
    MEMBER = "The name of an enum's member"
    DATE = "A date"
    NUMBER = "A number, in the base unit of the line's item"
    UNIT = "The unit of such numbers"


class Read(NamedTuple):
    """How a leaf is read.

    Attributes:
        of: Whose record it is read from.
        column: The accessor, as the ledger's tables name it.
    """

    kind: Kind
    of: int
    column: str


READS: Final[Mapping[Leaf, Read]] = {
    ("lineNumber",): Read(Kind.TEXT, HEADER, "line_number"),
    ("item", "sku"): Read(Kind.TEXT, HEADER, "sku"),
    ("channel",): Read(Kind.MEMBER, HEADER, "channel"),
    ("customer", "soldTo"): Read(Kind.TEXT_OR_NONE, HEADER, "sold_to"),
    ("ownerWarehouse",): Read(Kind.TEXT_OR_NONE, HEADER, "owner_node"),
    ("requested", "quantity", "value"): Read(Kind.NUMBER, HEADER, "requested"),
    ("requested", "quantity", "unit"): Read(Kind.UNIT, HEADER, "requested"),
    ("requested", "shipOn"): Read(Kind.DATE, HEADER, "requested_ship_on"),
    ("requested", "deliveryOn"): Read(Kind.DATE, HEADER, "requested_delivery_on"),
    ("promised", "quantity", "value"): Read(Kind.NUMBER, PROMISE, ONLY_SLICE_VALUE),
    ("promised", "quantity", "unit"): Read(Kind.UNIT, PROMISE, ONLY_SLICE_VALUE),
    ("promised", "firstDate"): Read(Kind.DATE, PROMISE, ONLY_SLICE_ON),
    ("promised", "latestDate"): Read(Kind.DATE, PROMISE, ONLY_SLICE_ON),
    ("allocated", "quantity", "value"): Read(Kind.NUMBER, FULFILMENT, "allocated"),
    ("allocated", "quantity", "unit"): Read(Kind.UNIT, FULFILMENT, "allocated"),
    ("shipped", "quantity", "value"): Read(Kind.NUMBER, FULFILMENT, "shipped"),
    ("shipped", "quantity", "unit"): Read(Kind.UNIT, FULFILMENT, "shipped"),
    ("shipped", "returned", "value"): Read(Kind.NUMBER, FULFILMENT, "returned"),
    ("shipped", "returned", "unit"): Read(Kind.UNIT, FULFILMENT, "returned"),
}
ABSENCES: Final[Mapping[Leaf, Read]] = {
    (leaf[0], "absence"): read for leaf, read in READS.items() if leaf[1:] == ("quantity", "value")
}
"""Where a quantity is there, nothing is said of its absence."""


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reads some leaves of lines.

    Attributes:
        nulls: Leaves that are null as long as `reads` succeed.
        reads: In the order of the leaves that have a column; behind them what must be
            there for the nulls, and for the units.
        columns: How many of them have one.
    """

    nulls: frozenset[Leaf]
    reads: Sequence[Read]
    columns: int

    def read(self, lines: Sequence[object], /) -> Sequence[Sequence[str]] | None:
        """Give a column for each leaf that is not null; None if lines are not as usual."""
        if type(lines) is not Lines:
            return None
        try:
            return _read(self.reads, lines)[: self.columns]
        except _UNUSUAL:
            return None


def read_lines(leaves: Sequence[Leaf]) -> LineReader | None:
    """Make what reads these leaves; None if one of them is not read so."""
    nulls = ABSENCES.keys() & {*leaves}
    columns = [leaf for leaf in leaves if leaf not in nulls]
    if not READS.keys() >= {*columns}:
        return None
    reads = [READS[leaf] for leaf in columns]
    # What is said to be null must be so, and only a quantity that is there has a unit: its
    # number is read, whether it is asked for or not.
    given = [ABSENCES[leaf] for leaf in nulls]
    given += [one._replace(kind=Kind.NUMBER) for one in reads if one.kind is Kind.UNIT]
    beside = [one for one in dict.fromkeys(given) if one not in reads]
    return LineReader(frozenset(nulls), [*reads, *beside], len(columns))


READERS: Final = {"OrderLine": read_lines}
"""For the executor, by name of the type."""


def _read(reads: Sequence[Read], lines: Lines) -> list[Sequence[str]]:
    """Read columns of texts.

    Raises:
        Exception: One of `_UNUSUAL`.
    """
    promises, fulfilments = lines.promises, lines.fulfilments
    tables = (
        lines.headers,
        promises.records if type(promises) is Single else None,
        fulfilments.records if type(fulfilments) is Single else None,
    )
    measures: list[Any] = [None, None, None]
    read: list[Sequence[str]] = []
    texts: list[str] = []
    for kind, of, name in reads:
        table: Any = tables[of]  # or it has no columns
        if kind is Kind.NUMBER or kind is Kind.UNIT:
            known = measures[of]
            if known is None:
                units = table.column("unit")
                known = measures[of] = lines.only_measures(units)
            if kind is Kind.NUMBER:
                numbers = table.column(name)
                read.append([*map(known.texts.__getitem__, numbers)])
                continue
            column: Sequence[str] = [known.quantity(0).unit] * len(table)
            texts.append(column[0])
        elif kind is Kind.DATE:
            dates = table.column(name)
            column = [*map(DATE_TEXTS.__getitem__, dates)]
        else:
            column = table.column(name)
            if kind is Kind.MEMBER:
                # A member's own name, which is found without a function of Python.
                column = [one._name_ for one in column]  # type: ignore[attr-defined]
            elif not table.is_plain or (kind is Kind.TEXT_OR_NONE and None in column):
                texts += column  # and what is none is found out below
        read.append(column)
    joined = "".join(texts)
    if not joined.isprintable() or '"' in joined or "\\" in joined:
        msg = "A text is written in another way in JSON."
        raise ValueError(msg)
    return read
