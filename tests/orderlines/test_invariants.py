"""The laws of a line, each broken once, and the law of a split.

A hard law broken is a mapping fault; a soft one is legal in practice and only
shown. A law whose quantities are not known is neither kept nor broken.
"""

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from orderlines.derive import Parts, derive
from orderlines.errors import GatewayError
from orderlines.invariants import (
    Invariant,
    InvariantCheck,
    Severity,
    Surroundings,
    check,
    split_conserves,
)
from orderlines.order_line import OrderLine, Quantities
from orderlines.quantity import Exact
from orderlines.stitch import materialise
from tests.orderlines.facet_kit import (
    ORDERED_ON,
    READ_AT,
    SHIP_ON,
    SHIPPED_AT,
    fulfilment,
    header,
    line,
    promised,
)

DOWN = GatewayError("The system did not answer.")
# Ten asked for, one cancelled, six shipped, three reserved: every law is kept.
KEPT = Parts(
    requested=10,
    cancelled_by_customer=1,
    cancelled_by_supplier=0,
    promised=9,
    has_promise=True,
    allocated=3,
    shipped=6,
    substituted=0,
    returned=1,
    picked=6,
)
AROUND = Surroundings(
    decimals=0,
    over_delivery_tolerance=0,
    posted_shipped=6,
    ordered_on=ORDERED_ON,
    requested_on=SHIP_ON,
    shipped_at=(SHIPPED_AT,),
    as_of=READ_AT,
)
NOTHING_KNOWN = Quantities(*[None] * len(fields(Quantities)))
NOTHING_READ = Quantities(*[DOWN] * len(fields(Quantities)))
BARE = Surroundings(
    decimals=0,
    over_delivery_tolerance=0,
    posted_shipped=None,
    ordered_on=None,
    requested_on=None,
    shipped_at=(),
    as_of=None,
)


@dataclass(frozen=True, slots=True)
class Broken:
    """One way to break a law, and by how much it is broken."""

    invariant: Invariant
    severity: Severity
    delta: Exact | None
    parts: Parts = KEPT
    around: Surroundings = AROUND


HARD, SOFT = Severity.HARD, Severity.SOFT
BREACHES = [
    Broken(Invariant.NOT_NEGATIVE, HARD, 2, replace(KEPT, allocated=-2)),
    Broken(Invariant.NOT_NEGATIVE, HARD, 3, replace(KEPT, substituted=-3)),
    Broken(
        Invariant.CANCELLED_WITHIN_REQUESTED,
        HARD,
        3,
        replace(KEPT, cancelled_by_customer=6, cancelled_by_supplier=7),
    ),
    Broken(Invariant.RETURNED_WITHIN_SHIPPED, HARD, 1, replace(KEPT, returned=7)),
    Broken(Invariant.SHIPPED_WITHIN_NET, SOFT, 2, replace(KEPT, shipped=11)),
    Broken(Invariant.ALLOCATED_WITHIN_OPEN, SOFT, 1, replace(KEPT, allocated=4)),
    Broken(
        Invariant.PROMISED_WITHIN_NET,
        SOFT,
        Decimal("0.5"),
        replace(KEPT, promised=Decimal("9.5")),
    ),
    Broken(Invariant.PICKED_COVERS_SHIPPED, SOFT, 2, replace(KEPT, picked=4)),
    Broken(Invariant.POSTED_AS_SHIPPED, SOFT, -2, around=replace(AROUND, posted_shipped=4)),
    Broken(Invariant.POSTED_AS_SHIPPED, SOFT, 2, around=replace(AROUND, posted_shipped=8)),
    Broken(
        Invariant.BALANCE,
        SOFT,
        Fraction(1, 3) + 3,
        replace(KEPT, substituted=Fraction(19, 3)),
    ),
    Broken(
        Invariant.REQUESTED_AFTER_ORDERED,
        SOFT,
        None,
        around=replace(AROUND, requested_on=ORDERED_ON - timedelta(days=1)),
    ),
    Broken(
        Invariant.SHIPPED_IN_THE_PAST,
        SOFT,
        None,
        around=replace(AROUND, shipped_at=(SHIPPED_AT, READ_AT + timedelta(seconds=1))),
    ),
]


def checked(parts: Parts, around: Surroundings = AROUND) -> dict[Invariant, InvariantCheck]:
    """Check every law, by law."""
    return {one.invariant: one for one in check(derive(parts), around)}


def test_an_honest_line_keeps_every_law() -> None:
    """All of them, each once, in the order they are written down."""
    assert check(derive(KEPT), AROUND) == tuple(
        InvariantCheck(one, holds=True) for one in Invariant
    )


