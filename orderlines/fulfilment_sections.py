"""What the warehouse reserved and shipped, as sections of a stitched line."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from orderlines.discrepancy import Discrepancy
from orderlines.facets import FulfilmentFacet
from orderlines.measure import ExactlyStated, sum_of
from orderlines.order_line import Allocation, Shipment
from orderlines.quantity import Number, Quantity
from orderlines.sections import SectionView, last_if_none
from orderlines.stated import StatedShipment

T = TypeVar("T")


class AllocatedSection(SectionView[FulfilmentFacet]):
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
        found.sort(key=lambda one: (one.node or "", one.lot or "", last_if_none(one.at)))
        return tuple(found)


class ShippedSection(SectionView[FulfilmentFacet]):
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
        found.sort(key=lambda one: (last_if_none(one.shipped_at), one.shipment_id, one.sku))
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


def _readable(stated: Sequence[T] | Discrepancy) -> Sequence[T]:
    return () if isinstance(stated, Discrepancy) else stated
