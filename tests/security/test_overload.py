"""R-8: more is asked than can be answered. What is answered is answered in time."""

import asyncio
import statistics
import time
from collections import Counter
from pathlib import Path

from orderlines.visibility import Visibility
from tests.security.in_process import House, house

ORDER = """query($n: String!) { order(number: $n) { lines { nodes { state
  requested { quantity { value } } promised { quantity { value } } } } } }"""


class Load:
    """Callers who ask again as soon as they are answered."""

    def __init__(self, gateway: House) -> None:
        self.gateway = gateway
        self.statuses: Counter[int] = Counter()
        self.shed_s: list[float] = []
        self.answered_s: list[float] = []

    async def run(self, callers: int, seconds: float) -> float:
        """Ask for some time; gives answers a second."""
        before, started = self.statuses[200], time.monotonic()
        until = started + seconds

        async def ask() -> None:
            while time.monotonic() < until:
                at = time.monotonic()
                status, _ = await self.gateway.ask(self.gateway.askers[0], ORDER, n="SO-1001")
                took = time.monotonic() - at
                self.statuses[status] += 1
                (self.answered_s if status == 200 else self.shed_s).append(took)
                if status != 200:
                    await asyncio.sleep(0.02)  # as a client does who was told to wait

        await asyncio.gather(*(ask() for _ in range(callers)))
        return (self.statuses[200] - before) / (time.monotonic() - started)


async def test_r8_what_cannot_be_answered_is_shed_and_the_rest_is_not_late(
    tmp_path: Path,
) -> None:
    """Ten times as many callers: about as many answers, the others told quickly; then all well."""
    async with house(tmp_path, [Visibility.everything()]) as gateway:
        load = Load(gateway)
        await load.run(8, 0.5)
        peak = await load.run(8, 1.5)
        load.statuses.clear()
        await load.run(300, 1.0)  # the limit finds its size
        load.answered_s.clear()
        goodput = await load.run(300, 2.5)
        shed = load.statuses[503]
        slowest = statistics.quantiles(load.answered_s, n=20)[-1]
        await asyncio.sleep(1)
        load.statuses.clear()
        after = await load.run(8, 3.0)

    assert shed > 100
    assert goodput > 0.5 * peak
    assert slowest < 1.0
    assert (load.statuses[503], after > 0.6 * peak) == (0, True)
