"""How many operations are in progress: the limit follows the queueing time."""

import asyncio
import time

import pytest

from gateway.graphql.admission import INTERVAL_S, LEAST, Admission, OverloadedError


def fill(admission: Admission, *, is_look_up: bool) -> int:
    """Enter as often as it is allowed."""
    entered = 0
    try:
        while True:
            admission.enter(is_look_up=is_look_up)
            entered += 1
    except OverloadedError:
        return entered


async def test_a_share_is_kept_for_look_ups() -> None:
    """Everything else is sent away first."""
    admission = Admission(100)

    assert fill(admission, is_look_up=False) == 80
    assert fill(admission, is_look_up=True) == 20
    assert (admission.in_progress, admission.shed) == (100, 2)

    admission.leave()
    with pytest.raises(OverloadedError):
        admission.enter(is_look_up=False)
    admission.enter(is_look_up=True)


async def test_the_limit_shrinks_while_the_loop_is_late_and_grows_again() -> None:
    """By the delay of a timer; never below its least, never above its most."""
    admission = Admission(200, target_s=0.02)
    for _ in range(200):
        admission.enter(is_look_up=True)
    seen = []
    for _ in range(16):
        time.sleep(INTERVAL_S + 0.04)  # noqa: ASYNC251 - a loop that is kept busy
        await asyncio.sleep(0.001)
        seen.append(admission.limit)

    assert seen == sorted(seen, reverse=True)
    assert (seen[0] < 200, seen[-1]) == (True, LEAST)
    assert admission.queueing_s > 0.02

    for _ in range(200):
        admission.leave()
    started = time.monotonic()
    while admission.limit < 200 and time.monotonic() < started + 10:  # noqa: ASYNC110 - no event
        await asyncio.sleep(INTERVAL_S)

    assert admission.limit == 200


async def test_an_idle_gateway_has_no_timer() -> None:
    """Nothing wakes a process that nobody asks."""
    admission = Admission(10)
    admission.enter(is_look_up=True)
    admission.leave()
    await asyncio.sleep(INTERVAL_S * 3)

    assert admission._timer is None  # noqa: SLF001 - nothing else shows it


async def test_one_is_always_admitted() -> None:
    """A limit of one leaves nothing to share."""
    admission = Admission(1)

    assert fill(admission, is_look_up=False) == 1
