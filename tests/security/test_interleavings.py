"""C-3: an order changes while it is read through two caches that share what they read.

An interleaving is one order of things: questions, calls to the system and to what is
shared (each held until it is let go), changes, the news of them at each process up to a
second later, callers who leave, failures, and time that goes by on clocks that differ.
In none of them does somebody who asks a second after a change, or at a process that was
told of it, get an answer without it. `make soak` runs a hundred thousand.
"""

import asyncio
import os
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from backends.cache import ReadingCache, ReadingKey, StaleError
from backends.freshness import OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.shared_readings import SKEW_S, Shared
from backends.transport import BackendUnavailableError, Request
from orderlines.deadline import Deadline
from orderlines.visibility import Visibility

INTERLEAVINGS: Final = int(os.environ.get("ORDERLINE_SOAK_INTERLEAVINGS", "1000"))
SEED: Final = int(os.environ.get("ORDERLINE_SOAK_SEED", "3"))
NEWS_S: Final = 1.0
"""How long after a change every process was told of it."""
START: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING: Final = Visibility.everything()
TAGS: Final = (("order", "SO-1"),)
TARGETS: Final = ("/orders/1", "/orders/1/lines")
AGES_S: Final = (0.0, 0.5, 3.0, 60.0)
STEPS: Final = ("ask",) * 6 + ("let go",) * 9 + ("wait",) * 3 + ("change", "tell", "leave")


@dataclass
class Process:
    """One of those who share: its cache, and the last change it was told of."""

    cache: ReadingCache
    told: int = 0


@dataclass
class Interleaving:
    """One order of things, by a seed.

    Attributes:
        changes: When the order became each of its versions.
        news: Changes that a process is still to be told of.
        held: What waits to be let go.
    """

    seed: int
    at: float = 0.0
    changes: list[float] = field(default_factory=lambda: [float("-inf")])
    news: list[tuple[Process, int]] = field(default_factory=list)
    held: list["asyncio.Future[None]"] = field(default_factory=list)
    asked: list["asyncio.Task[None]"] = field(default_factory=list)
    shared: dict[bytes, Shared] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    answered: int = 0
    is_down: bool = False

    def __post_init__(self) -> None:
        """Start two processes, whose wall clocks are as far apart as they may be at most."""
        self.pick = random.Random(self.seed)  # noqa: S311 - an order of things
        apart_s = self.pick.uniform(-SKEW_S, SKEW_S)
        self.processes = [self.process(0.0), self.process(apart_s)]

    def process(self, apart_s: float) -> Process:
        """Start a process, whose wall clock goes wrong by some seconds."""

        def now() -> datetime:
            return START + timedelta(seconds=self.at + apart_s)

        return Process(ReadingCache(1_000_000, self, clock=lambda: self.at, now=now))

    async def hold(self) -> None:
        """Wait until this is let go."""
        held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append(held)
        await held

    async def get(self, name: bytes) -> Shared | None:
        """Look at what is shared, when that is let go."""
        await self.hold()
        return self.shared.get(name)

    async def put(self, name: bytes, reading: Shared, ttl_s: float) -> None:
        """Share a reading, when that is let go."""
        del ttl_s
        await self.hold()
        self.shared[name] = reading

    async def drop(self, name: bytes) -> None:
        """Share it no longer, when that is let go."""
        await self.hold()
        self.shared.pop(name, None)

    async def load(self, _: Deadline) -> bytes:
        """Ask the system: it looks early or late, and fails now and then."""
        is_late = self.pick.random() < 0.5
        version = len(self.changes) - 1
        await self.hold()
        if self.is_down:
            raise unavailable("erp", Reason.TIMEOUT, "down")  # noqa: EM101 - a system's name
        return b"%d" % (len(self.changes) - 1 if is_late else version) + b" " * 300

    async def ask(self, process: Process, target: str, wanted: Wanted) -> None:
        """Ask, and look at what comes."""
        due = max(n for n, at in enumerate(self.changes) if at + NEWS_S <= self.at)
        least = max(due, process.told)
        with suppress(BackendUnavailableError, StaleError):
            kept = await process.cache.read(
                ReadingKey("erp", EVERYTHING, Request("GET", target)),
                self.load,
                wanted=wanted,
                deadline=Deadline.after(60.0),
                tags=TAGS,
            )
            assert int(kept.body) >= least, (self.seed, self.trace)
            self.answered += 1

    async def step(self) -> None:
        """Do one thing, whichever comes next."""
        pick, what = self.pick, self.pick.choice(STEPS)
        if what == "ask":
            who = pick.randrange(2)
            wanted = Wanted(pick.choice(AGES_S), pick.choice(list(OnStale)))
            asking = self.ask(self.processes[who], pick.choice(TARGETS), wanted)
            self.asked.append(asyncio.create_task(asking))
            what += f" {who} {wanted.max_age_s}"
        elif what == "let go" and self.held:
            which = pick.randrange(len(self.held))
            self.is_down = pick.random() < 0.1
            self.let_go(which)
            what += f" {which} {self.is_down}"
        elif what == "change":
            self.changes.append(self.at)
            self.news += [(one, len(self.changes) - 1) for one in self.processes]
        elif what == "tell" and self.news:
            self.tell(pick.randrange(len(self.news)))
        elif what == "leave" and self.asked:
            pick.choice(self.asked).cancel()
        elif what == "wait":
            seconds = pick.choice((0.1, 0.4, 0.9, 5.0))
            self.go_by(seconds)
            what += f" {seconds}"
        self.trace.append(what)
        for _ in range(pick.randrange(6)):  # who is called may, or may not, have gone on
            await asyncio.sleep(0)

    def let_go(self, which: int) -> None:
        """Let something go on that was held."""
        held = self.held.pop(which)
        if not held.done():
            held.set_result(None)

    def tell(self, which: int) -> None:
        """Tell a process of a change."""
        process, version = self.news.pop(which)
        process.cache.drop([("line", "SO-1", "10")])
        process.told = max(process.told, version)

    def go_by(self, seconds: float) -> None:
        """Let time go by; what is to be told by then is told."""
        until = self.at + seconds
        while self.news:
            which = min(range(len(self.news)), key=lambda n: self.news[n][1])
            due = self.changes[self.news[which][1]] + NEWS_S
            if due > until:
                break
            self.at = max(self.at, due)
            self.tell(which)
        self.at = until

    async def run(self) -> None:
        """Do things in this order, and then let everything go on to its end."""
        for _ in range(self.pick.randrange(10, 30)):
            await self.step()
        self.go_by(NEWS_S)
        for process in self.processes:
            last = self.ask(process, self.pick.choice(TARGETS), Wanted(60.0))
            self.asked.append(asyncio.create_task(last))
        self.is_down = False
        while any(not one.done() for one in self.asked):
            while self.held:
                self.let_go(self.pick.randrange(len(self.held)))
            await asyncio.sleep(0)
        for process in self.processes:
            await process.cache.aclose()
        for one in self.asked:
            if not one.cancelled():
                one.result()


async def test_c3_no_answer_lacks_what_was_there_a_second_before_its_question() -> None:
    """Thousands of orders of things, each another one; what fails names its seed."""
    seen: set[int] = set()
    answered = 0
    for number in range(INTERLEAVINGS):
        one = Interleaving(SEED * 1_000_003 + number)
        await one.run()
        seen.add(hash(tuple(one.trace)))
        answered += one.answered

    assert len(seen) > 0.99 * INTERLEAVINGS
    assert answered > 3 * INTERLEAVINGS
