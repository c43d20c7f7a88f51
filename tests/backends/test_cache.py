"""Readings kept for a while: whose, how old, how many at once, and what a change drops."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
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

from backends.cache import (
    HARD_S,
    MAX_CHANGES,
    NEGATIVE_S,
    OVERHEAD_BYTES,
    SKEW_S,
    TAG_BYTES,
    Kept,
    ReadingCache,
    ReadingKey,
    Shared,
    StaleError,
)
from backends.freshness import OnStale, Wanted
from backends.outcomes import unavailable
from backends.reasons import Reason
from backends.transport import BackendUnavailableError, Request
from orderlines.deadline import Deadline
from orderlines.visibility import ALL, Visibility
from tests.timing import cpu_ms

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING = Visibility.everything()
BODY = b"x" * 1_000
ORDER = ("order", "SO-1")
SIZE = len(BODY) + len("/1") + OVERHEAD_BYTES + TAG_BYTES


class Level:
    """A second level in this process; what is put waits while a gate is closed."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Shared] = {}
        self.gate: asyncio.Event | None = None

    async def get(self, name: bytes) -> Shared | None:
        """Give what is kept, a moment later."""
        found = self.kept.get(name)
        await asyncio.sleep(0)
        return found

    async def put(self, name: bytes, reading: Shared, ttl_s: float) -> None:
        """Keep it, once it may."""
        del ttl_s
        if self.gate is not None:
            await self.gate.wait()
        self.kept[name] = reading

    async def drop(self, name: bytes) -> None:
        """Drop it, a moment later."""
        await asyncio.sleep(0)
        self.kept.pop(name, None)


class World:
    """A system, a clock, and a cache in front of both."""

    def __init__(self, max_bytes: int = 1_000_000, second: Level | None = None) -> None:
        self.at = 0.0
        self.calls = 0
        self.body = BODY
        self.is_down = False
        self.gate: asyncio.Event | None = None
        self.cache = ReadingCache(
            max_bytes,
            second,
            clock=lambda: self.at,
            now=lambda: START + timedelta(seconds=self.at),
        )

    async def load(self, deadline: Deadline) -> bytes:
        """Answer as the system does now."""
        del deadline
        self.calls += 1
        body = self.body
        if self.gate is not None:
            await self.gate.wait()
        if self.is_down:
            raise unavailable("erp", Reason.TIMEOUT, "down")  # noqa: EM101 - a system's name
        return body

    async def read(
        self,
        max_age_s: float = 10.0,
        on_stale: OnStale = OnStale.SERVE_AND_FLAG,
        *,
        target: str = "/orders/1",
        visibility: Visibility = EVERYTHING,
        stays_s: float = 5.0,
    ) -> Kept:
        """Read through the cache."""
        return await self.cache.read(
            ReadingKey("erp", visibility, Request("GET", target)),
            self.load,
            wanted=Wanted(max_age_s, on_stale),
            deadline=Deadline.after(stays_s),
            tags=(ORDER,),
        )


async def test_what_was_read_is_given_until_it_is_too_old() -> None:
    """With the instant it was read at; not a moment longer than allowed."""
    world = World()
    first = await world.read()
    world.at = 7.0
    second = await world.read()
    world.at = 10.1
    third = await world.read()

    assert (first.is_kept, second.is_kept, third.is_kept) == (False, True, False)
    assert (first.as_of, second.as_of) == (START, START)
    assert third.as_of == START + timedelta(seconds=10.1)
    assert world.calls == 2


async def test_a_caller_who_wants_it_live_gets_it_live() -> None:
    """Whatever others allowed."""
    world = World()
    await world.read()
    await world.read(max_age_s=0)

    assert world.calls == 2


