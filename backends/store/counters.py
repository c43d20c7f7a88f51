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
from typing import Final, NamedTuple, TypeAlias, TypeVar

MAX_CALLERS: Final = 125_000
"""Callers whose buckets are kept at a time: about 22 MB beside their names, of four each."""

_KEPT: Final = 16_384
"""Callers whose buckets are kept whether they are full or not: to forget them and begin anew
with the next request costs more than their room, which is 3 MB for all of them."""
_SWEPT: Final = 64
"""New callers after which, beyond these, old ones are looked at."""
_LOOKED_AT: Final = 2
"""Old callers that are looked at for each new one: so they leave faster than others come."""
_LONGEST_US: Final = 1 << 53
"""What no clock comes to: it would have run for 285 years."""

T = TypeVar("T")
Bucket: TypeAlias = tuple[str, int, int]
"""What is counted of a caller, the points it holds, its window in seconds."""
Take: TypeAlias = tuple[Bucket, int]
"""A bucket, and points taken of it (or given back)."""
Ask: TypeAlias = tuple[str, int, int, int]
"""Name of a bucket, points asked of it (or given back), points it holds, its window in seconds.
A name is what is counted, and the caller in braces."""
Answer: TypeAlias = tuple[bool, int, int, int]
"""Whether it grants; what is left; µs until it is full; µs until it would grant, or 0."""
Told: TypeAlias = Callable[[str, int, int], T]
"""Makes what is told of a bucket: whose it is, what is left, µs until it is full."""
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


