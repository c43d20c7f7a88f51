"""Making the full line: every field has its source, and a whole is not made of parts."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.item import Item
from orderlines.order_line import (
    Allocation,
    Cancellation,
    Known,
    OrderLine,
    Promise,
    PromiseSlice,
    Quantities,
    Requested,
    Shipment,
    Substitution,
    is_number,
)
from orderlines.quantity import ONE, Quantity, Ratio
from orderlines.stated import (
    Absence,
    CancelledBy,
    Channel,
    PromiseBasis,
    Stated,
    SubstitutionStatus,
)
from orderlines.stitch import materialise
from orderlines.stitched_line import StitchedLine
from tests.orderlines.facet_kit import (
    KEY,
    ORDERED_ON,
    SHIP_ON,
    SHIPPED_AT,
    allocation,
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
BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "oms", "P-1", "offers", "This is not a list.")
BOLTS = Item(
    "SKU-1", "EA", decimals=2, packs=MappingProxyType({"CS": Ratio(12)}), name="Bolts", group="M6"
)


def eaches(value: int) -> Quantity:
    """Expect so many eaches."""
    return Quantity(value, "EA")


def test_a_line_is_made_of_what_every_system_said() -> None:
    """Field by field: the header's as stated, the quantities in the base unit."""
    stitched = line(
        header(
            requested=5,
            unit="CS",
            cancellations=(cancelled(1, CancelledBy.SUPPLIER, SHIPPED_AT),),
            root_line_number="9",
            customer_item="THEIR-1",
            channel=Channel.MARKETPLACE,
            channel_code="MKT-EU",
            requested_delivery_on=date(2026, 11, 23),
            unit_price=Decimal("1.50"),
            is_drop_ship=True,
            hold_reason="CREDIT",
            over_delivery_tolerance=Decimal("0.05"),
        ),
        [promise(promised(2).promises, (offer(),), unit="CS")],
        [
            fulfilment(
                shipped=10,
                allocated=Absence.NOT_APPLICABLE,
                shipments=(shipment(10), shipment(2, "SH-2", sku="SKU-9")),
                allocations=(allocation(0),),
                picked=10,
                returned=1,
            )
        ],
        item=BOLTS,
    )

    assert materialise(stitched) == (
        OrderLine(
            key=KEY,
            root_line_number="9",
            customer_po="PO-7",
            sku="SKU-1",
            customer_item="THEIR-1",
            sold_to="C1",
            ship_to="C1-DOCK",
            channel=Channel.MARKETPLACE,
            channel_code="MKT-EU",
            owner_node="W1",
            ordered_on=ORDERED_ON,
            unit="EA",
            decimals=2,
            units_per_case=Ratio(12),
            requested=Requested(
                eaches(60),
                Quantity(5, "CS"),
                SHIP_ON,
                date(2026, 11, 23),
                Decimal("1.50"),
                "USD",
            ),
            promises=(
                Promise(
                    1,
                    None,
                    PromiseBasis.ATP,
                    (PromiseSlice(eaches(24), SHIP_ON, is_firm=True),),
                ),
            ),
            allocations=(Allocation(eaches(0), "W1", None, None),),
            shipments=(
                Shipment("SH-1", eaches(10), "SKU-1", "W1", SHIPPED_AT, None, None),
                Shipment("SH-2", eaches(2), "SKU-9", "W1", SHIPPED_AT, None, None),
            ),
            cancellations=(Cancellation(eaches(12), CancelledBy.SUPPLIER, None, SHIPPED_AT),),
            substitutions=(
                Substitution(
                    for_sku="SKU-1",
                    by_sku="SKU-9",
                    ratio=ONE,
                    proposed=10,
                    accepted=10,
                    shipped=2,
                    counts_for=eaches(2),
                    status=SubstitutionStatus.ACCEPTED,
                    reason=None,
                ),
            ),
            quantities=Quantities(
                requested=60,
                cancelled_by_customer=0,
                cancelled_by_supplier=12,
                net=48,
                promised=24,
                allocated=0,
                shipped=10,
                substituted=2,
                fulfilled=12,
                open=36,
                backordered=24,
                returned=1,
                picked=10,
            ),
            absences=(("allocated", Absence.NOT_APPLICABLE),),
            over_delivery_tolerance=Decimal("0.05"),
            is_drop_ship=True,
            hold_reason="CREDIT",
            quality=None,
        ),
        (),
    )


