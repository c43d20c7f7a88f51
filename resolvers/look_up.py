"""What a wave brought: of every line what each system told, or why it is not known."""

from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

import msgspec

from backends.ports import Aligned, LineAddress, Readings
from orderlines.discrepancy import DiscrepancyError
from orderlines.errors import GatewayError
from orderlines.facets import Facet, FulfilmentFacet, HeaderFacet, PromiseFacet, Section
from orderlines.lines import Lines
from orderlines.masters import Master, Masters
from orderlines.order_line import Reading
from orderlines.stitched_line import NOT_READ
from orderlines.table import Single

F = TypeVar("F", bound=Facet)

Admitted: TypeAlias = Mapping[LineAddress, Sequence[HeaderFacet]]
"""The header of each line the caller may see, as the one record it is told by."""


class Told(msgspec.Struct, Generic[F]):
    """What one kind of system told about the lines that were asked for."""

    outcome: Readings[F] | GatewayError = NOT_READ

    def about(self, address: LineAddress) -> Sequence[F] | GatewayError:
        """Give the records of one line; none at all means the system has none.

        While there is a record that could not even be placed, a line without
        records may be the one it belongs to, so that is said instead.
        """
        if isinstance(self.outcome, GatewayError):
            return self.outcome
        failed = self.outcome.failed.get(address)
        if failed is not None:
            return DiscrepancyError(failed)
        found = self.outcome.by_line.get(address)
        if found is not None:
            return found
        return DiscrepancyError(self.outcome.unplaced[0]) if self.outcome.unplaced else ()

    def about_all(self, addresses: Sequence[LineAddress]) -> Sequence[Sequence[F] | GatewayError]:
        """Give the records of many lines, each as `about` does."""
        outcome = self.outcome
        if isinstance(outcome, GatewayError):
            return [outcome] * len(addresses)
        if outcome.failed or outcome.unplaced:
            return [self.about(address) for address in addresses]
        by_line = outcome.by_line
        if isinstance(by_line, Aligned) and by_line.addresses == addresses:
            return Single(by_line.records)
        return [by_line.get(address, ()) for address in addresses]

    def about_each(self, lines: Aligned[HeaderFacet]) -> Sequence[Sequence[F] | GatewayError]:
        """Give the records of the lines that have these headers."""
        outcome = self.outcome
        if type(outcome) is Readings:
            by_line = outcome.by_line
            if type(by_line) is Aligned and by_line.lines is lines.lines:
                return Single(by_line.records)  # as mostly, and found faster
        return self.about_all(lines.addresses)

    @property
    def addresses(self) -> Collection[LineAddress]:
        """Every line the system told about, readable or not."""
        if isinstance(self.outcome, GatewayError):
            return ()
        return [*self.outcome.by_line, *self.outcome.failed]

    @property
    def reading(self) -> Reading | None:
        """The look at the system; None if there was none."""
        return None if isinstance(self.outcome, GatewayError) else self.outcome.reading


class LookUp(msgspec.Struct):
    """Everything a wave brought, opened for the lines the caller may see.

    Attributes:
        admitted: The header of each line the caller may see, in the order source's order.
        items: Master data, by item number.
    """

    source: str
    headers: Told[HeaderFacet]
    promises: Told[PromiseFacet]
    fulfilments: Told[FulfilmentFacet]
    admitted: Admitted
    items: Mapping[str, Master]
    readings: Mapping[Section, Reading]

    def lines(self, addresses: Sequence[LineAddress]) -> Lines:
        """Stitch lines of what the systems told, each column of parts at once."""
        admitted, items = self.admitted, self.items
        headers = [
            admitted[address][0] if address in admitted else self._why_not(address)
            for address in addresses
        ]
        return Lines(
            self.source,
            self.readings,
            addresses=addresses,
            headers=headers,
            items=[
                None if isinstance(one, GatewayError) else items.get(one.sku) for one in headers
            ],
            promises=self.promises.about_all(addresses),
            fulfilments=self.fulfilments.about_all(addresses),
        )

    def whole(self, admitted: Aligned[HeaderFacet]) -> Lines:
        """Stitch all lines the caller may see, which have one header each."""
        headers = admitted.records
        return Lines(
            self.source,
            self.readings,
            headers=headers,
            items=Masters(self.items, headers.columns["sku"]),
            promises=self.promises.about_each(admitted),
            fulfilments=self.fulfilments.about_each(admitted),
        )

    def _why_not(self, address: LineAddress) -> GatewayError:
        """Say why a line has no header."""
        told = self.headers.about(address)
        return told if isinstance(told, GatewayError) else NOT_READ
