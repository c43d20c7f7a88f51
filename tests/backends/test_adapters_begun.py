"""Each adapter reads at once as it does when it is awaited from the start."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from backends.erp.sandbox import ErpSandbox
from backends.observe import Health, HealthState, ObservedTransport
from backends.oms.sandbox import OmsSandbox
from backends.pages import MAX_PAGES
from backends.ports import Readings
from backends.transport import BackendError, Response
from backends.wms.sandbox import WmsSandbox
from tests.backends.kit import EVERYTHING, Answering, FakeTransport, observed, orders, soon
from tests.backends.native import (
    item,
    odata_page,
    order,
    outbound,
    promise_line,
    promise_page,
    rest_page,
)
from tests.backends.ready import Ready

LINK = "http://erp/odata/v2/SalesOrders?$skiptoken=1"
READS: dict[str, Callable[[ObservedTransport], Awaitable[Any]]] = {
    "erp": lambda to: ErpSandbox(to).read_headers(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon()
    ),
    "oms": lambda to: OmsSandbox(to).read_promises(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon()
    ),
    "wms": lambda to: WmsSandbox(to).read_fulfilments(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon()
    ),
}
WHOLE: dict[str, Response] = {
    "erp": odata_page(order("SO-1", item())),
    "oms": promise_page(promise_line()),
    "wms": rest_page(outbound()),
}
GOES_ON: dict[str, Response] = {
    "erp": odata_page(order("SO-1", item("20")), link=LINK),
    "oms": promise_page(promise_line("20"), cursor="c"),
    "wms": rest_page(outbound("20"), cursor="c"),
}
NONE = Response(200, (), b"")
SAID: dict[str, Callable[[str], Sequence[Response]]] = {
    "one page": lambda system: [WHOLE[system]],
    "three pages": lambda system: [GOES_ON[system], GOES_ON[system], WHOLE[system]],
    "pages without an end": lambda system: [GOES_ON[system]],
    "a status": lambda _: [Response(500, (), b"")],
    "a status for too many": lambda _: [Response(429, (), b"")],
    "a refusal for too many": lambda _: [Response(403, (), b'{"error": "rate_limited"}')],
    "nothing": lambda _: [NONE],
    "half of it": lambda system: [replace(WHOLE[system], body=WHOLE[system].body[:-9])],
    "nothing on the second page": lambda system: [GOES_ON[system], NONE],
    "a status on the third page": lambda system: [GOES_ON[system]] * 2 + [Response(503, (), b"")],
}


async def came_of(reading: Awaitable[Any]) -> str:
    """Tell what a read brought, opened, or how it failed."""
    try:
        found = await reading
        opened = found if isinstance(found, Readings) else found.open(None)
    except BackendError as error:
        return repr((error.message, error.detail, error.facts))
    return repr((opened.reading, {**opened.by_line}, opened.failed, opened.unplaced))


def one_by_one(answers: Sequence[Response]) -> Answering:
    """Answer with these, and then with the last one for ever."""
    left = [*answers]
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("system", READS)
async def test_each_adapter_reads_and_counts_as_without(system: str, said: str) -> None:
    """The same answer, or failure; the same questions; the same health."""
    told = []
    inners = [Ready(one_by_one(SAID[said](system))), FakeTransport(one_by_one(SAID[said](system)))]
    for inner in inners:
        transport = observed(inner, system)
        came = await came_of(READS[system](transport))
        told.append((came, transport.health(), inner.requests))

    assert told[0] == told[1]
    assert isinstance(inners[0], Ready)
    assert len(inners[0].sent) == 1
    assert told[0][1].in_flight == 0
    assert said != "pages without an end" or told[0][1].calls == MAX_PAGES


@pytest.mark.parametrize("system", READS)
async def test_each_adapter_is_cancelled_without_a_trace(system: str) -> None:
    """Before it is awaited, or while: the call is counted, and is neither good nor bad."""
    inner = Ready(one_by_one([WHOLE[system]]))
    inner.may_answer.clear()
    transport = observed(inner, system)
    before, during = READS[system](transport), READS[system](transport)
    task = asyncio.create_task(came_of(during))
    await asyncio.sleep(0)
    in_flight = transport.health().in_flight
    before.cancel()  # type: ignore[attr-defined] # it has begun
    before.cancel()  # type: ignore[attr-defined] # once is enough
    task.cancel()
    await asyncio.wait([task])
    during.cancel()  # type: ignore[attr-defined] # that it was awaited makes it too late

    assert in_flight == 2
    assert [one.is_cancelled for one in inner.sent] == [True, False]
    assert transport.health() == Health(2, 0, 0, None, None, None, HealthState.UNKNOWN)
