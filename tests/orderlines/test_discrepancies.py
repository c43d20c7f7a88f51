"""Discrepancies: whatever does not fit is told once, by kind, system, record and field."""

from dataclasses import replace

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.invariants import Invariant
from orderlines.reconcile import reconcile
from orderlines.stated import CancelledBy, SubstitutionStatus
from orderlines.stitched_line import StitchedLine
from tests.orderlines.facet_kit import (
    cancelled,
    fulfilment,
    header,
    line,
    offer,
    promise,
    promised,
    shipment,
)

DOWN = GatewayError("The system did not answer.")
HEADER = header()
PROMISE = promised(10)
FULFILMENT = fulfilment(shipped=10, picked=10, shipments=(shipment(10),))
WHOLE = line(HEADER, [PROMISE], [FULFILMENT])
NO_FACTOR = "The item's master data has no factor for this unit."
NO_MASTER_DATA = "The item has no master data, so its units cannot be compared."


def bad(record: str, field: str, system: str = "wms") -> Discrepancy:
    """Say that a field could not be mapped."""
    return Discrepancy(
        DiscrepancyKind.FAILED_MAPPING, system, record, field, "This is not a number."
    )


def broken(invariant: Invariant, kind: DiscrepancyKind = DiscrepancyKind.INVARIANT) -> Discrepancy:
    """Expect a broken law to be told, as one about the order source's record."""
    return Discrepancy(kind, "erp", "SO-1/10", "", f"This does not hold: {invariant.value}")


def no_factor(system: str, record: str, message: str = NO_FACTOR) -> Discrepancy:
    """Expect a unit without a factor to be told."""
    return Discrepancy(DiscrepancyKind.UOM, system, record, "unit", message)


@pytest.mark.parametrize(
    ("stitched", "expected"),
    [
        (WHOLE, ()),
        (
            line(header(cancellations=(cancelled(11, CancelledBy.SUPPLIER),)), [], []),
            (broken(Invariant.CANCELLED_WITHIN_REQUESTED),),
        ),
        (
            line(header(posted_shipped=8), [PROMISE], [FULFILMENT]),
            (broken(Invariant.POSTED_AS_SHIPPED, DiscrepancyKind.QUANTITY_CONFLICT),),
        ),
        (line(header(posted_shipped=10), [PROMISE], [FULFILMENT]), ()),
        (
            line(header(unit="BX"), [promise(unit="DZ")], [FULFILMENT]),
            (no_factor("erp", "SO-1/10"), no_factor("oms", "P-1")),
        ),
        (
            line(HEADER, [PROMISE], [FULFILMENT, replace(FULFILMENT, unit="BX", record="W-2")]),
            (no_factor("wms", "W-2"),),
        ),
        (
            line(HEADER, [], [FULFILMENT], item=None),
            (
                no_factor("erp", "SO-1/10", NO_MASTER_DATA),
                no_factor("wms", "W-1", NO_MASTER_DATA),
            ),
        ),
        (
            line(HEADER, [PROMISE], [fulfilment(shipments=(shipment(10, sku="SKU-9"),))]),
            (
                Discrepancy(
                    DiscrepancyKind.UNRESOLVED_SUBSTITUTION,
                    "wms",
                    "SKU-9",
                    "sku",
                    "Goods of another item were shipped and no substitution explains it.",
                ),
            ),
        ),
    ],
    ids=["fits", "hard law", "conflict", "no conflict", "units", "a unit", "no item", "goods"],
)
def test_what_does_not_fit_is_told_once(
    stitched: StitchedLine, expected: tuple[Discrepancy, ...]
) -> None:
    """With the system, the record and the field that somebody can mend."""
    assert reconcile(stitched).discrepancies == expected


@pytest.mark.parametrize("status", SubstitutionStatus)
def test_an_offered_substitute_is_explained(status: SubstitutionStatus) -> None:
    """Also one that nobody accepted: it fills nothing, and it is known why it left."""
    stitched = line(
        HEADER,
        [promise(substitutions=(offer(status=status),))],
        [fulfilment(shipments=(shipment(10, sku="SKU-9"),))],
    )

    assert reconcile(stitched).discrepancies == ()


