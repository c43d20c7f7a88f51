"""What systems state: the values facets are made of, and the closed words they use.

Quantities are in the unit of the facet that states them, exactly as stated.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import TypeAlias

from orderlines.discrepancy import Discrepancy
from orderlines.quantity import Number, Ratio


class Absence(Enum):
    """Why a system that was read gives no quantity."""

    NOT_PROVIDED = "The system does not know this quantity for the line."
    NOT_YET = "The system knows such quantities; for this line it has none yet."
    NOT_APPLICABLE = "The quantity makes no sense for this line, as an allocation for a drop ship."


class Channel(Enum):
    """Where the order came in."""

    ECOMMERCE = "eCommerce"
    EDI = "EDI"
    MARKETPLACE = "Marketplace"
    FIELD_SALES = "Field sales"
    B2B_PORTAL = "B2B portal"
    OTHER = "Another channel, or one the source does not name"


class CancelledBy(Enum):
    """Who cancelled."""

    CUSTOMER = "The customer"
    SUPPLIER = "The distributor or its supplier"
    SYSTEM = "A rule, such as an expiry"


class SubstitutionStatus(Enum):
    """How far a substitution has come."""

    PROPOSED = "Offered, not answered"
    ACCEPTED = "Accepted by or for the customer"
    REJECTED = "Declined"
    SHIPPED = "Accepted and shipped"


class PromiseBasis(Enum):
    """What a promise rests on."""

    ATP = "Available to promise, computed"
    SCHEDULE = "A schedule of the order system"
    MANUAL = "A person's word"
    EDI_ACK = "An EDI acknowledgement"


Stated: TypeAlias = Number | Absence | Discrepancy


@dataclass(frozen=True, slots=True)
class StatedCancellation:
    """A cancellation as the order source states it, in the header's unit."""

    value: Number
    by: CancelledBy
    reason: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class StatedSlice:
    """Part of a promise, in the promise facet's unit.

    Attributes:
        value: How much.
        on: For which ship date; None while the schedule is pending.
        is_firm: Whether the slice may serve as a deadline.
    """

    value: Number
    on: date | None
    is_firm: bool


@dataclass(frozen=True, slots=True)
class StatedPromise:
    """One version of the promise: it replaces the version before as a whole."""

    version: int
    made_at: datetime | None
    basis: PromiseBasis
    slices: tuple[StatedSlice, ...]


@dataclass(frozen=True, slots=True)
class StatedSubstitution:
    """A substitute offered for the ordered item.

    Attributes:
        for_sku: The ordered item.
        by_sku: The substitute.
        ratio: Substitute units per ordered unit, in base units.
        proposed: Offered, in the substitute's base unit.
        accepted: Accepted, in the substitute's base unit.
        status: How far it has come.
        reason: Why, in the system's word.
    """

    for_sku: str
    by_sku: str
    ratio: Ratio
    proposed: Number
    accepted: Number
    status: SubstitutionStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class StatedAllocation:
    """Stock reserved and not yet shipped, in the fulfilment facet's unit."""

    value: Number
    node: str | None
    lot: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class StatedShipment:
    """Goods that left, gross; in the fulfilment facet's unit, of the item named.

    Attributes:
        sku: What was shipped: the ordered item or a substitute.
    """

    shipment_id: str
    value: Number
    sku: str
    node: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    carrier: str | None
