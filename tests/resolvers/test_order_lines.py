"""The wave: who is asked when, what is opened for whom, and what a failure costs."""

import asyncio
import itertools
import time
from collections.abc import Coroutine

import pytest

from backends.capabilities import AskBy
from backends.reasons import Reason
from backends.transport import BackendUnavailableError
from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.facets import Fact, Facts
from orderlines.identity import CUSTOMER, OrderKey, OrderLineKey, OrderRef
from orderlines.stated import Channel
from orderlines.stitch import materialise
from orderlines.stitched_line import SectionNotReadError, StitchedLine
from orderlines.visibility import ALL, Restriction, Visibility
from resolvers.attempts import SectionFailedError
from resolvers.needs import EVERYTHING, PROMISES, QUANTITIES
from resolvers.order_lines import StitchedOrder, look_up_lines, look_up_orders
from tests.orderlines.facet_kit import ITEM, KEY, fulfilment, header, promised
from tests.resolvers.fakes import House, house

ORDER = OrderKey(KEY.source, KEY.order_number)
DOWN = BackendUnavailableError("down", system="wms", reason=Reason.STATUS, retriable=True)
NONE: Facts = frozenset()
C1_ONLY = Visibility(customers=frozenset({"C1"}), channels=ALL, warehouses=ALL)
C2_ONLY = Visibility(customers=frozenset({"C2"}), channels=ALL, warehouses=ALL)


def full_house() -> House:
    """One order of two lines that every system knows."""
    return house(
        [header(), header(line_number="20", sold_to="C2")],
        [promised(10), promised(4)],
        [fulfilment(shipped=6)],
        [ITEM],
    )


async def the_line(home: House, needs: Facts = EVERYTHING, **who: Visibility) -> object:
    """Look up line 10."""
    [found] = await look_up_lines([KEY], needs, home.context(**who))  # type: ignore[arg-type] # visibility
    return found


async def the_order(home: House, needs: Facts = EVERYTHING, **who: Visibility) -> object:
    """Look up the order."""
    [found] = await look_up_orders([ORDER], needs, home.context(**who))  # type: ignore[arg-type] # visibility
    return found


@pytest.mark.parametrize(
    ("needs", "asked"),
    [(NONE, (1, 0, 0)), (PROMISES, (1, 1, 0)), (QUANTITIES, (1, 0, 1)), (EVERYTHING, (1, 1, 1))],
)
async def test_only_the_systems_a_selection_needs_are_asked(
    needs: Facts, asked: tuple[int, int, int]
) -> None:
    """A selection without promises never calls the OMS."""
    home = full_house()
    await the_line(home, needs)

    assert (len(home.erp.asked), len(home.oms.asked), len(home.wms.asked)) == asked


async def test_what_a_question_cost_is_noted_for_the_log() -> None:
    """Calls by system, as the capability tables count them."""
    home = full_house()
    context = home.context()
    await look_up_lines([KEY], PROMISES, context)
    await look_up_orders([ORDER], EVERYTHING, context)

    assert context.calls == {"erp": 2, "oms": 2, "wms": 1}


async def test_a_section_that_was_not_asked_for_is_not_read_rather_than_empty() -> None:
    """Reading it is a fault of the gateway, never a silent zero."""
    line = await the_line(full_house(), NONE)

    assert isinstance(line, StitchedLine)
    assert isinstance(line.promised, SectionNotReadError)
    assert isinstance(line.shipped, SectionNotReadError)


async def test_all_systems_are_asked_in_one_wave() -> None:
    """Three systems of 0.3 s each take 0.3 s together."""
    home = full_house()
    home.erp.delay_s = home.oms.delay_s = home.wms.delay_s = 0.3
    started = time.monotonic()
    await the_line(home)

    assert time.monotonic() - started < 0.6


async def test_a_question_that_is_cancelled_cancels_what_it_asked() -> None:
    """No call goes on for a caller who has left."""
    home = full_house()
    home.erp.delay_s = 0.01
    home.oms.delay_s = home.wms.delay_s = 30.0
    started: list[asyncio.Task[object]] = []

    def start(call: Coroutine[object, object, object]) -> asyncio.Task[object]:
        started.append(asyncio.create_task(call))
        return started[-1]

    context = home.context()
    context.start = start
    question = asyncio.create_task(look_up_lines([KEY], EVERYTHING, context))
    await asyncio.sleep(0.1)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question

    assert [task.cancelled() for task in started] == [True, True]


