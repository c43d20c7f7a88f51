"""A read that begins at once counts, ends and fails as one that is awaited from the start."""

import dataclasses
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from opentelemetry.trace import NoOpTracer

from backends.freshness import OnStale, Wanted
from backends.observe import Health, HealthState, ObservedTransport
from backends.outcomes import invalid, unavailable
from backends.pages import Asking, fetch
from backends.reasons import Reason
from backends.rows import Asked
from backends.transport import BackendError, Request, Response
from backends.underway import begin
from orderlines.order_line import Reading
from tests.backends.cache_kit import World
from tests.backends.kit import EVERYTHING, NOW, Answering, FakeTransport, observed, soon
from tests.backends.ready import Ready

Pages = list[str]
QUESTION = Request("GET", "/1")
ASKED = Asked({"SO-1": None})
ASKING = Asking(EVERYTHING, soon(), about=ASKED)


def look(asked: Request, response: Response) -> tuple[str, Request | None]:
    """A page is its target; the body names the next one."""
    if response.status != 200:
        raise unavailable("wms", Reason.STATUS, "")  # noqa: EM101 - a system's name
    following = Request("GET", response.body.decode()) if response.body else None
    return asked.target, following


def joined(reading: Reading, pages: Sequence[str], asked: Asked) -> tuple[Reading, Pages]:
    """Make what `fetch` gives, if it was asked for."""
    assert asked is ASKED
    return reading, [*pages]


async def test_it_is_on_its_way_when_it_begins() -> None:
    """And counted; each look is one call."""
    inner = Ready(lambda request: Response(200, (), b"/2" if request == QUESTION else b""))
    transport = observed(inner, "wms")
    reading = begin(transport, [QUESTION], look, asking=ASKING, make=joined)
    begun = transport.health()

    assert [one.request for one in inner.sent] == [QUESTION]
    assert (begun.calls, begun.in_flight, begun.last_success_at) == (1, 1, None)
    assert await reading == (Reading("wms", NOW), ["/1", "/2"])
    assert transport.health() == Health(2, 0, 0, NOW, None, None, HealthState.UP, bytes_received=2)


@pytest.mark.parametrize("why", ["busy", "several", "cached", "traced", "cannot"])
async def test_what_does_not_begin_at_once_is_awaited(why: str) -> None:
    """It is fetched then, and nothing is asked before."""
    answer: Answering = lambda _: Response(200, (), b"")  # noqa: E731 - one for two kinds
    inner = FakeTransport(answer) if why == "cannot" else Ready(answer, is_busy=why == "busy")
    transport = ObservedTransport(
        inner,
        "wms",
        lambda: NOW,
        cache=World().cache,
        tracer=NoOpTracer() if why == "traced" else None,
    )
    questions = [QUESTION, Request("GET", "/b")] if why == "several" else [QUESTION]
    wanted = Wanted(60.0, OnStale.FAIL)
    asking = replace(ASKING, wanted=wanted) if why == "cached" else ASKING
    reading = begin(transport, questions, look, asking=asking, make=joined)
    before = transport.health()
    found = await reading

    assert (before.calls, before.in_flight) == (0, 0)
    assert found[1] == [one.target for one in questions]
    assert (transport.health().calls, transport.health().in_flight) == (len(questions), 0)


async def test_a_failure_of_the_gateway_itself_is_none_of_the_system() -> None:
    """What cannot be made of a good answer leaves the system up, and nothing in flight."""

    def fail(reading: Reading, _: Sequence[str], __: Asked) -> Reading:
        raise invalid(reading.system, "no rows")

    def stumble(_: Request, __: Response) -> tuple[str, Request | None]:
        raise KeyError

    transport = observed(Ready(lambda _: Response(200, (), b"")), "wms")
    with pytest.raises(BackendError):
        await begin(transport, [QUESTION], look, asking=ASKING, make=fail)
    made = transport.health()
    with pytest.raises(KeyError):
        await begin(transport, [QUESTION], stumble, asking=ASKING, make=joined)

    assert (made.state, made.failures, made.in_flight) == (HealthState.UP, 0, 0)
    assert transport.health() == dataclasses.replace(made, calls=2)


async def test_it_gives_what_fetch_gives() -> None:
    """From the first page to the last."""
    following = {"/1": "/2", "/2": "/3", "/3": ""}
    answer: Answering = lambda request: Response(200, (), following[request.target].encode())  # noqa: E731 - as above
    begun, fetched = observed(Ready(answer), "wms"), observed(FakeTransport(answer), "wms")
    found = await begin(begun, [QUESTION], look, asking=ASKING, make=joined)

    assert found == await fetch(fetched, [QUESTION], look, asking=ASKING)
    assert begun.health() == fetched.health()
