"""Calls in flight: one call for all who ask the same at the same time.

Everybody waits as long as they stay and no longer: who leaves takes nothing along, and
the last one out ends the call. Nobody joins a call that is being given up, nor one that
began too early for them, nor one that something changed under.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from orderlines.deadline import Clock, Deadline

GRACE_S: Final = 0.1
"""For a call that ends with its waiter's time, to say itself why it failed."""
EARLY_S: Final = 0.005
"""So much too early a timer may ring: a call that failed then had run out of time."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class Flight(Generic[K, V]):
    """A call that goes on.

    Attributes:
        key: What is asked.
        tags: What the answer will be about.
        began: When, by the monotonic clock.
        deadline: Under which it was begun.
        latest: Of those who waited for it.
        waiters: Who would miss it.
        is_void: What it is about changed meanwhile: what it brings is not to be kept.
    """

    task: asyncio.Task[V]
    key: K
    tags: Collection[Hashable]
    began: float
    deadline: Deadline
    latest: Deadline
    waiters: int = 0
    is_void: bool = False

    @property
    def is_out_of_time(self) -> bool:
        """Whether it ended, if it did, for want of time."""
        return self.deadline.remaining_s <= EARLY_S


class Flights(Generic[K, V]):
    """Every call that goes on.

    Args:
        clock: A monotonic clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._joinable: dict[K, Flight[K, V]] = {}
        self._airborne: set[Flight[K, V]] = set()

    def __contains__(self, key: K) -> bool:
        """Tell whether a question is being asked."""
        return key in self._joinable

    def joinable(self, key: K, since: float) -> Flight[K, V] | None:
        """Find a call that began then or later."""
        flight = self._joinable.get(key)
        return flight if flight is not None and flight.began >= since else None

    def start(
        self,
        key: K,
        call: Callable[[Flight[K, V]], Awaitable[V]],
        deadline: Deadline,
        tags: Collection[Hashable],
    ) -> Flight[K, V]:
        """Begin a call; who comes from now on joins it, rather than an earlier one.

        Args:
            key: What is asked.
            call: Asks it, and ends at the deadline; it is told its own flight.
            deadline: Of whoever begins it.
            tags: What the answer will be about.
        """

        async def fly() -> V:
            return await call(flight)

        # The task begins when this is done, and knows its flight then.
        task = asyncio.get_running_loop().create_task(fly())
        flight = Flight(task, key, tags, self._clock(), deadline, deadline)
        self._airborne.add(flight)
        self._joinable[key] = flight

        def land(task: asyncio.Task[V]) -> None:
            self._airborne.discard(flight)
            self._close(flight)
            if not task.cancelled():
                # Whoever waited may have left: then nobody else asks what became of it.
                task.exception()

        task.add_done_callback(land)
        return flight

    async def wait(self, flight: Flight[K, V], deadline: Deadline) -> V | None:
        """Wait for a call as long as the caller stays; the last who leaves ends it.

        Returns:
            What it brought; None if that did not come in time, or never will.
        """
        left_s = deadline.remaining_s
        if left_s > flight.latest.remaining_s:
            flight.latest = deadline
        grace_s = GRACE_S if left_s >= flight.deadline.remaining_s else 0.0
        flight.waiters += 1
        try:
            await asyncio.wait((flight.task,), timeout=max(left_s, 0.0) + grace_s)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                # At once: who comes next must not join what is being given up.
                self._close(flight)
                flight.task.cancel()
        if not flight.task.done() or flight.task.cancelled():
            return None
        return flight.task.result()

    def void(self, tags: Collection[Hashable]) -> None:
        """Let nothing be kept of calls about any of these, and nobody join them."""
        told = frozenset(tags)
        for flight in self._airborne:
            # Who waits asked before the change, and gets what comes.
            if not told.isdisjoint(flight.tags):
                flight.is_void = True
                self._close(flight)

    async def aclose(self) -> None:
        """End every call; who waits is told that nothing came."""
        tasks = [flight.task for flight in self._airborne]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _close(self, flight: Flight[K, V]) -> None:
        """Let nobody join a call any more."""
        if self._joinable.get(flight.key) is flight:
            del self._joinable[flight.key]