def test_a_line_without_master_data_keeps_the_headers_unit() -> None:
    """Its quantities stay as they were ordered, and that is told."""
    made, discrepancies = materialise(line(header(unit="CS"), [], [], item=None))

    assert (made.unit, made.decimals, made.units_per_case) == ("CS", 0, None)
    assert made.requested is not None
    assert made.requested.quantity == Quantity(10, "CS")
    assert [one.kind for one in discrepancies] == [DiscrepancyKind.UOM]


@pytest.mark.parametrize("stated", [Absence.NOT_PROVIDED, BAD])
def test_a_request_that_is_not_known_is_not_made_up(stated: Stated) -> None:
    """The line stands, without a request."""
    made, _ = materialise(line(header(requested=stated), [], []))

    assert made.requested is None


def test_every_absence_is_told_by_name() -> None:
    """Why a quantity is not there, for each that is not."""
    made, _ = materialise(line(header(Absence.NOT_PROVIDED, cancellations=Absence.NOT_YET), [], []))

    assert made.absences == (
        ("requested", Absence.NOT_PROVIDED),
        ("promised", Absence.NOT_YET),
        ("allocated", Absence.NOT_YET),
        ("shipped", Absence.NOT_YET),
        ("cancelled", Absence.NOT_YET),
    )


def test_offers_that_cannot_be_mapped_are_told_beside_the_line() -> None:
    """The rest of the line stands."""
    made, discrepancies = materialise(line(header(), [promise(substitutions=BAD)], []))

    assert (made.substitutions, discrepancies) == ((), (BAD,))


@pytest.mark.parametrize(
    "stitched",
    [
        line(DOWN, [], [], item=None),
        line(header(), [], [], item=DOWN),
        line(header(), DOWN, []),
        line(header(), [], DOWN),
    ],
    ids=["header", "item", "promise", "fulfilment"],
)
def test_a_whole_line_is_not_made_of_parts(stitched: StitchedLine) -> None:
    """The reason why a part is missing is raised, as it was."""
    with pytest.raises(GatewayError) as refused:
        materialise(stitched)

    assert refused.value is DOWN


def test_bad_master_data_leaves_a_line_in_its_own_units() -> None:
    """Waiting would not mend it: the line is made, and what is wrong is told beside it."""
    made, discrepancies = materialise(line(header(unit="CS"), [], [], item=DiscrepancyError(BAD)))

    assert (made.unit, made.quantities.requested, discrepancies) == (
        "CS",
        DiscrepancyError(BAD),
        (BAD,),
    )


def test_an_error_of_many_lines_gathers_no_tracebacks() -> None:
    """One failed read stands in every line of a page; raising it must not make it grow."""
    depths = set()
    for _ in range(3):
        with pytest.raises(GatewayError) as refused:
            materialise(line(header(), DOWN, []))
        depths.add(len(refused.traceback))

    assert len(depths) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, True), (Decimal("0.5"), True), (None, False), (DOWN, False)],
)
def test_a_number_is_told_from_not_knowing_it(value: Known, *, expected: bool) -> None:
    """Zero is a number; None and an error are not."""
    assert is_number(value) is expected


def test_a_made_line_is_a_value() -> None:
    """Made twice it is equal and hashes alike, so it can be stored and compared."""
    made_at = datetime(2026, 11, 11, tzinfo=UTC)
    stitched = line(header(changed_at=made_at), [promised(5)], [fulfilment(shipped=1)])
    first, second = materialise(stitched)[0], materialise(stitched)[0]

    assert (first, hash(first)) == (second, hash(second))
