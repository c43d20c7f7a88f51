"""A wave whose reads begin at once brings what one does whose reads are awaited."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.capabilities import AskBy
from backends.transport import Request, Transport
from orderlines.deadline import Deadline
from orderlines.facets import EVERYTHING
from orderlines.identity import OrderKey
from orderlines.visibility import ALL, Visibility
from resolvers.order_lines import look_up_orders
from tests.backends.kit import EVERYTHING as OF_ALL
from tests.backends.kit import FakeTransport
from tests.backends.ready import FakeSending, Ready
from tests.resolvers.page_kit import NUMBER, Desk, Page, ask, desk, executor, shown
from tests.resolvers.pages import alike, pages

Making: TypeAlias = Callable[[str], Transport]

SYSTEMS = ("erp", "oms", "wms")
EXECUTOR = executor(None)
OF_ONE_CUSTOMER = Visibility(customers=frozenset({"C-100"}), channels=ALL, warehouses=ALL)
USUAL = alike("erp", {})
TEXT = f"""{{ order(number: "{NUMBER}") {{
  number discrepancies {{ system record }}
  lines {{ nodes {{
    lineNumber state requested {{ quantity {{ value unit }} }}
    promised {{ quantity {{ value unit }} absence latestDate }}
    shipped {{ quantity {{ value unit }} lineage {{ system record asOf }} }}
    sources {{ section system error }}
  }} }}
}} }}"""


class Stumbling(Ready):
    """A transport that fails before anything is sent."""

    def send_now(self, request: Request, deadline: Deadline) -> FakeSending | None:
        """Fail at once."""
        del request, deadline
        msg = "a fault of the gateway"
        raise RuntimeError(msg)


async def told(
    make: Making, visibility: Visibility = OF_ALL, ask_by: AskBy = AskBy.ORDER_NUMBER
) -> tuple[object, list[object], dict[str, int]]:
    """Ask for everything, and tell the answer and what each system counted."""
    one = desk(make, ask_by)
    context = one.context(visibility)
    answer = shown(await ask(EXECUTOR, TEXT, context))
    return answer, [health_of(one, name) for name in SYSTEMS], context.calls


def health_of(one: Desk, name: str) -> object:
    """Tell what a system counted."""
    health = {"erp": one.erp, "oms": one.oms, "wms": one.wms}[name].health()
    assert health.in_flight == 0
    return health


def making(kind: type[FakeTransport], page: Page) -> Making:
    """Make transports that answer with a page."""
    return lambda name: kind(partial(page.answer, name))


@settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(pages(oddness=0), pages(oddness=1)),
    st.sets(st.sampled_from((*SYSTEMS, "items"))),
    st.sampled_from((OF_ALL, OF_ONE_CUSTOMER)),
    st.sampled_from((AskBy.ORDER_NUMBER, AskBy.CUSTOMER_PO)),
)
def test_both_bring_the_same(
    page: Page, down: set[str], visibility: Visibility, ask_by: AskBy
) -> None:
    """Whatever the systems say, whichever is down, in one wave or in two."""
    page.down = frozenset(down)

    async def both() -> list[object]:
        kinds = (Ready, FakeTransport)
        return [await told(making(kind, page), visibility, ask_by) for kind in kinds]

    begun, awaited = asyncio.run(both())

    assert begun == awaited


@pytest.mark.parametrize("busy", SYSTEMS)
async def test_some_may_begin_at_once_and_others_not(busy: str) -> None:
    """What does not begin gets a task of its own; the answer is the same."""

    def make(name: str) -> Transport:
        return Ready(partial(USUAL.answer, name), is_busy=name == busy)

    assert await told(make) == await told(making(FakeTransport, USUAL))


@pytest.mark.parametrize("stumbling", SYSTEMS)
async def test_a_read_that_raises_at_once_costs_its_own_sections(stumbling: str) -> None:
    """As one that raises when it is awaited; nothing else is left in flight."""

    def make(name: str) -> Transport:
        kind = Stumbling if name == stumbling else Ready
        return kind(partial(USUAL.answer, name))

    answer, healths, _ = await told(make)
    quiet, quiet_healths, _ = await told(making(Ready, USUAL))
    others = [at for at, name in enumerate(SYSTEMS) if name != stumbling]

    assert answer != quiet
    assert [healths[at] for at in others] == [quiet_healths[at] for at in others]
    assert "The gateway failed while reading a system." in str(answer)
    assert "a fault of the gateway" not in str(answer)


HELD = [held for count in (1, 2, 3) for held in itertools.combinations(SYSTEMS, count)]


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("busy", [(), ("oms",), ("erp", "wms")], ids="-".join)
async def test_whoever_leaves_in_the_middle_leaves_nothing_in_flight(
    busy: Sequence[str], turns: int
) -> None:
    """Whichever systems had answered by then, and however they were asked."""
    for held in HELD:
        one = desk(partial(held_back, held, busy))
        before = asyncio.all_tasks()
        key = OrderKey("erp", NUMBER)
        question = asyncio.create_task(look_up_orders([key], EVERYTHING, one.context()))
        for _ in range(turns):
            await asyncio.sleep(0)
        question.cancel()
        await asyncio.wait([question])
        await one.systems.items.aclose()
        healths = [transport.health() for transport in (one.erp, one.oms, one.wms)]

        assert {*held} <= {*busy} or question.cancelled()
        assert [(health.in_flight, health.failures) for health in healths] == [(0, 0)] * 3
        assert asyncio.all_tasks() == before


def held_back(held: Sequence[str], busy: Sequence[str], name: str) -> Ready:
    """Make a transport that never answers what it sent at once, if it is held back."""
    made = Ready(partial(USUAL.answer, name), is_busy=name in busy)
    if name in held:
        made.may_answer.clear()
    return made
