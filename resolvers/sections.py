"""The GraphQL types of a line's sections: quantities, and what is told beside them.

The shapes are declared here; the values are the ledger's, read by attribute.
"""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import strawberry

from orderlines.columns import (
    allocated_quantities,
    cancelled_quantities,
    first_dates,
    latest_dates,
    promised_quantities,
    requested_quantities,
    returned_quantities,
    shipped_quantities,
)
from orderlines.measured_column import printed_of, units_of
from orderlines.order_line import Lineage, Substitution
from resolvers.batches import computed, field
from resolvers.enums import (
    AbsenceType,
    CancelledByType,
    FreshnessType,
    PromiseBasisType,
    SubstitutionStatusType,
)
from resolvers.governance import PRICES, sized
from resolvers.needs import (
    ALLOCATIONS,
    DELIVERY_DATE,
    FULFILMENT_CHANGED,
    HEADER_CHANGED,
    PRICE,
    PROMISE_CHANGED,
    RETURNS,
    SHIP_DATE,
    SHIPMENTS,
    VERSIONS,
)
from resolvers.parts import of_headers


def of_header(description: str, accessor: str, **given: Any) -> Any:  # noqa: ANN401 - as `field` takes and gives
    """Declare a field whose value is an accessor of the header."""
    return field(description, read_by=partial(of_headers, accessor), **given)


of_requested = partial(field, of="requested")
of_promised = partial(field, of="promised")
of_allocated = partial(field, of="allocated")
of_shipped = partial(field, of="shipped")
of_cancelled = partial(field, of="cancelled")


@strawberry.type(name="Quantity", description="So many of a unit, exactly.")
class QuantityType:
    """`orderlines.quantity.Quantity`."""

    printed: Decimal = field("How many.", name="value", read_by=printed_of)
    unit: str = field("Unit code, for example `EA`, `CS` or `KG`.", read_by=units_of)


@strawberry.type(
    name="Ratio", description="A ratio of two positive whole numbers; never a rounded factor."
)
class RatioType:
    """`orderlines.quantity.Ratio`."""

    numerator: int = field("The upper number.")
    denominator: int = field("The lower number.")


@strawberry.type(name="Lineage", description="The system, record and instant behind a number.")
class LineageType:
    """`orderlines.order_line.Lineage`."""

    record: str = field("The system's own name for the record; empty if it has none yet.")
    changed_at: datetime | None = field(
        "When the system last changed the record; null if it does not say."
    )

    @computed(str, "Configured name of the system.")
    def system(lineage: strawberry.Parent[Lineage]) -> str:
        return lineage.reading.system

    @computed(datetime, "When the system's answer was complete.")
    def as_of(lineage: strawberry.Parent[Lineage]) -> datetime:
        return lineage.reading.as_of

    @computed(FreshnessType, "Where it was read.")
    def freshness(lineage: strawberry.Parent[Lineage]) -> object:
        return lineage.reading.freshness

    @computed(bool, "Whether a fresher reading was wanted and could not be had.")
    def stale(lineage: strawberry.Parent[Lineage]) -> bool:
        return lineage.reading.is_stale


@strawberry.type(
    name="RequestedQuantity",
    description="What the customer asked for, as the order source accepted it.",
)
class RequestedType:
    """`orderlines.stitched_line.StitchedLine`, of which the section was read."""

    quantity: QuantityType | None = of_requested(
        "In the item's base unit; in the ordered unit if the item has no factor for it.",
        read_by=requested_quantities,
    )
    absence: AbsenceType | None = of_requested("Why there is no quantity; null where there is one.")
    as_ordered: QuantityType | None = of_requested("What the customer wrote.")
    requested_ship_on: date | None = of_header(
        "Requested ship date, in the zone of the ship-from site.",
        "requested_ship_on",
        name="shipOn",
        needs=SHIP_DATE,
    )
    requested_delivery_on: date | None = of_header(
        "Requested delivery date, in the zone of the receiver.",
        "requested_delivery_on",
        name="deliveryOn",
        needs=DELIVERY_DATE,
    )
    unit_price: Decimal | None = of_header(
        "Net price of one unit of `asOrdered` when the order was accepted.",
        "unit_price",
        needs=PRICE,
        policy=(PRICES,),
    )
    currency: str | None = of_header(
        "ISO 4217 code of `unitPrice`.", "currency", needs=PRICE, policy=(PRICES,)
    )
    lineage: list[LineageType] = of_requested(
        "The records behind it.", policy=(sized(2),), needs=HEADER_CHANGED
    )