async def test_a_reading_is_never_given_to_who_sees_other_rows() -> None:
    """B-4: the key holds the visibility by type; nothing is put together from texts."""
    world = World()
    rows = [
        Visibility(frozenset({"a:b"}), ALL, ALL),
        Visibility(frozenset({"a", "b"}), ALL, ALL),
        Visibility(ALL, frozenset({"a:b"}), ALL),
        Visibility(frozenset(), ALL, ALL),
        EVERYTHING,
    ]
    for each in rows:
        assert not (await world.read(visibility=each)).is_kept
    keys = [ReadingKey("erp", each, Request("GET", "/orders/1")) for each in rows]

    assert len({key.digest() for key in keys}) == len(rows)
    assert world.calls == len(rows)
    with pytest.raises(TypeError, match="Visibility"):
        ReadingKey("erp", None, Request("GET", "/"))  # type: ignore[arg-type] # what is refused


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a:b", "/c"), ("a", "/b:c")),
        (("erp", "/a?b"), ("erp", "/a")),
        (("ab", "/c"), ("a", "/bc")),
    ],
)
def test_b4_no_two_questions_have_one_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Each part is hashed with its length."""
    digests = {
        ReadingKey(system, EVERYTHING, Request("GET", target)).digest()
        for system, target in (one, other)
    }
    bodies = {
        ReadingKey("erp", EVERYTHING, Request("POST", "/", (), body)).digest()
        for body in (b"", b"x")
    }

    assert (len(digests), len(bodies)) == (2, 2)


async def test_c1_identical_questions_at_once_are_one_call() -> None:
    """A thousand callers, one cold key."""
    world = World()
    world.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.read()) for _ in range(1_000)]
    await asyncio.sleep(0)
    world.gate.set()
    answers = await asyncio.gather(*waiting)

    assert world.calls == 1
    assert {answer.body for answer in answers} == {BODY}
    assert world.cache.statistics.joined == 999


async def test_a_call_goes_on_while_somebody_waits_and_ends_with_the_last() -> None:
    """Each leaves alone; nobody's leaving costs another the answer."""
    world = World()
    world.gate = asyncio.Event()
    first, second = (asyncio.create_task(world.read()) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    (flight,) = world.cache._flights.values()  # noqa: SLF001 - nothing else shows it
    assert not flight.task.done()
    second.cancel()
    await asyncio.sleep(0.01)

    assert flight.task.cancelled()
    assert world.cache._flights == {}  # noqa: SLF001 - as above


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    """One call fails for a thousand, instead of a thousand; the next question asks again."""
    world = World()
    world.is_down = True
    outcomes = await asyncio.gather(*(world.read() for _ in range(1_000)), return_exceptions=True)
    world.is_down = False

    assert all(isinstance(one, BackendUnavailableError) for one in outcomes)
    assert world.calls == 1
    assert (await world.read()).body == BODY


async def test_who_comes_while_a_call_is_given_up_gets_a_call_of_its_own() -> None:
    """Another's leaving must not look like one's own."""
    world = World()
    world.gate = asyncio.Event()
    first = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    first.cancel()
    second = asyncio.create_task(world.read())
    await asyncio.sleep(0)
    world.gate.set()

    assert (await second).body == BODY
    assert first.cancelled()


async def test_everyone_leaves_at_the_own_deadline() -> None:
    """Who has little time does not wait with who has much; nor the other way round."""
    world = World()
    world.gate = asyncio.Event()
    patient = asyncio.create_task(world.read(stays_s=5.0))
    await asyncio.sleep(0)
    with pytest.raises(BackendUnavailableError):
        await world.read(stays_s=0.02)
    world.gate.set()

    assert (await patient).body == BODY
    assert world.calls == 1


async def test_who_has_more_time_than_a_call_tries_once_more_together() -> None:
    """The call had the time of whoever came first: the others share one more, no more."""
    calls = 0

    async def load(deadline: Deadline) -> bytes:
        nonlocal calls
        calls += 1
        await asyncio.sleep(max(deadline.remaining_s, 0.0) + 0.001)
        raise unavailable("erp", Reason.TIMEOUT, "too late")  # noqa: EM101 - a system's name

    cache = ReadingCache(1_000_000)
    key = ReadingKey("erp", EVERYTHING, Request("GET", "/"))
    stays = [0.02, *(0.03 + 0.0003 * number for number in range(100))]
    outcomes = await asyncio.gather(
        *(
            cache.read(key, load, wanted=Wanted(10), deadline=Deadline.after(stays_s))
            for stays_s in stays
        ),
        return_exceptions=True,
    )

    assert {type(one) for one in outcomes} == {BackendUnavailableError}
    assert calls == 2


async def test_nobody_is_cancelled_when_the_cache_is_closed() -> None:
    """Who still waits is told that no answer came."""
    world = World()
    world.gate = asyncio.Event()
    waiting = asyncio.create_task(world.read())
    await asyncio.sleep(0.01)
    await world.cache.aclose()

    with pytest.raises(BackendUnavailableError):
        await waiting


async def test_a_call_is_joined_only_by_who_allows_its_age() -> None:
    """What it brings may be as old as its beginning; and the later call is what stays."""
    world = World()
    world.gate = asyncio.Event()
    first = asyncio.create_task(world.read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.at, world.body = 3.0, b"new" * 400
    allows = asyncio.create_task(world.read(max_age_s=4))
    strict = asyncio.create_task(world.read(max_age_s=2))
    live = asyncio.create_task(world.read(max_age_s=0))
    await asyncio.sleep(0.01)
    world.gate.set()

    assert [(await one).body for one in (first, allows, strict, live)] == [
        BODY,
        BODY,
        b"new" * 400,
        b"new" * 400,
    ]
    assert world.calls == 2, "live came at the instant at which the second call began"
    assert (await world.read()).body == b"new" * 400


async def test_c2_what_is_too_old_is_given_while_the_system_fails_and_says_so() -> None:
    """Until the hard limit; and never to who does not want it."""
    world = World()
    await world.read()
    world.is_down = True
    world.at = 60.0
    stale = await world.read()

    assert (stale.body, stale.is_stale, stale.as_of) == (BODY, True, START)
    with pytest.raises(StaleError):
        await world.read(on_stale=OnStale.FAIL)
    with pytest.raises(BackendUnavailableError):
        await world.read(on_stale=OnStale.WAIT)
    with pytest.raises(BackendUnavailableError):
        await world.read(max_age_s=0)
    world.at = HARD_S + 1
    with pytest.raises(BackendUnavailableError):
        await world.read()


async def test_c2_a_hit_that_will_soon_be_too_old_is_refreshed_behind_it() -> None:
    """The caller does not wait for it, and one refresh is enough."""
    world = World()
    await world.read()
    world.at, world.body = 9.0, b"y" * 1_000
    answers = [await world.read() for _ in range(5)]
    await asyncio.sleep(0.01)
    later = await world.read()

    assert {one.body for one in answers} == {BODY}
    assert (later.body[:1], world.calls) == (b"y", 2)


async def test_c2_that_there_is_nothing_is_kept_for_seconds_only() -> None:
    """An order that was just placed must be found soon, also while its system fails."""
    world = World()
    world.body = b'{"d":{"results":[]}}'
    await world.read(max_age_s=60)
    world.at = NEGATIVE_S - 2
    assert (await world.read(max_age_s=60)).is_kept
    world.at = NEGATIVE_S + 0.1

    assert not (await world.read(max_age_s=60)).is_kept
    world.at, world.is_down = 60, True
    with pytest.raises(BackendUnavailableError):
        await world.read(max_age_s=60)


async def test_what_is_kept_is_found_without_waiting() -> None:
    """In three microseconds or so; not if it is old, nor if it is to be read anew."""
    world = World()
    key, wanted = ReadingKey("erp", EVERYTHING, Request("GET", "/orders/1")), Wanted(10)
    cold = world.cache.find(key, wanted)
    await world.read()
    warm = world.cache.find(key, wanted)
    world.at = 9.0
    due = world.cache.find(key, wanted)

    assert (cold, due) == (None, None)
    assert warm == Kept(BODY, START, is_kept=True)
    assert world.cache.find(key, Wanted(0)) is None
    world.at = 0.0
    taken_ms = cpu_ms(lambda: [world.cache.find(key, wanted) for _ in range(10_000)])
    assert taken_ms < 10_000 * 0.010, f"{taken_ms / 10:.2f} µs"


async def test_a_long_question_takes_room_too() -> None:
    """Keys are kept like bodies are."""
    world = World(max_bytes=20_000)
    await world.read(target="/" + "x" * 30_000)
    assert world.cache.bytes_used == 0
    await world.read(target="/" + "x" * 10_000)

    assert world.cache.bytes_used > 10_000


async def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    """Bounded by bytes; what is larger than all room is not kept."""
    world = World(max_bytes=3 * SIZE)
    for target in ("/1", "/2", "/3"):
        await world.read(target=target)
    await world.read(target="/1")
    await world.read(target="/4")
    assert world.cache.bytes_used <= 3 * SIZE
    assert [(await world.read(target=one)).is_kept for one in ("/1", "/4", "/2")] == [
        True,
        True,
        False,
    ]
    world.body = b"z" * 10_000
    await world.read(target="/5")
    assert not (await world.read(target="/5")).is_kept


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

    assert len(world.cache._changed) <= MAX_CHANGES  # noqa: SLF001 - nothing else shows it
    assert (await world.read()).body == b"new" * 400


async def test_what_is_shared_is_no_older_than_each_caller_allows() -> None:
    """Who joins another's look at the second level may allow less."""
    level = Level()
    other, world = World(second=level), World(second=level)
    await other.read()
    await asyncio.sleep(0.01)
    world.at, world.body = 300.0, b"new" * 400
    patient, strict = await asyncio.gather(world.read(max_age_s=600), world.read(max_age_s=1))

    assert (patient.body, strict.body) == (BODY, b"new" * 400)
    assert patient.as_of == START
    assert world.cache.statistics.shared == 1


async def test_what_comes_from_a_clock_that_is_wrong_is_not_believed() -> None:
    """It would be fresh for as long as that clock is ahead."""
    level = Level()
    other, world = World(second=level), World(second=level)
    other.at = 3_600.0
    await other.read()
    await asyncio.sleep(0.01)

    assert not (await world.read()).is_kept


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
            cache = world.cache
            entries = cache._entries  # noqa: SLF001 - nothing else shows it
            by_tag = cache._by_tag  # noqa: SLF001 - as above
            assert cache.bytes_used == sum(one.size for one in entries.values()) <= 4 * SIZE
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
        assert not any(world.cache._airborne for world in self.worlds)  # noqa: SLF001 - as above
        self.loop.close()


Changes.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestC3Changes = Changes.TestCase
