"""Requests that take too long, and callers who leave meanwhile: watched by one timer.

All requests of a route may take equally long, so the first to come is the first to be
late. And most answers are out before it is worth asking whether somebody still waits:
only a request that takes longer than most gets a task that listens for its caller. So a
request costs an entry in a dict or two; a timer of its own, or a task that listens from
the beginning, would cost more than reading its body.
"""

import asyncio
import time
from typing import Any, Final, TypeAlias

from gateway.answers import Receive
from orderlines.deadline import Clock

Task: TypeAlias = asyncio.Task[Any]

PATIENCE_S: Final = 0.05


class Watch:
    """Cancels tasks that take longer than they may, and those of callers who left.

    Args:
        seconds: What each task may take.
        patience_s: How long a task may take before anybody listens for its caller.
        clock: A monotonic clock.

    Attributes:
        receive_of: Of tasks whose body has been read, what tells that the caller left; put
            here by whoever read it.
    """

    def __init__(
        self, seconds: float, patience_s: float = PATIENCE_S, clock: Clock = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._patience_s = patience_s
        self._clock = clock
        # In the order of arrival, and so of the instants at which they are late.
        self._due: dict[Task, float] = {}
        self.receive_of: Final[dict[Task, Receive]] = {}
        self._listening: dict[Task, asyncio.Task[None]] = {}
        self._left: set[Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, task: Task) -> None:
        """Begin to watch a task."""
        self._due[task] = self._clock() + self._seconds
        if self._timer is None:
            wait_s = min(self._patience_s, self._seconds)
            self._timer = task.get_loop().call_later(wait_s, self._look)

    def is_over(self, task: Task) -> bool:
        """Tell whether a task that was started was cancelled because its time was over."""
        return task not in self._due

    def has_left(self, task: Task) -> bool:
        """Tell whether a task was cancelled because its caller left."""
        return task in self._left

    def stop(self, task: Task) -> None:
        """Watch a task no longer."""
        self._due.pop(task, None)
        if self.receive_of.pop(task, None) is None:
            self._left.discard(task)
            listener = self._listening.pop(task, None)
            if listener is not None:
                listener.cancel()

    def _look(self) -> None:
        """End who is late, listen for the callers of who takes long, and look again."""
        self._timer = None
        loop, now = asyncio.get_running_loop(), self._clock()
        wait_s = self._patience_s
        while self._due:
            task, due_at = next(iter(self._due.items()))
            if due_at > now:
                wait_s = min(wait_s, due_at - now)
                break
            del self._due[task]
            task.cancel()
        long_since = now + self._seconds - self._patience_s
        for task in [*self.receive_of]:
            due = self._due.get(task)
            if due is not None and due <= long_since:
                receive = self.receive_of.pop(task)
                self._listening[task] = loop.create_task(self._wait(task, receive))
        if self._due:
            self._timer = loop.call_later(wait_s, self._look)

    async def _wait(self, task: Task, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass  # more of a body that nobody asked for
        self._left.add(task)
        task.cancel()
