"""How much a caller may spend: cost points of its own, and calls to each system.

Every principal has a bucket of cost points and one of calls for each system; points
come back evenly. A request takes one point before it is read, then the most it can
cost from all its buckets at once or from none, and gets back what it did not use.
Who counts, and where, is behind `Counters`; the arithmetic is exact there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from policies.settings import Quota, ThrottleSettings

T = TypeVar("T")
Bucket: TypeAlias = tuple[str, int, int]
"""What is counted of a caller, the points it holds, its window in seconds."""
Take: TypeAlias = tuple[Bucket, int]
"""A bucket, and points taken of it (or given back)."""
Ask: TypeAlias = tuple[str, int, int, int]
"""Name of a bucket, points asked of it (or given back), points it holds, its window in seconds."""
Answer: TypeAlias = tuple[bool, int, int, int]
"""Whether it grants; what is left; µs until it is full; µs until it would grant, or 0."""
Told: TypeAlias = Callable[[str, int, int], T]
"""Makes what is told of a bucket: whose it is, what is left, µs until it is full."""

NO_CALLS: Final[Mapping[str, int]] = {}
SECOND_US: Final = 1_000_000


class Counters(Protocol):
    """Where spending is counted. A bucket that nobody knows is full.

    Names of one call differ, and hold the same text in braces: buckets that are
    asked together can be kept together. A bucket is known by its name, its points
    and its window. Asking 0 points is granted always, and only looks.
    """

    def taker(self, asked: Sequence[Take], told: Told[T], /) -> Callable[[str], T | None]:
        """Make what takes from all buckets of a caller, and tells how the first stands.

        All but the first are of one size. It gives None if nothing was taken, because one
        refuses or because it must be awaited; what is asked by names tells.
        """
        ...

    def giver(self, bucket: Bucket, /) -> Callable[[str, int], bool]:
        """Make what gives a caller points back; False: it must be awaited as `refund`."""
        ...

    def charge_now(self, asked: Sequence[Ask], /) -> tuple[Answer, ...] | None:
        """Take from all buckets, or from none if one refuses; None: it must be awaited."""
        ...

    def refund_now(self, given: Sequence[Ask], /) -> bool:
        """Give points back, no bucket more than it lacks; False: it must be awaited."""
        ...

    async def charge(self, asked: Sequence[Ask], /) -> tuple[Answer, ...]:
        """Take from all buckets, or from none if one refuses."""
        ...

    async def refund(self, given: Sequence[Ask], /) -> None:
        """Give points back, no bucket more than it lacks."""
        ...


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What was taken, and how the caller's own bucket stands after it.

    Attributes:
        cost: Cost points.
        calls: Calls by system.
        principal_id: Whose it was.
        remaining: Cost points left.
        reset_us: Microseconds until all are back.
    """

    cost: int
    calls: Mapping[str, int]
    principal_id: str
    remaining: int
    reset_us: int


class Refused(NamedTuple):
    """Why nothing was taken.

    Attributes:
        system: Whose calls are used up; None for the caller's own cost points.
        asked: Points that were asked of that bucket.
        limit: Points that it holds.
        remaining: Points left in it; 0 if it was not looked at.
        retry_us: Microseconds until it would grant the same; 0 if it never will.
        never: Whether more was asked than the bucket holds when it is full: to wait
            is of no use, and the counters were not asked.
    """

    system: str | None
    asked: int
    limit: int
    remaining: int
    retry_us: int
    never: bool = False


class Left(NamedTuple):
    """How a bucket stands.

    Attributes:
        limit: Points that it holds.
        window_s: Seconds in which as many come back.
        remaining: Points left.
        reset_us: Microseconds until all are back.
    """

    limit: int
    window_s: int
    remaining: int
    reset_us: int


class Standing(NamedTuple):
    """What a caller has left.

    Attributes:
        key: Cost points of its own.
        by_system: Calls, by system.
    """

    key: Left
    by_system: Mapping[str, Left]


