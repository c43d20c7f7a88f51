"""C-3: what a change drops here, in flight and elsewhere, in any order of things."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from backends.cache import ReadingKey, StaleError
from backends.freshness import OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.shared_readings import MAX_CHANGES, SKEW_S
from backends.shelf import size_of
from backends.transport import BackendUnavailableError, Request
from orderlines.deadline import Deadline
from tests.backends.cache_kit import BODY, EVERYTHING, ORDER, SIZE, Level, World


async def test_c3_a_change_drops_what_was_read_and_what_is_being_read() -> None:
    """No answer to a question that came after the change is older than it."""
    world = World()
    await world.read()
    assert world.cache.drop([ORDER]) == 1
    assert world.cache.drop([("order", "SO-2")]) == 0
    world.gate = asyncio.Event()
    before = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    world.cache.drop([ORDER])
    world.body = b"new" * 400
    after = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    world.gate.set()

    assert (await before).body == BODY
    assert (await after).body == b"new" * 400
    assert (await world.read()).body == b"new" * 400


async def test_c3_what_changed_while_it_was_read_is_kept_nowhere() -> None:
    """Neither here nor where others find it; who asked before the change gets it."""
    level = Level()
    world = World(second=level)
    world.gate = asyncio.Event()
    before = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    world.cache.drop([ORDER])
    world.gate.set()

    assert (await before).body == BODY
    await asyncio.sleep(0.01)
    assert level.kept == {}
    world.body = b"new" * 400
    assert (await world.read()).body == b"new" * 400


@pytest.mark.parametrize(
    ("changed", "goes"),
    [
        (ORDER, True),
        (("line", "SO-1", "10"), True),
        (("line", "SO-2", "10"), False),
        (("customer", "C-1"), False),
    ],
)
async def test_c3_a_changed_line_takes_along_what_was_read_of_its_order(
    changed: tuple[str, ...], *, goes: bool
) -> None:
    """A reading of the whole order has the line in it."""
    world = World()
    await world.read()

    assert world.cache.drop([changed]) == goes


async def test_c3_what_others_shared_before_a_change_is_too_old_for_who_knows_it() -> None:
    """Though it was not read here, nor dropped there."""
    level = Level()
    other, world = World(second=level), World(second=level)
    await other.read()
    await asyncio.sleep(0.01)
    other.at = world.at = 2.0
    world.cache.drop([ORDER])
    world.body = b"new" * 400

    assert len(level.kept) == 1
    assert (await world.read()).body == b"new" * 400
    world.at = 2.0 + SKEW_S + 0.1
    await world.read(max_age_s=0.5)
    await asyncio.sleep(0.01)
    third = World(second=level)
    third.at = world.at
    assert (await third.read()).body == b"new" * 400, "what was read after it is shared again"


async def test_c3_what_was_shared_by_a_clock_that_is_ahead_may_lack_a_change() -> None:
    """Up to a second ahead: it says that it was begun after a change, and was not."""
    level = Level()
    other, world = World(second=level), World(second=level)
    other.at = 2.0 + SKEW_S
    await other.read()
    await asyncio.sleep(0.01)
    world.at = 2.0
    world.cache.drop([ORDER])
    world.body = b"new" * 400

    assert (await world.read()).body == b"new" * 400


async def test_c3_a_change_while_a_reading_is_being_shared_undoes_that() -> None:
    """A process that begins later knows of no change."""
    level = Level()
    level.gate = asyncio.Event()
    world = World(second=level)
    await world.read()
    await asyncio.sleep(0.01)
    world.cache.drop([ORDER])
    await asyncio.sleep(0.01)
    level.gate.set()
    await asyncio.sleep(0.01)

    assert level.kept == {}


async def test_c3_changes_that_are_not_noted_any_more_count_for_everything() -> None:
    """The notes are bounded; what falls out of them makes all that is older too old."""
    level = Level()
    other, world = World(second=level), World(second=level)
    await other.read()
    await asyncio.sleep(0.01)
    world.at = 2.0
    world.cache.drop([ORDER])
    world.at = 3.0
    world.cache.drop([("order", str(number)) for number in range(MAX_CHANGES)])
    world.body = b"new" * 400

    shared = world.cache._shared  # noqa: SLF001 - nothing else shows it
    assert shared is not None
    assert len(shared._changed) <= MAX_CHANGES  # noqa: SLF001 - as above
    assert (await world.read()).body == b"new" * 400


class Changes(RuleBasedStateMachine):
    """Two processes share readings of two orders that change, are read and are given up.

    A body is the order's version when its system was asked; a version knows when it came.
    """

    asked = Bundle("asked")

    @initialize()
    def begin(self) -> None:
        """Start both with nothing."""
        self.loop = asyncio.new_event_loop()
        self.level = Level()
        self.worlds = [World(4 * SIZE, self.level) for _ in range(2)]
        self.at = 0.0
        self.versions = {"1": [0.0], "2": [0.0]}
        self.waiting: list[asyncio.Future[None]] = []
        self.pending: list[asyncio.Task[None]] = []
        self.is_down = False

    def turn(self, work: Coroutine[Any, Any, None] | None = None) -> None:
        """Let everything that can go on go on."""
        task = self.loop.create_task(work) if work else None
        for _ in range(12):
            self.loop.run_until_complete(asyncio.sleep(0))
        if task is not None:
            self.pending.append(task)

    async def load(self, order: str) -> bytes:
        """Look into the system now, and answer when that is released."""
        version = len(self.versions[order]) - 1
        released = self.loop.create_future()
        self.waiting.append(released)
        await released
        if self.is_down:
            raise unavailable("erp", Reason.TIMEOUT, "down")  # noqa: EM101 - a system's name
        return f"{order}:{version}:".encode() + BODY

    async def ask(self, world: World, order: str, wanted: Wanted) -> None:
        """Ask, and look at what comes."""
        arrived, known = self.at, len(self.versions[order]) - 1
        with suppress(BackendUnavailableError, StaleError):
            kept = await world.cache.read(
                ReadingKey("erp", EVERYTHING, Request("GET", order)),
                lambda _: self.load(order),
                wanted=wanted,
                deadline=Deadline.after(60.0),
                tags=(("order", order),),
            )
            told, version, _ = kept.body.split(b":", 2)
            ended = [*self.versions[order], float("inf")][int(version) + 1]
            assert told.decode() == order
            assert int(version) >= known, "older than a change that came before the question"
            assert kept.is_stale or ended >= arrived - wanted.max_age_s - 0.001

    @rule(
        target=asked,
        process=st.integers(0, 1),
        order=st.sampled_from("12"),
        max_age_s=st.sampled_from((0.0, 0.5, 3.0, 60.0)),
        on_stale=st.sampled_from(OnStale),
    )
    def question(
        self, process: int, order: str, max_age_s: float, on_stale: OnStale
    ) -> "asyncio.Task[None]":
        """Somebody asks."""
        self.turn(self.ask(self.worlds[process], order, Wanted(max_age_s, on_stale)))
        return self.pending[-1]

    @rule(one=consumes(asked))
    def leave(self, one: "asyncio.Task[None]") -> None:
        """Somebody leaves, whether or not the answer came."""
        one.cancel()
        self.turn()

    @rule(one=consumes(asked), process=st.integers(0, 1), order=st.sampled_from("12"))
    def leave_and_come(self, one: "asyncio.Task[None]", process: int, order: str) -> None:
        """Somebody comes at the moment at which somebody leaves."""
        one.cancel()
        self.turn(self.ask(self.worlds[process], order, Wanted(60.0)))

    @rule(order=st.sampled_from("12"))
    def change(self, order: str) -> None:
        """An order changes, and both processes are told."""
        self.versions[order].append(self.at)

        async def tell() -> None:
            for world in self.worlds:
                world.cache.drop([("line", order, "10")])

        self.turn(tell())

    @rule(which=st.integers(0, 9), is_down=st.booleans())
    def answer(self, which: int, *, is_down: bool) -> None:
        """The system answers one of its questions, or fails."""
        if self.waiting:
            released = self.waiting.pop(which % len(self.waiting))
            self.is_down = is_down
            if not released.done():
                released.set_result(None)
            self.turn()
            self.is_down = False

    @rule(seconds=st.sampled_from((0.1, 0.9, 2.0, 30.0)))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.at += seconds
        for world in self.worlds:
            world.at = self.at

    @rule()
    def hold_or_share(self) -> None:
        """What is put into the second level is held up, or goes on."""
        gate, self.level.gate = self.level.gate, asyncio.Event() if not self.level.gate else None
        if gate is not None:
            gate.set()
        self.turn()

    @invariant()
    def nobody_was_told_wrong(self) -> None:
        """Neither an old answer nor another's; nor was anybody thrown out."""
        going_on = []
        for task in getattr(self, "pending", ()):
            if not task.done():
                going_on.append(task)
            elif not task.cancelled():
                task.result()
            else:
                assert task.cancelling(), "nobody but itself ends a question"
        self.pending = going_on

    @invariant()
    def the_books_are_right(self) -> None:
        """The room that is taken, and the ways to what is kept."""
        for world in getattr(self, "worlds", ()):
            shelf = world.cache._shelf  # noqa: SLF001 - nothing else shows it
            entries = shelf._entries  # noqa: SLF001 - as above
            by_tag = shelf._by_tag  # noqa: SLF001 - as above
            taken = sum(size_of(key, entry) for key, entry in entries.items())
            assert shelf.bytes_used == taken <= 4 * SIZE
            assert {key for keys in by_tag.values() for key in keys} == set(entries)

    def teardown(self) -> None:
        """Leave nothing behind."""
        if not hasattr(self, "loop"):
            return
        for task in self.pending:
            task.cancel()
        self.turn()
        for world in self.worlds:
            self.loop.run_until_complete(world.cache.aclose())
        assert not any(world.cache._flights._airborne for world in self.worlds)  # noqa: SLF001 - as above
        self.loop.close()


Changes.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestC3Changes = Changes.TestCase
