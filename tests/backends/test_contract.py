"""What every adapter promises, proved against its system over a real wire."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest

from backends.capabilities import AskBy
from backends.oms.sandbox import OmsSandbox
from backends.reasons import Reason
from backends.sandbox.erp import create_erp
from backends.sandbox.scenarios import build_world
from backends.sandbox.world import Line, Order, World
from backends.transport import BackendError, BackendUnavailableError
from orderlines.deadline import Deadline
from orderlines.discrepancy import DiscrepancyKind
from orderlines.identity import CUSTOMER, LineRef, OrderLineKey, XRef
from tests.backends.contract import DIALECTS, Dialect, Running, running
from tests.backends.kit import EVERYTHING, lines, orders, soon

NASTY: Final = (
    "../admin",
    "%2e%2e",
    "?x=",
    "#",
    "&$top=1",
    "'",
    "'' or SalesOrder eq ''",
    "a,b",
    "a:b",
    "a%2Cb",
    'a"}) { x }',
    " inner  space ",
    "Ünïcøde",
    "号" * 64,
    "📦" * 64,
)
"""Order and line numbers that mean something to somebody's parser."""


@pytest.fixture(scope="module")
def world() -> World:
    """Build the world once: nothing in it can change."""
    return build_world()


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Take each system in turn."""
    found: Dialect = request.param
    return found


@pytest.fixture
async def system(dialect: Dialect, world: World) -> AsyncIterator[Running]:
    """Run the system and its adapter."""
    async with running(dialect, world) as found:
        yield found


def _known(system: Running, world: World) -> set[tuple[str, str]]:
    """Name the lines the system has records of."""
    return {
        (order.number, line.number)
        for order in world.orders.values()
        for line in order.lines.values()
        if system.dialect.name != "wms" or line.wms
    }


async def test_every_line_reads_the_same_by_order_and_by_line(
    system: Running, world: World
) -> None:
    """Two ways to ask, one answer; nothing is missing and nothing failed."""
    by_order = await system.told(orders(*world.orders))
    by_line = await system.told(lines(*by_order))

    assert by_order.keys() == _known(system, world)
    assert by_line == by_order


async def test_the_order_of_the_question_does_not_change_the_answer(
    system: Running, world: World
) -> None:
    """Keys are batched in another way, and land on the same lines."""
    numbers = list(world.orders)
    straight = await system.told(orders(*numbers))
    backwards = await system.told(orders(*reversed(numbers)))

    assert backwards == straight


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("batches", [1, 2])
async def test_calls_at_the_wire_are_those_of_the_table(
    system: Running, batches: int, extra: int
) -> None:
    """W8: one call a batch, no batch more than needed; counted by the system that was called."""
    keys = batches * system.capabilities.max_batch - 1 + extra
    await system.read(orders(*(f"SO-{1001 + number}" for number in range(keys))))
    of_orders = await system.calls()
    await system.read(lines(*(("SO-1001", str(number)) for number in range(keys))))
    of_lines = await system.calls() - of_orders

    assert of_orders == of_lines == system.capabilities.calls_for(keys) == batches


async def test_what_is_not_there_costs_the_same_calls(system: Running) -> None:
    """Existence cannot be told from what the gateway asks; an absent line is just missing."""
    there = await system.read(orders("SO-1001"))
    of_one = await system.calls()
    absent = await system.read(orders("SO-9999"))
    of_absent = await system.calls() - of_one

    assert (of_one, of_absent) == (1, 1)
    assert there.by_line
    assert (absent.by_line, absent.failed, absent.unplaced) == ({}, {}, ())


@pytest.mark.parametrize("sealing", DIALECTS[1:], ids=lambda dialect: dialect.name)
async def test_only_admitted_lines_come_out_at_the_same_price(
    sealing: Dialect, world: World
) -> None:
    """The question is the same for everybody, so its calls tell nothing."""
    async with running(sealing, world) as system:
        opened = await system.read(orders("SO-1001"), {("SO-1001", "10"), ("SO-1002", "1")})
        calls = await system.calls()

    assert (set(opened.by_line), calls) == ({("SO-1001", "10")}, 1)


async def test_an_empty_question_costs_nothing(system: Running) -> None:
    """No keys, no call, no lines."""
    readings = await system.read([])

    assert (readings.by_line, await system.calls()) == ({}, 0)


FAULTS: Final = {
    "fail": ("BACKEND_UNAVAILABLE", Reason.STATUS, True),
    "throttle": ("BACKEND_UNAVAILABLE", Reason.THROTTLED, True),
    "html": ("BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
    "truncated": ("BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
    "empty": ("BACKEND_INVALID_ANSWER", Reason.MALFORMED, False),
    "huge": ("BACKEND_UNAVAILABLE", Reason.TOO_LARGE, False),
    "redirect": ("BACKEND_UNAVAILABLE", Reason.REDIRECT, False),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_is_a_typed_error(system: Running, fault: str) -> None:
    """R-2: a code and a reason a caller can act on, and the health that follows from it."""
    if fault in {"fail", "throttle"}:
        await system.misbehave(mode=fault)
    else:
        await system.misbehave(mode="garbage", kind=fault)
    with pytest.raises(BackendError) as caught:
        await system.read(orders("SO-1001"))
    error = caught.value
    health = system.transport.health()

    assert (error.code, error.reason, error.retriable) == FAULTS[fault]
    assert error.system == system.dialect.name
    assert f"`{system.dialect.name}`" in error.message
    assert (health.failures, health.last_reason, health.in_flight) == (1, error.reason, 0)


async def test_a_spoilt_row_costs_one_line(system: Running, world: World) -> None:
    """R-2: named by system, record and field; every other line is what it was."""
    sound = await system.told(orders("SO-1001"))
    await system.misbehave(mode="garbage", kind="row")
    readings = await system.read(orders("SO-1001"))
    [(address, told)] = readings.failed.items()

    assert address == ("SO-1001", "10")
    assert (told.kind, told.system, told.field) == (
        DiscrepancyKind.FAILED_MAPPING,
        system.dialect.name,
        system.dialect.spoilt,
    )
    assert readings.by_line.keys() == sound.keys() - {address}
    assert len(sound) <= len(world.orders["SO-1001"].lines)


async def test_a_slow_system_is_given_up_at_the_deadline(system: Running) -> None:
    """R-5: the caller's time is kept, whatever the system does with its own."""
    await system.misbehave(mode="slow", delayMs=10_000)
    started = time.monotonic()
    with pytest.raises(BackendUnavailableError) as caught:
        await system.read(orders("SO-1001"), deadline=Deadline.after(0.1))

    assert caught.value.reason is Reason.TIMEOUT
    assert 0.1 <= time.monotonic() - started < 1.0


