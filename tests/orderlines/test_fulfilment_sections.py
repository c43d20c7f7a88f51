"""What the warehouse says: reservations by node, shipments by time, returns and picks apart."""

from datetime import timedelta

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.facets import Section
from orderlines.fulfilment_sections import AllocatedSection, ShippedSection
from orderlines.item import Item
from orderlines.order_line import Allocation, Shipment
from orderlines.quantity import Quantity
from orderlines.stated import Absence
from tests.orderlines.facet_kit import (
    ITEM,
    READINGS,
    SHIPPED_AT,
    FulfilmentRecord,
    allocation,
    fulfilment,
    shipment,
)

BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "W-2", "shipments", "This is not a list.")
LATER = SHIPPED_AT + timedelta(hours=1)


def allocated(*records: FulfilmentRecord) -> AllocatedSection:
    """Look at what is reserved."""
    return AllocatedSection(records, ITEM, READINGS[Section.FULFILMENT])


def shipped(*records: FulfilmentRecord, item: Item | None = ITEM) -> ShippedSection:
    """Look at what left."""
    return ShippedSection(records, item, READINGS[Section.FULFILMENT])


def eaches(value: int) -> Quantity:
    """Expect so many eaches."""
    return Quantity(value, "EA")


def test_reservations_are_listed_by_node() -> None:
    """Then by lot and time, whichever record told of them first."""
    found = allocated(
        fulfilment(
            allocated=3,
            unit="CS",
            allocations=(
                allocation(1, "W2"),
                allocation(1, "W1", lot="L2", at=SHIPPED_AT),
                allocation(1, "W1", lot="L1", at=LATER),
            ),
        ),
        fulfilment(
            allocated=7,
            allocations=(allocation(5, "W1", lot="L1", at=SHIPPED_AT), allocation(2, None)),
        ),
    )

    assert found.quantity == eaches(43)
    assert found.by_node == (
        Allocation(eaches(2), None, None, None),
        Allocation(eaches(5), "W1", "L1", SHIPPED_AT),
        Allocation(eaches(12), "W1", "L1", LATER),
        Allocation(eaches(12), "W1", "L2", SHIPPED_AT),
        Allocation(eaches(12), "W2", None, None),
    )


def test_unreadable_reservations_are_not_listed() -> None:
    """The level may still be known; why the list is short stands in the reconciliation."""
    found = allocated(fulfilment(allocated=7, allocations=BAD))

    assert (found.quantity, found.by_node) == (eaches(7), ())


def test_shipments_are_listed_by_time() -> None:
    """Then by number and item; those without a time come last."""
    found = shipped(
        fulfilment(
            shipped=2, unit="CS", shipments=(shipment(1, "SH-3", at=None), shipment(1, "SH-2"))
        ),
        fulfilment(shipped=5, shipments=(shipment(4, "SH-4", at=LATER), shipment(1, "SH-1"))),
    )

    assert found.quantity == eaches(29)
    assert found.shipments == (
        Shipment("SH-1", eaches(1), "SKU-1", "W1", SHIPPED_AT, None, None),
        Shipment("SH-2", eaches(12), "SKU-1", "W1", SHIPPED_AT, None, None),
        Shipment("SH-4", eaches(4), "SKU-1", "W1", LATER, None, None),
        Shipment("SH-3", eaches(12), "SKU-1", "W1", None, None, None),
    )


def test_a_substitute_is_counted_in_its_own_unit() -> None:
    """The ordered item's packs say nothing about how many of another are in a case."""
    found = shipped(fulfilment(unit="CS", shipments=(shipment(2, sku="SKU-9"), shipment(2))))

    assert [one.quantity for one in found.shipments] == [Quantity(24, "EA"), Quantity(2, "CS")]


def test_without_master_data_every_shipment_keeps_its_unit() -> None:
    """Nothing is known about any item then."""
    found = shipped(fulfilment(unit="CS", shipments=(shipment(2, sku="SKU-9"),)), item=None)

    assert [one.quantity for one in found.shipments] == [Quantity(2, "CS")]


def test_unreadable_shipments_are_not_listed() -> None:
    """The total may still be known; why the list is short stands in the reconciliation."""
    found = shipped(fulfilment(shipped=7, shipments=BAD), fulfilment(shipments=(shipment(1),)))

    assert (found.quantity, len(found.shipments)) == (eaches(7), 1)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((), None),
        ((fulfilment(),), None),
        ((fulfilment(returned=2, picked=2),), eaches(2)),
        ((fulfilment(returned=0, picked=0),), eaches(0)),
        (
            (fulfilment(returned=2, picked=2), fulfilment(returned=1, picked=1, unit="CS")),
            eaches(14),
        ),
        ((fulfilment(returned=2, picked=2), fulfilment()), None),
        (
            (fulfilment(returned=2, picked=2), fulfilment(returned=1, picked=1, unit="BX")),
            None,
        ),
    ],
)
def test_returns_and_picks_are_known_or_not(
    records: tuple[FulfilmentRecord, ...], expected: Quantity | None
) -> None:
    """A record that does not tell leaves the sum unknown: it may be anything."""
    found = shipped(*records)

    assert (found.returned, found.picked) == (expected, expected)


def test_returns_are_never_taken_off() -> None:
    """Shipped is gross: what came back has left the dock all the same."""
    found = shipped(fulfilment(shipped=10, returned=2))

    assert (found.quantity, found.returned) == (eaches(10), eaches(2))


def test_a_drop_ship_has_no_reservation() -> None:
    """NOT_APPLICABLE is told as it is, and is no zero."""
    found = allocated(fulfilment(allocated=Absence.NOT_APPLICABLE))

    assert (found.quantity, found.absence, found.by_node) == (None, Absence.NOT_APPLICABLE, ())
