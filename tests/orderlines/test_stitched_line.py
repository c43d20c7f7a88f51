"""The stitched line: what several systems say of one line, as one line.

It holds their records in one order, and tells each substitute once.
"""

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.quantity import Quantity
from orderlines.stated import SubstitutionStatus
from orderlines.stitched_line import NOT_READ, StitchedLine
from tests.orderlines.facet_kit import (
    ITEM,
    KEY,
    READINGS,
    fulfilment,
    header,
    line,
    offer,
    promise,
    shipment,
)

WMS_DOWN = GatewayError("The WMS did not answer.")
BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "W-1", "units", "This is not a number.")
UNLIKE = Discrepancy(
    DiscrepancyKind.UOM,
    "wms",
    "W-1",
    "unit",
    "Parts of one line are in units that cannot be added up.",
)


def test_a_line_knows_its_names() -> None:
    """The public id is that of the key."""
    found = line(header())

    assert (found.id, found.line_number, found.known_item) == (KEY.id, "10", ITEM)


def test_records_are_kept_by_name() -> None:
    """Nothing depends on the order in which they came."""
    found = line(
        header(),
        [promise(record="P-2"), promise(record="P-1")],
        [fulfilment(record="W-9"), fulfilment(record="W-1"), fulfilment(record="W-5")],
    )

    assert not isinstance(found.promise, GatewayError)
    assert not isinstance(found.fulfilment, GatewayError)
    assert [one.record for one in found.promise] == ["P-1", "P-2"]
    assert [one.record for one in found.fulfilment] == ["W-1", "W-5", "W-9"]


def test_sections_that_nobody_read_are_errors() -> None:
    """To ask for one is a fault of the gateway, and is not answered with a zero."""
    found = StitchedLine("erp", "SO-1", "10", READINGS, header(), ITEM)

    assert (found.promised, found.allocated, found.shipped, found.substitutions) == (
        NOT_READ,
        NOT_READ,
        NOT_READ,
        NOT_READ,
    )


def test_unreadable_shipments_may_hide_substitutes() -> None:
    """The total of the ordered item alone does not tell what fills the line."""
    found = line(header(), [], [fulfilment(shipped=4, shipments=BAD)])

    assert found.quantities.shipped == 4
    assert found.shipped_substitutes() == DiscrepancyError(BAD)
    assert found.open == DiscrepancyError(BAD)


def test_unreadable_offers_are_no_empty_list() -> None:
    """Their error stands where the list was asked for."""
    found = line(header(), [promise(substitutions=BAD)], [])

    assert found.substitutions == DiscrepancyError(BAD)


def test_substitutes_are_added_up_by_item() -> None:
    """Over all records and shipments; the ordered item is not among them."""
    found = line(
        header(),
        [],
        [
            fulfilment(shipments=(shipment(1), shipment(2, sku="SKU-9"))),
            fulfilment(shipments=(shipment(3, sku="SKU-9"), shipment(4, sku="SKU-8"))),
        ],
    )

    assert found.shipped_substitutes() == {"SKU-9": 5, "SKU-8": 4}


def test_substitutes_in_unlike_units_do_not_add_up() -> None:
    """How many eaches are in a case of another item nobody said."""
    found = line(
        header(),
        [],
        [
            fulfilment(shipments=(shipment(2, sku="SKU-9"),)),
            fulfilment(shipments=(shipment(1, sku="SKU-9"),), unit="CS", record="W-2"),
        ],
    )

    assert found.shipped_substitutes() == DiscrepancyError(UNLIKE)
    assert found.quantities.substituted == DiscrepancyError(UNLIKE)


def test_two_offers_of_one_item_do_not_count_it_twice() -> None:
    """Five shipped fill five, whoever offered them how often."""
    found = line(
        header(),
        [
            promise(substitutions=(offer(accepted=3), offer(accepted=4))),
            promise(substitutions=(offer(status=SubstitutionStatus.REJECTED),), record="P-2"),
        ],
        [fulfilment(shipments=(shipment(5, sku="SKU-9"),))],
    )

    assert found.quantities.substituted == 5


def test_offers_of_an_unreadable_warehouse_are_still_told() -> None:
    """What shipped of them is not known."""
    found = line(header(), [promise(substitutions=(offer(),))], WMS_DOWN)

    assert not isinstance(found.substitutions, GatewayError)
    assert [(one.by_sku, one.shipped) for one in found.substitutions] == [("SKU-9", None)]


def test_a_number_is_added_up_only_in_the_base_unit() -> None:
    """Nothing else may be: not another unit, not a missing number, not an unknown item."""
    known, unknown = line(header()), line(header(), item=None)

    assert [
        known.in_base(Quantity(5, "EA")),
        known.in_base(Quantity(5, "CS")),
        known.in_base(None),
        unknown.in_base(Quantity(5, "EA")),
    ] == [5, None, None, None]
