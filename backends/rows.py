"""Rows: taken out of a page, and put under the order lines they tell about.

A page decodes in one go, at the speed of the decoder. Only if that fails is it taken
apart row by row, so that one bad row costs one line and not the page. A bad row that
still says which line it belongs to fails that line; one that does not is unplaced.

What a row said is never repeated: a discrepancy names the field and what was
expected there. The field is named by the decoder's own error path.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import MINYEAR, UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from backends.ports import Addresses, Aligned, LineAddress, Readings, Refs
from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.facets import Facet
from orderlines.identity import MAX_PART_CHARS, OrderKey, OrderLineKey
from orderlines.order_line import Reading
from orderlines.table import Table

T = TypeVar("T")
F = TypeVar("F", bound=Facet)

UNREADABLE: Final = (ValueError, RecursionError)
"""What decoding raises: bad JSON, bad UTF-8, a wrong type, a tower of brackets."""

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PART_CHARS)]
"""An order or line number."""

NO_LINES: Final[Mapping[LineAddress, None]] = MappingProxyType({})

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_PATH: Final = re.compile(r" - at `\$\.?([^`]*)`")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be mapped.

    Attributes:
        address: The line it belongs to; None if that cannot be read either.
        record: The system's own name for it; empty if unreadable.
        field: Where it went wrong, in the system's spelling.
        message: One sentence, without what the row said.
    """

    address: LineAddress | None
    record: str
    field: str
    message: str

    def told_of(self, system: str) -> Discrepancy:
        """Give the discrepancy a caller is shown."""
        return Discrepancy(
            DiscrepancyKind.FAILED_MAPPING, system, self.record, self.field, self.message
        )


class Rows(msgspec.Struct, Generic[T], gc=False):
    """What came out of a page, or of several."""

    good: Sequence[T]
    bad: Sequence[BadRow] = ()

    @classmethod
    def of_all(cls, pages: Sequence["Rows[T]"]) -> "Rows[T]":
        """Put pages together, in their order."""
        if len(pages) == 1:
            return pages[0]
        return cls(
            [row for page in pages for row in page.good],
            [row for page in pages for row in page.bad],
        )


def is_plain(body: bytes) -> bool:
    """Tell whether all texts in a JSON body are written as they are, and would be again."""
    return body.isascii() and b"\\" not in body


class Ids(Protocol):
    """As much of a row as tells what it is about."""

    @property
    def address(self) -> LineAddress:
        """The line it belongs to."""
        ...

    @property
    def record(self) -> str:
        """The system's own name for it."""
        ...


def sort_out(
    raws: Iterable[msgspec.Raw],
    decode: Callable[[msgspec.Raw], T],
    identify: Callable[[msgspec.Raw], Ids],
) -> Rows[T]:
    """Decode rows one by one, and keep those that fail apart."""
    good: list[T] = []
    bad: list[BadRow] = []
    for raw in raws:
        try:
            good.append(decode(raw))
        except UNREADABLE as error:
            bad.append(bad_row(error, raw, identify))
    return Rows(good, bad)


def bad_row(error: Exception, raw: msgspec.Raw, identify: Callable[[msgspec.Raw], Ids]) -> BadRow:
    """Say what is wrong with a row, and which line it fails."""
    where, message = explain(error)
    try:
        ids = identify(raw)
    except UNREADABLE:
        return BadRow(None, "", where, message)
    return BadRow(ids.address, ids.record, where, message)


def explain(error: Exception) -> tuple[str, str]:
    """Name the field a decoder stumbled over, and say what it expected.

    The decoder quotes what it does not know, such as an enum's value; only its
    sentences about types are passed on.
    """
    text = str(error)
    # The decoder writes the innermost place first, and a record's own check before it.
    places = [place for place in reversed(_PATH.findall(text)) if place]
    missing = _MISSING.match(text)
    if missing:
        places.append(missing[1])
        expected = "the field is missing"
    elif text.startswith(("Expected ", "Invalid RFC3339 ")):
        expected = text[0].lower() + _PATH.sub("", text)[1:]
    elif text.startswith("Invalid "):
        expected = "the value is not one of those that are known"
    else:
        expected = "it cannot be decoded"
    return ".".join(places), f"A record could not be read as its contract says: {expected}."


