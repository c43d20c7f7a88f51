"""Counting what is spent, in memory; and the arithmetic, for every way of counting.

A bucket holds `points`, and as many come back evenly in `window_s` seconds. All that
is kept of it is one instant: when it will be full again. Spending moves that instant
ahead by the time the points take to come back; what would move it more than a window
ahead of now is refused. (The generic cell rate algorithm, by another name for its
"theoretical arrival time".)

A point takes window / points to come back, which is seldom a whole number of
microseconds. So time is counted in ticks that both are whole numbers of, and nothing
is ever rounded, except in what is told: points down, waiting times up.
"""

import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import gcd
from typing import Final, NamedTuple, TypeAlias

MAX_CALLERS: Final = 125_000
"""Callers whose buckets are kept at a time: about 22 MB beside their names, of four each."""

_KEPT: Final = 16_384
"""Callers whose buckets are kept whether they are full or not: to forget them and begin anew
with the next request costs more than their room, which is 3 MB for all of them."""
_SWEPT: Final = 64
"""New callers after which, beyond these, old ones are looked at."""
_LOOKED_AT: Final = 2
"""Old callers that are looked at for each new one: so they leave faster than others come."""

Bucket: TypeAlias = tuple[str, int, int]
"""What is counted of a caller, the points it holds, its window in seconds."""
Take: TypeAlias = tuple[Bucket, int]
"""A bucket, and points taken of it (or given back)."""
Ask: TypeAlias = tuple[str, int, int, int]
"""Name of a bucket, points asked of it (or given back), points it holds, its window in seconds.
A name is what is counted, and the caller in braces."""
Answer: TypeAlias = tuple[bool, int, int, int]
"""Whether it grants; what is left; µs until it is full; µs until it would grant, or 0."""
Rest: TypeAlias = tuple[int, int]
"""What is left; µs until it is full."""
ClockNs: TypeAlias = Callable[[], int]


class Pace(NamedTuple):
    """How fast points come back, in ticks.

    Attributes:
        point: Ticks that one point takes.
        us: Ticks of a microsecond.
        window: Ticks that all points take.
    """

    point: int
    us: int
    window: int


