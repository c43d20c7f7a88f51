"""A storm over a wire: requests sent at once and awaited ones, given up at any moment."""

import asyncio
import gc
import random
import time
from typing import Any

from backends.transport import BackendUnavailableError, Request
from backends.wire import Wire, WireLimits
from orderlines.deadline import Deadline
from tests.backends.loopback import Peer, answer, send, wired

TEN = WireLimits(max_connections=10)
LASTS_S = 1.2
AT_MOST_S = 12.0
ENOUGH = 20


class Storm:
    """Workers, and what became of their requests."""

    def __init__(self, wire: Wire, rng: random.Random) -> None:
        self.wire = wire
        self.rng = rng
        self.turns = iter(range(1, 1_000_000))
        self.outcomes = {
            "right": 0,
            "wrong": 0,
            "given up": 0,
            "failed": 0,
            "left": 0,
            "at once": 0,
        }
        self.began_at = time.monotonic()

    @property
    def lasted_s(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self.began_at

    @property
    def is_over(self) -> bool:
        """Whether enough of everything has happened; on a slow machine that takes longer."""
        seen = min(self.outcomes[one] for one in ("right", "given up", "left", "at once"))
        is_enough = seen >= ENOUGH and self.outcomes["failed"] > 4
        return self.lasted_s > (LASTS_S if is_enough else AT_MOST_S)

    def is_idle(self, worker: int) -> bool:
        """Whether a worker does nothing for now, so that some connection rests."""
        return worker >= 8 and int(self.lasted_s * 10) % 2 == 1

    async def work(self, worker: int) -> None:
        """Ask again and again, and leave seven of ten at any moment."""
        while not self.is_over:
            await asyncio.sleep(self.rng.random() * 0.02)
            if self.is_idle(worker):
                continue
            target = f"/{worker}-{next(self.turns)}"
            within_s = self.rng.random() * 0.03 if self.rng.random() < 0.7 else 5.0
            try:
                async with asyncio.timeout(within_s):
                    body = await self.ask(Request("GET", target))
            except TimeoutError:
                self.outcomes["given up"] += 1
            except BackendUnavailableError:
                self.outcomes["failed"] += 1
            else:
                if body is not None:
                    self.outcomes["right" if body == target.encode() else "wrong"] += 1

    async def ask(self, request: Request) -> bytes | None:
        """Ask at once where that can be, and now and then leave before the answer is awaited."""
        deadline = Deadline.after(0.01 if self.rng.random() < 0.1 else 5.0)
        sent = None
        if self.rng.random() < 0.8:
            sent = self.wire.send_now(request, deadline=deadline)
        if sent is None:
            return (await self.wire.send(request, deadline=deadline)).body
        self.outcomes["at once"] += 1
        try:
            if self.rng.random() < 0.5:
                await asyncio.sleep(self.rng.random() * 0.01)
            if self.rng.random() < 0.8:
                return (await sent).body
            self.outcomes["left"] += 1
            return None
        finally:
            sent.cancel()


async def test_a_storm_loses_no_turn_and_mixes_no_answer() -> None:
    """R-6: thirty workers, ten connections, some of which the system ends as it likes."""
    rng = random.Random(11)  # noqa: S311 - a storm that can be repeated, not a secret
    noises: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, noise: noises.append(noise))
    is_over = False

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            if rng.random() < 0.02 and not is_over:
                return  # a stale connection, for the client
            await asyncio.sleep(rng.random() * 0.006)
            raw = answer(request.split(b" ")[1])
            # In two pieces, so that some are given up between them.
            await peer.send(raw[:-3])
            if rng.random() < 0.02 and not is_over:
                return
            await peer.send(raw[-3:], pause_s=rng.random() * 0.003)

    async with wired(script, TEN) as (server, wire):
        storm = Storm(wire, rng)
        await asyncio.gather(*(storm.work(worker) for worker in range(30)))
        after = wire.stats
        is_over = True
        probes = [f"/probe-{turn}" for turn in range(20)]
        found = await asyncio.gather(*(send(wire, Request("GET", one)) for one in probes))
        others = asyncio.all_tasks() - {asyncio.current_task()} - server.tasks
        gc.collect()
        await asyncio.sleep(0)

        assert storm.outcomes["wrong"] == 0
        assert storm.lasted_s < AT_MOST_S, storm.outcomes
        assert (after.in_use, after.waiting) == (0, 0)
        assert after.idle == after.open <= 10
        assert [one.body.decode() for one in found] == probes
        assert others == set()
        assert noises == []
