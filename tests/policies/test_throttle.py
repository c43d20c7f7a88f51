"""The throttle: what it takes, what it gives back, and what it tells."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.store.counters import MemoryCounters
from policies.rate_limit_fields import (
    left_field,
    policy_field,
    refused_field,
    retry_after_field,
)
from policies.settings import Quota, ThrottleSettings
from policies.throttle import (
    Answer,
    Ask,
    Charge,
    Left,
    Refused,
    Standing,
    T,
    Take,
    Throttle,
    Told,
)
from policies.throttle import (
    Bucket as Counted,
)

UNHURRIED: Final = settings(deadline=None)  # a busy machine proves nothing wrong
SYSTEMS: Final = ("erp", "wms", "oms")
SMALL: Final = ThrottleSettings(key=Quota(points=10, window_s=20), system=Quota(points=3))


@dataclass(slots=True)
class Hand:
    """A clock that a test moves."""

    us: int = 1_000_000

    def __call__(self) -> int:
        """Tell nanoseconds; those below a microsecond change nothing."""
        return self.us * 1000 + 999


class Remote:
    """Counters behind a wait, as over a network."""

    def __init__(self, near: MemoryCounters) -> None:
        self._near = near

    def taker(self, _: Sequence[Take], told: Told[T]) -> Callable[[str], T | None]:
        """Say that it must be awaited."""
        return lambda caller: told(caller, 0, 0) if caller == "nobody" else None

    def giver(self, _: Counted) -> Callable[[str, int], bool]:
        """Say that it must be awaited."""
        return lambda _, points: points < 0

    def charge_now(self, asked: Sequence[Ask]) -> None:
        """Say that it must be awaited."""

    def refund_now(self, given: Sequence[Ask]) -> bool:
        """Say that it must be awaited."""
        return not given

    async def charge(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Count."""
        return self._near.charge_now(asked)

    async def refund(self, given: Sequence[Ask]) -> None:
        """Count back."""
        self._near.refund_now(given)


@dataclass(slots=True)
class Bucket:
    """The naive bucket: a level that rises."""

    quota: Quota
    level: Fraction
    at_us: int

    def rise(self, now_us: int) -> None:
        """Let come back what came back since it was last looked at."""
        risen = Fraction((now_us - self.at_us) * self.quota.points, self.quota.window_s * 10**6)
        self.level = min(Fraction(self.quota.points), self.level + risen)
        self.at_us = now_us

    def wait_us(self, points: Fraction) -> int:
        """Say how long points take to come back."""
        return ceil(points * self.quota.window_s * 10**6 / self.quota.points)


@dataclass(slots=True)
class Model:
    """The throttle, as one would explain it."""

    settings: ThrottleSettings
    buckets: dict[tuple[str, str | None], Bucket] = field(default_factory=dict)

    def bucket(self, caller: str, system: str | None, now_us: int) -> Bucket:
        """Find a bucket, full if it is new."""
        quota = self.settings.key if system is None else self.settings.system
        new = Bucket(quota, Fraction(quota.points), now_us)
        found = self.buckets.setdefault((caller, system), new)
        found.rise(now_us)
        return found

    def charge(self, caller: str, cost: int, calls: Mapping[str, int], now_us: int) -> object:
        """Take from all or from none."""
        asked = [(None, cost), *calls.items()]
        for system, points in asked:
            limit = (self.settings.key if system is None else self.settings.system).points
            if points > limit:
                return Refused(system, points, limit, 0, 0, never=True)
        held = [(system, points, self.bucket(caller, system, now_us)) for system, points in asked]
        short = [
            Refused(system, points, one.quota.points, floor(one.level), one.wait_us(lack))
            for system, points, one in held
            if (lack := points - one.level) > 0
        ]
        if short:
            return max(one.retry_us for one in short), set(short)
        for _, points, one in held:
            one.level -= points
        own = held[0][2]
        reset_us = own.wait_us(own.quota.points - own.level)
        return Charge(cost, calls, caller, floor(own.level), reset_us)

    def refund(self, charge: Charge, cost: int, calls: Mapping[str, int], now_us: int) -> None:
        """Give back, never above full."""
        unused: list[tuple[str | None, int]] = [(None, charge.cost - cost)]
        unused += [(system, n - calls.get(system, 0)) for system, n in charge.calls.items()]
        for system, points in unused:
            one = self.bucket(charge.principal_id, system, now_us)
            one.level = min(Fraction(one.quota.points), one.level + max(0, points))

    def peek(self, caller: str, systems: Iterable[str], now_us: int) -> Standing:
        """Tell how all stand."""
        left = {}
        for system in (None, *systems):
            one = self.bucket(caller, system, now_us)
            quota = one.quota
            reset_us = one.wait_us(quota.points - one.level)
            left[system] = Left(quota.points, quota.window_s, floor(one.level), reset_us)
        return Standing(left[None], {system: left[system] for system in systems})


