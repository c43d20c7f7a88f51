"""How many operations are in progress at once, by how long the loop lets others wait.

A loop with more work than time serves everybody late. So there is one limit of
operations in progress, and it follows the queueing time: the delay with which a timer
fires. While that is short the limit grows; once it is long the limit shrinks, and who
comes then is told to come back, before any of the question is read.

A share of the limit is for questions that are known to be look-ups. What was never
seen, and has to be parsed and validated first, and what searches or adds up, is shed
before them.
"""

import asyncio
import time
from typing import ClassVar, Final

from orderlines.deadline import Clock
from orderlines.errors import GatewayError

LEAST: Final = 16
INTERVAL_S: Final = 0.05
TARGET_S: Final = 0.05
"""Queueing time that is no cause for concern."""
SHARE: Final = 0.8
"""How much of the limit is open to every kind of question."""

_SHRINK: Final = 0.8
_GROW: Final = 1.1
_BUSY: Final = 0.9


class OverloadedError(GatewayError):
    """More is asked at once than can be answered in time."""

    code: ClassVar[str] = "OVERLOADED"


class Admission:
    """Admits operations, and lets them go.

    Args:
        most: The limit where nothing has to wait.
        target_s: Queueing time above which the limit shrinks, in seconds.
        clock: A monotonic clock.

    Attributes:
        limit: Operations that may be in progress now.
        in_progress: Operations that are.
        shed: Questions that were sent away.
        queueing_s: The queueing time that was met last.
    """

    def __init__(
        self, most: int, *, target_s: float = TARGET_S, clock: Clock = time.monotonic
    ) -> None:
        self._most = most
        self._least = min(LEAST, most)
        self._target_s = target_s
        self._clock = clock
        self._limit = float(most)
        self._peak = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.in_progress = 0
        self.shed = 0
        self.queueing_s = 0.0

    @property
    def limit(self) -> int:
        """Operations that may be in progress now."""
        return int(self._limit)

    def enter(self, *, is_look_up: bool) -> None:
        """Admit an operation; `leave` must follow.

        Raises:
            OverloadedError: Too many are in progress for one of this kind.
        """
        asked = self.in_progress + 1
        self._peak = max(self._peak, asked)
        # One by itself is admitted always.
        if asked > (self._limit if is_look_up else self._limit * SHARE) and asked > 1:
            self.shed += 1
            msg = "The gateway is asked more than it can answer in time."
            raise OverloadedError(msg)
        self.in_progress = asked
        if self._timer is None:
            self._wait()

    def leave(self) -> None:
        """Let an operation go."""
        self.in_progress -= 1

    def _wait(self) -> None:
        self._due = self._clock() + INTERVAL_S
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._adapt)

    def _adapt(self) -> None:
        self.queueing_s = max(self._clock() - self._due, 0.0)
        if self.queueing_s > self._target_s:
            # What was not used is no measure of what can be borne.
            self._limit = max(min(self._limit, self._peak) * _SHRINK, self._least)
        elif self._peak >= self._limit * _BUSY:
            self._limit = min(max(self._limit * _GROW, self._limit + 1), self._most)
        self._peak = self.in_progress
        self._timer = None
        if self.in_progress or self._limit < self._most:
            self._wait()
            if not self.in_progress:
                # Nothing is asked: what was shed before must not be shed tomorrow.
                self._limit = min(self._limit * _GROW + 1, self._most)
