"""Every code a failure can have, and what it means: the one table.

A code is stable: programs may depend on it, and on nothing else of a failure. The
same rows stand in docs/error-codes.md.
"""

from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from typing import Final, NamedTuple


class Shown(Enum):
    """Where a failure is seen."""

    REQUEST = "The whole request fails, with this status"
    FIELD = "An entry of `errors`, beside the data that arrived"
    COMMAND = "A sentence at the command line; never over HTTP"


class Meaning(NamedTuple):
    """What a code stands for.

    Attributes:
        status: HTTP status where the whole request fails for this reason; None
            where it does not.
        text: One sentence for the caller.
    """

    shown: Shown
    status: HTTPStatus | None
    text: str


def _request(status: int, text: str) -> Meaning:
    return Meaning(Shown.REQUEST, HTTPStatus(status), text)


def _field(text: str) -> Meaning:
    return Meaning(Shown.FIELD, None, text)


def _command(text: str) -> Meaning:
    return Meaning(Shown.COMMAND, None, text)


CODES: Final[Mapping[str, Meaning]] = {
    # The request, before its document is looked at.
    "MALFORMED_JSON": _request(400, "The body, or a URL parameter, is not strict JSON."),
    "MALFORMED_REQUEST": _request(400, "This is no HTTP, or the JSON is no GraphQL request."),
    "INVALID_REQUEST": _request(400, "Credentials were sent more than once."),
    "CREDENTIAL_IN_URL": _request(400, "A credential stands in the URL, where logs keep it."),
    "UNAUTHENTICATED": _request(401, "No credential was sent."),
    "INVALID_CREDENTIALS": _request(
        401, "The credential is not known, has ended, or was withdrawn."
    ),
    "NOT_FOUND": _request(404, "Nothing of this path or name, or nothing the caller may see."),
    "METHOD_NOT_ALLOWED": _request(405, "This method is not served here; see `Allow`."),
    "NOT_ACCEPTABLE": _request(406, "No media type in `Accept` can be served."),
    "REQUEST_TIMEOUT": _request(408, "The headers or the body did not arrive in time."),
    "BODY_TOO_LARGE": _request(413, "The body is larger than the gateway reads."),
    "URL_TOO_LONG": _request(414, "The URL is longer than the gateway reads; use POST."),
    "UNSUPPORTED_MEDIA_TYPE": _request(415, "The body is not uncompressed JSON in UTF-8."),
    "RATE_LIMITED": _request(429, "The caller's quota is used up for now; see `Retry-After`."),
    "HEADER_TOO_LARGE": _request(431, "The headers are longer than the gateway reads."),
    "INTERNAL": _request(500, "The gateway failed; the correlation id finds the log entry."),
    "OVERLOADED": _request(503, "More is asked at once than can be answered; see `Retry-After`."),
    "NOT_READY": _request(503, "The gateway cannot answer just now; see `Retry-After`."),
    # The document and its variables: a 200 where `application/json` was asked for.
    "DOCUMENT_TOO_LONG": _request(400, "The document has more characters than the gateway reads."),
    "DOCUMENT_NOT_FOUND": _request(400, "No trusted document has this id."),
    "PERSISTED_QUERY_NOT_FOUND": _request(400, "The same, where it was asked for as Apollo does."),
    "DOCUMENT_MISMATCH": _request(400, "The text sent is not the one that its id stands for."),
    "DOCUMENT_NOT_TRUSTED": _request(400, "Only trusted documents are answered here."),
    "GRAPHQL_PARSE_FAILED": _request(400, "The document is not GraphQL, or too large to be read."),
    "GRAPHQL_VALIDATION_FAILED": _request(400, "The document does not fit the schema."),
    "OPERATION_NOT_FOUND": _request(400, "`operationName` does not single out one operation."),
    "BAD_VARIABLES": _request(
        400, "A variable, or an argument made of one, does not fit its type."
    ),
    "LIMIT_EXCEEDED": _request(400, "The request asks for more than one may; `limit` names it."),
    "FORBIDDEN": _request(403, "The credential's scopes do not allow what was asked."),
    # The execution: everything else stands.
    "FORBIDDEN_FIELD": _field("The credential's scopes do not allow this field."),
    "DEADLINE_EXCEEDED": _field("The answer was not ready in time; `data` is null."),
    "INVALID_ID": _field("An id is none that this gateway gives out."),
    "INVALID_NUMBER": _field("An order or line number is empty, too long, or not plain text."),
    "INVALID_ARGUMENT": _field("An argument is outside the bounds its description names."),
    "INVALID_QUANTITY": _field("A number is no quantity."),
    "DISCREPANCY": _field("What a system stated could not be mapped; `kind` says why."),
    "BACKEND_UNAVAILABLE": _field("A system gave no usable answer; `reason` says why."),
    "BACKEND_INVALID_ANSWER": _field("A system's answer is not what its contract says."),
    "BACKEND_ERROR": _field("A system did not give what was asked of it."),
    "STALE": _field("What is kept is older than allowed, and its system cannot be asked."),
    # Starting, configuring, asking from a terminal.
    "BAD_SETTINGS": _command("The configuration cannot be used as it stands."),
    "CONFIGURATION": _command("The configured systems cannot be used together, or not at all."),
    "STORE": _command("The store of keys cannot be used."),
    "KEY_CHANGE": _command("A key cannot be made or changed in this way."),
    "ADDRESS_IN_USE": _command("The address cannot be listened on."),
    "START_FAILED": _command("The gateway did not start; its log says why."),
    "NO_ANSWER": _command("The gateway could not be asked."),
    "UNREADABLE_SCHEMA": _command("A file does not hold a schema."),
    "ORDERS_FILE": _command("A file of orders cannot be used."),
    "SANDBOX_ADDRESS": _command("The sandbox cannot or may not listen there."),
    "SANDBOX_SIZE": _command("So many order lines are not to be had."),
    "SANDBOX_START": _command("A system of the sandbox did not start."),
}


def status_of(code: str) -> HTTPStatus:
    """Look up the status of a request that fails as a whole for this reason."""
    return CODES[code].status or HTTPStatus.INTERNAL_SERVER_ERROR
