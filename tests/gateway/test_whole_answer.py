"""An answer written at once is, byte for byte, what the server writes in two parts."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import pytest

from gateway.answers import Answer, Header, send_answer, send_whole
from gateway.whole_answer import BODY as BODY_THERE
from gateway.whole_answer import WHOLE
from tests.gateway.test_connection_guard import QUICK, House, guarded, statuses

BODY: Final = b'{"data":null}'
PLAIN: Final[tuple[Header, ...]] = ((b"age", b"7"),)
GET: Final = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST: Final = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CONTINUE: Final = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
LAST: Final = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def answering(
    house: House,
    headers: tuple[Header, ...],
    *,
    at_once: bool,
    read: bool = True,
    status: int = 200,
) -> list[bool]:
    """Answer like this from now on; gives whether each answer was written at once."""
    said: list[bool] = []
    told = Answer(status, b"application/json", (BODY[:5], BODY[5:]), headers=headers)

    async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if read:
            await receive()
        said.append(at_once and send_whole(scope[WHOLE], told, "an-id"))
        if not said[-1]:
            await send_answer(send, told, "an-id")

    house.answer = answer  # type: ignore[method-assign] # the application of this test
    return said


async def both(
    question: bytes,
    headers: tuple[Header, ...],
    **how: Any,  # noqa: ANN401 - as `answering` takes
) -> tuple[bytes, list[bool]]:
    """Ask in both ways, and hold that they are one."""
    raws = []
    said: list[bool] = []
    for at_once in (False, True):
        async with guarded() as house:
            said = answering(house, headers, at_once=at_once, **how)
            raws.append(await house.exchange(question))
    assert raws[0] == raws[1]
    return raws[1], said


@pytest.mark.parametrize("status", [200, 400, 429, 503])
async def test_it_is_what_the_server_would_have_written(status: int) -> None:
    """Head and body; the connection goes on."""
    raw, said = await both(GET + GET, PLAIN, status=status)

    assert statuses(raw) == [status, status]
    assert raw.endswith(b"\r\n\r\n" + BODY)
    assert said == [True, True]


@pytest.mark.parametrize(
    ("question", "headers"),
    [
        pytest.param(LAST, PLAIN, id="the caller closes"),
        pytest.param(GET, (*PLAIN, (b"connection", b"close")), id="the answer closes"),
        pytest.param(GET.replace(b"1.1", b"1.0"), PLAIN, id="an old caller"),
        pytest.param(GET.replace(b"GET", b"HEAD"), PLAIN, id="only a head"),
    ],
)
async def test_what_is_not_plain_is_left_to_the_server(
    question: bytes, headers: tuple[Header, ...]
) -> None:
    """Nothing has happened by then."""
    raw, said = await both(question, headers)

    assert statuses(raw) == [200]
    assert said == [False]


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb"])
async def test_a_header_with_a_line_in_it_is_left_to_the_server(value: bytes) -> None:
    """Which refuses it, and closes."""
    raw, said = await both(GET, (*PLAIN, (b"x-text", value)))

    assert raw == b""
    assert said == [False]


async def test_pipelined_questions_are_answered_in_their_order() -> None:
    """Each by its own answer, also where one of them closes the connection."""
    raw, said = await both(GET * 3 + LAST, PLAIN)

    assert statuses(raw) == [200] * 4
    assert raw.count(b"connection: close") == 1
    assert said == [True, True, True, False]


async def test_an_answer_before_the_body_leaves_the_connection_usable() -> None:
    """The rest of the body is read, and the next question answered."""
    question = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    for at_once in (False, True):
        async with guarded() as house:
            said = answering(house, PLAIN, at_once=at_once, read=False)
            raw = await house.exchange(question, b"abc" + LAST)

        assert statuses(raw) == [200, 200]
        assert said[0] is at_once


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        pytest.param((POST % 3 + b"abc",), [b"abc"], id="at once"),
        pytest.param((GET,), [b""], id="no body"),
        pytest.param((POST % 3, b"abc"), [None], id="later"),
        pytest.param((POST % 6 + b"abc", b"abc"), [None], id="in parts"),
        pytest.param((POST % 9 + b"abcabcabc",), [None], id="too large"),
        pytest.param((CONTINUE % 3 + b"abc",), [None], id="to be told to go on"),
        pytest.param((POST % 3 + b"abc" + POST % 3 + b"def",), [b"abc", b"def"], id="pipelined"),
    ],
)
async def test_a_body_that_is_there_is_taken(
    parts: Sequence[bytes], taken: Sequence[bytes | None]
) -> None:
    """Else nothing has happened, and ASGI gives all of it; it is not given twice."""
    seen: list[bytes | None] = []
    bodies: list[bytes] = []
    async with guarded() as house:

        async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
            seen.append(scope[BODY_THERE](8))
            body, more = seen[-1] or b"", seen[-1] is None
            while more:
                message = await receive()
                body, more = body + message["body"], message["more_body"]
            bodies.append(body)
            again = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            assert not again.done()
            await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
            await send({"type": "http.response.body", "body": BODY})
            assert (await again)["type"] == "http.disconnect"

        house.answer = answer  # type: ignore[method-assign] # the application of this test
        raw = await house.exchange(*parts[:-1], parts[-1] + LAST)

    assert seen[: len(taken)] == taken
    whole = b"".join(parts).replace(b"def", b"").count(b"abc") * b"abc"
    assert bodies[0] == whole
    assert statuses(raw).count(200) == len(seen) == len(taken) + 1


async def test_who_has_left_is_not_written_to() -> None:
    """The server is told, and says nothing."""
    async with guarded() as house:
        left = asyncio.Event()
        said: list[bool] = []

        async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
            await receive()
            while (await receive())["type"] != "http.disconnect":
                pass
            told = Answer(200, b"application/json", (BODY,))
            said.append(send_whole(scope[WHOLE], told, "an-id"))
            await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
            left.set()

        house.answer = answer  # type: ignore[method-assign] # the application of this test
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(GET)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.wait_for(left.wait(), 5 * QUICK.body_s)

    assert said == [False]
