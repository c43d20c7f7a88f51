"""Reconciliation: the short answer, and a discrepancy for whatever does not fit."""

from datetime import timedelta
from decimal import Decimal

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.invariants import Invariant
from orderlines.reconcile import ReconciliationStatus, reconcile
from orderlines.stitched_line import StitchedLine
from tests.orderlines.facet_kit import (
    READ_AT,
    fulfilment,
    header,
    line,
    promise,
    promised,
    shipment,
)

DOWN = GatewayError("The system did not answer.")
HEADER = header()
PROMISE = promised(10)
FULFILMENT = fulfilment(shipped=10, picked=10, shipments=(shipment(10),))
WHOLE = line(HEADER, [PROMISE], [FULFILMENT])


def bad(record: str, field: str, system: str = "wms") -> Discrepancy:
    """Say that a field could not be mapped."""
    return Discrepancy(
        DiscrepancyKind.FAILED_MAPPING, system, record, field, "This is not a number."
    )


def broken(invariant: Invariant, kind: DiscrepancyKind = DiscrepancyKind.INVARIANT) -> Discrepancy:
    """Expect a broken law to be told, as one about the order source's record."""
    return Discrepancy(kind, "erp", "SO-1/10", "", f"This does not hold: {invariant.value}")


S = ReconciliationStatus


@pytest.mark.parametrize(
    ("stitched", "expected"),
    [
        (WHOLE, S.CONSISTENT),
        (line(header(), [], []), S.CONSISTENT),
        (line(DOWN, [PROMISE], [FULFILMENT], item=None), S.INCOMPLETE),
        (line(HEADER, DOWN, [FULFILMENT]), S.INCOMPLETE),
        (line(HEADER, [PROMISE], DOWN), S.INCOMPLETE),
        (line(HEADER, [PROMISE], [FULFILMENT], item=DOWN), S.INCOMPLETE),
        (
            line(
                header(over_delivery_tolerance=Decimal("0.1")),
                [PROMISE],
                [fulfilment(shipped=11, picked=11)],
            ),
            S.TOLERATED,
        ),
        (
            line(
                header(over_delivery_tolerance=Decimal("0.1")),
                DOWN,
                [fulfilment(shipped=11, picked=11)],
            ),
            S.INCOMPLETE,
        ),
        (line(HEADER, [PROMISE], [fulfilment(shipped=11)]), S.DISCREPANT),
        (line(HEADER, DOWN, [fulfilment(shipped=11)]), S.DISCREPANT),
        (line(HEADER, [promise(bad("P-1", "slices"))], [FULFILMENT]), S.DISCREPANT),
        (line(HEADER, DiscrepancyError(bad("P-1", "")), [FULFILMENT]), S.DISCREPANT),
    ],
)
def test_the_short_answer(stitched: StitchedLine, expected: ReconciliationStatus) -> None:
    """A misfit outweighs what could not be read, and that outweighs what is tolerated."""
    assert reconcile(stitched).status is expected


def test_every_law_is_listed_with_the_answer() -> None:
    """Kept, broken and unknown ones alike, in their order."""
    assert [one.invariant for one in reconcile(WHOLE).checks] == list(Invariant)


def test_a_soft_law_makes_no_discrepancy() -> None:
    """It is shown with its delta, and is the practice of the trade."""
    found = reconcile(line(HEADER, [PROMISE], [fulfilment(shipped=12)]))

    assert found.discrepancies == ()
    assert [(one.invariant, one.delta) for one in found.checks if one.holds is False] == [
        (Invariant.SHIPPED_WITHIN_NET, 2),
        (Invariant.BALANCE, 2),
    ]


def test_goods_are_not_called_unexplained_while_nobody_can_say() -> None:
    """The promising system is down: the answer is incomplete, not wrong."""
    found = reconcile(line(HEADER, DOWN, [fulfilment(shipments=(shipment(1, sku="SKU-9"),))]))

    assert (found.status, found.discrepancies) == (S.INCOMPLETE, ())


def test_what_the_order_source_posted_is_compared_in_the_base_unit() -> None:
    """Half a case posted is six eaches shipped; a posting in boxes cannot be compared."""
    cases = line(
        header(requested=1, unit="CS", posted_shipped=Decimal("0.5")), [], [fulfilment(shipped=6)]
    )
    boxes = line(header(requested=1, unit="BX", posted_shipped=1), [], [fulfilment(shipped=6)])
    posted = list(Invariant).index(Invariant.POSTED_AS_SHIPPED)

    assert reconcile(cases).checks[posted].holds is True
    assert reconcile(boxes).checks[posted].holds is None


def test_a_shipment_after_the_look_at_it_is_noticed() -> None:
    """A stamp in the wrong zone shows itself; one without a time says nothing."""
    records = [
        fulfilment(
            shipped=10,
            shipments=(shipment(9, at=READ_AT + timedelta(hours=1)), shipment(1, at=None)),
        )
    ]
    past = list(Invariant).index(Invariant.SHIPPED_IN_THE_PAST)

    assert reconcile(line(HEADER, [], records)).checks[past].holds is False