QUOTAS: Final = st.builds(
    Quota, points=st.integers(1, 40) | st.integers(1, 10**9), window_s=st.integers(1, 86_400)
)
SETTINGS: Final = st.builds(ThrottleSettings, key=QUOTAS, system=QUOTAS)
STEPS: Final = st.lists(
    st.tuples(
        st.integers(0, 10**6) | st.integers(0, 10**11),
        st.sampled_from(("key:a", "key:b")),
        st.fractions(0, Fraction(11, 10)),
        st.dictionaries(st.sampled_from(SYSTEMS), st.fractions(0, Fraction(11, 10))),
        st.fractions(0, 2),
    ),
    max_size=12,
)


@pytest.mark.parametrize("how", ["at once", "by names", "remote"])
@UNHURRIED
@given(quotas=SETTINGS, steps=STEPS)
async def test_it_is_the_naive_bucket_to_the_microsecond(
    quotas: ThrottleSettings,
    steps: list[tuple[int, str, Fraction, dict[str, Fraction], Fraction]],
    how: str,
) -> None:
    """Levels as fractions, that rise with time: nothing drifts, nothing is taken in part."""
    clock, model = Hand(), Model(quotas)
    near = MemoryCounters(clock_ns=clock)
    throttle = Throttle(quotas, Remote(near) if how == "remote" else near)
    for passed_us, caller, share, shares, used in steps:
        clock.us += passed_us
        cost = round(quotas.key.points * share)
        calls = {name: round(quotas.system.points * one) for name, one in shares.items()}
        expected = model.charge(caller, cost, calls, clock.us)
        found: Charge | Refused | None = None
        if how == "at once":
            found = throttle.charger(cost, calls)(caller)
            assert isinstance(found, Charge) == isinstance(expected, Charge)
        if found is None:
            found = await throttle.charge(caller, cost, calls)

        if isinstance(expected, tuple) and not isinstance(expected, Charge | Refused):
            retry_us, refusals = expected
            assert found in refusals
            assert isinstance(found, Refused)
            assert found.retry_us == retry_us
        else:
            assert found == expected
        if isinstance(found, Charge):
            spent, called = floor(cost * used), {name: floor(n * used) for name, n in calls.items()}
            model.refund(found, spent, called, clock.us)
            await throttle.refund(found, spent, called)
        for one in ("key:a", "key:b"):
            assert await throttle.peek(one, SYSTEMS) == model.peek(one, SYSTEMS, clock.us)


@UNHURRIED
@given(
    held=st.dictionaries(st.sampled_from(SYSTEMS), st.integers(0, 3)),
    cost=st.integers(0, 10),
    used=st.integers(-5, 15),
    passed_us=st.integers(0, 10**8),
)
async def test_a_refund_never_fills_a_bucket_above_full(
    held: dict[str, int], cost: int, used: int, passed_us: int
) -> None:
    """Time may have filled it meanwhile: then there is nothing left to give."""
    clock = Hand()
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=clock))
    charge = await throttle.charge("key:a", cost, held)
    assert isinstance(charge, Charge)
    clock.us += passed_us
    await throttle.refund(charge, max(used, 0), {})
    found = await throttle.charge("key:a", 10, dict.fromkeys(SYSTEMS, 3))
    clock.us += 10**9

    assert found == Charge(10, dict.fromkeys(SYSTEMS, 3), "key:a", 0, 20_000_000) or isinstance(
        found, Refused
    )
    assert isinstance(await throttle.charge("key:a", 10, {}), Charge)
    assert isinstance(await throttle.charge("key:a", 1, {}), Refused)


async def test_one_bucket_that_refuses_costs_nothing_of_the_others() -> None:
    """Or a caller whose calls are used up would also lose its points."""
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=Hand()))
    first = await throttle.charge("key:a", 2, {"erp": 1, "wms": 3})
    second = await throttle.charge("key:a", 2, {"erp": 1, "wms": 1})
    third = await throttle.charge("key:a", 8, {"erp": 2})

    assert first == Charge(2, {"erp": 1, "wms": 3}, "key:a", 8, 4_000_000)
    assert second == Refused("wms", 1, 3, 0, 20_000_000)
    assert third == Charge(8, {"erp": 2}, "key:a", 0, 20_000_000)


async def test_the_longest_wait_is_told() -> None:
    """After a shorter one the caller would be refused again."""
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=Hand()))
    await throttle.charge("key:a", 10, {"erp": 3, "wms": 2})

    assert await throttle.charge("key:a", 1, {"erp": 1, "wms": 2}) == Refused(
        "erp", 1, 3, 0, 20_000_000
    )
    assert await throttle.charge("key:a", 5, {"wms": 2}) == Refused("wms", 2, 3, 1, 20_000_000)
    assert await throttle.charge("key:a", 10, {"oms": 1}) == Refused(None, 10, 10, 0, 20_000_000)


@pytest.mark.parametrize("cost", [11, 10**12])
async def test_what_a_full_bucket_does_not_hold_is_never_granted(cost: int) -> None:
    """It is no question of waiting: the caller must ask for less."""
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=Hand()))

    assert throttle.charger(cost, {})("key:a") is None
    assert await throttle.charge("key:a", cost, {}) == Refused(None, cost, 10, 0, 0, never=True)
    assert await throttle.charge("key:a", 1, {"erp": 3, "wms": 4}) == Refused(
        "wms", 4, 3, 0, 0, never=True
    )
    assert await throttle.peek("key:a", ["erp"]) == Standing(
        Left(10, 20, 10, 0), {"erp": Left(3, 60, 3, 0)}
    )