def in_utc(at: datetime) -> datetime:
    """Bring an aware instant to UTC; one that falls off the calendar stays at its edge."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return _FIRST if at.year == MINYEAR else _LAST


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What was asked for: whole orders, or single lines, each once and in order.

    Rows about anything else are no part of the answer.

    Attributes:
        only_order: The number of the order that alone was asked for, as mostly.
    """

    orders: dict[str, None] = {}
    lines: Mapping[LineAddress, None] = {}
    only_order: str | None = None

    @classmethod
    def of(cls, refs: Refs) -> "Asked":
        """Take what references name."""
        if len(refs) == 1:
            # Unpacked: the name of a named tuple's field is looked up slowly.
            ((key, _),) = refs
            if type(key) is OrderKey:  # as mostly
                _, number = key
                return cls({number: None}, NO_LINES, number)
        orders: dict[str, None] = {}
        lines: dict[LineAddress, None] = {}
        for ref in refs:
            key = ref.key
            if isinstance(key, OrderLineKey):
                lines[key.order_number, key.line_number] = None
            else:
                orders[key.order_number] = None
        return cls(orders, lines)

    def is_all_of(self, addresses: Iterable[LineAddress]) -> bool:
        """Tell whether every line was asked for."""
        if self.orders:
            return self.orders.keys() >= {order for order, _ in addresses}
        return self.lines.keys() >= {*addresses}

    def includes(self, address: LineAddress) -> bool:
        """Tell whether a line was asked for."""
        return address in self.lines or address[0] in self.orders


def place(
    rows: Rows[F],
    reading: Reading,
    asked: Asked,
    admitted: Collection[LineAddress] | None = None,
    *,
    may_split: bool = False,
) -> Readings[F]:
    """Put rows under the lines they tell about.

    Args:
        rows: Of all pages.
        reading: The look they came from.
        asked: What was asked for.
        admitted: Only these lines; None for all that were asked for.
        may_split: Whether several rows of one line add up, each a record of its
            own. Otherwise, and for the same record twice, the line is a duplicate.
    """
    good = rows.good
    if admitted is None and not rows.bad and type(good) is Table and good.records:
        lines = Addresses(good)
        numbers = lines.line_numbers
        if lines.order_number in asked.orders:  # as mostly
            if len({*numbers}) == len(numbers):
                return Readings(reading, Aligned(good, lines))
        elif len({*lines.all()}) == len(numbers) and asked.is_all_of(lines.all()):
            return Readings(reading, Aligned(good, lines))
    wanted = frozenset(admitted) if not isinstance(admitted, AbstractSet | None) else admitted
    by_line = _by_line(rows.good, asked, wanted)
    failed = {
        row.address: row.told_of(reading.system)
        for row in rows.bad
        if row.address is not None
        and (asked.includes(row.address) if wanted is None else row.address in wanted)
    }
    if len(by_line) < len(rows.good):
        told: dict[LineAddress, list[F]] = {address: [] for address in by_line}
        for row in rows.good:
            address = (row.order_number, row.line_number)
            if address in told:
                told[address].append(row)
        for address, facets in told.items():
            if len(facets) > (len({facet.record for facet in facets}) if may_split else 1):
                failed.setdefault(address, _duplicate(reading.system, facets[0]))
        by_line = {address: tuple(facets) for address, facets in told.items()}
    unplaced = tuple(row.told_of(reading.system) for row in rows.bad if row.address is None)
    return Readings(reading, by_line, failed, unplaced)


def addresses_of(rows: Sequence[Facet]) -> list[LineAddress]:
    """Tell which line each row is about."""
    if isinstance(rows, Table):
        return [*zip(rows.columns["order_number"], rows.columns["line_number"], strict=True)]
    return [(row.order_number, row.line_number) for row in rows]


def _by_line(
    rows: Sequence[F], asked: Asked, wanted: AbstractSet[LineAddress] | None
) -> dict[LineAddress, tuple[F, ...]]:
    """Index rows as if each line had one, and drop lines that nobody wants.

    The common page has one row a line and no row too many: then nothing is looked at
    row by row.
    """
    addresses = addresses_of(rows)
    by_line: dict[LineAddress, tuple[F, ...]] = dict(zip(addresses, zip(rows), strict=True))
    if wanted is None and asked.orders:
        orders = asked.orders.keys()
        if {order for order, _ in addresses} <= orders:
            return by_line
        return {address: told for address, told in by_line.items() if address[0] in orders}
    lines = asked.lines.keys() if wanted is None else wanted
    if by_line.keys() <= lines:
        return by_line
    return {address: told for address, told in by_line.items() if address in lines}


def _duplicate(system: str, facet: Facet) -> Discrepancy:
    return Discrepancy(
        DiscrepancyKind.DUPLICATE, system, facet.record, "", DiscrepancyKind.DUPLICATE.value
    )
