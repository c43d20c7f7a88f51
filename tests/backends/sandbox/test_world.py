"""The world: one seed gives one world, and what it holds makes sense."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from backends.sandbox.items import ITEMS, UNITS_PER_UNKNOWN_PACK
from backends.sandbox.scenarios import (
    FIRST_ORDER,
    MAX_LINES,
    SCENARIOS,
    SandboxSizeError,
    build_world,
)
from backends.sandbox.stories import STORIES, State
from backends.sandbox.world import (
    TODAY,
    Line,
    Order,
    Schedule,
    World,
    workdays_after,
    workdays_before,
)

CONTRADICT_ON_PURPOSE = {State.CONTRADICTORY, State.OVER_SHIPPED}


def lines_of(world: World) -> list[tuple[Order, Line]]:
    """Give every line with its order."""
    return [(order, line) for order in world.orders.values() for line in order.lines.values()]


def test_a_seed_gives_one_world() -> None:
    """Every process builds the world for itself; they must be the same."""
    assert build_world(seed=11, lines=120) == build_world(seed=11, lines=120)
    assert build_world(seed=11, lines=120) != build_world(seed=12, lines=120)


def test_the_first_order_is_the_same_for_every_seed() -> None:
    """The README's answer stays true whatever the seed."""
    assert build_world(seed=1).orders[FIRST_ORDER] == build_world(seed=2).orders[FIRST_ORDER]


def test_the_first_order_shows_every_state_once(world: World) -> None:
    """The table of scenarios is the order of the lines of the first order."""
    order = world.orders[FIRST_ORDER]

    assert [(line.number, line.state) for line in order.lines.values()] == [
        (str(row.line), row.state) for row in SCENARIOS
    ]
    assert [row.state for row in SCENARIOS] == list(State) == list(STORIES)
    assert (order.customer, order.channel.name) == ("C-100", "B2B_PORTAL")


@pytest.mark.parametrize("lines", [1, 17, 18, 19, 240])
def test_so_many_lines_as_asked_for(lines: int) -> None:
    """`--lines` counts all lines, those of the first order too."""
    assert build_world(lines=lines).line_count == lines


@pytest.mark.parametrize("lines", [0, -1, MAX_LINES + 1])
def test_an_impossible_number_of_lines_is_refused(lines: int) -> None:
    """A sandbox without lines shows nothing, and one beyond a million does not start."""
    with pytest.raises(SandboxSizeError, match="1 to 1,000,000"):
        build_world(lines=lines)


def test_the_other_orders_vary(world: World) -> None:
    """Several customers, channels and warehouses, one to eight lines an order, every state."""
    orders = [order for number, order in world.orders.items() if number != FIRST_ORDER]
    big = build_world(lines=2000)

    assert {order.customer for order in orders} == {f"C-10{n}" for n in range(7)}
    assert {order.channel.name for order in orders} == {
        "ECOMMERCE", "EDI", "MARKETPLACE", "FIELD_SALES", "B2B_PORTAL", "OTHER",
    }  # fmt: skip
    assert {line.plant for _, line in lines_of(world)} == {"W1", "W2", "W3"}
    assert {len(order.lines) for order in orders} == set(range(1, 9))
    assert {line.state for _, line in lines_of(big)} == set(State)
    assert {line.unit for _, line in lines_of(big)} == {"EA", "CS", "PAL", "KG", "LB", "BX"}


def test_quantities_are_conserved() -> None:
    """Shipped, set aside and cancelled are no more than was ordered, but where it is the point."""
    for _, line in lines_of(build_world(lines=2000)):
        if line.state in CONTRADICT_ON_PURPOSE:
            continue
        item = ITEMS[line.sku]
        pack = (item.factor(line.unit) or UNITS_PER_UNKNOWN_PACK).as_fraction
        cancelled = sum(Fraction(one.count) for one in line.erp.cancellations) * pack
        gone = sum((row.shipped or 0) + (row.allocated or 0) for row in line.wms)
        last_digit = Fraction(1, 10**item.decimals)

        assert gone * last_digit + cancelled < Fraction(line.requested) * pack + last_digit, line
        assert {row.decimals for row in line.wms} <= {item.decimals}


def test_over_shipments_stay_inside_the_tolerance_and_contradictions_do_not() -> None:
    """Five percent is tolerated: one state uses it, the other breaks it."""
    for _, line in lines_of(build_world(lines=3000)):
        asked = sum(row.ordered for row in line.wms)
        shipped = sum(row.shipped or 0 for row in line.wms)
        if line.state == State.OVER_SHIPPED:
            assert asked < shipped <= asked * 1.05
        if line.state == State.CONTRADICTORY:
            assert shipped > asked * 1.05
            assert line.erp.delivered == int(line.requested) - 1


def test_what_the_erp_posted_is_what_the_wms_shipped_but_where_they_contradict() -> None:
    """A difference between the systems is always one that was meant."""
    for _, line in lines_of(build_world(lines=2000)):
        item = ITEMS[line.sku]
        pack = (item.factor(line.unit) or UNITS_PER_UNKNOWN_PACK).as_fraction
        shipped = Fraction(sum(row.shipped or 0 for row in line.wms), 10**item.decimals)
        apart = abs(Fraction(line.erp.delivered or 0) * pack - shipped)
        agree = apart * 2 < Fraction(1, 10**item.decimals)

        assert agree == (line.state != State.CONTRADICTORY), line


def test_shipped_is_the_sum_of_the_shipments_of_the_ordered_item() -> None:
    """Substitutes are listed and not counted, returns are not taken off."""
    for _, line in lines_of(build_world(lines=2000)):
        for row in line.wms:
            own = sum(one.units for one in row.shipments if one.sku == line.sku)
            assert (row.shipped or 0) == own
            assert (row.allocated or 0) == sum(one.units for one in row.allocations)


def test_document_numbers_are_unique() -> None:
    """A row id or shipment number that occurs twice would merge two lines."""
    rows = [row for _, line in lines_of(build_world(lines=2000)) for row in line.wms]
    shipments = [one.number for row in rows for one in row.shipments]

    assert len({row.id for row in rows}) == len(rows)
    assert len(set(shipments)) == len(shipments)


@pytest.mark.parametrize("today", [TODAY, date(2026, 1, 5), date(2026, 3, 29), date(2027, 2, 27)])
def test_nothing_happened_in_the_future_or_before_it_was_ordered(today: date) -> None:
    """Stamps follow the business day, weekends and summer time included."""
    world = build_world(today=today)
    for order, line in lines_of(world):
        stamps = [line.erp.changed_at, line.oms.changed_at, *(row.changed_at for row in line.wms)]
        made = [
            version.made_at
            for version in (
                line.oms.promise.versions if isinstance(line.oms.promise, Schedule) else ()
            )
        ]

        assert order.ordered_on is not None
        assert max(stamps) <= world.now
        assert order.ordered_on == line.erp.entered_at.date()
        assert made == sorted(made)
        assert order.ordered_on.weekday() < 5


def test_working_days() -> None:
    """Monday to Friday count; from a weekend one starts on its Monday, or back on its Friday."""
    friday = date(2026, 11, 20)
    saturday = friday + timedelta(days=1)

    assert workdays_after(friday, 0) == friday
    assert workdays_after(friday, 1) == date(2026, 11, 23)
    assert workdays_after(saturday, 0) == date(2026, 11, 23)
    assert workdays_before(saturday, 0) == friday
    assert workdays_before(date(2026, 11, 23), 1) == friday
    assert workdays_before(friday, 6) == date(2026, 11, 12)
