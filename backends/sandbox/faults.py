"""What a system of the sandbox can be told to do wrong, and how it then does it.

    none       answer truthfully
    slow       wait `delayMs` before each answer, or until the client has gone
    fail       answer as the system does when it is broken
    throttle   answer as the system does when it is asked too much
    garbage    answer with nonsense, of a `kind`
    stale      answer from a snapshot that misses the last change of each line

The kinds of garbage: `html` is a page for people, `truncated` the true answer cut in
half, `row` a good page with one wrong type in one row, `huge` 64 MiB without an end
in sight, `redirect` a way to another host, `empty` nothing at all. All of them but
the redirect say 200.

How a system fails, throttles and spoils a row is part of its dialect. What a fault
says is asked of `scope["fault"]` by those who answer differently under it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backends.sandbox.refusal import RefusedError

Mode: TypeAlias = Literal["none", "slow", "fail", "throttle", "garbage", "stale"]
Kind: TypeAlias = Literal["html", "truncated", "row", "huge", "redirect", "empty"]

MAX_DELAY_MS: Final = 60_000
HUGE_BYTES: Final = 64 * 1024 * 1024
ELSEWHERE: Final = "http://elsewhere.invalid/"
_CHUNK: Final = b'{"row":"' + b"x" * (64 * 1024 - 11) + b'"},'


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The fault in force.

    Attributes:
        delay_ms: How long `slow` waits; no other mode looks at it.
        kind: Of garbage; None in every other mode.
    """

    mode: Mode
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_DELAY_MS)] = 30_000
    kind: Kind | None = None


NO_FAULT: Final = Fault("none")


def decode_fault(body: bytes) -> Fault:
    """Read a fault from JSON.

    Raises:
        RefusedError: It is not JSON, has an unknown field, or a field is out of
            its range; the message names the field.
    """
    try:
        fault = msgspec.json.decode(body, type=Fault)
    except msgspec.DecodeError as error:
        raise RefusedError(str(error)) from error
    if fault.mode == "garbage":
        return msgspec.structs.replace(fault, kind=fault.kind or "html")
    if fault.kind is not None:
        msg = "Only garbage is of a kind - at `$.kind`"
        raise RefusedError(msg)
    return fault


@dataclass(frozen=True, slots=True)
class Manners:
    """How a system misbehaves in its own dialect.

    Attributes:
        refuse: The answer to what no route takes: status, its name, a sentence.
        failed: The answer of a broken system.
        throttled: The answer of a system asked too much; None where the dialect
            says so inside its ordinary answer.
        spoil: Puts one wrong type into one row of a decoded page, in place.
    """

    refuse: Callable[[int, str, str], Response]
    failed: Response
    throttled: Response | None
    spoil: Callable[[Any], None]  # Any: a page of any dialect, as JSON decodes it


class FaultyAnswers:
    """ASGI middleware: lets the fault in force happen to every answer."""

    def __init__(self, app: ASGIApp, *, manners: Manners) -> None:
        self._app = app
        self._manners = manners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, truthfully or as the fault will have it."""
        fault: Fault = scope["fault"]
        answer: ASGIApp = self._app
        if fault.mode == "slow":
            waited = await _wait(fault.delay_ms / 1000, receive)
            if waited is not None:
                await answer(scope, waited, send)
            return
        if fault.mode == "fail":
            answer = self._manners.failed
        elif fault.mode == "throttle":
            answer = self._manners.throttled or self._app
        elif fault.mode == "garbage":
            answer = await self._garbage(fault.kind, scope, receive)
        await answer(scope, receive, send)

    async def _garbage(self, kind: Kind | None, scope: Scope, receive: Receive) -> ASGIApp:
        if kind == "truncated":
            truth = await _answer_of(self._app, scope, receive)
            return _json(truth.body[: len(truth.body) // 2], truth.status_code)
        if kind == "row":
            truth = await _answer_of(self._app, scope, receive)
            page = msgspec.json.decode(truth.body)
            self._manners.spoil(page)
            return _json(msgspec.json.encode(page), truth.status_code)
        if kind == "huge":
            return StreamingResponse(_endless(), media_type="application/json")
        if kind == "redirect":
            return RedirectResponse(ELSEWHERE, 302)
        if kind == "empty":
            return _json(b"", 200)
        return Response(b"<!doctype html><title>Maintenance</title>", media_type="text/html")


def _json(body: bytes | memoryview, status: int) -> Response:
    return Response(body, status, media_type="application/json")


async def _wait(delay_s: float, receive: Receive) -> Receive | None:
    """Wait, but not longer than the client does; None if it has gone.

    What was received meanwhile is given again.
    """
    received: list[Message] = []
    try:
        async with asyncio.timeout(delay_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                received.append(message)
    except TimeoutError:
        pass

    async def replay() -> Message:
        return received.pop(0) if received else await receive()

    return replay


async def _answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Let the app answer, and keep the answer."""
    status, body = 200, bytearray()

    async def keep(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    return Response(bytes(body), status)


async def _endless() -> AsyncIterator[bytes]:
    """Begin a page and never end it; 64 MiB are enough to see who stops reading."""
    yield b'{"data":['
    for _ in range(HUGE_BYTES // len(_CHUNK)):
        yield _CHUNK
