"""A request sent at once over a resting connection ends in every way that an awaited one does."""

import asyncio
import time

import pytest

from backends.reasons import Reason
from backends.sent import Sent
from backends.transport import BackendUnavailableError, Request, SendsNow
from backends.wire import UnsafeRequestError, Wire, WireLimits
from orderlines.deadline import Deadline
from tests.backends.loopback import (
    GET,
    OK,
    Peer,
    answer,
    answering,
    echoing,
    failure,
    send,
    wired,
)

ONE = WireLimits(max_connections=1)


def begun(wire: Wire, target: str = "/now", within_s: float = 5.0) -> Sent:
    """Send a request at once; a connection must rest."""
    sent = wire.send_now(Request("GET", target), deadline=Deadline.after(within_s))
    assert sent is not None
    return sent


async def failed(sent: Sent) -> str:
    """Await what must fail, and tell why."""
    with pytest.raises(BackendUnavailableError) as caught:
        await sent
    return caught.value.reason


async def test_nothing_is_sent_at_once_where_no_connection_rests() -> None:
    """None was opened, all are busy, or the wire is closed: then it is for `send` to do."""
    async with wired(echoing, ONE) as (server, wire):
        before = wire.send_now(GET, deadline=Deadline.after(5.0))
        await send(wire)
        first = begun(wire)
        busy = wire.send_now(GET, deadline=Deadline.after(5.0))
        stats = wire.stats
        await first
        await wire.aclose()
        closed = wire.send_now(GET, deadline=Deadline.after(5.0))

        assert isinstance(wire, SendsNow)
        assert [before, busy, closed] == [None, None, None]
        assert (stats.open, stats.idle, stats.in_use, stats.waiting) == (1, 0, 1, 0)
        assert len(server.requests) == 2


async def test_it_is_on_its_way_before_anybody_awaits_it() -> None:
    """The system has read and answered it; and the connection rests again by then."""
    async with wired(echoing, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire)
        during = wire.stats
        await asyncio.sleep(0.02)
        after = wire.stats

        assert (during.idle, during.in_use, during.requests_sent) == (0, 1, 2)
        assert (after.idle, after.in_use, after.requests_sent) == (1, 0, 2)
        assert len(server.requests) == 2
        assert (await sent).body == b"/now"
        assert (await sent).body == b"/now"  # what came stays
        assert wire.stats.bytes_received == len(answer(b"/now") + answer(GET.target.encode()))


async def test_several_at_once_share_nothing() -> None:
    """Each has a connection of its own; their answers may be taken in any order."""
    async with wired(echoing) as (server, wire):
        await asyncio.gather(*(send(wire) for _ in range(5)))
        sent = [begun(wire, f"/{number}") for number in range(5)]
        during = wire.stats
        bodies = [(await one).body for one in reversed(sent)]

        assert bodies == [b"/4", b"/3", b"/2", b"/1", b"/0"]
        assert (during.open, during.idle, during.in_use) == (5, 0, 5)
        assert (wire.stats.idle, wire.stats.in_use, wire.stats.requests_sent) == (5, 0, 10)
        assert server.connections == 5


@pytest.mark.parametrize("body", [answer(b"x") + answer(b"!!"), answer(b"x"), OK])
async def test_its_connection_is_used_again_only_without_doubt(body: bytes) -> None:
    """As after `send`: an answer that is too long spoils it."""
    async with wired(answering(body), ONE) as (server, wire):
        await send(wire)
        sent = wire.send_now(GET, deadline=Deadline.after(5.0))
        first = None if sent is None else await sent
        await send(wire)

        assert (first is None) == (len(body) > len(OK))
        assert server.connections == (2 if first is None else 1)


async def test_whoever_waits_in_line_gets_its_turn_when_the_answer_comes() -> None:
    """Though nobody has awaited it yet."""
    async with wired(echoing, ONE) as (server, wire):
        await send(wire)
        sent = begun(wire)
        others = await asyncio.gather(*(send(wire, Request("GET", f"/{n}")) for n in range(3)))

        assert [one.body for one in others] == [b"/0", b"/1", b"/2"]
        assert (await sent).body == b"/now"
        assert (server.connections, wire.stats.in_use) == (1, 0)


async def test_its_deadline_passes_whether_it_is_awaited_or_not() -> None:
    """The turn goes on at the deadline, and what comes later is nobody's."""

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await asyncio.sleep(0.15 if b"/slow" in request else 0.0)
            await peer.send(answer(request.split(b" ")[1]))

    async with wired(script, ONE) as (server, wire):
        await send(wire)
        started = time.monotonic()
        sent = begun(wire, "/slow", within_s=0.05)
        other = await send(wire)
        took_s = time.monotonic() - started

        assert other.body == GET.target.encode()
        assert 0.04 < took_s < 0.14
        assert await failed(sent) == Reason.TIMEOUT
        assert (server.connections, wire.stats.requests_sent) == (2, 3)
        assert (wire.stats.in_use, wire.stats.idle) == (0, 1)


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    """`send` says so then; the connection rests on."""
    async with wired(echoing, ONE) as (server, wire):
        await send(wire)
        sent = wire.send_now(GET, deadline=Deadline.after(-1.0))
        late = await failure(wire, within_s=-1.0)

        assert sent is None
        assert late.reason == Reason.TIMEOUT
        assert (wire.stats.idle, wire.stats.in_use, len(server.requests)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (OK[:-1], Reason.CUT_OFF),
        (b"H", Reason.CUT_OFF),
        (b"<html>not HTTP</html>\r\n\r\n", Reason.MALFORMED),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", Reason.TOO_LARGE),
    ],
)
async def test_half_an_answer_or_a_bad_one_fails_it(raw: bytes, reason: Reason) -> None:
    """Once: the system was at work on it, so it is not sent again."""

    async def script(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            if b"/now" in request:
                await peer.send(raw)
                return
            await peer.send(OK)

    async with wired(script, WireLimits(max_connections=1, max_body_bytes=1000)) as (server, wire):
        await send(wire)
        sent = begun(wire)

        assert await failed(sent) == reason
        assert (wire.stats.open, wire.stats.idle, wire.stats.in_use) == (0, 0, 0)
        assert (await send(wire)).body == b"ok"
        assert (server.connections, wire.stats.requests_sent) == (2, 3)


async def test_what_could_pass_for_framing_is_refused_at_once() -> None:
    """And takes neither a turn nor the connection along."""
    async with wired(echoing, ONE) as (_, wire):
        await send(wire)
        with pytest.raises(UnsafeRequestError):
            wire.send_now(Request("GET", "/ HTTP/1.1"), deadline=Deadline.after(1.0))

        assert (wire.stats.idle, wire.stats.in_use) == (1, 0)
