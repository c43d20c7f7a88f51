"""Laws that the quantities of a line keep, and what it means when they do not.

A hard law broken is a mapping fault: the line is still served, flagged, and the
fault becomes a discrepancy. A soft law may be broken in honest practice
(over-shipment, lag between systems); it is shown, never "mended". A law whose
quantities are not known is neither kept nor broken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from fractions import Fraction

from orderlines.order_line import Known, OrderLine, Quantities, is_number
from orderlines.quantity import Exact, Number, agree, minus, plus, total


class Severity(Enum):
    """What a broken law means."""

    HARD = "A mapping fault"
    SOFT = "Legal in practice; worth a look"


class Invariant(Enum):
    """The laws, each with its sentence."""

    NOT_NEGATIVE = "No quantity is below zero."
    CANCELLED_WITHIN_REQUESTED = "No more is cancelled than was requested."
    RETURNED_WITHIN_SHIPPED = "No more came back than was shipped."
    SHIPPED_WITHIN_NET = "No more is shipped than was requested and not cancelled."
    ALLOCATED_WITHIN_OPEN = "No more is reserved than is still to ship."
    PROMISED_WITHIN_NET = "No more is promised than was requested and not cancelled."
    PICKED_COVERS_SHIPPED = "What was shipped had been picked."
    POSTED_AS_SHIPPED = "The order source posted what the warehouse shipped."
    BALANCE = "Fulfilled, open and cancelled add up to what was requested."
    REQUESTED_AFTER_ORDERED = "The requested date is not before the order date."
    SHIPPED_IN_THE_PAST = "No shipment lies in the future."


HARD = frozenset(
    {
        Invariant.NOT_NEGATIVE,
        Invariant.CANCELLED_WITHIN_REQUESTED,
        Invariant.RETURNED_WITHIN_SHIPPED,
    }
)


@dataclass(frozen=True, slots=True)
class InvariantCheck:
    """One law, looked at for one line.

    Attributes:
        holds: None where a quantity it speaks of is not known.
        delta: By how much it is broken, in the base unit, below zero where
            something is missing; None where it holds, is not known, or is not
            about a quantity.
        is_tolerated: Broken, and within the line's over-delivery tolerance.
    """

    invariant: Invariant
    holds: bool | None
    delta: Exact | None = None
    is_tolerated: bool = False

    @property
    def severity(self) -> Severity:
        """What it means if the law is broken."""
        return Severity.HARD if self.invariant in HARD else Severity.SOFT


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the laws need to know besides the quantities.

    Attributes:
        decimals: Of the base unit; quantities closer than half a last digit agree.
        over_delivery_tolerance: Share of the request that may be shipped on top.
        posted_shipped: What the order source believes was shipped, in the base unit.
        as_of: When the shipments were read; None if they were not.
    """

    decimals: int
    over_delivery_tolerance: Number
    posted_shipped: Known
    ordered_on: date | None
    requested_on: date | None
    shipped_at: Sequence[datetime]
    as_of: datetime | None


def check(quantities: Quantities, around: Surroundings) -> tuple[InvariantCheck, ...]:
    """Look at every law for one line, in the order of `Invariant`."""
    q = quantities
    cancelled = _sum(q.cancelled_by_customer, q.cancelled_by_supplier)
    balance = _sum(_sum(q.fulfilled, q.open), cancelled)
    return (
        _not_negative(q),
        _at_most(Invariant.CANCELLED_WITHIN_REQUESTED, cancelled, q.requested, around),
        _at_most(Invariant.RETURNED_WITHIN_SHIPPED, q.returned, q.shipped, around),
        _tolerated(_at_most(Invariant.SHIPPED_WITHIN_NET, q.shipped, q.net, around), q, around),
        _at_most(Invariant.ALLOCATED_WITHIN_OPEN, q.allocated, q.open, around),
        _at_most(Invariant.PROMISED_WITHIN_NET, q.promised, q.net, around),
        _at_most(Invariant.PICKED_COVERS_SHIPPED, q.shipped, q.picked, around),
        _equal(Invariant.POSTED_AS_SHIPPED, around.posted_shipped, q.shipped, around),
        _tolerated(_equal(Invariant.BALANCE, balance, q.requested, around), q, around),
        _dates_in_order(around),
        _in_the_past(around),
    )