class Throttle:
    """Charges callers.

    What ends in `_now` gives None where it has to be awaited under the other name: what is
    granted in memory never has to, and why something is not is told there.

    Args:
        settings: What the buckets hold.
        counters: Where they are.

    Attributes:
        settings: What the buckets hold.
        point_now: Takes the point that every request costs, whatever it asks.
    """

    def __init__(self, settings: ThrottleSettings, counters: Counters) -> None:
        self.settings: Final = settings
        self._counters = counters
        self._key, self._system = settings.key, settings.system
        self._points, self._window_us = settings.key.points, settings.key.window_s * SECOND_US
        self._own: Bucket = ("", settings.key.points, settings.key.window_s)
        self._give = counters.giver(self._own)
        self.point_now: Final = self.charger(1, NO_CALLS)

    async def point(self, principal_id: str) -> Charge | Refused:
        """Take the point that every request costs, whatever it asks."""
        return await self.charge(principal_id, 1, NO_CALLS)

    def charger(self, cost: int, calls: Mapping[str, int]) -> Callable[[str], Charge | None]:
        """Make what takes as much from a caller at once, all or nothing; None: see `charge`."""
        points, window_s = self._system.points, self._system.window_s
        of_systems = (((system, points, window_s), n) for system, n in calls.items())
        return self._counters.taker(((self._own, cost), *of_systems), partial(Charge, cost, calls))

    async def charge(
        self, principal_id: str, cost: int, calls: Mapping[str, int]
    ) -> Charge | Refused:
        """Take all, or nothing.

        Args:
            principal_id: Who asks.
            cost: The most that it can cost, in points.
            calls: The most calls that it can make, by system.
        """
        if cost > self._key.points:
            return Refused(None, cost, self._key.points, 0, 0, never=True)
        most = self._system.points
        for system, count in calls.items():
            if count > most:
                return Refused(system, count, most, 0, 0, never=True)
        answers = await self._answers(self._asks(principal_id, cost, calls.items()))
        for answer in answers:
            if not answer[0]:
                return self._refused(cost, calls, answers)
        _, remaining, reset_us, _ = answers[0]
        return Charge(cost, calls, principal_id, remaining, reset_us)

    def refund_now(self, charge: Charge, cost: int, calls: Mapping[str, int]) -> Charge | None:
        """Give back what was not used; see `refund`."""
        back = charge.cost - cost
        if calls != charge.calls:
            unused = self._unused(charge, cost, calls)
            if unused and not self._counters.refund_now(unused):
                return None
            return self._settled(charge, back)
        if back <= 0:
            return charge
        if not self._give(charge.principal_id, back):
            return None
        # This is the path of every request: what `_settled` says is written out.
        return Charge(
            cost,
            charge.calls,
            charge.principal_id,
            charge.remaining + back,
            charge.reset_us - back * self._window_us // self._points,
        )

    async def refund(self, charge: Charge, cost: int, calls: Mapping[str, int]) -> Charge:
        """Give back what was not used.

        Args:
            charge: What was taken.
            cost: What it did cost. More than was taken is not taken afterwards.
            calls: What was called, by system; a system that is missing was not.

        Returns:
            How the bucket stood when it was charged, had it been charged only this.
        """
        settled = self.refund_now(charge, cost, calls)
        if settled is None:
            await self._counters.refund(self._unused(charge, cost, calls))
            settled = self._settled(charge, charge.cost - cost)
        return settled

    async def peek(self, principal_id: str, systems: Iterable[str]) -> Standing:
        """Tell what is left, and take nothing."""
        calls = dict.fromkeys(systems, 0)
        key, *others = await self._answers(self._asks(principal_id, 0, calls.items()))
        by_system = zip(calls, others, strict=True)
        return Standing(
            _left(self._key, key),
            {system: _left(self._system, one) for system, one in by_system},
        )

    async def _answers(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        answers = self._counters.charge_now(asked)
        return await self._counters.charge(asked) if answers is None else answers

    def _asks(self, principal_id: str, cost: int, calls: Iterable[tuple[str, int]]) -> list[Ask]:
        """Name buckets for a server that counts for many."""
        # No name of a system holds a brace, so that no two callers share a name; and what
        # stands in braces is the same in all: a cluster keeps them on one node.
        own, key, system = f"{{{principal_id}}}", self._key, self._system
        return [
            (own, cost, key.points, key.window_s),
            *((name + own, n, system.points, system.window_s) for name, n in calls),
        ]

    def _refused(self, cost: int, calls: Mapping[str, int], answers: tuple[Answer, ...]) -> Refused:
        key, *others = answers
        refused = [
            Refused(system, calls[system], self._system.points, remaining, retry_us)
            for system, (granted, remaining, _, retry_us) in zip(calls, others, strict=True)
            if not granted
        ]
        granted, remaining, _, retry_us = key
        if not granted:
            refused.append(Refused(None, cost, self._key.points, remaining, retry_us))
        # Whoever waits for the last one finds them all granting.
        return max(refused, key=lambda one: one.retry_us)

    def _unused(self, charge: Charge, cost: int, calls: Mapping[str, int]) -> list[Ask]:
        uncalled = ((system, n - calls.get(system, 0)) for system, n in charge.calls.items())
        unused = self._asks(charge.principal_id, charge.cost - cost, uncalled)
        return [ask for ask in unused if ask[1] > 0]

    def _settled(self, charge: Charge, back: int) -> Charge:
        if back <= 0:
            return charge
        return Charge(
            charge.cost - back,
            charge.calls,
            charge.principal_id,
            charge.remaining + back,
            charge.reset_us - back * self._window_us // self._points,
        )


def _left(quota: Quota, answered: Answer) -> Left:
    _, remaining, reset_us, _ = answered
    return Left(quota.points, quota.window_s, remaining, reset_us)
