"""Many that wait equally long, watched by one timer.

Whoever begins to wait last is due last, so a dict keeps them in the order of their
due times, and only the first needs a timer. To begin or to end a wait costs one
operation on that dict.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiting(Generic[T]):
    """Calls back for each that has waited its time.

    Args:
        seconds: How long each waits.
        on_due: Called once for each that was not stopped before.
    """

    __slots__ = ("_due", "_on_due", "_seconds", "_timer")

    def __init__(self, seconds: float, on_due: Callable[[T], None]) -> None:
        self._seconds = seconds
        self._on_due = on_due
        self._due: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, one: T) -> bool:
        return one in self._due

    def __len__(self) -> int:
        return len(self._due)

    def start(self, one: T, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to wait, unless it waits already."""
        if one in self._due:
            return
        self._due[one] = due = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(due, self._look, loop)

    def stop(self, one: T) -> None:
        """Wait no longer."""
        self._due.pop(one, None)

    def first(self) -> T | None:
        """Give the one that has waited longest."""
        return next(iter(self._due), None)

    def close(self) -> None:
        """Forget all of them."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._due:
            one, due = next(iter(self._due.items()))
            if due > now:
                self._timer = loop.call_at(due, self._look, loop)
                return
            del self._due[one]
            self._on_due(one)
