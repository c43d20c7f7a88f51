"""Pages: batches at the same time, pages in sequence, and never without an end."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.freshness import OnStale, Wanted
from backends.observe import ObservedTransport
from backends.outcomes import invalid
from backends.pages import (
    MAX_BATCH_CHARS,
    MAX_PAGES,
    Asking,
    fetch,
    in_batches,
    says_last,
)
from backends.ports import Readings
from backends.reasons import Reason
from backends.rows import Asked, Rows
from backends.sealed import SealedPages, sealing
from backends.transport import (
    BackendInvalidAnswerError,
    BackendUnavailableError,
    Request,
    Response,
)
from orderlines.order_line import Reading
from orderlines.visibility import Visibility
from tests.backends.cache_kit import World
from tests.backends.kit import NOW, FakeTransport, observed, orders, soon
from tests.orderlines.facet_kit import FulfilmentRecord


def _question(target: str) -> Request:
    return Request("GET", target)


def _look(asked: Request, response: Response) -> tuple[str, Request | None]:
    """A page is its target; the body names the next one."""
    return asked.target, _question(response.body.decode()) if response.body else None


def _pages(following: dict[str, str]) -> FakeTransport:
    return FakeTransport(lambda request: Response(200, (), following[request.target].encode()))


def asking() -> Asking:
    """Ask for anybody, now."""
    return Asking(Visibility.everything(), soon())


async def test_a_batch_is_followed_to_its_last_page() -> None:
    """Each page names the next; their order is kept."""
    inner = _pages({"/1": "/2", "/2": "/3", "/3": ""})
    reading, pages = await fetch(
        observed(inner, "wms"),
        [_question("/1")],
        _look,
        asking=asking(),
    )

    assert (reading, pages) == (Reading("wms", NOW), ["/1", "/2", "/3"])


async def test_batches_are_asked_at_the_same_time_and_told_in_order() -> None:
    """The second batch does not wait for the first one's answer."""
    inner = _pages({"/a": "/a2", "/a2": "", "/b": "", "/c": ""})
    questions = [_question(target) for target in ("/a", "/b", "/c")]
    _, pages = await fetch(observed(inner, "wms"), questions, _look, asking=asking())

    assert [request.target for request in inner.requests] == ["/a", "/b", "/c", "/a2"]
    assert pages == ["/a", "/a2", "/b", "/c"]


async def test_every_call_goes_under_the_one_deadline() -> None:
    """R-5: a further page gets what is left, not a time of its own."""
    inner = _pages({"/a": "/a2", "/a2": "", "/b": ""})
    deadline = soon()
    await fetch(
        observed(inner, "wms"),
        [_question("/a"), _question("/b")],
        _look,
        asking=Asking(Visibility.everything(), deadline),
    )

    assert inner.deadlines == [deadline] * 3


async def test_a_reading_is_as_old_as_its_oldest_batch() -> None:
    """What was complete first may have changed since; the reading says so."""
    clock = iter([NOW + timedelta(seconds=second) for second in range(10)])
    inner = _pages({"/a": "/a2", "/a2": "", "/b": ""})
    transport = observed(inner, "wms", clock.__next__)
    questions = [_question("/a"), _question("/b")]
    reading, _ = await fetch(transport, questions, _look, asking=asking())

    # The clock is read at /a, at /b, where /b is complete, at /a2, where /a is complete.
    assert reading == Reading("wms", NOW + timedelta(seconds=2))


async def test_nothing_to_ask_is_no_call() -> None:
    """An empty question has an empty answer, as of now."""
    inner = _pages({})

    assert await fetch(observed(inner, "wms"), [], _look, asking=asking()) == (
        Reading("wms", NOW),
        [],
    )
    assert inner.requests == []


async def test_pages_without_an_end_are_given_up() -> None:
    """A cursor that leads in a circle costs a bounded number of calls, and is counted."""
    inner = _pages({"/1": "/1"})
    transport = observed(inner, "wms")
    with pytest.raises(BackendInvalidAnswerError) as caught:
        await fetch(transport, [_question("/1")], _look, asking=asking())

    assert caught.value.reason is Reason.MALFORMED
    assert len(inner.requests) == MAX_PAGES
    assert transport.health().last_reason == "MALFORMED"


async def test_one_failed_batch_fails_the_reading_and_stops_the_others() -> None:
    """Half an answer would look like missing lines. The error is the batch's own."""
    stopped: list[str] = []

    class Slow(FakeTransport):
        async def send(self, request: Request, *, deadline: object) -> Response:  # noqa: ARG002 - a fake
            if request.target == "/bad":
                msg = "No answer."
                raise BackendUnavailableError(
                    msg, system="wms", reason=Reason.CONNECT, retriable=True
                )
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.append(request.target)
                raise
            raise AssertionError(request)

    transport = observed(Slow(lambda _: Response(200, (), b"")), "wms")
    questions = [_question("/slow"), _question("/bad")]
    with pytest.raises(BackendUnavailableError) as caught:
        await fetch(transport, questions, _look, asking=asking())

    assert caught.value.reason is Reason.CONNECT
    assert stopped == ["/slow"]
    assert transport.health().in_flight == 0


