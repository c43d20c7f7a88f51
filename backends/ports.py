"""The ports: what the desk may ask of a system, named by the role the system plays.

One system may play several roles. Every method takes the caller's `Visibility`
and the question's `Deadline`; an adapter pushes the first into its question where
the system can carry it, and the desk checks it again on what comes back. It asks for
the facts that are wanted, as far as its system can tell them apart; accessors of others
are not to be used. What it answered before may stand in for it as far as the caller
allows.

A read may have begun when its method returns, before anybody awaits it; then it can be
cancelled, and whoever does not await it cancels it.

Headers come opened: they decide what exists and who may see it. Promises and
fulfilments come sealed: the bytes are there, and are decoded only for the lines
that a header admitted.
"""

from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from backends.capabilities import Capabilities
from backends.freshness import LIVE, Wanted
from orderlines.deadline import Deadline
from orderlines.discrepancy import Discrepancy
from orderlines.facets import EVERYTHING, Facet, Facts, FulfilmentFacet, HeaderFacet, PromiseFacet
from orderlines.identity import LineRef, OrderRef
from orderlines.item import Item
from orderlines.order_line import Reading
from orderlines.table import Table
from orderlines.visibility import Visibility

Refs: TypeAlias = Sequence[OrderRef] | Sequence[LineRef]
"""What is asked for: whole orders, or single lines; never a mixture."""

LineAddress: TypeAlias = tuple[str, str]
"""Order number and line number, as the order source writes them."""

NOTHING_FAILED: Final[Mapping[LineAddress, Discrepancy]] = MappingProxyType({})

A = TypeVar("A", bound=Facet)
F = TypeVar("F")
F_co = TypeVar("F_co", covariant=True)


class Readings(msgspec.Struct, Generic[F_co], gc=False):
    """What one system told about the lines it was asked for.

    Attributes:
        reading: The look itself: which system, when.
        by_line: The records of each line, in the system's order. A line that is
            missing here is one the system does not have.
        failed: Lines whose record could not be mapped, and why. Such a line may
            also stand in `by_line` with its other records; the failure wins.
        unplaced: Records that could not be mapped nor even be placed. While there
            is one, a line that is missing may be the one behind it.
    """

    reading: Reading
    by_line: Mapping[LineAddress, Sequence[F_co]]
    failed: Mapping[LineAddress, Discrepancy] = NOTHING_FAILED
    unplaced: Sequence[Discrepancy] = ()


class Addresses:
    """Where the records of an answer stand, as columns; addresses are made when asked for.

    Attributes:
        line_numbers: Of the lines.
        order_number: The order that all lines are of; None if there are several.
    """

    __slots__ = ("_made", "_records", "line_numbers", "order_number")

    def __init__(self, records: Table[Any]) -> None:
        self._records = records
        self._made: Sequence[LineAddress] | None = None
        columns = records.columns
        self.line_numbers: Sequence[str] = columns["line_number"]
        numbers = columns["order_number"]
        first = numbers[0] if numbers else None
        is_one = numbers.count(first) == len(numbers)
        self.order_number: str | None = first if is_one else None

    def all(self) -> Sequence[LineAddress]:
        """Give them in the order of the records."""
        if self._made is None:
            numbers = self._records.columns["order_number"]
            self._made = [*zip(numbers, self.line_numbers, strict=True)]
        return self._made

    def are_of(self, records: Table[Any]) -> bool:
        """Tell whether these are records of the same lines, in the same order."""
        columns = records.columns
        if columns["line_number"] != self.line_numbers:
            return False
        numbers, order = columns["order_number"], self.order_number
        if order is not None:  # as mostly, and found faster
            return numbers.count(order) == len(numbers)
        return numbers == self._records.columns["order_number"]


class Aligned(Mapping[LineAddress, Sequence[A]]):
    """One record of each line.

    Most answers are so, and are then handed on as columns: the addresses and the index by
    line are made when somebody looks a line up. An answer that is so has a record, and none
    that failed.

    Args:
        records: Each of a line of its own.
        lines: Their addresses. What has records of the same lines in the same order has
            the same object, by which that is seen at once.
    """

    __slots__ = ("_by_line", "lines", "records")

    def __init__(self, records: Table[A], lines: Addresses) -> None:
        self.records = records
        self.lines = lines
        self._by_line: dict[LineAddress, Sequence[A]] | None = None

    @property
    def addresses(self) -> Sequence[LineAddress]:
        """Of the lines, each once, in the order of the records."""
        return self.lines.all()

    def __getitem__(self, address: LineAddress) -> Sequence[A]:
        if self._by_line is None:
            self._by_line = dict(zip(self.addresses, zip(self.records), strict=True))
        return self._by_line[address]

    def __iter__(self) -> Iterator[LineAddress]:
        return iter(self.addresses)

    def __len__(self) -> int:
        return len(self.records)


class Sealed(Protocol[F_co]):
    """An answer that has arrived and has not been looked into."""

    @property
    def reading(self) -> Reading:
        """Which system answered, and when."""
        ...

    def open(
        self,
        admitted: Collection[LineAddress] | None,
        *,
        expected: Collection[LineAddress] = (),
    ) -> "Readings[F_co]":
        """Decode the records of these lines.

        Args:
            admitted: Nothing is told of other lines; None means whatever came.
            expected: The lines that will be looked up, if they are known, in their
                order: an answer that has just these may be told as `Aligned`.

        Raises:
            BackendInvalidAnswerError: The answer as a whole is not what the
                system's contract says. A single bad record never raises.
        """
        ...


class OrderSource(Protocol):
    """The system that knows what was ordered; it names the lines."""

    @property
    def name(self) -> str:
        """Configured name of the system."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def read_headers(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Awaitable[Readings[HeaderFacet]]:
        """Read the headers of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        ...


class PromiseSource(Protocol):
    """The system that knows what was promised."""

    @property
    def name(self) -> str:
        """Configured name of the system."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def read_promises(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Awaitable[Sealed[PromiseFacet]]:
        """Read the promises of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        ...


class FulfilmentSource(Protocol):
    """The system that knows what was allocated and shipped."""

    @property
    def name(self) -> str:
        """Configured name of the system."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def read_fulfilments(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Awaitable[Sealed[FulfilmentFacet]]:
        """Read allocations and shipments of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class ItemReadings:
    """Master data of the items asked for; an item that is missing has none.

    Attributes:
        failed: Items whose record could not be mapped, and why.
    """

    reading: Reading
    items: Mapping[str, Item]
    failed: Mapping[str, Discrepancy] = field(default_factory=dict)


class ItemSource(Protocol):
    """The system that keeps the master data of items."""

    @property
    def name(self) -> str:
        """Configured name of the system."""
        ...

    async def read_items(
        self, skus: Sequence[str], *, visibility: Visibility, deadline: Deadline
    ) -> ItemReadings:
        """Read the master data of items by number.

        Raises:
            BackendError: The system gave no usable answer.
        """
        ...