@lru_cache(maxsize=1024)
def pace_of(points: int, window_s: int) -> Pace:
    """Find the longest tick that a point and a microsecond are whole numbers of."""
    window_us = window_s * 1_000_000
    shared = gcd(points, window_us)
    us = points // shared
    return Pace(window_us // shared, us, window_us * us)


def answer(pace: Pace, owed: int, cost: int, *, is_taken: bool) -> Answer:
    """Say how one bucket stands.

    Args:
        pace: How fast its points come back.
        owed: Ticks until it was full, before it was asked.
        cost: Points asked of it.
        is_taken: Whether all buckets that were asked granted, so that it was taken.
    """
    point, us, window = pace
    after = owed + cost * point
    left = after if is_taken else owed
    short = after - window
    wait_us = -(-short // us) if short > 0 else 0
    return short <= 0, (window - left) // point, -(-left // us), wait_us


Instants: TypeAlias = "array[int] | list[int]"
"""When each bucket of a caller is full again, in ticks, by the bucket's place.

Kept as bare numbers side by side: objects of their own, one for each bucket and replaced by
each request, lie scattered, and with thousands of callers none is in the processor's cache.
Ticks so fine that an instant takes more than 64 bits are kept in a list.
"""


class _Places(dict[Bucket, tuple[int, int, int, int]]):
    """Of each bucket its place among a caller's instants, and how fast its points come back."""

    def __missing__(self, bucket: Bucket) -> tuple[int, int, int, int]:
        _, points, window_s = bucket
        found = self[bucket] = (len(self), *pace_of(points, window_s))
        return found


class MemoryCounters:
    """Buckets of this process alone: exact, and gone when it is.

    A bucket that is full again is as good as forgotten. Where there are many callers, for
    each new one two old ones are looked at, some dozens at a time, and forgotten if their
    buckets are full, so about twice as many are kept as are in use. Beyond `max_callers`
    the one that was looked at longest ago is forgotten although its buckets are not full:
    whoever spent from them finds them full again.

    Args:
        clock_ns: A monotonic clock, in nanoseconds.
        max_callers: Callers that are kept at a time.
        kept: Those of them that are kept even if their buckets are full.
    """

    def __init__(
        self,
        *,
        clock_ns: ClockNs = time.monotonic_ns,
        max_callers: int = MAX_CALLERS,
        kept: int = _KEPT,
    ) -> None:
        self._clock_ns = clock_ns
        self._max_callers = max_callers
        self._kept = kept
        self._places = _Places()
        self._callers: dict[str, Instants] = {}
        # All of them; to the left those that were looked at longest ago.
        self._names: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._callers)

    def take_now(self, caller: str, asked: Sequence[Take]) -> Rest | None:
        """Take from all buckets, and say how the first stands; None: one of them refuses."""
        now_us = self._clock_ns() // 1000
        places = self._places
        full_at = self._callers.get(caller)
        if full_at is None:
            full_at = self._begin(caller, now_us)
        first: Rest | None = None
        # This is the path of every request: what `answer` says of a bucket that grants is
        # written out, and what was taken before one that refuses is given back.
        for bucket, cost in asked:
            place, point, us, window = places[bucket]
            owed, now = cost * point, now_us * us
            try:
                at = full_at[place]
            except IndexError:
                at = 0
            if at > now:
                owed += at - now
            if owed > window:
                self.give_now(caller, asked[: asked.index((bucket, cost))])
                return None
            try:
                full_at[place] = now + owed
            except (IndexError, OverflowError):
                full_at = self._put(caller, place, now + owed)
            if first is None:
                first = (window - owed) // point, -(-owed // us)
        return first

    def give_now(self, caller: str, given: Sequence[Take]) -> bool:
        """Give points back, to each bucket no more than it lacks; True: it is done."""
        full_at = self._callers.get(caller)
        if full_at is not None:
            for bucket, points in given:
                place, point, _, _ = self._places[bucket]
                if place < len(full_at):
                    # An instant that has passed is as good as now.
                    full_at[place] = max(0, full_at[place] - points * point)
        return True

    def charge_now(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Take from all buckets, or from none if one refuses."""
        now_us = self._clock_ns() // 1000
        takes = [_parted(one) for one in asked]
        found = []
        for caller, (bucket, cost) in takes:
            place, *numbers = self._places[bucket]
            pace = Pace(*numbers)
            known = self._callers.get(caller, ())[place : place + 1]
            found.append((pace, cost, max(0, known[0] - now_us * pace.us) if known else 0))
        is_taken = all(owed + cost * pace.point <= pace.window for pace, cost, owed in found)
        if is_taken:
            for (caller, (bucket, _)), (pace, cost, owed) in zip(takes, found, strict=True):
                if cost:
                    if caller not in self._callers:
                        self._begin(caller, now_us)
                    at = now_us * pace.us + owed + cost * pace.point
                    self._put(caller, self._places[bucket][0], at)
        return tuple(answer(pace, owed, cost, is_taken=is_taken) for pace, cost, owed in found)

    async def charge(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Do the same; nothing is waited for."""
        return self.charge_now(asked)

    def refund_now(self, given: Sequence[Ask]) -> bool:
        """Give points back, to each bucket no more than it lacks; True: it is done."""
        for caller, take in map(_parted, given):
            self.give_now(caller, [take])
        return True

    async def refund(self, given: Sequence[Ask]) -> None:
        """Do the same; nothing is waited for."""
        self.refund_now(given)

    def _put(self, caller: str, place: int, at: int) -> Instants:
        """Note an instant of a caller that may have no room for it yet."""
        full_at = self._callers[caller]
        full_at.extend([0] * (place + 1 - len(full_at)))
        try:
            full_at[place] = at
        except OverflowError:
            full_at = self._callers[caller] = [*full_at]
            full_at[place] = at
        return full_at

    def _begin(self, caller: str, now_us: int) -> Instants:
        """Keep the buckets of a caller whom nobody knows."""
        names = self._names
        if len(names) >= self._kept and len(names) % _SWEPT == 0:
            self._sweep(now_us, _LOOKED_AT * _SWEPT)
        if len(names) >= self._max_callers:
            self._sweep(now_us, _LOOKED_AT)
        while len(names) >= self._max_callers:
            del self._callers[names.popleft()]
        names.append(caller)
        found = self._callers[caller] = array("q", bytes(8 * len(self._places)))
        return found

    def _sweep(self, now_us: int, most: int) -> None:
        """Look at old callers, and forget those whose buckets are full."""
        names = self._names
        for _ in range(min(most, len(names))):
            name = names.popleft()
            paces = self._places.values()
            if any(
                at > now_us * us
                for at, (_, _, us, _) in zip(self._callers[name], paces, strict=False)
            ):
                names.append(name)
            else:
                del self._callers[name]


def _parted(one: Ask) -> tuple[str, Take]:
    """Tell the caller in a name from what is counted."""
    name, cost, points, window_s = one
    counted, _, caller = name.partition("{")
    return caller[:-1], ((counted, points, window_s), cost)