@strawberry.type(name="PromiseSlice", description="Part of a promise: how much by when.")
class PromiseSliceType:
    """`orderlines.order_line.PromiseSlice`."""

    quantity: QuantityType = field("How much.")
    on: date | None = field("Promised ship date; null while the schedule is pending.")
    is_firm: bool = field("Whether the slice may serve as a deadline.", name="firm")


@strawberry.type(
    name="PromiseVersion",
    description="One version of a line's promise; the next one replaced it as a whole.",
)
class PromiseVersionType:
    """`orderlines.order_line.Promise`."""

    version: int = field("Counts from 1 in the promising system.")
    made_at: datetime | None = field("When it was given; null if the system does not say.")
    basis: PromiseBasisType = field("What it rests on.")
    slices: list[PromiseSliceType] = field(
        "By date; slices without a date come last.", policy=(sized(3),)
    )


@strawberry.type(
    name="PromisedQuantity",
    description=(
        "When how much will leave. A promise is a list; "
        "`quantity`, `firstDate` and `latestDate` are projections of the version in force."
    ),
)
class PromisedType:
    """`orderlines.stitched_line.StitchedLine`, of which the section was read."""

    quantity: QuantityType | None = of_promised(
        "Sum of the slices in force, in the item's base unit; "
        "in the promised unit if the item has no factor for it.",
        read_by=promised_quantities,
    )
    absence: AbsenceType | None = of_promised("Why there is no quantity; null where there is one.")
    first_on: date | None = of_promised(
        "Earliest date of the slices in force.", name="firstDate", read_by=first_dates
    )
    latest_on: date | None = of_promised(
        "Last date of the slices in force.", name="latestDate", read_by=latest_dates
    )
    schedule: list[PromiseSliceType] = of_promised(
        "The slices in force, by date.", needs=VERSIONS, policy=(sized(3),)
    )
    versions: list[PromiseVersionType] = of_promised(
        "Every version, oldest first; the last is in force.", needs=VERSIONS, policy=(sized(3),)
    )
    lineage: list[LineageType] = of_promised(
        "The records behind it.", policy=(sized(2),), needs=PROMISE_CHANGED
    )


@strawberry.type(name="Allocation", description="Stock reserved at a warehouse, not yet shipped.")
class AllocationType:
    """`orderlines.order_line.Allocation`."""

    quantity: QuantityType = field("How much.")
    node: str | None = field("The warehouse; null if the system does not say.", name="warehouse")
    lot: str | None = field("The lot, where stock is kept by lot.")
    at: datetime | None = field("When it was reserved; null if the system does not say.")


@strawberry.type(
    name="AllocatedQuantity",
    description="Stock reserved and not yet shipped: a level, not a sum over time.",
)
class AllocatedType:
    """`orderlines.stitched_line.StitchedLine`, of which the section was read."""

    quantity: QuantityType | None = of_allocated(
        "In the item's base unit; in the warehouse's unit if the item has no factor for it.",
        read_by=allocated_quantities,
    )
    absence: AbsenceType | None = of_allocated("Why there is no quantity; null where there is one.")
    by_node: list[AllocationType] = of_allocated(
        "The reservations.", needs=ALLOCATIONS, name="byWarehouse", policy=(sized(2),)
    )
    lineage: list[LineageType] = of_allocated(
        "The records behind it.", policy=(sized(2),), needs=FULFILMENT_CHANGED
    )


