"""One time limit for many requests, by one timer.

All requests of a route may take equally long, so the first to come is the first to
be late, and only that one needs to be watched. A request costs an entry in a dict;
a timer of its own would cost more than reading its body.
"""

import asyncio
import time
from typing import Any, TypeAlias

from orderlines.deadline import Clock

Task: TypeAlias = asyncio.Task[Any]


class TimeLimit:
    """Cancels tasks that take longer than they may.

    Args:
        seconds: What each task may take.
        clock: A monotonic clock.
    """

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        # In the order of arrival, and so of the instants at which they are late.
        self._due: dict[Task, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, task: Task) -> None:
        """Begin to watch a task."""
        self._due[task] = self._clock() + self._seconds
        if self._timer is None:
            self._timer = task.get_loop().call_later(self._seconds, self._cancel_late)

    def is_over(self, task: Task) -> bool:
        """Tell whether a task that was started was cancelled because its time was over."""
        return task not in self._due

    def stop(self, task: Task) -> None:
        """Watch a task no longer."""
        self._due.pop(task, None)

    def _cancel_late(self) -> None:
        self._timer = None
        now = self._clock()
        while self._due:
            task, due = next(iter(self._due.items()))
            if due > now:
                self._timer = asyncio.get_running_loop().call_later(due - now, self._cancel_late)
                return
            del self._due[task]
            task.cancel()
