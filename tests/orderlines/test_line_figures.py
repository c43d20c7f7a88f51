"""The figures of a stitched line: quantities, open, backordered and state.

What could not be read is an error in its place, what is not known is None, and
nothing unknown is ever taken for a zero.
"""

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.item import Item
from orderlines.order_line import OrderLineState, Quantities
from orderlines.quantity import Quantity, Ratio
from orderlines.stated import Absence, CancelledBy
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

ERP_DOWN = GatewayError("The ERP did not answer.")
OMS_DOWN = GatewayError("The OMS did not answer.")
WMS_DOWN = GatewayError("The WMS did not answer.")
NO_MASTER_DATA = GatewayError("The item master did not answer.")
BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "W-1", "units", "This is not a number.")


def test_the_figures_of_a_line_are_in_its_base_unit() -> None:
    """Ordered in cases, promised in cases, counted in eaches: one block, one unit."""
    found = line(
        header(
            requested=5,
            unit="CS",
            cancellations=(cancelled(1), cancelled(1, CancelledBy.SUPPLIER)),
        ),
        [promise(promised(2).promises, (offer(ratio=Ratio(2)),), unit="CS")],
        [
            fulfilment(
                shipped=10,
                allocated=6,
                picked=16,
                returned=1,
                shipments=(shipment(10), shipment(4, "SH-2", sku="SKU-9")),
            )
        ],
    )

    assert found.quantities == Quantities(
        requested=60,
        cancelled_by_customer=12,
        cancelled_by_supplier=12,
        net=36,
        promised=24,
        allocated=6,
        shipped=10,
        substituted=2,
        fulfilled=12,
        open=24,
        backordered=12,
        returned=1,
        picked=16,
    )
    assert (found.open, found.backordered, found.state) == (
        Quantity(24, "EA"),
        Quantity(12, "EA"),
        OrderLineState.PARTIALLY_SHIPPED,
    )


def test_figures_are_worked_out_once() -> None:
    """Every field that needs them shares one block."""
    found = line(header())

    assert found.quantities is found.quantities


def test_without_the_header_nothing_of_the_line_is_known() -> None:
    """Its error stands in every place; what other systems say is still told."""
    found = line(ERP_DOWN, [promised(5)], [fulfilment(shipped=5)], item=None)

    assert (
        found.requested,
        found.cancelled,
        found.shipped_substitutes(),
        found.open,
        found.backordered,
        found.state,
    ) == (ERP_DOWN, ERP_DOWN, ERP_DOWN, ERP_DOWN, ERP_DOWN, ERP_DOWN)
    assert not isinstance(found.shipped, GatewayError)
    assert found.shipped.quantity == Quantity(5, "EA")


def test_without_the_warehouse_a_promise_may_still_cover_a_line() -> None:
    """Its error stands only where its numbers are needed."""
    found = line(header(), [promised(10)], WMS_DOWN)

    assert (found.open, found.backordered, found.state, found.allocated, found.shipped) == (
        WMS_DOWN,
        Quantity(0, "EA"),
        WMS_DOWN,
        WMS_DOWN,
        WMS_DOWN,
    )


def test_without_promises_a_shipped_line_is_shipped() -> None:
    """No substitute left, so nothing need be known of offers."""
    found = line(header(), OMS_DOWN, [fulfilment(shipped=10)])

    assert (found.open, found.state, found.promised, found.substitutions) == (
        Quantity(0, "EA"),
        OrderLineState.SHIPPED,
        OMS_DOWN,
        OMS_DOWN,
    )


def test_a_shipped_substitute_needs_its_offer() -> None:
    """Whether it fills the line only the promising system can tell."""
    found = line(header(), OMS_DOWN, [fulfilment(shipments=(shipment(10, sku="SKU-9"),))])

    assert (found.quantities.substituted, found.open, found.state) == (OMS_DOWN, OMS_DOWN, OMS_DOWN)


def test_without_master_data_no_figure_is_known() -> None:
    """An item that nobody described has no base unit to count in."""
    found = line(header(), [promise(substitutions=(offer(),))], [fulfilment(shipped=4)], item=None)

    assert (found.quantities.requested, found.quantities.shipped, found.open, found.state) == (
        None,
        None,
        None,
        None,
    )


