"""Many lines of one look-up, held as columns.

Whoever reads one thing of all lines reads a column, and no line is made for it. A line
is made when somebody takes one; then all are, once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, overload

from orderlines.errors import GatewayError
from orderlines.facets import FulfilmentFacet, HeaderFacet, PromiseFacet, Section, SliceFacet
from orderlines.item import UNCONVERTED, Item, Measures
from orderlines.masters import Master, Masters
from orderlines.order_line import Reading
from orderlines.stitched_line import StitchedLine, Told


class Lines(Sequence[StitchedLine]):
    """Lines, each at the same index of every column.

    Attributes:
        source: Configured name of the order source.
        readings: The looks at systems all of them rest on.
        addresses: Order number and line number of each; by default those of the headers,
            none of which may then be an error.
        headers: What the order source says, or why that could not be read.
        items: Master data; None where there is none, or why it could not be read.
        promises: What the promising system says, by record.
        fulfilments: What the warehouse system says, by record.
    """

    __slots__ = (
        "_addresses",
        "_in_force",
        "_made",
        "_measures",
        "_only",
        "fulfilments",
        "headers",
        "items",
        "promises",
        "readings",
        "source",
    )

    item_type: ClassVar[type] = StitchedLine

    def __init__(  # noqa: PLR0913 - one for each thing lines are stitched from
        self,
        source: str,
        readings: Mapping[Section, Reading],
        *,
        headers: Sequence[HeaderFacet | GatewayError],
        items: Sequence[Master],
        promises: Sequence[Told[PromiseFacet]],
        fulfilments: Sequence[Told[FulfilmentFacet]],
        addresses: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        self.source = source
        self.readings = readings
        self._addresses = addresses
        self.headers = headers
        self.items = items
        self.promises = promises
        self.fulfilments = fulfilments
        self._made: list[StitchedLine] | None = None
        self._measures: dict[str, list[Measures]] = {}
        self._only: dict[str, Measures | None] = {}
        self._in_force: list[Sequence[SliceFacet]] | None = None

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """Order number and line number of each."""
        if self._addresses is None:
            self._addresses = [
                (one.order_number, one.line_number)
                for one in self.headers
                if not isinstance(one, GatewayError)
            ]
        return self._addresses

    @property
    def slices_in_force(self) -> list[Sequence[SliceFacet]]:
        """The slices of the promise in force, where each line has one record of promises.

        Raises:
            TypeError: A line was not promised, or the promise could not be read.
            ValueError: A line has several records, or none.
            LookupError: A promise has no version.
        """
        if self._in_force is None:
            self._in_force = in_force([one for (one,) in self.promises])  # type: ignore[misc] # an error has no parts
        return self._in_force

    def only_measures(self, units: Sequence[str]) -> Measures | None:
        """Give what numbers in a unit of each line are measured by, if it is one for all.

        Args:
            units: Of each line one.
        """
        if not units:
            return None
        unit = units[0]
        if units.count(unit) != len(units):
            return None
        only = self._only
        if unit not in only:
            items = self.items
            only[unit] = items.only_measures(unit) if type(items) is Masters else None
        return only[unit]

    def measures(self, units: Sequence[str]) -> list[Measures]:
        """Give what numbers in a unit of each line are in the base unit of its item.

        Args:
            units: Of each line one.
        """
        # As mostly; and to count texts is faster than to hash them.
        alike = units[0] if units and units.count(units[0]) == len(units) else None
        found = None if alike is None else self._measures.get(alike)
        if found is None:
            found = [
                (one.measures if type(one) is Item else UNCONVERTED)[unit]
                for one, unit in zip(self.items, units, strict=True)
            ]
            if alike is not None:
                self._measures[alike] = found
        return found

    def __len__(self) -> int:
        return len(self.headers)

    def __iter__(self) -> Iterator[StitchedLine]:
        return iter(self._lines())

    @overload
    def __getitem__(self, index: int) -> StitchedLine: ...

    @overload
    def __getitem__(self, index: slice) -> "Lines": ...

    def __getitem__(self, index: int | slice) -> "StitchedLine | Lines":
        if isinstance(index, int):
            return self._lines()[index]
        if index.indices(len(self)) == (0, len(self), 1):  # all of them, as mostly
            return self
        return Lines(
            self.source,
            self.readings,
            addresses=self.addresses[index],
            headers=self.headers[index],
            items=self.items[index],
            promises=self.promises[index],
            fulfilments=self.fulfilments[index],
        )

    def _lines(self) -> list[StitchedLine]:
        if self._made is None:
            source, readings = self.source, self.readings
            self._made = [
                StitchedLine(source, order, line, readings, header, item, promise, fulfilment)
                for (order, line), header, item, promise, fulfilment in zip(
                    self.addresses,
                    self.headers,
                    self.items,
                    self.promises,
                    self.fulfilments,
                    strict=True,
                )
            ]
        return self._made


def in_force(promises: Sequence[PromiseFacet]) -> list[Sequence[SliceFacet]]:
    """Take the slices of the last version of each promise.

    Raises:
        TypeError: One has no versions, but a reason why not.
        LookupError: One has none.
    """
    return [stated[-1].slices for stated in [one.promises for one in promises]]  # type: ignore[index] # as said