@pytest.mark.parametrize("broken", BREACHES, ids=lambda one: f"{one.invariant.name} by {one.delta}")
def test_a_broken_law_is_told_with_its_delta(broken: Broken) -> None:
    """By how much, in the base unit, and what it means."""
    found = checked(broken.parts, broken.around)[broken.invariant]

    assert found == InvariantCheck(broken.invariant, holds=False, delta=broken.delta)
    assert found.severity is broken.severity


def test_every_law_is_broken_once() -> None:
    """So that no law is there for show."""
    assert {one.invariant for one in BREACHES} == set(Invariant)


@pytest.mark.parametrize("quantities", [NOTHING_KNOWN, NOTHING_READ])
def test_a_law_about_what_is_not_known_is_neither_kept_nor_broken(quantities: Quantities) -> None:
    """Not knowing is not a fault of the line."""
    assert check(quantities, BARE) == tuple(InvariantCheck(one, None) for one in Invariant)


@pytest.mark.parametrize(("ordered_on", "requested_on"), [(None, SHIP_ON), (ORDERED_ON, None)])
def test_one_date_is_not_out_of_order(ordered_on: date | None, requested_on: date | None) -> None:
    """Both must be known."""
    around = replace(AROUND, ordered_on=ordered_on, requested_on=requested_on)

    assert checked(KEPT, around)[Invariant.REQUESTED_AFTER_ORDERED].holds is None


def test_a_shipment_at_the_instant_of_reading_is_not_in_the_future() -> None:
    """Nor is a request for the day of the order before it."""
    around = replace(AROUND, shipped_at=(READ_AT,), requested_on=ORDERED_ON)
    found = checked(KEPT, around)

    assert found[Invariant.SHIPPED_IN_THE_PAST].holds
    assert found[Invariant.REQUESTED_AFTER_ORDERED].holds


def test_numbers_that_print_alike_break_no_law() -> None:
    """Less than half a last digit of the unit is no difference."""
    close = replace(KEPT, shipped=Decimal("6.4"), picked=6, allocated=3)
    found = checked(close, replace(AROUND, decimals=0, posted_shipped=6))

    assert found[Invariant.PICKED_COVERS_SHIPPED].holds
    assert found[Invariant.POSTED_AS_SHIPPED].holds
    assert not checked(close, replace(AROUND, decimals=1))[Invariant.PICKED_COVERS_SHIPPED].holds


@pytest.mark.parametrize(
    ("tolerance", "shipped", "is_tolerated"),
    [
        (Decimal("0.05"), 21, True),
        (Decimal("0.05"), 22, False),
        (0, 21, False),
        (Decimal("0.1"), 22, True),
        (Decimal("0.1"), Decimal("22.5"), False),
    ],
)
def test_over_delivery_is_tolerated_up_to_the_lines_share(
    tolerance: Decimal, shipped: Exact, *, is_tolerated: bool
) -> None:
    """A share of the request, its end included; broken all the same, and so is the balance."""
    parts = replace(KEPT, requested=20, cancelled_by_customer=0, shipped=shipped, picked=shipped)
    found = checked(parts, replace(AROUND, over_delivery_tolerance=tolerance))
    over = Fraction(shipped) - 20

    assert [found[Invariant.SHIPPED_WITHIN_NET], found[Invariant.BALANCE]] == [
        InvariantCheck(one, holds=False, delta=over, is_tolerated=is_tolerated)
        for one in (Invariant.SHIPPED_WITHIN_NET, Invariant.BALANCE)
    ]


def made(
    requested: int, promised_: int, shipped: int, allocated: int = 0, picked: int | None = None
) -> OrderLine:
    """Make a full line."""
    found, _ = materialise(
        line(
            header(requested=requested),
            [promised(promised_)],
            [fulfilment(shipped=shipped, allocated=allocated, picked=picked)],
        )
    )
    return found


PARENT = made(10, 8, 6, 2, 6)


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        ((PARENT,), True),
        ((made(4, 4, 4, 0, 4), made(6, 4, 2, 2, 2)), True),
        ((made(10, 8, 6, 2, 6), made(0, 0, 0, 0, 0)), True),
        ((), False),
        ((made(4, 4, 4, 0, 4), made(5, 4, 2, 2, 2)), False),
        ((made(4, 4, 4, 0, 4), made(6, 5, 2, 2, 2)), False),
        ((made(4, 4, 4, 0, 4), made(6, 4, 3, 2, 2)), False),
        ((made(4, 4, 4, 0, 4), made(6, 4, 2, 1, 2)), False),
        ((made(4, 4, 4, 0, 4), made(6, 4, 2, 2, 1)), False),
        ((made(4, 4, 4, 0), made(6, 4, 2, 2, 2)), True),
    ],
)
def test_a_split_keeps_every_quantity(children: tuple[OrderLine, ...], *, expected: bool) -> None:
    """Compared per quantity; one that a child does not tell is not compared."""
    assert split_conserves(PARENT, children) is expected