def test_unreadable_master_data_is_told() -> None:
    """Why no figure is known is an error that has a name, not a silent None."""
    found = line(
        header(cancellations=(cancelled(1),)),
        [promised(10)],
        [fulfilment(shipped=4, picked=4, allocated=1, shipments=(shipment(1, sku="SKU-9"),))],
        item=NO_MASTER_DATA,
    )

    assert found.quantities == Quantities(
        requested=NO_MASTER_DATA,
        cancelled_by_customer=NO_MASTER_DATA,
        cancelled_by_supplier=NO_MASTER_DATA,
        net=NO_MASTER_DATA,
        promised=NO_MASTER_DATA,
        allocated=NO_MASTER_DATA,
        shipped=NO_MASTER_DATA,
        substituted=NO_MASTER_DATA,
        fulfilled=NO_MASTER_DATA,
        open=NO_MASTER_DATA,
        backordered=NO_MASTER_DATA,
        returned=None,
        picked=NO_MASTER_DATA,
    )


def test_shipped_substitutes_of_an_unknown_item_fill_nobody_knows_what() -> None:
    """None, not zero: without a base unit their worth cannot be told."""
    found = line(
        header(requested=Absence.NOT_YET, cancellations=Absence.NOT_YET),
        [promise(substitutions=(offer(),))],
        [fulfilment(shipped=Absence.NOT_YET, shipments=(shipment(1, sku="SKU-9"),))],
        item=None,
    )

    assert (found.quantities.substituted, found.open, found.state) == (None, None, None)


def test_a_line_of_which_nothing_is_stated_has_no_unit_to_count_in() -> None:
    """A zero without a unit is no quantity."""
    found = line(
        header(requested=Absence.NOT_YET, cancellations=Absence.NOT_YET), [], [], item=None
    )

    assert (found.quantities.open, found.open) == (0, None)


@pytest.mark.parametrize(
    ("absence", "expected"),
    [(Absence.NOT_PROVIDED, None), (Absence.NOT_YET, 0), (Absence.NOT_APPLICABLE, 0)],
)
def test_only_what_is_not_provided_is_unknown(absence: Absence, expected: int | None) -> None:
    """What is not there yet, or makes no sense, has not happened."""
    found = line(
        header(cancellations=absence), [promise(absence)], [fulfilment(absence, absence)]
    ).quantities

    assert (
        found.cancelled_by_customer,
        found.cancelled_by_supplier,
        found.promised,
        found.allocated,
        found.shipped,
    ) == (expected,) * 5


def test_a_unit_without_a_factor_leaves_the_figure_unknown() -> None:
    """Boxes are not eaches: the section tells its boxes, the figures tell nothing."""
    found = line(header(requested=10, unit="BX"), [], [fulfilment(shipped=4)])

    assert not isinstance(found.requested, GatewayError)
    assert (found.requested.quantity, found.quantities.requested, found.open, found.state) == (
        Quantity(10, "BX"),
        None,
        None,
        None,
    )


def test_what_cannot_be_mapped_is_an_error_in_its_place() -> None:
    """Reservations cannot be read; shipments and the promise can."""
    found = line(header(), [promised(10)], [fulfilment(shipped=4, allocated=BAD)])

    assert found.quantities.allocated == DiscrepancyError(BAD)
    assert (found.open, found.state) == (Quantity(6, "EA"), OrderLineState.PARTIALLY_SHIPPED)


def test_unreadable_cancellations_leave_the_net_unknown() -> None:
    """Both parties' shares are the one error."""
    found = line(header(cancellations=BAD)).quantities

    assert [found.cancelled_by_customer, found.cancelled_by_supplier, found.net] == [
        DiscrepancyError(BAD)
    ] * 3


def test_a_hold_is_the_headers() -> None:
    """Shown while nothing has shipped."""
    assert line(header(hold_reason="CREDIT"), [promised(10)], []).state is OrderLineState.ON_HOLD


def test_decimals_of_a_figure_are_those_of_the_item() -> None:
    """So that a figure that never ends is printed in the item's unit."""
    item = Item("SKU-1", "KG", decimals=3, packs={"EA": Ratio(1, 3)})
    found = line(header(requested=10), item=item).open

    assert str(found) == "3.333 KG"