async def test_every_system_gets_the_deadline_less_a_reserve() -> None:
    """There must be time left to answer without a system."""
    home = full_house()
    context = home.context(within_s=0.5)
    await look_up_lines([KEY], EVERYTHING, context)
    given = [system.asked[0].deadline for system in (home.erp, home.oms, home.wms)]

    assert all(0.04 < context.deadline.at - one.at <= 0.051 for one in given)


async def test_every_system_is_told_the_visibility() -> None:
    """Where a system can carry the row rule, its adapter pushes it down."""
    home = full_house()
    await the_line(home, visibility=C1_ONLY)

    assert {system.asked[0].visibility for system in (home.erp, home.oms, home.wms)} == {C1_ONLY}


@pytest.mark.parametrize("failing", ["erp", "oms", "wms"])
async def test_one_failing_system_costs_its_own_sections(failing: str) -> None:
    """The rest of the line is as it would have been."""
    home = full_house()
    for system in (home.erp, home.oms, home.wms):
        system.failure = DOWN if system.name == failing else None
    line = await the_line(home)

    assert isinstance(line, StitchedLine)
    assert {
        "erp": line.requested is DOWN,
        "oms": line.promised is DOWN,
        "wms": line.shipped is DOWN and line.allocated is DOWN,
    } == {name: name == failing for name in ("erp", "oms", "wms")}


async def test_a_fault_of_an_adapter_costs_its_section_and_says_nothing_of_itself() -> None:
    """Whatever a bug raises stays in the log; its text may hold anything."""
    home = full_house()
    home.wms.failure = ZeroDivisionError("password=hunter2")
    line = await the_line(home)

    assert isinstance(line, StitchedLine)
    assert isinstance(line.shipped, SectionFailedError)
    assert "hunter2" not in repr(line.shipped)
    assert isinstance(line.shipped.__cause__, ZeroDivisionError)


async def test_a_fault_while_opening_or_in_the_catalogue_costs_no_more() -> None:
    """Decoding and master data fail as reading does: as a value."""
    home = full_house()
    home.wms.opening_failure = KeyError("secret")
    home.items.failure = KeyError("secret")
    line = await the_line(home)

    assert isinstance(line, StitchedLine)
    assert isinstance(line.shipped, SectionFailedError)
    assert isinstance(line.item, SectionFailedError)
    assert not isinstance(line.promised, GatewayError)
    assert not isinstance(line.requested, GatewayError)


async def test_answers_are_opened_only_for_admitted_lines() -> None:
    """The bytes of a line that its caller may not see are never decoded."""
    home = full_house()
    order = await the_order(home, visibility=C1_ONLY)

    assert isinstance(order, StitchedOrder)
    assert [line.line_number for line in order.lines] == ["10"]
    assert home.wms.opened == [{("SO-1", "10")}]
    assert home.oms.opened == [{("SO-1", "10")}]


async def test_a_hidden_line_is_exactly_an_absent_one() -> None:
    """B-1: the same result, and the same calls with the same questions."""
    hidden, absent = full_house(), house([], [promised(10)], [fulfilment()], [ITEM])
    found = [
        await the_line(hidden, visibility=C2_ONLY),
        await the_line(absent, visibility=C2_ONLY),
    ]

    assert found == [None, None]
    assert [
        [len(system.asked) for system in (one.erp, one.oms, one.wms)] for one in (hidden, absent)
    ] == [[1, 1, 1], [1, 1, 1]]
    assert hidden.items.asked == absent.items.asked


@pytest.mark.parametrize(
    "visibility",
    [
        Visibility(customers=frozenset(), channels=ALL, warehouses=ALL),
        Visibility(customers=ALL, channels=frozenset({Channel.ECOMMERCE.name}), warehouses=ALL),
        Visibility(customers=ALL, channels=ALL, warehouses=frozenset({"W2"})),
        Visibility.nothing(),
    ],
)
async def test_each_dimension_hides(visibility: Visibility) -> None:
    """Customer, channel and owner node are each enough to hide a line."""
    assert await the_line(full_house(), visibility=visibility) is None


