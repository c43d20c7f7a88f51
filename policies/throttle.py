"""How much a caller may spend: cost points of its own, and calls to each system.

Every principal has a bucket of cost points and one of calls for each system; points
come back evenly. A request takes one point before it is read, then the most it can
cost from all its buckets at once or from none, and gets back what it did not use.
Who counts, and where, is behind `Counters`; the arithmetic is exact there.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, TypeAlias

import msgspec

from policies.settings import Quota, ThrottleSettings

Bucket: TypeAlias = tuple[str, int, int]
"""What is counted of a caller, the points it holds, its window in seconds."""
Take: TypeAlias = tuple[Bucket, int]
"""A bucket, and points taken of it (or given back)."""
Ask: TypeAlias = tuple[str, int, int, int]
"""Name of a bucket, points asked of it (or given back), points it holds, its window in seconds."""
Answer: TypeAlias = tuple[bool, int, int, int]
"""Whether it grants; what is left; µs until it is full; µs until it would grant, or 0."""
Rest: TypeAlias = tuple[int, int]
"""What is left; µs until it is full."""

NO_CALLS: Final[Mapping[str, int]] = {}
SECOND_US: Final = 1_000_000
MAX_TAKES: Final = 4_096
"""Charges of which is remembered what they take of each bucket: most questions of one kind
are charged alike, whoever asks."""


class Counters(Protocol):
    """Where spending is counted. A bucket that nobody knows is full.

    Names of one call differ, and hold the same text in braces: buckets that are
    asked together can be kept together. A bucket is known by its name, its points
    and its window. Asking 0 points is granted always, and only looks.
    """

    def take_now(self, caller: str, asked: Sequence[Take], /) -> Rest | None:
        """Take from all buckets of a caller, and say how the first stands.

        None: nothing was taken, because one refuses or because it must be awaited; what
        is asked by names tells.
        """
        ...

    def give_now(self, caller: str, given: Sequence[Take], /) -> bool:
        """Give points back to buckets of a caller; False: it must be awaited as `refund`."""
        ...

    def charge_now(self, asked: Sequence[Ask], /) -> tuple[Answer, ...] | None:
        """Take from all buckets, or from none if one refuses; None: it must be awaited."""
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
        principal_id: Whose it was.
        cost: Cost points.
        calls: Calls by system.
        remaining: Cost points left.
        reset_us: Microseconds until all are back.
    """

    principal_id: str
    cost: int
    calls: Mapping[str, int]
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
    """

    def __init__(self, settings: ThrottleSettings, counters: Counters) -> None:
        self.settings: Final = settings
        self._counters = counters
        self._key, self._system = settings.key, settings.system
        self._own: Bucket = ("", settings.key.points, settings.key.window_s)
        self._point: Sequence[Take] = ((self._own, 1),)
        self._takes = lru_cache(MAX_TAKES)(self._share_out)

    def point_now(self, principal_id: str) -> Charge | None:
        """Take the point that every request costs, whatever it asks."""
        rest = self._counters.take_now(principal_id, self._point)
        return None if rest is None else Charge(principal_id, 1, NO_CALLS, *rest)

    async def point(self, principal_id: str) -> Charge | Refused:
        """Take the point that every request costs, whatever it asks."""
        return await self.charge(principal_id, 1, NO_CALLS)

    def charge_now(self, principal_id: str, cost: int, calls: Mapping[str, int]) -> Charge | None:
        """Take all, or nothing; see `charge`."""
        rest = self._counters.take_now(principal_id, self._takes(cost, tuple(calls.items())))
        return None if rest is None else Charge(principal_id, cost, calls, *rest)

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
        takes = self._takes(cost, tuple(calls.items()))
        answers = await self._answers(_named(principal_id, takes))
        for answer in answers:
            if not answer[0]:
                return self._refused(cost, calls, answers)
        _, remaining, reset_us, _ = answers[0]
        return Charge(principal_id, cost, calls, remaining, reset_us)

    def refund_now(self, charge: Charge, cost: int, calls: Mapping[str, int]) -> Charge | None:
        """Give back what was not used; see `refund`."""
        back = charge.cost - cost
        if back > 0 and calls == charge.calls:  # as mostly
            unused = [(self._own, back)]
        else:
            unused = self._unused(charge, cost, calls)
            if not unused:
                return charge
        if not self._counters.give_now(charge.principal_id, unused):
            return None
        return self._settled(charge, back)

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
            unused = self._unused(charge, cost, calls)
            await self._counters.refund(_named(charge.principal_id, unused))
            settled = self._settled(charge, charge.cost - cost)
        return settled

    async def peek(self, principal_id: str, systems: Iterable[str]) -> Standing:
        """Tell what is left, and take nothing."""
        calls = dict.fromkeys(systems, 0)
        key, *others = await self._answers(_named(principal_id, self._share_out(0, calls.items())))
        by_system = zip(calls, others, strict=True)
        return Standing(
            _left(self._key, key),
            {system: _left(self._system, one) for system, one in by_system},
        )

    async def _answers(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        answers = self._counters.charge_now(asked)
        return await self._counters.charge(asked) if answers is None else answers

    def _share_out(self, cost: int, calls: Iterable[tuple[str, int]]) -> tuple[Take, ...]:
        points, window_s = self._system.points, self._system.window_s
        return (self._own, cost), *(((system, points, window_s), n) for system, n in calls)

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

    def _unused(self, charge: Charge, cost: int, calls: Mapping[str, int]) -> list[Take]:
        unused = [(self._own, charge.cost - cost)] if cost < charge.cost else []
        uncalled = ((system, n - calls.get(system, 0)) for system, n in charge.calls.items())
        _, *of_systems = self._share_out(0, uncalled)
        return unused + [take for take in of_systems if take[1] > 0]

    def _settled(self, charge: Charge, back: int) -> Charge:
        if back <= 0:
            return charge
        _, points, window_s = self._own
        return Charge(
            charge.principal_id,
            charge.cost - back,
            charge.calls,
            charge.remaining + back,
            charge.reset_us - back * window_s * SECOND_US // points,
        )


def _named(principal_id: str, takes: Sequence[Take]) -> list[Ask]:
    """Name buckets for a server that counts for many."""
    # No name of a system holds a brace, so that no two callers share a name; and what
    # stands in braces is the same in all: a cluster keeps them on one node.
    own = f"{{{principal_id}}}"
    return [(counted + own, cost, points, window_s) for (counted, points, window_s), cost in takes]


def _left(quota: Quota, answered: Answer) -> Left:
    _, remaining, reset_us, _ = answered
    return Left(quota.points, quota.window_s, remaining, reset_us)