@given(
    st.lists(st.text("abc", min_size=1, max_size=12), max_size=60),
    st.integers(min_value=1, max_value=20),
)
def test_batches_hold_every_part_once_and_are_as_few_as_can_be(
    parts: list[str], max_batch: int
) -> None:
    """⌈keys / max_batch⌉ batches, in the order of the parts."""
    batches = list(in_batches(parts, max_batch))

    assert [part for batch in batches for part in batch] == parts
    assert len(batches) == -(-len(parts) // max_batch)
    assert all(0 < len(batch) <= max_batch for batch in batches)


def test_a_batch_of_long_texts_is_cut_before_its_address_is_too_long() -> None:
    """64 characters of another script are 768 on the wire, and still one question each."""
    parts = ["%F0%9F%93%A6" * 64] * 100
    batches = list(in_batches(parts, 100))

    assert [part for batch in batches for part in batch] == parts
    assert max(sum(map(len, batch)) for batch in batches) <= MAX_BATCH_CHARS
    assert list(in_batches(["x" * (MAX_BATCH_CHARS + 1)], 100)) == [["x" * (MAX_BATCH_CHARS + 1)]]


@pytest.mark.parametrize(
    ("body", "is_last"),
    [
        (b'{"data":[],"next":null}', True),
        (b'{"data":[],"next" : \r\n null , "at":"2026"}', True),
        (b'{"next":null,"data":[]}', True),
        (b'{"data":[],"next":"40"}', False),
        (b'{"data":[]}', False),
        (b'{"data":["\\"next\\":null"]}', False),
        (b'{"data":[],"next":"null"}', False),
        (b'{"data":[],"nex', False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_the_end_of_a_body_tells_whether_a_page_follows(body: bytes, *, is_last: bool) -> None:
    """The usual single page is not decoded twice; any doubt means looking into it."""
    assert says_last(body, b'"next"') is is_last


def _sealed(*bodies: bytes) -> SealedPages[FulfilmentRecord]:
    transport = observed(_pages({}), "wms")

    def decode(body: bytes) -> Rows[FulfilmentRecord]:
        if body == b"refused":
            raise invalid(transport.system, "refused")
        return Rows([FulfilmentRecord(record=str(int(body)), order_number="A", line_number="1")])

    return sealing(transport, decode, may_split=True)(
        Reading("wms", NOW), bodies, Asked.of(orders("A"))
    )


def test_a_sealed_answer_opens_to_the_records_of_all_its_pages() -> None:
    """Nothing is decoded before; opening twice gives the same."""
    sealed = _sealed(b"1", b"2")
    opened = sealed.open(None)

    assert opened == sealed.open([("A", "1")])
    assert opened == Readings(
        Reading("wms", NOW),
        {
            ("A", "1"): (
                FulfilmentRecord(record="1", order_number="A", line_number="1"),
                FulfilmentRecord(record="2", order_number="A", line_number="1"),
            )
        },
    )


@pytest.mark.parametrize("body", [b"<html>", b"refused"])
def test_a_sealed_answer_that_is_bad_raises_when_opened_and_counts(body: bytes) -> None:
    """The call was good, the answer was not: the system is down after all."""
    sealed = _sealed(b"1", body)
    with pytest.raises(BackendInvalidAnswerError) as caught:
        sealed.open(None)

    assert caught.value.reason is Reason.MALFORMED
    assert sealed.transport.health().last_reason == "MALFORMED"


async def test_a_kept_page_that_is_refreshed_behind_the_answer_comes_once() -> None:
    """What is read for later is no part of what was given."""
    world = World()
    transport = ObservedTransport(
        FakeTransport(lambda _: Response(200, (), b"x" * 1_000)),
        "erp",
        lambda: NOW,
        cache=world.cache,
    )
    wanted = replace(asking(), wanted=Wanted(10.0, OnStale.SERVE_AND_FLAG))

    def look(_: Request, response: Response) -> tuple[bytes, None]:
        return response.body, None

    given = []
    for at in (0.0, 1.0, 9.5):
        world.at = at
        _, pages = await fetch(transport, [_question("/1")], look, asking=wanted)
        given.append(pages)
    await asyncio.sleep(0.05)

    assert transport.health().calls == 2
    assert [len(pages) for pages in given] == [1, 1, 1]
    await world.cache.aclose()
