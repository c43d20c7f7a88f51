"""The pages beside the question: is it alive, is it ready, where to ask, what a code means.

Alive means that the process answers. Ready means that a question would be: every
reason why not is listed. Nothing here tells about systems or callers.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from slowapi import Limiter
from slowapi.util import get_remote_address
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers import Answer, fold_headers, problem_answer
from gateway.codes import CODES, Shown
from gateway.correlation import HEADER, correlation_id_of
from gateway.errors import INTERNAL_MESSAGE

Reasons = Callable[[], Sequence[str]]

_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; charset=utf-8"

PAGES_LIMIT: Final = "600/minute"

WELCOME: Final = """\
Order lines, as every system knows them: requested, promised, allocated, shipped.

/graphql   where to ask, by POST or GET, with a key
/livez     is the process alive
/readyz    would a question be answered
/errors    what a code in an error means

    curl -H "Authorization: Bearer $ORDERLINE_KEY" -H "Content-Type: application/json" \\
      -d '{"query": "{ __typename }"}' "$ORDERLINE_URL"
"""


def routes(reasons: Reasons) -> list[Route]:
    """List the pages.

    Args:
        reasons: Tells why the gateway is not ready; nothing if it is.
    """

    async def livez(request: Request) -> Response:
        return _respond(request, _json(200, {"status": "alive"}))

    async def readyz(request: Request) -> Response:
        why = list(reasons())
        status = {"status": "unready" if why else "ready", "reasons": why}
        return _respond(request, _json(503 if why else 200, status))

    async def welcome(request: Request) -> Response:
        return _respond(request, Answer(200, _TEXT, (WELCOME.encode(),)))

    async def errors(request: Request) -> Response:
        return _respond(request, Answer(200, _TEXT, (_CODES,)))

    return [
        Route("/", welcome),
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/errors", errors),
    ]


def guarded(pages: Starlette) -> Starlette:
    """Let an address ask for pages so often and no more, counted in this process."""
    pages.state.limiter = Limiter(
        key_func=get_remote_address, application_limits=[PAGES_LIMIT], headers_enabled=False
    )
    return pages


async def on_too_many(request: Request, _: Exception) -> Response:
    """Answer an address that asks too often."""
    return _problem(
        request, "RATE_LIMITED", "This address asks for too many pages.", (b"retry-after", b"60")
    )


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses with a problem document."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = (error.headers or {}).get("Allow", "GET, HEAD")
        return _problem(
            request, "METHOD_NOT_ALLOWED", "This page can only be read.", (b"allow", allow.encode())
        )
    return _problem(request, "NOT_FOUND", "There is nothing here. Ask at /graphql.")


async def on_failure(request: Request, _: Exception) -> Response:
    """Answer a page that failed; the server logs the traceback."""
    return _problem(request, "INTERNAL", INTERNAL_MESSAGE)


def _problem(request: Request, code: str, message: str, *headers: tuple[bytes, bytes]) -> Response:
    answer = problem_answer(code, message, correlation_id=_id_of(request), headers=headers)
    return _respond(request, answer)


def _json(status: int, value: object) -> Answer:
    return Answer(status, _JSON, (msgspec.json.encode(value),))


def _respond(request: Request, answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers = answer.all_headers(_id_of(request))
    return response


def _id_of(request: Request) -> str:
    """Take over or make the id once a request."""
    known: str | None = request.scope.get("correlation_id")
    if known is None:
        known = correlation_id_of(fold_headers(request.scope["headers"]).get(HEADER))
        request.scope["correlation_id"] = known
    return known


_CODES: Final = "".join(
    f"{code}\n    {meaning.text}\n"
    for code, meaning in sorted(CODES.items())
    if meaning.shown is not Shown.COMMAND
).encode()
