"""GraphQL answers as bytes: with data, refused, or failed as a whole.

A refused request has no `data`; one that was executed has it, if only as null.
Failures that are no GraphQL answer become problem documents.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, Final

import msgspec
from graphql import GraphQLError

from gateway.answers import CLOSE, RETRY_SOON, Answer, Header, problem_answer
from gateway.codes import CODES
from gateway.errors import FormattedError, as_graphql_errors
from gateway.execution import encode
from gateway.graphql.admission import OverloadedError
from gateway.graphql.documents import MAX_LISTED_ERRORS
from gateway.graphql.guard import ForbiddenError, LimitExceededError
from gateway.graphql.media import MediaType
from gateway.graphql.request import MalformedRequestError
from gateway.graphql.strict_json import MalformedJsonError
from gateway.graphql.toll import ThrottledError
from orderlines.errors import GatewayError
from policies.authentication import REALM
from policies.key_sets import KeySetUnavailableError

ALLOW: Final[Header] = (b"allow", b"GET, POST, OPTIONS")

CONTENT_TYPES: Final[Mapping[MediaType, bytes]] = {
    media: media.value + b"; charset=utf-8" for media in MediaType
}
_encode: Final = msgspec.json.Encoder().encode


class MethodNotAllowedError(GatewayError):
    """The path does not serve this method, or not for this document."""

    code: ClassVar[str] = "METHOD_NOT_ALLOWED"


class RequestTimeoutError(GatewayError):
    """The deadline passed while the body was still coming."""

    code: ClassVar[str] = "REQUEST_TIMEOUT"


class NotReadyError(GatewayError):
    """The gateway cannot answer anybody just now."""

    code: ClassVar[str] = "NOT_READY"


class DeadlineExceededError(GatewayError):
    """The deadline passed during execution, and nothing of the answer is left."""

    code: ClassVar[str] = "DEADLINE_EXCEEDED"


# What a problem document brings beside its body.
_HEADERS: Final[Mapping[type[GatewayError], tuple[Header, ...]]] = {
    MethodNotAllowedError: (ALLOW,),
    # Half a request stands on the connection: it is of no more use. After a body that
    # is too large the rest is read and dropped, else its sender would see a reset
    # where the answer should be.
    RequestTimeoutError: (CLOSE,),
    NotReadyError: (RETRY_SOON,),
    KeySetUnavailableError: (RETRY_SOON,),
    OverloadedError: (RETRY_SOON,),
}


def answered(  # noqa: PLR0913 - each by its name
    data: bytes | None,
    errors: Sequence[Exception],
    media: MediaType,
    *,
    correlation_id: str,
    extensions: bytes = b"",
    headers: tuple[Header, ...] = (),
) -> Answer:
    """Answer with what came of an operation; partial or whole, it is a 200."""
    entries = as_graphql_errors(errors, correlation_id=correlation_id)
    pieces = encode(data, entries, extensions)
    return Answer(200, CONTENT_TYPES[media], pieces, _codes(entries), headers)


def refused(
    code: str, errors: Sequence[GraphQLError], media: MediaType, *, correlation_id: str
) -> Answer:
    """Answer a well-formed request that GraphQL refuses before anything is executed.

    A document that is too long is refused before it is looked at as GraphQL: with
    the same status whatever the caller accepts.
    """
    entries = as_graphql_errors(
        errors[:MAX_LISTED_ERRORS], correlation_id=correlation_id, refused_as=code
    )
    is_fine = media is MediaType.JSON and code != "DOCUMENT_TOO_LONG"
    return _without_data(HTTPStatus.OK if is_fine else HTTPStatus.BAD_REQUEST, entries, media)


def forbidden(error: ForbiddenError, media: MediaType, *, correlation_id: str) -> Answer:
    """Answer a question that the caller's scopes do not allow, by RFC 6750."""
    entries = as_graphql_errors([error], correlation_id=correlation_id)
    challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{error.scope}"'
    headers = ((b"www-authenticate", challenge.encode("ascii")),)
    return _without_data(HTTPStatus.FORBIDDEN, entries, media, headers)


def failed(error: Exception, media: MediaType, *, correlation_id: str) -> Answer:
    """Answer a request that an error ended."""
    if isinstance(error, ForbiddenError):
        return forbidden(error, media, correlation_id=correlation_id)
    if isinstance(error, LimitExceededError):
        status = HTTPStatus.OK if media is MediaType.JSON else HTTPStatus.BAD_REQUEST
    elif isinstance(error, MalformedJsonError | MalformedRequestError):
        status = HTTPStatus.BAD_REQUEST
    elif not isinstance(error, GatewayError) or error.code == GatewayError.code:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    elif (meaning := CODES.get(error.code)) is None or meaning.status is None:
        # The question was understood and executed; nothing came of it.
        return answered(None, [error], media, correlation_id=correlation_id)
    else:
        return problem_answer(
            error.code,
            error.message,
            correlation_id=correlation_id,
            headers=_headers(error),
            facts=error.facts,
        )
    return _without_data(status, as_graphql_errors([error], correlation_id=correlation_id), media)


def _headers(error: GatewayError) -> tuple[Header, ...]:
    return error.headers if isinstance(error, ThrottledError) else _HEADERS.get(type(error), ())


def _without_data(
    status: int,
    entries: list[FormattedError],
    media: MediaType,
    headers: tuple[Header, ...] = (),
) -> Answer:
    body = _encode({"errors": entries})
    return Answer(status, CONTENT_TYPES[media], (body,), _codes(entries), headers)


def _codes(entries: list[FormattedError]) -> tuple[str, ...]:
    """List each code once, in order."""
    return tuple(dict.fromkeys(str(entry["extensions"]["code"]) for entry in entries))
