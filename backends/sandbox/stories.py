"""What can become of an order line: one function a state, telling each system's part.

What a story does not mention has not happened. Shares are whole order units,
rounded down, so that every story can be told of any line of two units or more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from backends.sandbox.drafts import Draft
from backends.sandbox.world import (
    Booking,
    Cancellation,
    Commitment,
    PromiseVersion,
    Schedule,
    Slice,
    WarehouseRow,
    at,
    workdays_after,
)


class State(StrEnum):
    """What has become of a line."""

    FULLY_SHIPPED = "FULLY_SHIPPED"
    PARTLY_SHIPPED_WITH_BACKORDER = "PARTLY_SHIPPED_WITH_BACKORDER"
    ALLOCATED = "ALLOCATED"
    WAITING = "WAITING"
    PROMISED = "PROMISED"
    CANCELLED_BY_CUSTOMER = "CANCELLED_BY_CUSTOMER"
    CANCELLED_BY_SUPPLIER = "CANCELLED_BY_SUPPLIER"
    SUBSTITUTED_ACCEPTED = "SUBSTITUTED_ACCEPTED"
    SUBSTITUTED_PROPOSED = "SUBSTITUTED_PROPOSED"
    SUBSTITUTED_UNACCEPTED_SHIPPED = "SUBSTITUTED_UNACCEPTED_SHIPPED"
    SPLIT_OVER_WAREHOUSES = "SPLIT_OVER_WAREHOUSES"
    DROP_SHIPPED = "DROP_SHIPPED"
    OVER_SHIPPED = "OVER_SHIPPED"
    RE_PROMISED = "RE_PROMISED"
    RETURNED_LATER = "RETURNED_LATER"
    ON_HOLD = "ON_HOLD"
    MISSING_PACK_FACTOR = "MISSING_PACK_FACTOR"
    CONTRADICTORY = "CONTRADICTORY"


@dataclass(frozen=True, slots=True)
class Story:
    """Each system's part; they need not agree."""

    erp: Booking
    oms: Commitment
    wms: tuple[WarehouseRow, ...]


Tell: TypeAlias = Callable[[Draft], Story]


def fully_shipped(line: Draft) -> Story:
    """Promised for the day asked for, shipped on it, posted in the evening, arrived."""
    row = line.row(shipped=line.units(line.count), has_arrived=True)
    return Story(line.booking(line.count), line.promised(), (row,))


def partly_shipped_with_backorder(line: Draft) -> Story:
    """Three fifths left, a fifth is set aside, the last fifth nobody has promised."""
    gone, kept = line.count * 3 // 5, line.count // 5
    promise = line.promised(Slice(gone, line.ship_on), Slice(kept, line.soon()))
    row = line.row(shipped=line.units(gone), allocated=line.units(kept))
    return Story(line.booking(gone), promise, (row,))


def allocated(line: Draft) -> Story:
    """Everything is set aside and leaves in two days."""
    row = line.row(allocated=line.units(line.count))
    return Story(line.booking(), line.promised(Slice(line.count, line.soon())), (row,))


def waiting(line: Draft) -> Story:
    """Requested, not promised; the warehouse has not heard of it."""
    return Story(line.booking(), line.pending("ATP_CHECK_RUNNING"), ())


def promised(line: Draft) -> Story:
    """Promised; the warehouse knows the line and has done nothing yet."""
    row = line.row(allocated=None, shipped=None)
    return Story(line.booking(), line.promised(Slice(line.count, line.soon(5))), (row,))


def cancelled_by_customer(line: Draft) -> Story:
    """The customer cancelled all of it, and the promise was withdrawn."""
    at_noon = at(workdays_after(line.entered_at.date(), 1), 12)
    cancellation = Cancellation(line.count, "CUSTOMER", "NO_LONGER_NEEDED", at_noon)
    withdrawn = PromiseVersion(at_noon + timedelta(minutes=5), (), "MANUAL")
    promise = Commitment(line.entered_at, Schedule((line.first_promise(), withdrawn)))
    return Story(line.booking(0, cancellation), promise, (line.row(),))


