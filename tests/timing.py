"""How much of a core something takes: the best of a few, without the collector's rounds.

A test run holds a million objects; a look through all of them, at a moment that nobody
chose, costs more than what is measured. Whether two things take the same is told by many
of each, in turn.
"""

import contextlib
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


def cpu_ms(work: Callable[[], object], rounds: int = 3) -> float:
    """Measure CPU time of this thread, in milliseconds; the best of some rounds."""
    return min(cpu_times_ms(work, rounds))


def cpu_times_ms(work: Callable[[], object], rounds: int) -> list[float]:
    """Measure CPU time of this thread, in milliseconds, round by round.

    Nothing traces the work meanwhile: coverage would be most of what is measured.
    """
    gc.collect()
    gc.disable()
    try:
        with untraced():
            taken = []
            for _ in range(rounds):
                started = time.thread_time()
                work()
                taken.append((time.thread_time() - started) * 1_000)
    finally:
        gc.enable()
    return taken


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Let nothing trace this thread until the block ends."""
    traces = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(traces)


def slowness() -> float:
    """Tell how many times as long Python takes here as where bounds in milliseconds were set.

    There a call of a function that does nothing takes 50 ns. Bounds are not tightened where
    it takes less.
    """

    def nothing() -> None:
        pass

    def calls() -> None:
        for _ in range(20_000):
            nothing()

    return max(1.0, cpu_ms(calls, rounds=5) / 20_000 / 50e-6)


class Apart(NamedTuple):
    """How far two means are apart.

    Attributes:
        t: Welch's, in standard errors of the difference.
    """

    t: float
    one: float
    other: float


def welch_t(one: Sequence[float], other: Sequence[float]) -> Apart:
    """Hold the means of two samples against each other, each with a variance of its own."""
    means = statistics.fmean(one), statistics.fmean(other)
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return Apart((means[0] - means[1]) / spread**0.5, *means)
