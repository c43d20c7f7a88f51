"""The snapshot that stale answers are made of: one change ago, and older all over."""

from typing import Any

import httpx2
import pytest
from msgspec import UNSET

from backends.sandbox.scenarios import FIRST_ORDER, build_world
from backends.sandbox.snapshot import one_change_ago
from backends.sandbox.stories import State
from backends.sandbox.world import Line, Schedule, World


def before(world: World, state: State) -> Line:
    """Give a line of the first order as it was."""
    lines = world.orders[FIRST_ORDER].lines.values()
    return one_change_ago(next(line for line in lines if line.state == state))


def levels(line: Line) -> list[tuple[object, object, int]]:
    """What each warehouse has set aside, shipped and taken back."""
    return [(row.allocated, row.shipped, row.returned) for row in line.wms]


def test_every_stamp_is_older_and_no_record_is_gone() -> None:
    """A stale system knows every line, and says of each that it changed earlier."""
    for order in build_world(lines=1000).orders.values():
        for line in order.lines.values():
            older = one_change_ago(line)

            assert older.erp.changed_at < line.erp.changed_at
            assert older.oms.changed_at < line.oms.changed_at
            assert len(older.wms) == len(line.wms)
            for was, row in zip(older.wms, line.wms, strict=True):
                assert was.changed_at < row.changed_at
                assert (was.id, was.ordered) == (row.id, row.ordered)


def test_units_are_conserved_in_the_snapshot() -> None:
    """What is not shipped yet is still on the shelf, never in both places."""
    for order in build_world(lines=1000).orders.values():
        for line in order.lines.values():
            for was, row in zip(one_change_ago(line).wms, line.wms, strict=True):
                gone = (was.allocated or 0) + (was.shipped or 0)
                own = sum(one.units for one in was.shipments if one.sku == line.sku)
                assert gone in {(row.allocated or 0) + (row.shipped or 0), 0}
                assert (was.shipped or 0) == own


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.FULLY_SHIPPED, [(120, 0, 0)]),
        (State.PARTLY_SHIPPED_WITH_BACKORDER, [(96, 0, 0)]),
        (State.ALLOCATED, [(None, 0, 0)]),
        (State.WAITING, []),
        (State.PROMISED, [(None, None, 0)]),
        (State.SPLIT_OVER_WAREHOUSES, [(300, 0, 0), (None, 0, 0)]),
        (State.DROP_SHIPPED, [(None, 0, 0)]),
        (State.RETURNED_LATER, [(0, 250, 0)]),
        (State.SUBSTITUTED_ACCEPTED, [(0, 0, 0)]),
    ],
)
def test_the_last_movement_of_goods_is_missing(
    world: World, state: State, expected: list[tuple[object, object, int]]
) -> None:
    """A shipment goes back on the shelf, a reservation or return has not happened."""
    assert levels(before(world, state)) == expected


def test_a_substitute_that_left_is_still_there(world: World) -> None:
    """It was never counted as the ordered item, so only its shipment is missing."""
    line = before(world, State.SUBSTITUTED_ACCEPTED)

    assert [row.shipments for row in line.wms] == [()]


def test_the_last_promise_answer_or_offer_is_missing(world: World) -> None:
    """Versions are taken back one by one, an accepted offer is open again."""
    again = before(world, State.RE_PROMISED).oms.promise
    first = before(world, State.FULLY_SHIPPED).oms.promise
    accepted = before(world, State.SUBSTITUTED_ACCEPTED).oms.substitutions
    proposed = before(world, State.SUBSTITUTED_PROPOSED).oms

    assert isinstance(again, Schedule)
    assert len(again.versions) == 1
    assert not isinstance(first, Schedule)
    assert [(one.status, one.accepted) for one in accepted] == [("PROPOSED", 0)]
    assert proposed.substitutions == ()
    assert isinstance(proposed.promise, Schedule)


def test_the_last_booking_is_missing(world: World) -> None:
    """Posted deliveries, cancellations and holds have not happened."""
    posted = before(world, State.CANCELLED_BY_SUPPLIER).erp

    assert before(world, State.CANCELLED_BY_CUSTOMER).erp.cancellations == ()
    assert before(world, State.ON_HOLD).erp.hold_reason == ""
    assert (posted.delivered, len(posted.cancellations)) == (0, 1)


def test_what_is_not_tracked_stays_so(world: World) -> None:
    """Taking a shipment back does not make a system track allocations."""
    line = world.orders[FIRST_ORDER].lines["10"]
    row = line.wms[0]
    untracked = type(row)(
        **{name: getattr(row, name) for name in row.__slots__}
        | {"allocated": UNSET, "picked": UNSET}
    )
    [older] = one_change_ago(
        type(line)(**{name: getattr(line, name) for name in line.__slots__} | {"wms": (untracked,)})
    ).wms

    assert (older.allocated, older.picked, older.shipped) == (UNSET, UNSET, 0)


@pytest.mark.parametrize(
    ("system", "path", "body", "stamps"),
    [
        ("erp", "/odata/v2/SalesOrders", None, "LastChangeDateTime"),
        ("wms", "/v2/outbound-lines?orders=SO-1001", None, "updated_at"),
        (
            "oms",
            "/graphql",
            {
                "query": '{ promiseLines(orders: ["SO-1001"]) '
                "{ ... on PromiseLinePage { lines { updatedAt } } } }"
            },
            "updatedAt",
        ),
    ],
)
async def test_a_stale_system_answers_from_the_snapshot(
    client: httpx2.AsyncClient, path: str, body: dict[str, str] | None, stamps: str
) -> None:
    """The answer is well-formed, has the same rows, and is older."""

    async def read() -> list[str]:
        answer = await (client.post(path, json=body) if body else client.get(path))
        return list(_found(answer.json(), stamps))

    now = await read()
    await client.put("/_sandbox/fault", json={"mode": "stale"})
    older = await read()

    assert len(older) == len(now) > 0
    assert all(was < then for was, then in zip(older, now, strict=True))


def _found(value: Any, name: str) -> list[str]:  # noqa: ANN401 - decoded JSON
    """Collect every value of this name."""
    if isinstance(value, list):
        return [found for one in value for found in _found(one, name)]
    if isinstance(value, dict):
        own = [value[name]] if name in value else []
        return own + [found for one in value.values() for found in _found(one, name)]
    return []
