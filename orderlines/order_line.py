"""The canonical order line: one line, one unit, every quantity, whoever stated it.

This is the full record, built where the whole line is needed: for invariants,
for reconciliation, for the book. `stitch.materialise` is the only maker. All
quantities are exact; those of the ordered item are in `unit`, its base unit.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple, TypeAlias, TypeGuard

from orderlines.errors import GatewayError
from orderlines.identity import OrderLineKey
from orderlines.quantity import Exact, Number, Quantity, Ratio
from orderlines.stated import (
    Absence,
    CancelledBy,
    Channel,
    PromiseBasis,
    SubstitutionStatus,
)


class Freshness(Enum):
    """Where a reading was taken."""

    LIVE = "Read from the system while the question was being answered."
    STORED = "Read from the gateway's own book."


class Reading(NamedTuple):
    """One look at one system, shared by every line it told about.

    Attributes:
        system: Configured name.
        as_of: When the system's answer was complete, in UTC.
        freshness: Where it was read.
        is_stale: Whether a fresher reading was wanted and could not be had.
    """

    system: str
    as_of: datetime
    freshness: Freshness = Freshness.LIVE
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """The system, record and instant behind one number.

    Attributes:
        reading: The look at the system.
        record: The system's own name for the record.
        changed_at: When the system last changed it, in UTC; None if it does not say.
    """

    reading: Reading
    record: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Requested:
    """What the customer asked for.

    Attributes:
        quantity: In the base unit, or in `as_ordered`'s where there is no factor.
        as_ordered: What the customer wrote.
        ship_on: Requested ship date, in the ship-from zone.
        delivery_on: Requested delivery date, in the ship-to zone.
        unit_price: Net price of one unit of `as_ordered`.
        currency: ISO 4217 code.
    """

    quantity: Quantity
    as_ordered: Quantity
    ship_on: date | None
    delivery_on: date | None
    unit_price: Number | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class PromiseSlice:
    """Part of a promise.

    Attributes:
        quantity: How much.
        on: For which ship date; None while the schedule is pending.
        is_firm: Whether it may serve as a deadline.
    """

    quantity: Quantity
    on: date | None
    is_firm: bool


@dataclass(frozen=True, slots=True)
class Promise:
    """One version of the promise for a line; the next one replaces it whole."""

    version: int
    made_at: datetime | None
    basis: PromiseBasis
    slices: tuple[PromiseSlice, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Stock reserved at a node and not yet shipped."""

    quantity: Quantity
    node: str | None
    lot: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods that left, gross.

    Attributes:
        quantity: Of the item `sku`, in that item's base unit.
        sku: The ordered item or a substitute.
    """

    shipment_id: str
    quantity: Quantity
    sku: str
    node: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    carrier: str | None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Units that will not be delivered, and who decided so."""

    quantity: Quantity
    by: CancelledBy
    reason: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Substitution:
    """Another item offered, and perhaps shipped, for the ordered one.

    Attributes:
        ratio: Substitute units per ordered unit, in base units.
        proposed: In the substitute's base unit.
        accepted: In the substitute's base unit.
        shipped: Shipped so far under this offer, in the substitute's base unit;
            None if not known. A unit that several offers speak of is under one.
        counts_for: `shipped` in units of the ordered item, exactly; None until
            the substitution is accepted, because then it fills nothing.
    """

    for_sku: str
    by_sku: str
    ratio: Ratio
    proposed: Exact
    accepted: Exact
    shipped: Exact | None
    counts_for: Quantity | None
    status: SubstitutionStatus
    reason: str | None

    @property
    def is_accepted(self) -> bool:
        """Whether its shipments fill the line."""
        return self.status in ACCEPTED


ACCEPTED = frozenset({SubstitutionStatus.ACCEPTED, SubstitutionStatus.SHIPPED})


@dataclass(frozen=True, slots=True)
class Quality:
    """How the goods and papers arrived; feeds the perfect-order metric."""

    is_damaged: bool = False
    documents_ok: bool = True


Known: TypeAlias = Exact | GatewayError | None


def is_number(value: Known) -> TypeGuard[Exact]:
    """Tell a number from not knowing it and from not having been able to read it."""
    return value is not None and not isinstance(value, GatewayError)


@dataclass(frozen=True, slots=True)
class Quantities:
    """The derived block: always consistent, all in the base unit.

    A value is None where a quantity it rests on is not known (NOT_PROVIDED, or
    in a unit without a factor), and the error of a section where one could not
    be read. A quantity that is NOT_YET or NOT_APPLICABLE counts as 0: nothing of
    the kind has happened.

    Attributes:
        net: Requested less all cancellations.
        fulfilled: Shipped, plus accepted substitutes in units of the ordered item.
        open: What is still to ship, never below 0.
        backordered: What no promise and no stock covers, never below 0. Not
            derived before a first promise was given: until then nothing says
            that stock is missing.
    """

    requested: Known
    cancelled_by_customer: Known
    cancelled_by_supplier: Known
    net: Known
    promised: Known
    allocated: Known
    shipped: Known
    substituted: Known
    fulfilled: Known
    open: Known
    backordered: Known
    returned: Known
    picked: Known


class OrderLineState(Enum):
    """A display state: a pure function of the quantities, never stored."""

    CANCELLED = "Everything was cancelled and nothing shipped."
    SHIPPED = "Everything that was not cancelled has shipped."
    PARTIALLY_SHIPPED = "Part has shipped, part is open."
    ON_HOLD = "Nothing has shipped and the line is held."
    BACKORDERED = "Neither stock nor a promise covers all that is open."
    ALLOCATED = "Stock is reserved for all that is open."
    PROMISED = "A promise covers all that is open."
    OPEN = "Still to ship, and no stock or promise is known to cover all of it."


@dataclass(frozen=True, slots=True)
class OrderLine:
    """The full stitched line.

    Attributes:
        unit: The base unit all quantities of the ordered item are in.
        decimals: Decimals of that unit.
        absences: Why a quantity is not there, by the name of the quantity.
        units_per_case: Base units in a case at order time; None without a case.
        promises: Versions, oldest first; the last is in force.
        quality: None until somebody noted it.
    """

    key: OrderLineKey
    root_line_number: str | None
    customer_po: str | None
    sku: str
    customer_item: str | None
    sold_to: str | None
    ship_to: str | None
    channel: Channel
    channel_code: str | None
    owner_node: str | None
    ordered_on: date | None
    unit: str
    decimals: int
    units_per_case: Ratio | None
    requested: Requested | None
    promises: tuple[Promise, ...]
    allocations: tuple[Allocation, ...]
    shipments: tuple[Shipment, ...]
    cancellations: tuple[Cancellation, ...]
    substitutions: tuple[Substitution, ...]
    quantities: Quantities
    absences: tuple[tuple[str, Absence], ...]
    over_delivery_tolerance: Number
    is_drop_ship: bool
    hold_reason: str | None
    quality: Quality | None = None
