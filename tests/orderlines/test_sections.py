"""Sections as such: a quantity or why there is none, its lineage, and the header's two."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.facets import Section
from orderlines.fulfilment_sections import AllocatedSection
from orderlines.item import Item
from orderlines.order_line import Cancellation, Lineage, Reading
from orderlines.quantity import Quantity
from orderlines.sections import CancelledSection, RequestedSection
from orderlines.stated import Absence, CancelledBy, Stated
from tests.orderlines.facet_kit import (
    ITEM,
    READINGS,
    SHIP_ON,
    FulfilmentRecord,
    HeaderRecord,
    cancelled,
    fulfilment,
    header,
)

BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "W-2", "units", "This is not a number.")


def requested(record: HeaderRecord, item: Item | None = ITEM) -> RequestedSection:
    """Look at a header's request."""
    return RequestedSection((record,), item, READINGS[Section.HEADER])


def cancellations(record: HeaderRecord, item: Item | None = ITEM) -> CancelledSection:
    """Look at a header's cancellations."""
    return CancelledSection((record,), item, READINGS[Section.HEADER])


def allocated(*records: FulfilmentRecord) -> AllocatedSection:
    """Look at what is reserved."""
    return AllocatedSection(records, ITEM, READINGS[Section.FULFILMENT])


def test_a_section_gives_its_quantity_once() -> None:
    """Worked out when asked for, and then kept."""
    section = allocated(fulfilment(allocated=2), fulfilment(allocated=1, unit="CS"))

    assert (section.quantity, section.absence) == (Quantity(14, "EA"), None)
    assert section.measured is section.measured


def test_a_section_without_a_quantity_says_why() -> None:
    """An absence is not an error: the system was read, and there is none."""
    section = allocated(fulfilment(allocated=Absence.NOT_APPLICABLE))

    assert (section.quantity, section.absence) == (None, Absence.NOT_APPLICABLE)


def test_a_section_that_cannot_be_mapped_gives_an_error() -> None:
    """A discrepancy stands where the value was asked for, and is no absence."""
    section = allocated(fulfilment(allocated=BAD))
    error = section.quantity

    assert isinstance(error, DiscrepancyError)
    assert (error.discrepancy, section.absence) == (BAD, None)


def test_lineage_names_every_record() -> None:
    """Each number can be followed to the records it was added up from."""
    changed_at = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
    section = allocated(fulfilment(record="W-1", changed_at=changed_at), fulfilment(record="W-2"))
    reading = READINGS[Section.FULFILMENT]

    assert section.lineage == (Lineage(reading, "W-1", changed_at), Lineage(reading, "W-2", None))


def test_the_look_at_a_system_without_a_record_is_lineage_too() -> None:
    """That there is nothing was read somewhere, some time."""
    reading = Reading("wms", READINGS[Section.FULFILMENT].as_of)

    assert allocated().lineage == (Lineage(reading, "", None),)


def test_a_request_is_told_as_ordered_and_in_the_base_unit() -> None:
    """What the customer wrote stays beside what it means."""
    section = requested(
        header(requested=Decimal("2.5"), unit="CS", requested_delivery_on=date(2026, 11, 23))
    )

    assert (
        section.quantity,
        section.as_ordered,
        section.ship_on,
        section.delivery_on,
        section.unit_price,
        section.currency,
    ) == (Quantity(30, "EA"), Quantity(Decimal("2.5"), "CS"), SHIP_ON, date(2026, 11, 23), 2, "USD")


@pytest.mark.parametrize("stated", [Absence.NOT_PROVIDED, BAD])
def test_a_request_that_is_not_known_was_not_written_either(stated: Stated) -> None:
    """There is no `as_ordered` without a number."""
    assert requested(header(requested=stated)).as_ordered is None


def test_cancellations_are_told_by_who_decided() -> None:
    """A rule of the house is the supplier's doing, not the customer's."""
    late, early = datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 12, tzinfo=UTC)
    section = cancellations(
        header(
            unit="CS",
            cancellations=(
                cancelled(1),
                cancelled(2, CancelledBy.SUPPLIER, late),
                cancelled(4, CancelledBy.SYSTEM, early),
            ),
        )
    )

    assert (section.quantity, section.by_customer, section.by_supplier) == (
        Quantity(84, "EA"),
        Quantity(12, "EA"),
        Quantity(72, "EA"),
    )
    assert section.records == (
        Cancellation(Quantity(48, "EA"), CancelledBy.SYSTEM, None, early),
        Cancellation(Quantity(24, "EA"), CancelledBy.SUPPLIER, None, late),
        Cancellation(Quantity(12, "EA"), CancelledBy.CUSTOMER, None, None),
    )


def test_no_cancellation_is_a_zero() -> None:
    """The order source knows them all, so an empty list is a number."""
    section = cancellations(header())

    assert (section.quantity, section.by_customer, section.by_supplier, section.records) == (
        Quantity(0, "EA"),
        Quantity(0, "EA"),
        Quantity(0, "EA"),
        (),
    )


@pytest.mark.parametrize("stated", [Absence.NOT_PROVIDED, BAD])
def test_unknown_cancellations_are_nobodys(stated: Absence | Discrepancy) -> None:
    """Neither party is said to have cancelled nothing."""
    section = cancellations(header(cancellations=stated))

    assert (section.measured, section.by_customer, section.by_supplier, section.records) == (
        stated,
        None,
        None,
        (),
    )
