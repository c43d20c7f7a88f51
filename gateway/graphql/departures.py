"""Callers who leave while their question is being worked on.

Most answers are out before it is worth asking whether somebody still waits. So, as
with the time limit, one timer serves all requests of a route: only a request that
takes longer than most gets a task that listens for its caller.
"""

import asyncio
import time
from typing import Final

from gateway.answers import Receive
from gateway.graphql.time_limit import Task
from orderlines.deadline import Clock

PATIENCE_S: Final = 0.05


class Departures:
    """Cancels the tasks of callers who left.

    Args:
        patience_s: How long a request may take before anybody listens for its caller.
        clock: A monotonic clock.
    """

    def __init__(self, patience_s: float = PATIENCE_S, clock: Clock = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        # In the order of arrival, and so of the instants at which listening begins.
        self._waiting: dict[Task, tuple[float, Receive]] = {}
        self._listening: dict[Task, asyncio.Task[None]] = {}
        self._left: set[Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, task: Task, receive: Receive) -> None:
        """Begin to watch for the caller of a task, whose body has been read."""
        self._waiting[task] = self._clock() + self._patience_s, receive
        if self._timer is None:
            self._timer = task.get_loop().call_later(self._patience_s, self._listen)

    def has_left(self, task: Task) -> bool:
        """Tell whether a task was cancelled because its caller left."""
        return task in self._left

    def stop(self, task: Task) -> None:
        """Watch for the caller no longer."""
        if self._waiting.pop(task, None) is None:
            self._left.discard(task)
            listener = self._listening.pop(task, None)
            if listener is not None:
                listener.cancel()

    def _listen(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = self._clock()
        while self._waiting:
            task, (due, receive) = next(iter(self._waiting.items()))
            if due > now:
                self._timer = loop.call_later(due - now, self._listen)
                return
            del self._waiting[task]
            self._listening[task] = loop.create_task(self._wait(task, receive))

    async def _wait(self, task: Task, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass  # more of a body that nobody asked for
        self._left.add(task)
        task.cancel()
