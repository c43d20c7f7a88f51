"""Facets for tests: small records that say of one line what a test wants them to say.

Each satisfies its protocol of `orderlines.facets` by plain fields, so mypy proves
the protocols can be met, and has defaults for what a test does not speak of: one
line of ten eaches, asked for and nothing more. `line` stitches them together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType

from orderlines.discrepancy import Discrepancy
from orderlines.errors import GatewayError
from orderlines.facets import (
    FulfilmentFacet,
    HeaderFacet,
    PromiseFacet,
    Section,
)
from orderlines.identity import OrderLineKey
from orderlines.item import CASE, Item
from orderlines.order_line import Reading
from orderlines.quantity import ONE, Number, Ratio
from orderlines.stated import (
    Absence,
    CancelledBy,
    Channel,
    PromiseBasis,
    Stated,
    StatedAllocation,
    StatedCancellation,
    StatedPromise,
    StatedShipment,
    StatedSlice,
    StatedSubstitution,
    SubstitutionStatus,
)
from orderlines.stitched_line import StitchedLine

READ_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SHIPPED_AT = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
ORDERED_ON = date(2026, 11, 10)
SHIP_ON = date(2026, 11, 19)

KEY = OrderLineKey("erp", "SO-1", "10")
ITEM = Item("SKU-1", "EA", packs=MappingProxyType({CASE: Ratio(12), "PAL": Ratio(480)}))
READINGS: Mapping[Section, Reading] = MappingProxyType(
    {
        Section.HEADER: Reading("erp", READ_AT),
        Section.PROMISE: Reading("oms", READ_AT),
        Section.FULFILMENT: Reading("wms", READ_AT),
    }
)


@dataclass(frozen=True, slots=True)
class HeaderRecord:
    """What the order source says."""

    requested: Stated = 10
    unit: str = "EA"
    cancellations: Sequence[StatedCancellation] | Absence | Discrepancy = ()
    record: str = "SO-1/10"
    order_number: str = KEY.order_number
    line_number: str = KEY.line_number
    changed_at: datetime | None = None
    root_line_number: str | None = None
    customer_po: str | None = "PO-7"
    sku: str = ITEM.sku
    customer_item: str | None = None
    sold_to: str | None = "C1"
    ship_to: str | None = "C1-DOCK"
    channel: Channel = Channel.EDI
    channel_code: str | None = "EDI"
    owner_node: str | None = "W1"
    ordered_on: date | None = ORDERED_ON
    requested_ship_on: date | None = SHIP_ON
    requested_delivery_on: date | None = None
    unit_price: Number | None = 2
    currency: str | None = "USD"
    is_drop_ship: bool = False
    hold_reason: str | None = None
    over_delivery_tolerance: Number = 0
    posted_shipped: Number | None = None


@dataclass(frozen=True, slots=True)
class PromiseRecord:
    """What the promising system says."""

    promises: Sequence[StatedPromise] | Absence | Discrepancy = Absence.NOT_YET
    substitutions: Sequence[StatedSubstitution] | Discrepancy = ()
    unit: str = "EA"
    record: str = "P-1"
    order_number: str = KEY.order_number
    line_number: str = KEY.line_number
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FulfilmentRecord:
    """What the warehouse system says."""

    shipped: Stated = 0
    allocated: Stated = 0
    shipments: Sequence[StatedShipment] | Discrepancy = ()
    allocations: Sequence[StatedAllocation] | Discrepancy = ()
    picked: Number | None = None
    returned: Number | None = None
    unit: str = "EA"
    record: str = "W-1"
    order_number: str = KEY.order_number
    line_number: str = KEY.line_number
    changed_at: datetime | None = None


# So that a test reads as what is said: `header(requested=12)`, `fulfilment(shipped=4)`.
header = HeaderRecord
promise = PromiseRecord
fulfilment = FulfilmentRecord


def cancelled(
    value: Number, by: CancelledBy = CancelledBy.CUSTOMER, at: datetime | None = None
) -> StatedCancellation:
    """State that somebody cancelled so many."""
    return StatedCancellation(value, by, None, at)


def version(number: int, *slices: tuple[Number, date | None]) -> StatedPromise:
    """State one version of a promise, as pairs of quantity and date."""
    return StatedPromise(
        number,
        None,
        PromiseBasis.ATP,
        tuple(StatedSlice(value, on, is_firm=True) for value, on in slices),
    )


def promised(value: Number, on: date | None = SHIP_ON) -> PromiseRecord:
    """State a promise of so many for one date, never changed."""
    return PromiseRecord(promises=(version(1, (value, on)),))


def offer(
    by_sku: str = "SKU-9",
    status: SubstitutionStatus = SubstitutionStatus.ACCEPTED,
    *,
    ratio: Ratio = ONE,
    proposed: Number = 10,
    accepted: Number = 10,
) -> StatedSubstitution:
    """State that a substitute was offered."""
    return StatedSubstitution(ITEM.sku, by_sku, ratio, proposed, accepted, status, None)


def shipment(
    value: Number,
    shipment_id: str = "SH-1",
    *,
    sku: str = ITEM.sku,
    at: datetime | None = SHIPPED_AT,
    node: str | None = "W1",
) -> StatedShipment:
    """State that so many left."""
    return StatedShipment(shipment_id, value, sku, node, at, None, None)


def allocation(
    value: Number, node: str | None = "W1", *, lot: str | None = None, at: datetime | None = None
) -> StatedAllocation:
    """State that so many are reserved."""
    return StatedAllocation(value, node, lot, at)


def line(  # noqa: PLR0913 - one argument for each thing a line is stitched from
    header: HeaderFacet | GatewayError,
    promises: Sequence[PromiseFacet] | GatewayError = (),
    fulfilments: Sequence[FulfilmentFacet] | GatewayError = (),
    *,
    item: Item | GatewayError | None = ITEM,
    key: OrderLineKey = KEY,
    readings: Mapping[Section, Reading] = READINGS,
) -> StitchedLine:
    """Stitch one line of what the systems say of it."""
    return StitchedLine(
        key.source,
        key.order_number,
        key.line_number,
        readings,
        header,
        item,
        promises,
        fulfilments,
    )
