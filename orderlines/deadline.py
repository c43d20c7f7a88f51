"""One deadline for a whole question, handed down to everything it starts.

A deadline is an instant, not a duration: whoever receives it late has less time,
without anybody subtracting.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]

RESERVE_S = 0.1
RESERVE_SHARE = 0.1


@dataclass(slots=True)  # not frozen: each question makes two, and that takes twice as long
class Deadline:
    """An instant on a monotonic clock, in seconds, after which nobody waits."""

    at: float
    clock: Clock = field(default=time.monotonic, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> "Deadline":
        """Make the deadline that lies `seconds` ahead of now."""
        return cls(clock() + seconds, clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left; zero or negative once it has passed."""
        return self.at - self.clock()

    @property
    def is_past(self) -> bool:
        """Whether no time is left."""
        return self.remaining_s <= 0

    def with_reserve(self) -> "Deadline":
        """Give the deadline for calls to other systems.

        It lies min(100 ms, 10 % of what is left) earlier, so that a call that
        times out leaves enough time to answer without it.
        """
        share_s = (self.at - self.clock()) * RESERVE_SHARE
        reserve_s = RESERVE_S if share_s > RESERVE_S else max(share_s, 0.0)
        return Deadline(self.at - reserve_s, self.clock)
