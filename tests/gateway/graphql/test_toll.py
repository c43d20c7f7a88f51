"""What a request is charged: before it is answered, and given back as far as unused."""

import pytest

from backends.store.counters import MemoryCounters
from backends.store.memory import MemoryKeyStore
from gateway.graphql.guard import Bill
from gateway.graphql.toll import Toll
from policies.settings import Quota, ThrottleSettings
from policies.throttle import Throttle
from tests.gateway.door import CHEAPER, Door, FakeGuard, make_route


def limited(
    door: Door, store: MemoryKeyStore, *, points: int = 10, calls: int = 100, cost: int = 3
) -> None:
    """Let the door charge every question a few points of a small quota."""
    settings = ThrottleSettings(
        key=Quota(points=points, window_s=3_600), system=Quota(points=calls, window_s=3_600)
    )
    door.application = make_route(
        door.request_log,
        door.executor,
        store,
        toll=Toll(Throttle(settings, MemoryCounters())),
        guard=FakeGuard(Bill(cost, {"erp": 1}, price=CHEAPER)),
    )


def left(text: str) -> int:
    """Read what is left."""
    return int(text.split(";r=")[1].split(";", maxsplit=1)[0])


async def test_every_answer_says_what_is_left(door: Door, store: MemoryKeyStore) -> None:
    """The fake guard says that 2 of 3 points were spent, so each question costs 2."""
    limited(door, store)
    shown = [left((await door.ask()).headers["ratelimit"]) for _ in range(3)]

    assert shown == [8, 6, 4]


async def test_rl3_the_quota_ends_with_the_seconds_to_wait(
    door: Door, store: MemoryKeyStore
) -> None:
    """429, before anything is executed; a refused question takes nothing but its point."""
    limited(door, store, points=5)
    first, second, third = [await door.ask() for _ in range(3)]

    assert [one.status for one in (first, second, third)] == [200, 200, 429]
    assert third.codes == ["RATE_LIMITED"]
    assert len(door.executor.asked) == 2
    # A point comes back every 12 minutes; one is missing.
    assert 0 < int(third.headers["retry-after"]) <= 2 * 720
    assert third.headers["ratelimit"].startswith('"key";r=0;t=')
    assert third.json["retryAfter"] == int(third.headers["retry-after"])


async def test_the_calls_of_a_system_have_a_quota_of_their_own(
    door: Door, store: MemoryKeyStore
) -> None:
    """What was charged and never called is given back: here all of it."""
    limited(door, store, points=1_000, calls=2)

    assert [(await door.ask()).status for _ in range(5)] == [200] * 5


async def test_a_question_that_can_never_pass_is_not_told_to_wait(
    door: Door, store: MemoryKeyStore
) -> None:
    """It costs more than the quota holds when it is full."""
    limited(door, store, points=2, cost=10)
    reply = await door.ask()

    assert (reply.status, reply.codes) == (400, ["LIMIT_EXCEEDED"])
    assert reply.json["errors"][0]["extensions"]["limit"] == "quota"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"query": "{ nobody }"}'])
async def test_q11_what_is_refused_costs_its_point(
    body: bytes, door: Door, store: MemoryKeyStore
) -> None:
    """Questions that are no questions are not free; a batch is one of them."""
    limited(door, store)
    replies = [await door.send(body=body) for _ in range(11)]

    assert [one.status for one in replies] == [400] * 10 + [429]


async def test_b5_no_header_makes_a_caller_another(door: Door, store: MemoryKeyStore) -> None:
    """The quota belongs to the credential; what a proxy would say is not believed."""
    limited(door, store, points=5)
    replies = [
        await door.send(
            body=b'{"query": "{b}"}',
            headers={"x-forwarded-for": f"10.0.0.{n}", "x-tenant": str(n), "x-user": str(n)},
        )
        for n in range(3)
    ]

    assert [one.status for one in replies] == [200, 200, 429]