@strawberry.type(name="Shipment", description="Goods that left the dock, gross.")
class ShipmentType:
    """`orderlines.order_line.Shipment`."""

    shipment_id: str = field("The warehouse system's number of the shipment.")
    quantity: QuantityType = field("How much; of a substitute, in the substitute's unit.")
    sku: str = field("What left: the ordered item or a substitute.")
    node: str | None = field(
        "Where it left from; null if the system does not say.", name="warehouse"
    )
    shipped_at: datetime | None = field("When it left; null if the system does not say.")
    delivered_at: datetime | None = field("When it arrived; null if not, or not known.")
    carrier: str | None = field("Who carried it.")


@strawberry.type(
    name="ShippedQuantity",
    description="What left the dock, gross: goods that came back are told apart, never taken off.",
)
class ShippedType:
    """`orderlines.stitched_line.StitchedLine`, of which the section was read."""

    quantity: QuantityType | None = of_shipped(
        "Of the ordered item, in its base unit; "
        "in the warehouse's unit if the item has no factor for it.",
        read_by=shipped_quantities,
    )
    absence: AbsenceType | None = of_shipped("Why there is no quantity; null where there is one.")
    shipments: list[ShipmentType] = of_shipped(
        "Every shipment, substitutes included, by time.", needs=SHIPMENTS, policy=(sized(3),)
    )
    returned: QuantityType | None = of_shipped(
        "Come back since; null where that is not recorded.",
        needs=RETURNS,
        read_by=returned_quantities,
    )
    picked: QuantityType | None = of_shipped("Picked so far; null where picks are not recorded.")
    lineage: list[LineageType] = of_shipped(
        "The records behind it.", policy=(sized(2),), needs=FULFILMENT_CHANGED
    )


@strawberry.type(name="Cancellation", description="Units that will not be delivered.")
class CancellationType:
    """`orderlines.order_line.Cancellation`."""

    quantity: QuantityType = field("How much.")
    by: CancelledByType = field("Who decided so.")
    reason: str | None = field("Why, in the order source's word.")
    at: datetime | None = field("When; null if the system does not say.")


@strawberry.type(name="CancelledQuantity", description="What will not be delivered.")
class CancelledType:
    """`orderlines.stitched_line.StitchedLine`, of which the section was read."""

    quantity: QuantityType | None = of_cancelled(
        "All cancellations together, 0 if there are none.",
        read_by=cancelled_quantities,
    )
    absence: AbsenceType | None = of_cancelled("Why there is no quantity; null where there is one.")
    by_customer: QuantityType | None = of_cancelled("Cancelled by the customer.")
    by_supplier: QuantityType | None = of_cancelled("Cancelled by the distributor or its supplier.")
    records: list[CancellationType] = of_cancelled("Each cancellation.", policy=(sized(2),))
    lineage: list[LineageType] = of_cancelled(
        "The records behind it.", policy=(sized(2),), needs=HEADER_CHANGED
    )


@strawberry.type(
    name="Substitution", description="Another item offered, and perhaps shipped, for this one."
)
class SubstitutionType:
    """`orderlines.order_line.Substitution`."""

    for_sku: str = field("The ordered item.")
    by_sku: str = field("The substitute.")
    ratio: RatioType = field("Substitute units per ordered unit, in base units.")
    proposed: Decimal = field("Offered, in the substitute's base unit.")
    accepted: Decimal = field("Accepted, in the substitute's base unit.")
    shipped: Decimal | None = field(
        "Shipped, in the substitute's base unit; null if the warehouse system was not read."
    )
    counts_for: QuantityType | None = field(
        "What the shipped units fill of the ordered item; null until the customer accepted."
    )
    status: SubstitutionStatusType = field("How far it has come.")
    reason: str | None = field("Why, in the promising system's word.")

    @computed(bool, "Whether its shipments fill the line.")
    def accepted_by_customer(substitution: strawberry.Parent[Substitution]) -> bool:
        return substitution.is_accepted
