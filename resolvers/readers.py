"""How the leaves of usual order lines are read together, as an executor may ask.

As usual means: each system told of each line in one record, a system's records are all
in one unit, and their items have one factor for it. Then a number is looked up as text
by what was stated, and nothing is made of it on the way. A leaf that stands here is what
its own field gives, and tests hold it to that; a selection with any other leaf, and any
page that is not as usual, is read field by field.

What reads a selection is generated once, as the functions of a plan are: straight code in
which nothing is decided but whether the lines are as usual.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from orderlines.lines import Lines
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE
from resolvers.scalars import DATE_TEXTS, MANY_DATE_TEXTS

Leaf: TypeAlias = tuple[str, ...]
"""Names of fields, from `OrderLine` down."""

HEADER, PROMISE, FULFILMENT = "header", "promise", "fulfilment"
"""Whose records a leaf is read from."""


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
    of: str
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


FEW: Final = 8
"""Values whose texts are looked up one by one."""

Columns: TypeAlias = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reads some leaves of lines.

    Attributes:
        nulls: Leaves that are null as long as reading succeeds.
        read: Gives a column for each leaf that is not; None if lines are not as usual.
        source: What was generated to read them.
    """

    nulls: frozenset[Leaf]
    read: Callable[[Sequence[object]], Columns | None]
    source: str


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
    source = _source([*reads, *beside], len(columns))
    names: dict[str, Any] = {
        "Lines": Lines,
        "date": DATE_TEXTS.__getitem__,
        "dates": MANY_DATE_TEXTS.all_of,
        "are_plain": _are_plain,
        "is_plain": _is_plain,
    }
    # The text is ours; nothing a caller wrote is in it.
    exec(compile(source, "<reader>", "exec"), names)  # noqa: S102 - see above
    return LineReader(frozenset(nulls), names["read"], source)


READERS: Final = {"OrderLine": read_lines}
"""For the executor, by name of the type."""

_TABLES: Final = {
    HEADER: "lines.headers",
    PROMISE: "lines.promises.records",
    FULFILMENT: "lines.fulfilments.records",
}
_VALUES: Final = {
    Kind.TEXT: "columns[{!r}]",
    Kind.TEXT_OR_NONE: "columns[{!r}]",
    # A member's own name, which is found without a function of Python.
    Kind.MEMBER: "[one._name_ for one in columns[{!r}]]",
    Kind.DATE: "[*map(date, columns[{0!r}])] if few else dates(columns[{0!r}])",
    Kind.NUMBER: (
        "[*map(number, columns[{0!r}])] if few else measures.many_texts.all_of(columns[{0!r}])"
    ),
    Kind.UNIT: "[unit] * len(units)",
}
"""How each kind of leaf is written, of the columns of its table."""

_MEASURING: Final = (
    "units = columns['unit']",
    "measures = lines.only_measures(units)",
    "number = measures.texts.__getitem__",
)


def _source(reads: Sequence[Read], columns: int) -> str:
    """Write the function that reads.

    Args:
        reads: In the order of the leaves that have a column; behind them what must be
            there for others.
        columns: How many of them have one.
    """
    text = [
        "def read(lines):",
        "    if type(lines) is not Lines:",
        "        return None",
        "    try:",
    ]
    is_measured = False
    is_counted = False
    for of in dict.fromkeys(one.of for one in reads):
        some = [(f"c{index}", one) for index, one in enumerate(reads) if one.of == of]
        kinds = {one.kind for _, one in some}
        # What is no table, such as the reason why there is none, has no columns.
        text += [f"        table = {_TABLES[of]}", "        columns = table.columns"]
        if not is_counted and kinds & {Kind.NUMBER, Kind.DATE}:
            text += [f"        few = len(columns['unit']) < {FEW}"]
            is_counted = True
        if Kind.NUMBER in kinds:
            # Mostly all systems state a number in the same unit.
            text += ["        if columns['unit'] != units:"] * is_measured
            text += [f"        {'    ' * is_measured}{line}" for line in _MEASURING]
            is_measured = True
        if Kind.UNIT in kinds:
            text += [
                "        unit = measures.quantity(0).unit",
                "        if not is_plain(unit):",
                "            return None",
            ]
        text += [f"        {name} = {_VALUES[one.kind].format(one.column)}" for name, one in some]
        told = [name for name, one in some if one.kind in {Kind.TEXT, Kind.TEXT_OR_NONE}]
        if told:
            odd = [f"None in {name}" for name, one in some if one.kind is Kind.TEXT_OR_NONE]
            text += [
                f"        if {' or '.join(['not table.is_plain', *odd])}:",
                f"            texts = [{', '.join(f'*{name}' for name in told)}]",
                # None, which is no text, is stumbled over.
                "            if not are_plain(''.join(texts)):",
                "                return None",
            ]
    made = "".join(f"c{index}, " for index in range(columns))
    return "\n".join([*text, _END.format(made=made)])


_END: Final = """\
        return ({made})
    # What reading stumbles over where lines are not as usual.
    except (AttributeError, LookupError, TypeError, ValueError):
        pass
    return None
"""


def _are_plain(texts: str) -> bool:
    """Tell whether texts are written in JSON as they are; others are not usual."""
    return texts.isprintable() and '"' not in texts and "\\" not in texts


_is_plain: Final = lru_cache(maxsize=256)(_are_plain)
"""Of units, which are few."""
