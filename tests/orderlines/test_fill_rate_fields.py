"""Every field that a fill rate is computed from has a home on the order line.

The lines of the fill-rate vectors are told by three systems as facets, stitched,
and read back field by field: nothing is lost, and nothing is changed.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from orderlines.identity import OrderLineKey
from orderlines.item import CASE, Item
from orderlines.order_line import Known, OrderLine, OrderLineState, Quality
from orderlines.quantity import Ratio, stated
from orderlines.stated import (
    Absence,
    CancelledBy,
    Channel,
    StatedShipment,
    SubstitutionStatus,
)
from orderlines.stitch import materialise
from orderlines.stitched_line import StitchedLine
from tests.orderlines.facet_kit import (
    FulfilmentRecord,
    HeaderRecord,
    PromiseRecord,
    cancelled,
    fulfilment,
    header,
    line,
    offer,
    promise,
    shipment,
    version,
)


class Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many on a day."""

    qty: Decimal
    date: date


class Substitute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was shipped instead."""

    sku: str
    ratio: Decimal
    accepted: bool
    shipments: list[Dated]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the vectors; a field this test does not know is refused."""

    order: str
    line: str
    channel: str
    customer: str
    warehouse: str
    sku: str
    order_date: date
    requested_qty: Decimal
    unit_price: Decimal
    requested_ship_date: date
    promised: list[Dated]
    shipments: list[Dated]
    units_per_case: int
    cancelled_by_customer: Decimal
    cancelled_by_supplier: Decimal
    substitution: Substitute | None
    over_tolerance: Decimal
    drop_ship: bool
    returned_qty: Decimal
    damaged: bool
    documents_ok: bool


class Vectors(msgspec.Struct, frozen=True):
    """The whole file."""

    currency: str
    lines: list[Line]


FILE = Path(__file__).parent / "vectors" / "fill_rate_lines.json"
VECTORS = msgspec.json.decode(FILE.read_bytes(), type=Vectors)


def header_of(one: Line) -> HeaderRecord:
    """Tell what the order source knows."""
    by = {
        CancelledBy.CUSTOMER: stated(one.cancelled_by_customer),
        CancelledBy.SUPPLIER: stated(one.cancelled_by_supplier),
    }
    return header(
        order_number=one.order,
        line_number=one.line,
        channel=Channel[one.channel],
        sold_to=one.customer,
        owner_node=one.warehouse,
        sku=one.sku,
        ordered_on=one.order_date,
        requested=stated(one.requested_qty),
        unit_price=one.unit_price,
        currency=VECTORS.currency,
        requested_ship_on=one.requested_ship_date,
        cancellations=tuple(cancelled(value, who) for who, value in by.items() if value),
        over_delivery_tolerance=stated(one.over_tolerance),
        is_drop_ship=one.drop_ship,
    )


def promise_of(one: Line) -> PromiseRecord:
    """Tell what the promising system knows."""
    slices = [(stated(part.qty), part.date) for part in one.promised]
    if one.substitution is None:
        return promise((version(1, *slices),))
    instead = one.substitution
    ratio = instead.ratio.as_integer_ratio()
    status = SubstitutionStatus.ACCEPTED if instead.accepted else SubstitutionStatus.PROPOSED
    return promise((version(1, *slices),), (offer(instead.sku, status, ratio=Ratio(*ratio)),))


def fulfilment_of(one: Line) -> FulfilmentRecord:
    """Tell what the warehouse knows."""
    goods = [(one.sku, part) for part in one.shipments]
    if one.substitution is not None:
        goods += [(one.substitution.sku, part) for part in one.substitution.shipments]
    return fulfilment(
        shipped=stated(sum((part.qty for part in one.shipments), Decimal())),
        allocated=Absence.NOT_APPLICABLE if one.drop_ship else 0,
        shipments=tuple(sent_as(place, *sent) for place, sent in enumerate(goods)),
        returned=stated(one.returned_qty),
    )


def sent_as(place: int, sku: str, part: Dated) -> StatedShipment:
    """Ship at noon of the day."""
    at = datetime.combine(part.date, time(12), UTC)
    return shipment(stated(part.qty), f"SH-{place}", sku=sku, at=at)


def stitched(one: Line) -> StitchedLine:
    """Stitch what three systems say of the line."""
    return line(
        header_of(one),
        [promise_of(one)],
        [fulfilment_of(one)],
        item=Item(one.sku, "EA", packs={CASE: Ratio(one.units_per_case)}),
        key=OrderLineKey("erp", one.order, one.line),
    )


def read_back(made: OrderLine) -> Line:
    """Read every field of the vectors from the order line."""
    assert made.requested is not None
    assert made.units_per_case is not None
    assert made.quality is not None
    assert made.requested.currency == VECTORS.currency
    return Line(
        order=made.key.order_number,
        line=made.key.line_number,
        channel=made.channel.name,
        customer=made.sold_to or "",
        warehouse=made.owner_node or "",
        sku=made.sku,
        order_date=made.ordered_on or date.min,
        requested_qty=number(made.requested.quantity.value),
        unit_price=number(made.requested.unit_price),
        requested_ship_date=made.requested.ship_on or date.min,
        promised=[
            Dated(number(part.quantity.value), part.on or date.min)
            for part in made.promises[-1].slices
        ],
        shipments=shipped(made, made.sku),
        units_per_case=int(made.units_per_case.as_fraction),
        cancelled_by_customer=number(made.quantities.cancelled_by_customer),
        cancelled_by_supplier=number(made.quantities.cancelled_by_supplier),
        substitution=next(
            (
                Substitute(
                    one.by_sku,
                    Decimal(one.ratio.numerator) / one.ratio.denominator,
                    one.is_accepted,
                    shipped(made, one.by_sku),
                )
                for one in made.substitutions
            ),
            None,
        ),
        over_tolerance=number(made.over_delivery_tolerance),
        drop_ship=made.is_drop_ship,
        returned_qty=number(made.quantities.returned),
        damaged=made.quality.is_damaged,
        documents_ok=made.quality.documents_ok,
    )


def shipped(made: OrderLine, sku: str) -> list[Dated]:
    """Read the shipments of one item."""
    return [
        Dated(number(one.quantity.value), one.shipped_at.date())
        for one in made.shipments
        if one.sku == sku and one.shipped_at is not None
    ]


def number(value: Known) -> Decimal:
    """Take a figure for the number the vectors hold."""
    assert isinstance(value, int | Decimal)
    return Decimal(value)


@pytest.mark.parametrize("one", VECTORS.lines, ids=lambda one: one.line)
def test_every_field_of_a_vector_is_on_the_line(one: Line) -> None:
    """Quality is noted by an event, not told by these systems, so it is put on by hand."""
    made, discrepancies = materialise(stitched(one))
    noted = replace(made, quality=Quality(one.damaged, one.documents_ok))

    assert read_back(noted) == one
    assert discrepancies == ()


S = OrderLineState
STATES = {
    "A-1": S.SHIPPED,
    "A-2": S.SHIPPED,
    "B-1": S.SHIPPED,
    "B-2": S.SHIPPED,
    "C-1": S.CANCELLED,
    "C-2": S.SHIPPED,
    "D-1": S.SHIPPED,
    "D-2": S.SHIPPED,
    "E-1": S.SHIPPED,
    "E-2": S.PARTIALLY_SHIPPED,
    "F-1": S.SHIPPED,
}


def test_the_lines_of_the_vectors_have_these_states() -> None:
    """A substitute and an over-delivery ship a line; a return does not unship it."""
    assert {one.line: stitched(one).state for one in VECTORS.lines} == STATES