def answer(pace: Pace, owed: int, ticks: int, *, is_taken: bool) -> Answer:
    """Say how one bucket stands.

    Args:
        pace: How fast its points come back.
        owed: Ticks until it was full, before it was asked.
        ticks: What is asked of it.
        is_taken: Whether all buckets that were asked granted, so that it was taken.
    """
    point, us, window = pace
    after = owed + ticks
    left = after if is_taken else owed
    short = after - window
    wait_us = -(-short // us) if short > 0 else 0
    return short <= 0, (window - left) // point, -(-left // us), wait_us


Instants: TypeAlias = "array[int] | list[int]"
"""When each bucket of a caller is full again, in ticks, by the bucket's place.

Kept as bare numbers side by side: objects of their own, one for each bucket and replaced by
each request, lie scattered, and with thousands of callers none is in the processor's cache.
Ticks so fine that an instant may take more than 64 bits are kept in lists.
"""


class _Callers(dict[str, Instants]):
    """The instants of each caller; whoever is new finds all buckets full.

    Args:
        clock_ns: A monotonic clock, in nanoseconds.
        most: Callers that are kept at a time.
        kept: Those of them that are kept even if their buckets are full.
    """

    def __init__(self, clock_ns: ClockNs, most: int, kept: int) -> None:
        super().__init__()
        self._clock_ns = clock_ns
        self._most = most
        self._kept = kept
        self._full: Instants = array("q")
        self._ticks_of_us: list[int] = []
        # All of them; to the left those that were looked at longest ago.
        self._names: deque[str] = deque()

    def add_place(self, pace: Pace) -> None:
        """Make room for one more bucket of everybody."""
        self._ticks_of_us.append(pace.us)
        if _LONGEST_US * pace.us + pace.window >= 1 << 63:
            self._full = [*self._full]
            self.update({name: [*full_at] for name, full_at in self.items()})
        for full_at in (self._full, *self.values()):
            full_at.append(0)

    def __missing__(self, caller: str) -> Instants:
        names = self._names
        if len(names) >= self._kept and len(names) % _SWEPT == 0:
            self._sweep(_LOOKED_AT * _SWEPT)
        if len(names) >= self._most:
            self._sweep(_LOOKED_AT)
        while len(names) >= self._most:
            del self[names.popleft()]
        names.append(caller)
        found = self[caller] = self._full[:]
        return found

    def _sweep(self, most: int) -> None:
        """Look at old callers, and forget those whose buckets are full."""
        names, now_us = self._names, self._clock_ns() // 1000
        for _ in range(min(most, len(names))):
            name = names.popleft()
            paces = zip(self[name], self._ticks_of_us, strict=True)
            if any(at > now_us * us for at, us in paces):
                names.append(name)
            else:
                del self[name]


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
        self._places: dict[Bucket, tuple[int, Pace]] = {}
        self._callers = _Callers(clock_ns, max_callers, kept)

    def __len__(self) -> int:
        return len(self._callers)

    def taker(self, asked: Sequence[Take], told: Told[T]) -> Callable[[str], T | None]:
        """Make what takes from all buckets of a caller; None: one of them refuses.

        Args:
            asked: Takes of buckets of which all but the first are of one size.
            told: Makes what is told of the first.

        Raises:
            ValueError: The others are of several sizes.
        """
        (place, ticks, pace), *more = [self._in_ticks(take) for take in asked]
        [(_, other_us, other_window)] = {one for _, _, one in more} or {pace}
        point, us, window = pace
        others = [(other, cost) for other, cost, _ in more]
        takes = [(place, ticks), *others]
        clock_ns, callers = self._clock_ns, self._callers

        # This is the path of every request: what `answer` says of a bucket that grants is
        # written out, and what was taken before one that refuses is given back.
        def take(caller: str) -> T | None:
            full_at = callers[caller]
            now_us = clock_ns() // 1000
            now = now_us * us
            ahead = full_at[place] - now
            owed = ahead + ticks if ahead > 0 else ticks
            if owed > window:
                return None
            full_at[place] = now + owed
            if others:
                now = now_us * other_us
                for other, cost in others:
                    ahead = full_at[other] - now
                    after = ahead + cost if ahead > 0 else cost
                    if after > other_window:
                        for taken, back in takes[: takes.index((other, cost))]:
                            full_at[taken] -= back
                        return None
                    full_at[other] = now + after
            return told(caller, (window - owed) // point, -(-owed // us))

        return take

    def giver(self, bucket: Bucket) -> Callable[[str, int], bool]:
        """Make what gives a caller points back, no more than its bucket lacks."""
        place, point, _ = self._in_ticks((bucket, 1))
        callers = self._callers

        def give(caller: str, points: int) -> bool:
            full_at = callers[caller]
            # An instant that has passed is as good as now.
            full_at[place] = max(0, full_at[place] - points * point)
            return True

        return give

    def charge_now(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Take from all buckets, or from none if one refuses."""
        now_us = self._clock_ns() // 1000
        found = []
        for caller, take in map(_parted, asked):
            place, ticks, pace = self._in_ticks(take)
            full_at = self._callers.get(caller)
            owed = 0 if full_at is None else max(0, full_at[place] - now_us * pace.us)
            found.append((caller, place, pace, owed, ticks))
        is_taken = all(owed + ticks <= pace.window for _, _, pace, owed, ticks in found)
        if is_taken:
            for caller, place, pace, owed, ticks in found:
                if ticks:
                    self._callers[caller][place] = now_us * pace.us + owed + ticks
        return tuple(
            answer(pace, owed, ticks, is_taken=is_taken) for _, _, pace, owed, ticks in found
        )

    async def charge(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Do the same; nothing is waited for."""
        return self.charge_now(asked)

    def refund_now(self, given: Sequence[Ask]) -> bool:
        """Give points back, to each bucket no more than it lacks; True: it is done."""
        for caller, take in map(_parted, given):
            place, ticks, _ = self._in_ticks(take)
            full_at = self._callers[caller]
            full_at[place] = max(0, full_at[place] - ticks)
        return True

    async def refund(self, given: Sequence[Ask]) -> None:
        """Do the same; nothing is waited for."""
        self.refund_now(given)

    def _in_ticks(self, take: Take) -> tuple[int, int, Pace]:
        """Give the place of a bucket, what is taken of it in ticks, and its pace."""
        bucket, cost = take
        found = self._places.get(bucket)
        if found is None:
            _, points, window_s = bucket
            found = self._places[bucket] = (len(self._places), pace_of(points, window_s))
            self._callers.add_place(found[1])
        place, pace = found
        return place, cost * pace.point, pace


def _parted(one: Ask) -> tuple[str, Take]:
    """Tell the caller in a name from what is counted."""
    name, cost, points, window_s = one
    counted, _, caller = name.partition("{")
    return caller[:-1], ((counted, points, window_s), cost)