async def test_a_line_without_an_owner_is_invisible_to_whom_warehouses_restrict() -> None:
    """What is not known is not allowed."""
    restricted = Visibility(customers=ALL, channels=ALL, warehouses=frozenset({"W1"}))
    owned, unowned = house([header()], items=[ITEM]), house([header(owner_node=None)], items=[ITEM])

    assert isinstance(await the_line(owned, NONE, visibility=restricted), StitchedLine)
    assert await the_line(unowned, NONE, visibility=restricted) is None


async def test_without_headers_a_restricted_caller_hears_the_same_of_every_id() -> None:
    """Existing or not: null and the failure, and nothing of the others is opened."""
    home = full_house()
    home.erp.failure = DOWN
    other = OrderLineKey("erp", "SO-999", "10")
    found = await look_up_lines([KEY, other], EVERYTHING, home.context(C1_ONLY))

    assert found == [DOWN, DOWN]
    assert await the_order(home, visibility=C1_ONLY) is DOWN
    assert home.wms.opened == home.oms.opened == []


async def test_without_headers_an_unrestricted_caller_gets_what_the_others_tell() -> None:
    """The partial line is worth having; one that nobody knows is still only a failure."""
    home = full_house()
    home.erp.failure = DOWN
    other = OrderLineKey("erp", "SO-999", "10")
    line, unknown = await look_up_lines([KEY, other], EVERYTHING, home.context())
    order = await the_order(home)

    assert isinstance(line, StitchedLine)
    assert line.requested is DOWN
    assert not isinstance(line.shipped, GatewayError)
    assert unknown is DOWN
    assert isinstance(order, StitchedOrder)
    assert [one.line_number for one in order.lines] == ["10"]
    assert order.header is DOWN


async def test_a_bad_header_row_fails_its_line_and_hides_from_whom_rules_restrict() -> None:
    """That a row is bad would tell that it exists."""
    home = full_house()
    bad = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "erp", "SO-1/30", "Plant", "Bad.")
    home.erp.failed = {("SO-1", "30"): bad}
    key = OrderLineKey("erp", "SO-1", "30")
    [seen] = await look_up_lines([key], NONE, home.context())
    [unseen] = await look_up_lines([key], NONE, home.context(C1_ONLY))
    order = await the_order(home, NONE)

    assert isinstance(seen, StitchedLine)
    assert isinstance(seen.header, DiscrepancyError)
    assert seen.header.discrepancy is bad
    assert unseen is None
    assert isinstance(order, StitchedOrder)
    assert [line.line_number for line in order.lines] == ["10", "20", "30"]


async def test_a_bad_row_of_another_system_fails_its_section_of_its_line() -> None:
    """One bad row fails one row."""
    home = full_house()
    bad = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "7", "units_shipped", "Bad.")
    home.wms.failed = {("SO-1", "10"): bad}
    order = await the_order(home)

    assert isinstance(order, StitchedOrder)
    first, second = order.lines
    assert isinstance(first.shipped, DiscrepancyError)
    assert not isinstance(second.shipped, GatewayError)
    assert not isinstance(first.promised, GatewayError)


async def test_a_row_that_cannot_be_placed_is_said_where_a_line_has_none() -> None:
    """The missing row may be the unreadable one: that is no proof of nothing shipped."""
    home = full_house()
    bad = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", "", "order_ref", "Bad.")
    home.wms.unplaced = [bad]
    order = await the_order(home)

    assert isinstance(order, StitchedOrder)
    first, second = order.lines
    assert not isinstance(first.shipped, GatewayError)
    assert isinstance(second.shipped, DiscrepancyError)
    assert list(order.discrepancies) == [bad]


async def test_a_record_without_a_line_is_not_shown_to_whom_rules_restrict() -> None:
    """It may belong to a line that is hidden from them."""
    home = full_house()
    bad = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "erp", "", "SalesOrderItem", "Bad.")
    home.erp.unplaced = home.wms.unplaced = [bad]
    order = await the_order(home, visibility=C1_ONLY)

    assert isinstance(order, StitchedOrder)
    assert list(order.discrepancies) == []