def test_units_are_not_called_wrong_while_nobody_can_say() -> None:
    """Without the header there is no item, and without the item master there is no factor."""
    nameless = line(DOWN, [promise(unit="BX")], [FULFILMENT], item=None)
    undescribed = line(HEADER, [promise(unit="BX")], [FULFILMENT], item=DOWN)

    assert (reconcile(nameless).discrepancies, reconcile(undescribed).discrepancies) == ((), ())


def test_every_field_that_cannot_be_mapped_is_told() -> None:
    """Of every section, record and accessor; none hides behind another."""
    stitched = line(
        header(requested=bad("SO-1/10", "qty", "erp"), cancellations=bad("SO-1/10", "c", "erp")),
        [
            promise(
                bad("P-1", "promises", "oms"), bad("P-1", "substitutions", "oms"), record="P-1"
            ),
            promise(bad("P-2", "promises", "oms"), record="P-2"),
        ],
        [
            fulfilment(
                shipped=bad("W-1", "shipped"),
                allocated=bad("W-1", "allocated"),
                shipments=bad("W-1", "shipments"),
                allocations=bad("W-1", "allocations"),
            )
        ],
    )

    assert reconcile(stitched).discrepancies == (
        bad("SO-1/10", "qty", "erp"),
        bad("SO-1/10", "c", "erp"),
        bad("P-1", "promises", "oms"),
        bad("P-1", "substitutions", "oms"),
        bad("P-2", "promises", "oms"),
        bad("W-1", "allocated"),
        bad("W-1", "allocations"),
        bad("W-1", "shipped"),
        bad("W-1", "shipments"),
    )


def test_one_fault_that_spoils_several_fields_is_told_once() -> None:
    """A record that fails as a whole answers every question with one discrepancy."""
    fault = bad("W-1", "units")
    stitched = line(HEADER, [PROMISE], [fulfilment(fault, fault, fault, fault)])

    assert reconcile(stitched).discrepancies == (fault,)


def test_substitutes_in_unlike_units_are_told() -> None:
    """The ordered item has a factor for both units; the substitute's is not known."""
    stitched = line(
        HEADER,
        [promise(substitutions=(offer(),))],
        [
            fulfilment(shipments=(shipment(2, sku="SKU-9"),)),
            fulfilment(shipments=(shipment(1, sku="SKU-9"),), unit="CS", record="W-2"),
        ],
    )

    assert reconcile(stitched).discrepancies == (
        no_factor("wms", "W-1", "Parts of one line are in units that cannot be added up."),
    )


PASSED_ON = (
    DiscrepancyKind.FAILED_MAPPING,
    DiscrepancyKind.UNRESOLVED_XREF,
    DiscrepancyKind.DUPLICATE,
)


@pytest.mark.parametrize("kind", PASSED_ON)
@pytest.mark.parametrize("section", ["header", "item", "promise", "fulfilment"])
def test_what_the_docks_could_not_read_is_passed_on(section: str, kind: DiscrepancyKind) -> None:
    """These kinds are found where records are read and placed; the ledger shows them."""
    fault = Discrepancy(kind, "erp", "R-1", "", kind.value)
    error = DiscrepancyError(fault)
    stitched = line(
        error if section == "header" else HEADER,
        error if section == "promise" else [PROMISE],
        error if section == "fulfilment" else [FULFILMENT],
        item=error if section == "item" else WHOLE.item,
    )

    assert reconcile(stitched).discrepancies == (fault,)


def test_every_kind_is_one_that_is_found_or_passed_on() -> None:
    """The four others are the ledger's own findings, each shown above."""
    assert set(DiscrepancyKind) - set(PASSED_ON) == {
        DiscrepancyKind.UOM,
        DiscrepancyKind.UNRESOLVED_SUBSTITUTION,
        DiscrepancyKind.QUANTITY_CONFLICT,
        DiscrepancyKind.INVARIANT,
    }


def test_a_broken_law_without_a_header_names_no_record() -> None:
    """The reservation is below zero, and who ordered is not known."""
    found = reconcile(line(DOWN, [], [fulfilment(allocated=-1)]))

    assert found.discrepancies == (replace(broken(Invariant.NOT_NEGATIVE), record=""),)
