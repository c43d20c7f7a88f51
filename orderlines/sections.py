"""The sections of a stitched line: what each system said, in the line's own unit.

Views, not copies: a section holds the facets it speaks for, and works a value out
when somebody asks for it. A line of which two numbers are read costs two numbers.
What a section lists is in one order, whatever the order of arrival.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Generic, TypeVar

from orderlines.discrepancy import Discrepancy, DiscrepancyError
from orderlines.facets import (
    Facet,
    FulfilmentFacet,
    HeaderFacet,
    PromiseFacet,
)
from orderlines.item import Item
from orderlines.measure import ExactlyStated, Measured, in_base, measure, sum_of
from orderlines.order_line import (
    Allocation,
    Cancellation,
    Lineage,
    Promise,
    PromiseSlice,
    Reading,
    Shipment,
)
from orderlines.quantity import Exact, Number, Quantity, total
from orderlines.stated import (
    Absence,
    CancelledBy,
    StatedPromise,
    StatedShipment,
)

F = TypeVar("F", bound=Facet)
T = TypeVar("T")
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class _Section(ABC, Generic[F]):
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


class RequestedSection(_Section[HeaderFacet]):
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


class CancelledSection(_Section[HeaderFacet]):
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
            for one in sorted(stated, key=lambda one: _last_if_none(one.at))
        )


class PromisedSection(_Section[PromiseFacet]):
    """When how much will leave, as the promising system said."""

    __slots__ = ()

    def _stated(self, facet: PromiseFacet) -> ExactlyStated:
        stated = facet.promises
        if isinstance(stated, Absence | Discrepancy):
            return stated
        return total(one.value for one in stated[-1].slices) if stated else Absence.NOT_YET

    @property
    def schedule(self) -> tuple[PromiseSlice, ...]:
        """The slices in force, by date; slices without a date come last."""
        return self._slices(self._in_force())

    @property
    def first_on(self) -> date | None:
        """The earliest date of the slices in force: a projection of the schedule."""
        return min(self._dates(), default=None)

    @property
    def latest_on(self) -> date | None:
        """The last date of the slices in force: when the whole promise is kept."""
        return max(self._dates(), default=None)

    @property
    def versions(self) -> tuple[Promise, ...]:
        """Every version of the promise, oldest first.

        Where several records tell about the line, version n is what all of them
        together promised once each had stated at most its n-th version.
        """
        told = [(facet, _versions_of(facet)) for facet in self._facets]
        numbers = sorted({one.version for _, stated in told for one in stated})
        return tuple(self._version(number, told) for number in numbers)

    def _version(
        self, number: int, told: list[tuple[PromiseFacet, Sequence[StatedPromise]]]
    ) -> Promise:
        latest = next(one for _, stated in told for one in stated if one.version == number)
        in_force = (
            (facet, one)
            for facet, stated in told
            for one in [one for one in stated if one.version <= number][-1:]
        )
        return Promise(number, latest.made_at, latest.basis, self._slices(in_force))

    def _in_force(self) -> Iterator[tuple[PromiseFacet, StatedPromise]]:
        for facet in self._facets:
            stated = _versions_of(facet)
            if stated:
                yield facet, stated[-1]

    def _slices(
        self, in_force: Iterable[tuple[PromiseFacet, StatedPromise]]
    ) -> tuple[PromiseSlice, ...]:
        found = [
            PromiseSlice(self._in_base(facet, part.value), part.on, part.is_firm)
            for facet, stated in in_force
            for part in stated.slices
        ]
        found.sort(key=lambda part: (part.on is None, part.on or date.min))
        return tuple(found)

    def _dates(self) -> Iterator[date]:
        for _, stated in self._in_force():
            yield from (part.on for part in stated.slices if part.on is not None)


class AllocatedSection(_Section[FulfilmentFacet]):
    """Stock reserved and not yet shipped: a level, not a sum over time."""

    __slots__ = ()

    def _stated(self, facet: FulfilmentFacet) -> ExactlyStated:
        return facet.allocated

    @property
    def by_node(self) -> tuple[Allocation, ...]:
        """The reservations, by node, lot and time."""
        found = [
            Allocation(self._in_base(facet, one.value), one.node, one.lot, one.at)
            for facet in self._facets
            for one in _readable(facet.allocations)
        ]
        found.sort(key=lambda one: (one.node or "", one.lot or "", _last_if_none(one.at)))
        return tuple(found)


class ShippedSection(_Section[FulfilmentFacet]):
    """What left the dock, gross: goods that came back are told apart."""

    __slots__ = ()

    def _stated(self, facet: FulfilmentFacet) -> ExactlyStated:
        return facet.shipped

    @property
    def shipments(self) -> tuple[Shipment, ...]:
        """Every shipment, substitutes included, by time; those without a time come last.

        A substitute is counted in its own base unit, which is the unit a
        warehouse counts in; the ordered item's packs say nothing about it.
        """
        found = [
            Shipment(
                one.shipment_id,
                self._of_item(facet, one),
                one.sku,
                one.node,
                one.shipped_at,
                one.delivered_at,
                one.carrier,
            )
            for facet in self._facets
            for one in _readable(facet.shipments)
        ]
        found.sort(key=lambda one: (_last_if_none(one.shipped_at), one.shipment_id, one.sku))
        return tuple(found)

    def _of_item(self, facet: FulfilmentFacet, one: StatedShipment) -> Quantity:
        if self._item is None or one.sku == self._item.sku:
            return self._in_base(facet, one.value)
        return Quantity(one.value, facet.unit)

    @property
    def returned(self) -> Quantity | None:
        """Come back later; None where the system does not record it."""
        return self._plain_sum(lambda facet: facet.returned)

    @property
    def picked(self) -> Quantity | None:
        """Picked so far; None where picks are not recorded."""
        return self._plain_sum(lambda facet: facet.picked)

    def _plain_sum(self, stated_by: Callable[[FulfilmentFacet], Number | None]) -> Quantity | None:
        parts: list[Quantity] = []
        for facet in self._facets:
            stated = stated_by(facet)
            if stated is None:
                return None
            parts.append(self._in_base(facet, stated))
        if not parts:
            return None
        found = sum_of(parts, self._facets[0], self._reading.system)
        return found if isinstance(found, Quantity) else None


def _versions_of(facet: PromiseFacet) -> Sequence[StatedPromise]:
    stated = facet.promises
    return () if isinstance(stated, Absence | Discrepancy) else stated


def _readable(stated: Sequence[T] | Discrepancy) -> Sequence[T]:
    return () if isinstance(stated, Discrepancy) else stated


def _last_if_none(at: datetime | None) -> tuple[bool, datetime]:
    return (at is None, at or _NO_TIME)