async def test_a_record_of_a_line_the_order_does_not_have_belongs_to_the_order() -> None:
    """It is neither dropped nor made into a line."""
    home = house([header()], [], [fulfilment(), fulfilment(line_number="99", record="W-9")], [ITEM])
    order = await the_order(home)

    assert isinstance(order, StitchedOrder)
    assert [line.line_number for line in order.lines] == ["10"]
    assert [(one.kind, one.system, one.record) for one in order.discrepancies] == [
        (DiscrepancyKind.UNRESOLVED_XREF, "wms", "W-9")
    ]


async def test_a_system_asked_by_the_customers_number_waits_for_the_header() -> None:
    """The second wave: asked by what the header told, for admitted lines only."""
    home = full_house()
    home.oms.ask_by = AskBy.CUSTOMER_PO
    order = await the_order(home, visibility=C1_ONLY)
    [asked] = home.oms.asked

    assert isinstance(order, StitchedOrder)
    assert not isinstance(order.lines[0].promised, GatewayError)
    assert [
        (ref.key.line_number, found.document)
        for ref in asked.refs
        if not isinstance(ref, OrderRef) and (found := ref.known_as(CUSTOMER)) is not None
    ] == [("10", "PO-7")]


async def test_a_second_wave_with_nobody_to_ask_for_is_not_sent() -> None:
    """Nothing admitted, or no header at all: the system hears nothing."""
    hidden, headless = full_house(), full_house()
    hidden.oms.ask_by = headless.oms.ask_by = AskBy.CUSTOMER_PO
    headless.erp.failure = DOWN
    nothing = await the_order(hidden, visibility=C2_ONLY.nothing())
    line = await the_line(headless)

    assert nothing is None
    assert isinstance(line, StitchedLine)
    assert line.promised is DOWN
    assert hidden.oms.asked == headless.oms.asked == []


async def test_items_are_asked_for_once_and_for_admitted_lines_only() -> None:
    """Master data is reference data; and what a caller may not see is not even looked up."""
    home = full_house()
    for _ in range(3):
        await the_order(home, NONE)
    hidden = full_house()
    await the_line(hidden, NONE, visibility=C2_ONLY)

    assert home.items.asked == [["SKU-1"]]
    assert hidden.items.asked == []


async def test_without_master_data_sections_stand_in_their_own_units() -> None:
    """Nothing is derived from units that cannot be compared."""
    home = house([header(unit="CS")], [promised(10)], [fulfilment(shipped=6)])
    line = await the_line(home)

    assert isinstance(line, StitchedLine)
    assert not isinstance(line.requested, GatewayError)
    assert str(line.requested.quantity) == "10 CS"
    assert line.open is None


async def test_the_order_in_which_systems_answer_changes_nothing() -> None:
    """Stitching is the same whoever is first."""
    lines = []
    for order in itertools.permutations((0.0, 0.01, 0.02)):
        home = full_house()
        home.erp.delay_s, home.oms.delay_s, home.wms.delay_s = order
        line = await the_line(home)
        assert isinstance(line, StitchedLine)
        lines.append(materialise(line))

    assert all(line == lines[0] for line in lines)


async def test_many_keys_of_one_source_are_one_question() -> None:
    """The adapter batches; the desk asks once."""
    home = house([header(line_number=str(number)) for number in range(50)], items=[ITEM])
    keys = [OrderLineKey("erp", "SO-1", str(number)) for number in range(60)]
    found = await look_up_lines(keys, NONE, home.context())

    assert [line.line_number if isinstance(line, StitchedLine) else line for line in found] == [
        *[str(number) for number in range(50)],
        *[None] * 10,
    ]
    assert len(home.erp.asked) == 1


@pytest.mark.parametrize("warehouses", [ALL, frozenset({"W1"})])
async def test_the_plant_is_asked_for_where_a_row_rule_speaks_of_it(
    warehouses: Restriction,
) -> None:
    """A rule that is checked on what comes back needs it, whatever is selected."""
    home = full_house()
    context = home.context(Visibility(ALL, ALL, warehouses))
    await look_up_lines([KEY], frozenset({Fact.REQUEST}), context)

    assert (Fact.OWNER in home.erp.asked[0].facts) == (warehouses is not ALL)