def cancelled_by_supplier(line: Draft) -> Story:
    """A third will never come, and the distributor said so; the rest has shipped."""
    lost = max(1, line.count // 3)
    gone = line.count - lost
    at_noon = at(workdays_after(line.entered_at.date(), 2), 12)
    cancellation = Cancellation(lost, "SUPPLIER", "DISCONTINUED", at_noon)
    promise = line.promised(Slice(gone, line.ship_on))
    return Story(line.booking(gone, cancellation), promise, (line.row(shipped=line.units(gone)),))


def substituted_accepted(line: Draft) -> Story:
    """The customer took the substitute; half of it has left, half is promised."""
    gone = line.count - line.count // 2
    offer = line.offer(line.count, is_accepted=True)
    promise = line.promised(
        Slice(gone, line.ship_on), Slice(line.count - gone, line.soon()), offers=(offer,)
    )
    return Story(line.booking(), promise, (line.row(instead=offer.accepted * gone // line.count),))


def substituted_proposed(line: Draft) -> Story:
    """A substitute is offered; the customer has not answered and nothing has left."""
    offer = line.offer(line.count, is_accepted=False)
    promise = line.promised(Slice(line.count, line.soon(10), "LOW"), offers=(offer,))
    return Story(line.booking(), promise, (line.row(),))


def substituted_unaccepted_shipped(line: Draft) -> Story:
    """A substitute left although nobody accepted it."""
    offer = line.offer(line.count, is_accepted=False)
    promise = line.promised(Slice(line.count, line.soon(10), "LOW"), offers=(offer,))
    return Story(line.booking(), promise, (line.row(instead=offer.proposed),))


def split_over_warehouses(line: Draft) -> Story:
    """Two warehouses share the line: the first has shipped, the second has set aside."""
    second = line.count * 2 // 5
    first = line.count - second
    promise = line.promised(Slice(first, line.ship_on), Slice(second, line.soon()))
    gone, kept = line.units(first), line.units(second)
    rows = (
        line.row(ordered=gone, shipped=gone),
        line.row(
            ordered=kept,
            allocated=kept,
            warehouse="W2" if line.plant == "W1" else "W1",
            is_second=True,
        ),
    )
    return Story(line.booking(first), promise, rows)


def drop_shipped(line: Draft) -> Story:
    """The supplier ships from its own stock: there is nothing here to allocate."""
    booking = replace(line.booking(line.count), is_drop_shipment=True)
    row = line.row(allocated=None, shipped=line.units(line.count), warehouse="")
    return Story(booking, line.promised(), (replace(row, mode="DROP_SHIP", picked=None),))


def over_shipped(line: Draft) -> Story:
    """A full layer went out: a little more than ordered, inside the tolerance of 5 %."""
    asked = line.units(line.count)
    gone = asked + max(1, asked // 25)
    return Story(line.booking(line.posted(gone)), line.promised(), (line.row(shipped=gone),))


def re_promised(line: Draft) -> Story:
    """The first promise was not kept; the second is later and in two parts."""
    part = line.count // 2
    later = PromiseVersion(
        at(line.ship_on, 6, 15),
        (Slice(part, line.soon()), Slice(line.count - part, line.soon(7), "LOW")),
        "SCHEDULE",
    )
    promise = Commitment(line.entered_at, Schedule((line.first_promise(), later)))
    return Story(line.booking(), promise, (line.row(allocated=None),))


def returned_later(line: Draft) -> Story:
    """All shipped and arrived; one unit came back, and shipped stays what it was."""
    row = line.row(shipped=line.units(line.count), returned=line.units(1), has_arrived=True)
    return Story(line.booking(line.count), line.promised(), (row,))


def on_hold(line: Draft) -> Story:
    """Held for the customer's credit; no promise is made meanwhile."""
    held_at = line.entered_at + timedelta(minutes=5)
    booking = replace(line.booking(), hold_reason="CREDIT_LIMIT", held_at=held_at)
    return Story(booking, line.pending("ORDER_ON_HOLD"), (line.row(allocated=None, shipped=None),))


def missing_pack_factor(line: Draft) -> Story:
    """Ordered in a unit the master data cannot convert; the warehouse counts on."""
    row = line.row(allocated=line.units(line.count))
    return Story(line.booking(), line.promised(Slice(line.count, line.soon())), (row,))


def contradictory(line: Draft) -> Story:
    """The warehouse shipped a fifth too much, and the ERP posted one unit too few."""
    asked = line.units(line.count)
    row = line.row(shipped=asked + max(1, asked // 5))
    return Story(line.booking(line.count - 1), line.promised(), (row,))


STORIES: Mapping[State, Tell] = MappingProxyType(
    {
        State.FULLY_SHIPPED: fully_shipped,
        State.PARTLY_SHIPPED_WITH_BACKORDER: partly_shipped_with_backorder,
        State.ALLOCATED: allocated,
        State.WAITING: waiting,
        State.PROMISED: promised,
        State.CANCELLED_BY_CUSTOMER: cancelled_by_customer,
        State.CANCELLED_BY_SUPPLIER: cancelled_by_supplier,
        State.SUBSTITUTED_ACCEPTED: substituted_accepted,
        State.SUBSTITUTED_PROPOSED: substituted_proposed,
        State.SUBSTITUTED_UNACCEPTED_SHIPPED: substituted_unaccepted_shipped,
        State.SPLIT_OVER_WAREHOUSES: split_over_warehouses,
        State.DROP_SHIPPED: drop_shipped,
        State.OVER_SHIPPED: over_shipped,
        State.RE_PROMISED: re_promised,
        State.RETURNED_LATER: returned_later,
        State.ON_HOLD: on_hold,
        State.MISSING_PACK_FACTOR: missing_pack_factor,
        State.CONTRADICTORY: contradictory,
    }
)