@pytest.mark.parametrize("is_remote", [False, True])
async def test_a_request_takes_one_point(
    is_remote: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Before it is read, so that nonsense is not free."""
    near = MemoryCounters(clock_ns=Hand())
    throttle = Throttle(SMALL, Remote(near) if is_remote else near)
    points = [await throttle.point("key:a") for _ in range(11)]

    assert [one.remaining for one in points] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert points[-1] == Refused(None, 1, 10, 0, 2_000_000)
    assert throttle.point_now("key:a") is None
    assert throttle.point_now("key:b") == (
        None if is_remote else Charge(1, {}, "key:b", 9, 2_000_000)
    )


def test_counters_that_must_be_awaited_say_so() -> None:
    """What cannot be known at once is None, and was not taken."""
    near = MemoryCounters(clock_ns=Hand())
    throttle = Throttle(SMALL, Remote(near))
    charge = Charge(5, {"erp": 1}, "key:a", 5, 10_000_000)

    assert throttle.charger(5, {})("key:a") is None
    assert throttle.refund_now(charge, 1, {}) is None
    assert throttle.refund_now(charge, 1, {"erp": 1}) is None
    assert throttle.refund_now(charge, 5, {"erp": 1}) == charge
    assert len(near) == 0


async def test_what_is_granted_at_once_is_what_would_be_granted_by_names() -> None:
    """Two ways to the same buckets: one after the other they see what the other took."""
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=Hand()))
    first = throttle.charger(3, {"erp": 1, "wms": 2})("key:a")
    second = await throttle.charge("key:a", 3, {"erp": 1, "wms": 1})

    assert first == Charge(3, {"erp": 1, "wms": 2}, "key:a", 7, 6_000_000)
    assert second == Charge(3, {"erp": 1, "wms": 1}, "key:a", 4, 12_000_000)
    assert throttle.charger(3, {"erp": 1, "wms": 1})("key:a") is None
    assert throttle.charger(4, {"erp": 1})("key:a") == Charge(4, {"erp": 1}, "key:a", 0, 20_000_000)


async def test_a_refund_tells_how_the_bucket_stands() -> None:
    """What was used stands in the answer's header, not what could have been used."""
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=Hand()))
    charge = await throttle.charge("key:a", 8, {"erp": 3})
    assert isinstance(charge, Charge)
    settled = await throttle.refund(charge, 3, {"erp": 1})

    assert settled == Charge(3, {"erp": 3}, "key:a", 7, 6_000_000)
    assert await throttle.charge("key:a", 7, {"erp": 2}) == Charge(
        7, {"erp": 2}, "key:a", 0, 20_000_000
    )


async def test_more_than_was_taken_is_not_taken_afterwards() -> None:
    """What a request can cost is its price; it is a mistake of ours if it cost more."""
    throttle = Throttle(SMALL, MemoryCounters(clock_ns=Hand()))
    charge = await throttle.charge("key:a", 2, {"erp": 1})
    assert isinstance(charge, Charge)

    assert await throttle.refund(charge, 9, {"erp": 2, "wms": 1}) == charge
    assert await throttle.charge("key:a", 8, {"erp": 2, "wms": 3}) == Charge(
        8, {"erp": 2, "wms": 3}, "key:a", 0, 20_000_000
    )


def test_the_policy_is_a_list_of_strings_with_parameters() -> None:
    """Names are strings and units are named, as the draft wants them."""
    assert policy_field(ThrottleSettings()) == (
        b'"key";q=600000;w=60;qu="cost", "system";q=60000;w=60;qu="calls"'
    )
    assert policy_field(Throttle(SMALL, MemoryCounters()).settings) == policy_field(SMALL)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Charge(1, {}, "key:a", 599_999, 100), '"key";r=599999;t=1'),
        (Charge(1, {}, "key:a", 10, 0), '"key";r=10;t=0'),
        (Charge(1, {}, "key:a", 0, 60_000_000), '"key";r=0;t=60'),
        (Refused(None, 5, 10, 4, 2_000_001), '"key";r=4;t=3'),
        (Refused("erp", 1, 3, 0, 1), '"system";r=0;t=1;pk=:ZXJw:'),
    ],
)
def test_what_is_left_is_told_in_whole_seconds(found: Charge | Refused, text: str) -> None:
    """Rounded up: who comes back then is not refused for a fraction."""
    field = left_field(found) if isinstance(found, Charge) else refused_field(found)

    assert field == text.encode()


@pytest.mark.parametrize(
    ("retry_us", "text"), [(1, "1"), (1_000_000, "1"), (1_000_001, "2"), (59_999_999, "60")]
)
def test_retry_after_is_never_too_short(retry_us: int, text: str) -> None:
    """And the same instant as in `RateLimit`."""
    refused = Refused(None, 1, 10, 0, retry_us)

    assert retry_after_field(refused) == text.encode()
    assert refused_field(refused).endswith(f";t={text}".encode())
