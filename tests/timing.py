"""How much of a core something takes: the best of a few, without the collector's rounds.

A test run holds a million objects; a look through all of them, at a moment that nobody
chose, costs more than what is measured.
"""

import gc
import time
from collections.abc import Callable


def cpu_ms(work: Callable[[], object], rounds: int = 3) -> float:
    """Measure CPU time of this thread, in milliseconds."""
    gc.collect()
    gc.disable()
    try:
        taken = []
        for _ in range(rounds):
            started = time.thread_time()
            work()
            taken.append(time.thread_time() - started)
    finally:
        gc.enable()
    return min(taken) * 1_000
