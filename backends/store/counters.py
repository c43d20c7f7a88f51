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
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import gcd
from typing import Final, NamedTuple, TypeAlias

MAX_NAMES: Final = 500_000
"""Buckets that are kept at a time, of one size: about 85 MB."""

_KEPT: Final = 65_536
"""Buckets of one size that are kept whether they are full or not: to forget one and make it
anew with the next request costs more than its room, which is 11 MB for all of them."""
_SWEPT: Final = 64
"""New buckets after which, beyond these, old ones are looked at."""
_LOOKED_AT: Final = 2
"""Old buckets that are looked at for each new one: so the full ones leave faster than they come."""

Ask: TypeAlias = tuple[str, int, int, int]
"""Name of a bucket, points asked of it (or given back), points it holds, its window in seconds."""
Answer: TypeAlias = tuple[bool, int, int, int]
"""Whether it grants; what is left; µs until it is full; µs until it would grant, or 0."""
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


class _Shelf(NamedTuple):
    """The buckets of one size.

    Attributes:
        full_at: When each is full again, in ticks; some that are full are missing.
        names: Of all that are kept; to the left those that were looked at longest ago.
    """

    pace: Pace
    full_at: dict[str, int]
    names: deque[str]


class MemoryCounters:
    """Buckets of this process alone: exact, and gone when it is.

    A bucket that is full again is as good as forgotten. Where there are many, for each
    new name two old ones are looked at, some dozens at a time, and forgotten if they are
    full, so about twice as many are kept as are in use. Beyond `max_names` the one that
    was looked at longest ago is forgotten although it is not full: whoever spent from it
    finds it full again.

    Args:
        clock_ns: A monotonic clock, in nanoseconds.
        max_names: Buckets of one size that are kept at a time.
        kept: Those of them that are kept even if they are full.
    """

    def __init__(
        self,
        *,
        clock_ns: ClockNs = time.monotonic_ns,
        max_names: int = MAX_NAMES,
        kept: int = _KEPT,
    ) -> None:
        self._clock_ns = clock_ns
        self._max_names = max_names
        self._kept = kept
        self._shelves: dict[tuple[int, int], _Shelf] = {}

    def __len__(self) -> int:
        return sum(len(shelf.full_at) for shelf in self._shelves.values())

    def take_now(self, asked: Sequence[Ask], now_us: int | None = None) -> Answer | None:
        """Take from all buckets, and say how the first stands; None: one of them refuses.

        Args:
            asked: Of all buckets.
            now_us: The instant, if the clock was read already.
        """
        if now_us is None:
            now_us = self._clock_ns() // 1000
        last_points = last_window_s = now = 0
        first: Answer | None = None
        # This is the path of every request: what `answer` says of a bucket that grants is
        # written out, and what was taken before one that refuses is given back.
        for taken, (name, cost, points, window_s) in enumerate(asked):
            if points != last_points or window_s != last_window_s:
                shelf = self._shelves.get((points, window_s)) or self._shelf(points, window_s)
                (point, us, window), full_at, _ = shelf
                last_points, last_window_s, now = points, window_s, now_us * us
            at = full_at.get(name)
            owed = cost * point
            if at is not None and at > now:
                owed += at - now
            if owed > window:
                self.refund_now(asked[:taken])
                return None
            if at is None:
                self._begin(shelf, name, now)
            full_at[name] = now + owed
            if first is None:
                first = (True, (window - owed) // point, -(-owed // us), 0)
        return first

    def charge_now(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Take from all buckets, or from none if one refuses."""
        now_us = self._clock_ns() // 1000
        shelves = [self._shelf(points, window_s) for _, _, points, window_s in asked]
        found = [
            (shelf.pace, cost, max(0, shelf.full_at.get(name, 0) - now_us * shelf.pace.us))
            for shelf, (name, cost, _, _) in zip(shelves, asked, strict=True)
        ]
        is_taken = all(owed + cost * pace.point <= pace.window for pace, cost, owed in found)
        if is_taken:
            self.take_now([one for one in asked if one[1]], now_us)
        return tuple(answer(pace, owed, cost, is_taken=is_taken) for pace, cost, owed in found)

    async def charge(self, asked: Sequence[Ask]) -> tuple[Answer, ...]:
        """Do the same; nothing is waited for."""
        return self.charge_now(asked)

    def refund_now(self, given: Sequence[Ask]) -> bool:
        """Give points back, to each bucket no more than it lacks; True: it is done."""
        for name, back, points, window_s in given:
            shelf = self._shelves.get((points, window_s))
            if shelf is None:
                continue  # nothing was ever taken from a bucket of this size
            (point, _, _), full_at, _ = shelf
            at = full_at.get(name)
            if at is not None:
                # An instant that has passed is as good as now.
                full_at[name] = at - back * point
        return True

    async def refund(self, given: Sequence[Ask]) -> None:
        """Do the same; nothing is waited for."""
        self.refund_now(given)

    def _shelf(self, points: int, window_s: int) -> _Shelf:
        size = points, window_s
        shelf = self._shelves.get(size)
        if shelf is None:
            shelf = self._shelves[size] = _Shelf(pace_of(points, window_s), {}, deque())
        return shelf

    def _begin(self, shelf: _Shelf, name: str, now: int) -> None:
        """Keep a bucket that nobody knows."""
        _, full_at, names = shelf
        if len(names) >= self._kept and len(names) % _SWEPT == 0:
            self._sweep(shelf, now, _LOOKED_AT * _SWEPT)
        if len(names) >= self._max_names:
            self._sweep(shelf, now, _LOOKED_AT)
        while len(names) >= self._max_names:
            del full_at[names.popleft()]
        names.append(name)

    @staticmethod
    def _sweep(shelf: _Shelf, now: int, most: int) -> None:
        """Look at old buckets, and forget those that are full."""
        _, full_at, names = shelf
        for _ in range(min(most, len(names))):
            name = names.popleft()
            if full_at[name] > now:
                names.append(name)
            else:
                del full_at[name]