def split_conserves(parent: OrderLine, children: Sequence[OrderLine]) -> bool:
    """Tell whether the children of a split hold exactly what the parent held.

    Compared per quantity; a quantity that is not known on either side is not.
    """

    def sums_up(name: str) -> bool:
        whole = getattr(parent.quantities, name)
        parts = [getattr(child.quantities, name) for child in children]
        if not is_number(whole) or not all(is_number(part) for part in parts):
            return True
        return agree(total(parts), whole, parent.decimals)

    return all(
        sums_up(name)
        for name in (
            "requested",
            "cancelled_by_customer",
            "cancelled_by_supplier",
            "promised",
            "allocated",
            "shipped",
            "substituted",
            "returned",
            "picked",
        )
    )


def _not_negative(quantities: Quantities) -> InvariantCheck:
    values: Iterable[Known] = (
        quantities.requested,
        quantities.cancelled_by_customer,
        quantities.cancelled_by_supplier,
        quantities.promised,
        quantities.allocated,
        quantities.shipped,
        quantities.substituted,
        quantities.returned,
        quantities.picked,
    )
    known = [value for value in values if is_number(value)]
    lowest = min(known, default=None)
    if lowest is None:
        return InvariantCheck(Invariant.NOT_NEGATIVE, None)
    if lowest < 0:
        return InvariantCheck(Invariant.NOT_NEGATIVE, holds=False, delta=minus(0, lowest))
    return InvariantCheck(Invariant.NOT_NEGATIVE, holds=True)


def _tolerated(
    found: InvariantCheck, quantities: Quantities, around: Surroundings
) -> InvariantCheck:
    """Forgive what the over-delivery tolerance of the line allows."""
    if found.delta is None or not is_number(quantities.requested):
        return found
    # Compared as a product, so that no division is needed: delta <= requested * tolerance.
    allowed = Fraction(quantities.requested) * Fraction(around.over_delivery_tolerance)
    return replace(found, is_tolerated=found.delta <= allowed)


def _at_most(
    invariant: Invariant, value: Known, bound: Known, around: Surroundings
) -> InvariantCheck:
    if not is_number(value) or not is_number(bound):
        return InvariantCheck(invariant, None)
    if value <= bound or agree(value, bound, around.decimals):
        return InvariantCheck(invariant, holds=True)
    return InvariantCheck(invariant, holds=False, delta=minus(value, bound))


def _equal(
    invariant: Invariant, value: Known, other: Known, around: Surroundings
) -> InvariantCheck:
    if not is_number(value) or not is_number(other):
        return InvariantCheck(invariant, None)
    if agree(value, other, around.decimals):
        return InvariantCheck(invariant, holds=True)
    return InvariantCheck(invariant, holds=False, delta=minus(value, other))


def _dates_in_order(around: Surroundings) -> InvariantCheck:
    if around.ordered_on is None or around.requested_on is None:
        return InvariantCheck(Invariant.REQUESTED_AFTER_ORDERED, None)
    return InvariantCheck(
        Invariant.REQUESTED_AFTER_ORDERED, around.requested_on >= around.ordered_on
    )


def _in_the_past(around: Surroundings) -> InvariantCheck:
    if around.as_of is None or not around.shipped_at:
        return InvariantCheck(Invariant.SHIPPED_IN_THE_PAST, None)
    return InvariantCheck(Invariant.SHIPPED_IN_THE_PAST, max(around.shipped_at) <= around.as_of)


def _sum(left: Known, right: Known) -> Known:
    return plus(left, right) if is_number(left) and is_number(right) else None