async def test_no_call_begins_after_the_deadline(system: Running) -> None:
    """R-5: an answer that nobody waits for is not asked for."""
    with pytest.raises(BackendUnavailableError) as caught:
        await system.read(orders("SO-1001"), deadline=Deadline.after(-0.1))

    assert caught.value.reason is Reason.TIMEOUT
    assert await system.calls() == 0


async def test_a_stale_system_still_reads(system: Running, world: World) -> None:
    """An older snapshot is an answer like any other; its records say how old they are."""
    await system.misbehave(mode="stale")
    readings = await system.read(orders(*world.orders))

    assert (readings.failed, readings.unplaced) == ({}, ())
    assert readings.by_line.keys() <= _known(system, world)


def _renamed(world: World, number: str) -> Order:
    """Give the first order's first two lines and itself another number."""
    first = world.orders["SO-1001"]
    known = [first.lines[line] for line in ("10", "20")]
    renamed: dict[str, Line] = {number: replace(known[0], number=number), "20": known[1]}
    return replace(first, number=number, lines=renamed)


async def test_any_number_finds_its_own_order_and_no_other(dialect: Dialect, world: World) -> None:
    """S-2: numbers go out as they are, and come back as they went."""
    nasty = World(
        {number: _renamed(world, number) for number in NASTY} | dict(world.orders), world.items
    )
    async with running(dialect, nasty) as system:
        one_by_one = {number: set(await system.told(orders(number))) for number in NASTY}
        together = set(await system.told(orders(*NASTY)))
        addresses = [(number, number) for number in NASTY]
        single = set(await system.told(lines(*addresses)))

    assert one_by_one == {number: {(number, number), (number, "20")} for number in NASTY}
    assert together == {address for found in one_by_one.values() for address in found}
    assert single == set(addresses)


async def test_a_long_order_is_read_to_its_last_page(dialect: Dialect, world: World) -> None:
    """2,500 lines: one order to the ERP, three pages of the others, each line once."""
    line = world.orders["SO-1001"].lines["10"]
    many = {
        str(number): replace(
            line,
            number=str(number),
            wms=tuple(replace(row, id=number) for row in line.wms),
        )
        for number in range(2500)
    }
    long_order = replace(world.orders["SO-1001"], lines=many)
    async with running(dialect, World({"SO-1001": long_order}, world.items)) as system:
        readings = await system.read(orders("SO-1001"))
        calls = await system.calls()

    assert [address[1] for address in readings.by_line] == list(many)
    assert (readings.failed, calls) == ({}, 1 if dialect.name == "erp" else 3)


async def test_an_erp_of_small_pages_is_read_to_the_last(world: World) -> None:
    """Its links name a host of their own, and are followed on the wire that is there."""
    small = replace(DIALECTS[0], create=lambda world: create_erp(world, page_rows=7))
    async with running(DIALECTS[0], world) as plain, running(small, world) as system:
        numbers = orders(*list(world.orders)[:36])
        expected = await plain.told(numbers)
        told = await system.told(numbers)
        calls = await system.calls()

    assert told == expected
    assert calls == 6


async def test_an_oms_asked_by_customer_orders_tells_the_same(world: World) -> None:
    """The desk's second wave: what the header knows is what the OMS is asked by."""
    async with running(DIALECTS[1], world) as system:
        by_customer = OmsSandbox(system.transport, ask_by=AskBy.CUSTOMER_PO)
        refs = [
            LineRef(
                OrderLineKey("erp", order.number, line),
                (XRef(CUSTOMER, order.purchase_order),) if order.purchase_order else (),
            )
            for order in world.orders.values()
            for line in order.lines
        ]
        sealed = await by_customer.read_promises(refs, visibility=EVERYTHING, deadline=soon())
        by_number = await system.read(refs)

    asked = {ref.key for ref in refs if ref.xrefs}
    assert sealed.open(None).by_line == {
        address: facets
        for address, facets in by_number.by_line.items()
        if OrderLineKey("erp", *address) in asked
    }
