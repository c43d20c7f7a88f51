"""The sections of a stitched line: what each system said, in the line's own unit.

Views, not copies: a section holds the facets it speaks for, and works a value out
when somebody asks for it. A line of which two numbers are read costs two numbers.
What a section lists is in one order, whatever the order of arrival.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Generic, TypeVar

from orderlines.discrepancy import Discrepancy, DiscrepancyError
from orderlines.facets import (
    Facet,
    HeaderFacet,
)
from orderlines.item import Item, in_base
from orderlines.measure import ExactlyStated, Measured, measure
from orderlines.order_line import (
    Cancellation,
    Lineage,
    Reading,
)
from orderlines.quantity import Exact, Number, Quantity, total
from orderlines.stated import (
    Absence,
    CancelledBy,
)

F = TypeVar("F", bound=Facet)
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class SectionView(ABC, Generic[F]):
    """What every section tells: its records, and where they came from."""

    __slots__ = ("_facets", "_item", "_measured", "_reading")

    def __init__(self, facets: Sequence[F], item: Item | None, reading: Reading) -> None:
        self._facets = facets
        self._item = item
        self._reading = reading
        self._measured: Measured | None = None

    @abstractmethod
    def _stated(self, facet: F) -> ExactlyStated:
        """Tell what one record states of the quantity."""

    @property
    def measured(self) -> Measured:
        """The quantity, or why there is none; worked out once."""
        if self._measured is None:
            self._measured = measure(self._facets, self._stated, self._item, self._reading.system)
        return self._measured

    @property
    def quantity(self) -> Quantity | DiscrepancyError | None:
        """The quantity in the base unit; None where `absence` says why."""
        measured = self.measured
        if isinstance(measured, Quantity):
            return measured
        return DiscrepancyError(measured) if isinstance(measured, Discrepancy) else None

    @property
    def absence(self) -> Absence | None:
        """Why there is no quantity; None where there is one."""
        measured = self.measured
        return measured if isinstance(measured, Absence) else None

    @property
    def lineage(self) -> tuple[Lineage, ...]:
        """The records behind the quantity; the bare reading where there is none."""
        return tuple(
            Lineage(self._reading, facet.record, facet.changed_at) for facet in self._facets
        ) or (Lineage(self._reading, "", None),)

    def _in_base(self, facet: Facet, value: Exact) -> Quantity:
        return in_base(self._item, value, facet.unit)


class RequestedSection(SectionView[HeaderFacet]):
    """What the customer asked for, as the order source accepted it."""

    __slots__ = ()

    def _stated(self, facet: HeaderFacet) -> ExactlyStated:
        return facet.requested

    @property
    def as_ordered(self) -> Quantity | None:
        """What the customer wrote, in the unit they wrote it in."""
        header = self._facets[0]
        stated = header.requested
        return None if isinstance(stated, Absence | Discrepancy) else Quantity(stated, header.unit)

    @property
    def ship_on(self) -> date | None:
        """Requested ship date."""
        return self._facets[0].requested_ship_on

    @property
    def delivery_on(self) -> date | None:
        """Requested delivery date."""
        return self._facets[0].requested_delivery_on

    @property
    def unit_price(self) -> Number | None:
        """Net price of one ordered unit."""
        return self._facets[0].unit_price

    @property
    def currency(self) -> str | None:
        """ISO 4217 code of the price."""
        return self._facets[0].currency


class CancelledSection(SectionView[HeaderFacet]):
    """What will not be delivered, and who decided so."""

    __slots__ = ()

    def _stated(self, facet: HeaderFacet) -> ExactlyStated:
        stated = facet.cancellations
        if isinstance(stated, Absence | Discrepancy):
            return stated
        return total(one.value for one in stated)

    def by(self, *who: CancelledBy) -> Quantity | None:
        """Add up what these parties cancelled; None where it is not known."""
        header = self._facets[0]
        stated = header.cancellations
        if isinstance(stated, Absence | Discrepancy):
            return None
        return self._in_base(header, total(one.value for one in stated if one.by in who))

    @property
    def by_customer(self) -> Quantity | None:
        """Cancelled by the customer."""
        return self.by(CancelledBy.CUSTOMER)

    @property
    def by_supplier(self) -> Quantity | None:
        """Cancelled by the distributor, its supplier, or a rule of theirs."""
        return self.by(CancelledBy.SUPPLIER, CancelledBy.SYSTEM)

    @property
    def records(self) -> tuple[Cancellation, ...]:
        """Each cancellation, by time; those without a time come last."""
        header = self._facets[0]
        stated = header.cancellations
        if isinstance(stated, Absence | Discrepancy):
            return ()
        return tuple(
            Cancellation(self._in_base(header, one.value), one.by, one.reason, one.at)
            for one in sorted(stated, key=lambda one: last_if_none(one.at))
        )


def last_if_none(at: datetime | None) -> tuple[bool, datetime]:
    """Make a key that sorts by time, and what has none behind the rest."""
    return (at is None, at or _NO_TIME)
