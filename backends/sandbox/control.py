"""The shell every system of the sandbox runs in: its dialect, its faults, its log of calls.

    GET, PUT         /_sandbox/fault    the fault in force: {"mode", "delayMs", "kind"}
    GET, DELETE      /_sandbox/calls    {"total", "by_path", "log"}; the log holds the last 200
    GET              /_sandbox/health   {"system", "lines"}

Nothing under `/_sandbox/` is counted as a call, and no fault touches it.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backends.sandbox.faults import (
    NO_FAULT,
    Fault,
    FaultyAnswers,
    Manners,
    decode_fault,
)
from backends.sandbox.refusal import RefusedError
from backends.sandbox.world import World

CONTROL: Final = "/_sandbox/"
MAX_BODY_BYTES: Final = 1024 * 1024
LOG_SIZE: Final = 200


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


@dataclass(slots=True)
class Panel:
    """What can be set and seen of one running system."""

    system: str
    lines: int
    fault: Fault = NO_FAULT
    total: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    log: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=LOG_SIZE))

    def note(self, scope: Scope) -> None:
        """Count a call."""
        target = scope["raw_path"] + (
            b"?" + scope["query_string"] if scope["query_string"] else b""
        )
        self.total += 1
        self.by_path[scope["path"]] += 1
        self.log.append({"method": scope["method"], "target": target.decode("latin-1")})

    async def show_fault(self, _request: Request) -> Response:
        """Tell which fault is in force."""
        return json_response(self.fault)

    async def set_fault(self, request: Request) -> Response:
        """Put another fault in force."""
        try:
            self.fault = decode_fault(await request.body())
        except RefusedError as error:
            return json_response({"error": "bad_request", "message": str(error)}, 400)
        return json_response(self.fault)

    async def show_calls(self, _request: Request) -> Response:
        """Tell what was asked since the last reset."""
        return json_response(
            {"total": self.total, "by_path": dict(self.by_path), "log": list(self.log)}
        )

    async def reset_calls(self, _request: Request) -> Response:
        """Forget what was asked."""
        self.total = 0
        self.by_path.clear()
        self.log.clear()
        return Response(status_code=204)

    async def show_health(self, _request: Request) -> Response:
        """Tell that the system is there, and how much it knows."""
        return json_response({"system": self.system, "lines": self.lines})


class Recorder:
    """ASGI middleware: counts the calls of the dialect and hands them the fault in force."""

    def __init__(self, app: ASGIApp, *, panel: Panel, manners: Manners) -> None:
        self._dialect = FaultyAnswers(app, manners=manners)
        self._control = app
        self._panel = panel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a request to the control room or, counted, to the dialect."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
            return
        self._panel.note(scope)
        scope["fault"] = self._panel.fault
        await self._dialect(scope, receive, send)


def create_app(
    system: str,
    world: World,
    routes: Sequence[BaseRoute],
    manners: Manners,
) -> Starlette:
    """Put a dialect into the shell.

    Args:
        system: `erp`, `oms` or `wms`.
        world: What the system has lines of.
        routes: The dialect; its handlers find the fault in force in the scope.
        manners: How the dialect refuses, fails, throttles and spoils.
    """
    panel = Panel(system, world.line_count)

    async def refuse(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
        word = HTTPStatus(error.status_code).name
        return manners.refuse(error.status_code, word, error.detail)

    control = [
        Route(f"{CONTROL}fault", panel.show_fault, methods=["GET"]),
        Route(f"{CONTROL}fault", panel.set_fault, methods=["PUT"]),
        Route(f"{CONTROL}calls", panel.show_calls, methods=["GET"]),
        Route(f"{CONTROL}calls", panel.reset_calls, methods=["DELETE"]),
        Route(f"{CONTROL}health", panel.show_health, methods=["GET"]),
    ]
    return Starlette(
        routes=[*control, *routes],
        middleware=[Middleware(Recorder, panel=panel, manners=manners)],
        exception_handlers={HTTPException: refuse},
        max_body_size=MAX_BODY_BYTES,
    )
