"""What follows from the stated quantities: a table of the state machine and of `backordered`.

The laws: net = requested - cancelled, open = max(0, net - fulfilled),
backordered = max(0, net - max(fulfilled + allocated, promised)); the state is the
first of its list that holds. Any number may be unknown (None) or unreadable.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from orderlines.derive import Parts, derive, state_of
from orderlines.errors import GatewayError
from orderlines.order_line import Known, OrderLineState, Quantities

DOWN = GatewayError("The system did not answer.")
BAD = GatewayError("The record could not be read.")
ASKED = Parts(
    requested=10,
    cancelled_by_customer=0,
    cancelled_by_supplier=0,
    promised=0,
    has_promise=False,
    allocated=0,
    shipped=0,
    substituted=0,
    returned=None,
    picked=None,
)
PROMISED = replace(ASKED, promised=10, has_promise=True)
NO_PROMISES = replace(ASKED, promised=None, has_promise=True)
OMS_DOWN = replace(ASKED, promised=DOWN)
WMS_DOWN = replace(ASKED, allocated=DOWN, shipped=DOWN, substituted=DOWN)


@dataclass(frozen=True, slots=True)
class Follows:
    """What a row of the table expects."""

    net: Known
    fulfilled: Known
    open: Known
    backordered: Known
    state: OrderLineState | GatewayError | None


def follows(parts: Parts, *, is_on_hold: bool = False) -> Follows:
    """Derive what the table compares."""
    found = derive(parts)
    state = state_of(found, is_on_hold=is_on_hold)
    return Follows(found.net, found.fulfilled, found.open, found.backordered, state)


S = OrderLineState
STATES = {
    "asked for": (ASKED, Follows(10, 0, 10, None, S.OPEN)),
    "promised": (PROMISED, Follows(10, 0, 10, 0, S.PROMISED)),
    "promised in part": (replace(PROMISED, promised=4), Follows(10, 0, 10, 6, S.BACKORDERED)),
    "promise withdrawn": (replace(PROMISED, promised=0), Follows(10, 0, 10, 10, S.BACKORDERED)),
    "promised too much": (replace(PROMISED, promised=12), Follows(10, 0, 10, 0, S.PROMISED)),
    "allocated before a promise": (
        replace(ASKED, allocated=10),
        Follows(10, 0, 10, 0, S.ALLOCATED),
    ),
    "allocated and promised": (replace(PROMISED, allocated=10), Follows(10, 0, 10, 0, S.ALLOCATED)),
    "allocated in part, promised": (
        replace(PROMISED, allocated=3),
        Follows(10, 0, 10, 0, S.PROMISED),
    ),
    "stock and promise overlap": (
        replace(PROMISED, promised=4, allocated=3),
        Follows(10, 0, 10, 6, S.BACKORDERED),
    ),
    "more stock than promise": (
        replace(PROMISED, promised=3, allocated=4),
        Follows(10, 0, 10, 6, S.BACKORDERED),
    ),
    "shipped in part": (
        replace(PROMISED, shipped=6, allocated=4),
        Follows(10, 6, 4, 0, S.PARTIALLY_SHIPPED),
    ),
    "shipped in part, the rest short": (
        replace(PROMISED, promised=6, shipped=6),
        Follows(10, 6, 4, 4, S.PARTIALLY_SHIPPED),
    ),
    "shipped": (replace(PROMISED, shipped=10), Follows(10, 10, 0, 0, S.SHIPPED)),
    "shipped too much": (replace(PROMISED, shipped=11), Follows(10, 11, 0, 0, S.SHIPPED)),
    "shipped by a substitute": (
        replace(PROMISED, substituted=10),
        Follows(10, 10, 0, 0, S.SHIPPED),
    ),
    "shipped in part by a substitute": (
        replace(PROMISED, substituted=Fraction(10, 3)),
        Follows(10, Fraction(10, 3), Fraction(20, 3), 0, S.PARTIALLY_SHIPPED),
    ),
    "goods and substitutes together": (
        replace(PROMISED, shipped=7, substituted=3),
        Follows(10, 10, 0, 0, S.SHIPPED),
    ),
    "cancelled by the customer": (
        replace(PROMISED, cancelled_by_customer=10),
        Follows(0, 0, 0, 0, S.CANCELLED),
    ),
    "cancelled by both": (
        replace(ASKED, cancelled_by_customer=4, cancelled_by_supplier=6),
        Follows(0, 0, 0, 0, S.CANCELLED),
    ),
    "cancelled more than asked for": (
        replace(ASKED, cancelled_by_supplier=11),
        Follows(-1, 0, 0, 0, S.CANCELLED),
    ),
    "all but one cancelled": (
        replace(PROMISED, promised=1, cancelled_by_customer=9),
        Follows(1, 0, 1, 0, S.PROMISED),
    ),
    "cancelled in part": (
        replace(PROMISED, promised=6, cancelled_by_customer=4),
        Follows(6, 0, 6, 0, S.PROMISED),
    ),
    "shipped, the rest cancelled": (
        replace(PROMISED, shipped=6, cancelled_by_customer=4),
        Follows(6, 6, 0, 0, S.SHIPPED),
    ),
    "shipped, then cancelled": (
        replace(PROMISED, shipped=2, cancelled_by_customer=10),
        Follows(0, 2, 0, 0, S.SHIPPED),
    ),
}

UNKNOWN = {
    "stock covers it, the promise is not known": (
        replace(NO_PROMISES, allocated=10),
        Follows(10, 0, 10, 0, S.ALLOCATED),
    ),
    "stock covers it, the promise cannot be read": (
        replace(OMS_DOWN, allocated=4, shipped=6),
        Follows(10, 6, 4, 0, S.PARTIALLY_SHIPPED),
    ),
    "shipped, the promise cannot be read": (
        replace(OMS_DOWN, shipped=10),
        Follows(10, 10, 0, 0, S.SHIPPED),
    ),
    "the promise covers it, stock is not known": (
        replace(PROMISED, allocated=None),
        Follows(10, 0, 10, 0, S.PROMISED),
    ),
    "the promise covers it, stock cannot be read": (
        replace(WMS_DOWN, promised=10, has_promise=True),
        Follows(10, DOWN, DOWN, 0, DOWN),
    ),
    "the promise covers it, only the reservation cannot be read": (
        replace(PROMISED, allocated=BAD),
        Follows(10, 0, 10, 0, S.PROMISED),
    ),
    "stock covers part, no promise yet": (
        replace(ASKED, allocated=4),
        Follows(10, 0, 10, None, S.OPEN),
    ),
    "stock covers part, the promise is not known": (
        replace(NO_PROMISES, allocated=4),
        Follows(10, 0, 10, None, S.OPEN),
    ),
    "stock covers part, the promise cannot be read": (
        replace(OMS_DOWN, allocated=4),
        Follows(10, 0, 10, DOWN, DOWN),
    ),
    "the promise covers part, stock is not known": (
        replace(PROMISED, promised=4, allocated=None),
        Follows(10, 0, 10, None, S.OPEN),
    ),
    "the promise covers part, stock cannot be read": (
        replace(WMS_DOWN, promised=4, has_promise=True),
        Follows(10, DOWN, DOWN, DOWN, DOWN),
    ),
    "no promise yet, stock cannot be read": (WMS_DOWN, Follows(10, DOWN, DOWN, DOWN, DOWN)),
    "neither is known": (
        replace(NO_PROMISES, allocated=None),
        Follows(10, 0, 10, None, S.OPEN),
    ),
    "neither can be read": (
        replace(WMS_DOWN, promised=BAD),
        Follows(10, DOWN, DOWN, DOWN, DOWN),
    ),
    "shipments are not recorded": (
        replace(PROMISED, shipped=None),
        Follows(10, None, None, 0, None),
    ),
    "substitutes cannot be read": (
        replace(PROMISED, substituted=BAD),
        Follows(10, BAD, BAD, 0, BAD),
    ),
    "substitutes are not known": (
        replace(PROMISED, substituted=None),
        Follows(10, None, None, 0, None),
    ),
    "what was asked for is not known": (
        replace(PROMISED, requested=None),
        Follows(None, 0, None, None, None),
    ),
    "what was asked for cannot be read": (
        replace(PROMISED, requested=BAD),
        Follows(BAD, 0, BAD, BAD, BAD),
    ),
    "cancellations are not known": (
        replace(PROMISED, cancelled_by_customer=None, cancelled_by_supplier=None),
        Follows(None, 0, None, None, None),
    ),
    "an unreadable number is worse than an unknown one": (
        replace(PROMISED, requested=None, cancelled_by_customer=BAD),
        Follows(BAD, 0, BAD, BAD, BAD),
    ),
}

HELD = {
    "a hold comes before stock and promise": (
        replace(PROMISED, allocated=10),
        Follows(10, 0, 10, 0, S.ON_HOLD),
    ),
    "a hold does not hide what shipped": (
        replace(PROMISED, shipped=1),
        Follows(10, 1, 9, 0, S.PARTIALLY_SHIPPED),
    ),
    "a cancelled line is not held": (
        replace(ASKED, cancelled_by_customer=10),
        Follows(0, 0, 0, 0, S.CANCELLED),
    ),
    "a hold needs no promise to be known": (OMS_DOWN, Follows(10, 0, 10, DOWN, S.ON_HOLD)),
}


@pytest.mark.parametrize(("parts", "expected"), STATES.values(), ids=STATES)
def test_known_quantities_decide(parts: Parts, expected: Follows) -> None:
    """Each unit is in one bucket, and the state is the first of its list that holds."""
    assert follows(parts) == expected


@pytest.mark.parametrize(("parts", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_figure_rests_only_on_what_it_needs(parts: Parts, expected: Follows) -> None:
    """What stock alone covers needs no promise, and the other way round; the rest is told."""
    assert follows(parts) == expected


@pytest.mark.parametrize(("parts", "expected"), HELD.values(), ids=HELD)
def test_a_held_line_shows_its_hold(parts: Parts, expected: Follows) -> None:
    """Until something ships or everything is cancelled."""
    assert follows(parts, is_on_hold=True) == expected


def test_what_was_stated_is_passed_on() -> None:
    """The derived block holds the stated quantities beside those that follow from them."""
    parts = replace(
        PROMISED,
        cancelled_by_customer=1,
        cancelled_by_supplier=2,
        allocated=3,
        shipped=4,
        substituted=1,
        returned=2,
        picked=5,
    )

    assert derive(parts) == Quantities(
        requested=10,
        cancelled_by_customer=1,
        cancelled_by_supplier=2,
        net=7,
        promised=10,
        allocated=3,
        shipped=4,
        substituted=1,
        fulfilled=5,
        open=2,
        backordered=0,
        returned=2,
        picked=5,
    )
