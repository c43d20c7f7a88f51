"""Health: counted where calls are made, decided where answers are understood."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backends.observe import Health, HealthState, ObservedTransport
from backends.outcomes import invalid, unavailable
from backends.reasons import Reason
from backends.transport import BackendError, BackendUnavailableError, Request, Response
from tests.backends.kit import FakeTransport, answering, soon

GET = Request("GET", "/")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def _clock() -> Iterator[datetime]:
    at = START
    while True:
        yield at
        at += timedelta(seconds=1)


def _observed(inner: FakeTransport) -> ObservedTransport:
    return ObservedTransport(inner, "wms", _clock().__next__)


def _length(_: Request, response: Response) -> int:
    return len(response.body)


def _refuse(_: Request, __: Response) -> int:
    system = "wms"
    raise unavailable(system, Reason.THROTTLED, "status 403")


async def test_a_system_that_was_never_asked_is_unknown() -> None:
    """Neither up nor down: nobody has looked."""
    assert _observed(answering(Response(200, (), b""))).health() == Health(
        0, 0, 0, None, None, None, HealthState.UNKNOWN
    )


async def test_a_call_is_good_once_its_answer_was_understood() -> None:
    """The look's result is handed on, and the system is up."""
    transport = _observed(answering(Response(200, (), b"four")))

    assert await transport.ask(GET, _length, deadline=soon()) == 4
    assert transport.health() == Health(
        calls=1,
        failures=0,
        in_flight=0,
        last_success_at=START,
        last_failure_at=None,
        last_reason=None,
        state=HealthState.UP,
        bytes_received=4,
    )


async def test_an_answer_that_says_no_counts_as_a_failure() -> None:
    """A throttled system answers every call, and is of no use all the same."""
    transport = _observed(answering(Response(403, (), b"four")))
    await transport.ask(GET, _length, deadline=soon())
    with pytest.raises(BackendError):
        await transport.ask(GET, _refuse, deadline=soon())

    assert transport.health() == Health(
        calls=2,
        failures=1,
        in_flight=0,
        last_success_at=START,
        last_failure_at=START + timedelta(seconds=1),
        last_reason="THROTTLED",
        state=HealthState.DOWN,
        failures_by_reason={"THROTTLED": 1},
        bytes_received=8,
    )


async def test_a_call_that_brought_nothing_counts_by_its_reason() -> None:
    """Time-outs and refused connections look different to an operator."""
    reasons = [Reason.TIMEOUT, Reason.CONNECT, Reason.TIMEOUT]

    def fail(_: Request) -> Response:
        msg = "No answer."
        raise BackendUnavailableError(msg, system="wms", reason=reasons.pop(), retriable=True)

    transport = _observed(FakeTransport(fail))
    for _ in range(3):
        with pytest.raises(BackendUnavailableError):
            await transport.ask(GET, _length, deadline=soon())
    health = transport.health()

    assert health.failures_by_reason == {"TIMEOUT": 2, "CONNECT": 1}
    assert (health.failures, health.last_reason, health.state) == (3, "TIMEOUT", HealthState.DOWN)


async def test_an_answer_that_turns_out_bad_later_counts_too() -> None:
    """A sealed answer is looked into after its call; then the system is down after all."""
    transport = _observed(answering(Response(200, (), b"")))
    await transport.ask(GET, _length, deadline=soon())
    transport.failed(invalid("wms", "half a page"))

    assert transport.health().state is HealthState.DOWN
    assert transport.health().last_reason == "MALFORMED"


async def test_a_cancelled_call_is_no_failure_and_not_in_flight() -> None:
    """That a caller went away says nothing about the system."""
    reached = asyncio.Event()

    class Hanging(FakeTransport):
        async def send(self, request: Request, *, deadline: object) -> Response:  # noqa: ARG002 - as late as it likes
            reached.set()
            await asyncio.sleep(60)
            return self.answer(request)

    transport = _observed(Hanging(lambda _: Response(200, (), b"")))
    call = asyncio.create_task(transport.ask(GET, _length, deadline=soon()))
    await reached.wait()
    in_flight = transport.health().in_flight
    call.cancel()
    await asyncio.wait([call])

    assert in_flight == 1
    assert transport.health() == Health(1, 0, 0, None, None, None, HealthState.UNKNOWN)


async def test_closing_closes_what_is_inside() -> None:
    """A wrapper owns what it wraps."""
    inner = answering(Response(200, (), b""))
    await _observed(inner).aclose()

    assert inner.is_closed
