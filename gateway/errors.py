"""The one exit: how a failure looks from outside, and what of it stays inside.

Every failure that leaves the gateway passes `as_graphql_error` (it belongs to a
GraphQL answer) or `problem` (it does not). What is shown is a stable code, a
message that was written for the caller, a place, and a correlation id. Whatever
was not written for the caller is replaced here, and logged in the same breath.

Every error raised on purpose, with its code:

    GatewayError  INTERNAL
        AddressInUseError  ADDRESS_IN_USE
        BackendError  BACKEND_ERROR
            BackendInvalidAnswerError  BACKEND_INVALID_ANSWER
            BackendUnavailableError  BACKEND_UNAVAILABLE
        BodyTooLargeError  BODY_TOO_LARGE
        ConfigurationError  CONFIGURATION
        CredentialInUrlError  CREDENTIAL_IN_URL
        DeadlineExceededError  DEADLINE_EXCEEDED
        DiscrepancyError  DISCREPANCY
        ForbiddenError  FORBIDDEN
        InvalidArgumentError  INVALID_ARGUMENT
        InvalidIdError  INVALID_ID
        InvalidNumberError  INVALID_NUMBER
        InvalidOriginError  CONFIGURATION
        InvalidQuantityError  INVALID_QUANTITY
        KeyChangeError  KEY_CHANGE
        KeySetUnavailableError  NOT_READY
        LimitExceededError  LIMIT_EXCEEDED
        LogFileError  BAD_SETTINGS
        MalformedJsonError  MALFORMED_JSON
        MalformedRequestError  MALFORMED_REQUEST
        MethodNotAllowedError  METHOD_NOT_ALLOWED
        NoAnswerError  NO_ANSWER
        NotAcceptableError  NOT_ACCEPTABLE
        NotFoundError  NOT_FOUND
        NotReadyError  NOT_READY
        OrdersFileError  ORDERS_FILE
        OverloadedError  OVERLOADED
        RequestTimeoutError  REQUEST_TIMEOUT
        SandboxAddressError  SANDBOX_ADDRESS
        SandboxSizeError  SANDBOX_SIZE
        SandboxStartError  SANDBOX_START
        SectionFailedError  INTERNAL
        SectionNotReadError  INTERNAL
        SettingsError  BAD_SETTINGS
        StaleError  STALE
        StartFailedError  START_FAILED
        StoreError  STORE
        ThrottledError  RATE_LIMITED
        UngovernedFieldError  INTERNAL
        UngovernedSchemaError  INTERNAL
        UnreadableSchemaError  UNREADABLE_SCHEMA
        UnsafeRequestError  INTERNAL
        UnsupportedMediaTypeError  UNSUPPORTED_MEDIA_TYPE
        UrlTooLongError  URL_TOO_LONG

What each code means stands in `gateway.codes`, and in docs/error-codes.md.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple, Required, TypedDict

import msgspec
import structlog
from graphql import GraphQLError
from graphql.language import FormattedSourceLocation

from gateway.codes import status_of
from gateway.execution.faults import FieldRefusedError
from orderlines.errors import Fact, GatewayError

MAX_MESSAGE_CHARS: Final = 500
MAX_LOGGED: Final = 8
INTERNAL_MESSAGE: Final = "Something went wrong inside the gateway."

NO_FACTS: Final[Mapping[str, Fact]] = MappingProxyType({})

_log = structlog.get_logger()

# What a name could have been tells what else exists; what a scalar's own code
# stumbled over is no business of the caller.
_NOT_SHOWN: Final = re.compile(r" Did you mean [^?]*\?|, but encountered error .*(?=\.)", re.DOTALL)


class Place(TypedDict, total=False):
    """Where a failure belongs: in the document, and in the answer."""

    locations: list[FormattedSourceLocation]
    path: list[str | int]


class FormattedError(Place):
    """An entry of `errors`."""

    message: Required[str]
    extensions: Required[dict[str, Fact]]


def problem(
    code: str, message: str, *, correlation_id: str, facts: Mapping[str, Fact] = NO_FACTS
) -> bytes:
    """Write a failure that is not a GraphQL answer (RFC 9457).

    Args:
        code: It decides the status.
        message: One sentence for the caller.
        correlation_id: Finds the request in the log.
        facts: Public facts beside the code.
    """
    status = status_of(code)
    return msgspec.json.encode(
        {
            "type": f"/errors#{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": message,
            "code": code,
            "correlationId": correlation_id,
            **_camel(facts),
        }
    )


def as_graphql_error(
    error: BaseException, *, correlation_id: str, refused_as: str | None = None
) -> FormattedError:
    """Write one failure as an entry of `errors`; see `as_graphql_errors`."""
    return as_graphql_errors([error], correlation_id=correlation_id, refused_as=refused_as)[0]


def as_graphql_errors(
    errors: Iterable[BaseException], *, correlation_id: str, refused_as: str | None = None
) -> list[FormattedError]:
    """Write failures as entries of `errors`, in their order.

    Args:
        errors: A `GatewayError`, alone or inside a `GraphQLError` that knows the
            place, speaks for itself. Anything else that was raised is `INTERNAL`,
            and its text goes to the log only.
        correlation_id: Finds the request in the log. One failing system may fail
            a thousand fields; that is logged once.
        refused_as: The code, where GraphQL itself refused the request: its
            messages are about the caller's own text and are safe to show.
    """
    entries: list[FormattedError] = []
    logged: set[object] = set()
    for error in errors:
        place = _place(error)
        verdict = _judge(error, refused_as)
        entries.append(
            {
                "message": verdict.message,
                **place,
                "extensions": {
                    "code": verdict.code,
                    "correlationId": correlation_id,
                    **_camel(verdict.facts),
                },
            }
        )
        kind = _kind(verdict)
        if kind not in logged and len(logged) < MAX_LOGGED:
            logged.add(kind)
            _tell_log(verdict, place, correlation_id)
    return entries


class _Verdict(NamedTuple):
    code: str
    message: str
    facts: Mapping[str, Fact]
    cause: BaseException


def _judge(error: BaseException, refused_as: str | None) -> _Verdict:
    if refused_as is not None and isinstance(error, GraphQLError):
        return _Verdict(refused_as, _shown(error), NO_FACTS, error)
    cause = error
    while isinstance(cause, GraphQLError) and isinstance(cause.cause, BaseException):
        cause = cause.cause
        if isinstance(cause, GraphQLError) and cause.nodes:
            # graphql-core put it on a node of the document: an argument whose
            # variable does not fit after all. A resolver has no nodes at hand.
            return _Verdict("BAD_VARIABLES", _shown(cause), NO_FACTS, cause)
    if isinstance(cause, GatewayError):
        return _Verdict(cause.code, cause.message, cause.facts, cause)
    if isinstance(cause, FieldRefusedError):
        return _Verdict("FORBIDDEN_FIELD", str(cause), NO_FACTS, cause)
    return _Verdict("INTERNAL", INTERNAL_MESSAGE, NO_FACTS, cause)


def _kind(verdict: _Verdict) -> object:
    """Say which failures are one for the log: same code, same detail, same line of code."""
    traceback = verdict.cause.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    line = traceback and (traceback.tb_frame.f_code, traceback.tb_lineno)
    return verdict.code, type(verdict.cause), getattr(verdict.cause, "detail", None), line


def _tell_log(verdict: _Verdict, place: Place, correlation_id: str) -> None:
    cause, code = verdict.cause, verdict.code
    about = {"correlation_id": correlation_id, "code": code, **place}
    if detail := getattr(cause, "detail", ""):
        about["detail"] = detail
    if code == GatewayError.code:
        _log.error("internal_error", exc_info=cause, **about)
    elif isinstance(cause, GatewayError) and detail:
        _log.warning("failure", **about)


def _place(error: BaseException) -> Place:
    place: Place = {}
    if isinstance(error, GraphQLError):
        if error.locations:
            place["locations"] = [location.formatted for location in error.locations]
        if error.path:
            place["path"] = error.path
    return place


def _shown(error: GraphQLError) -> str:
    message = _NOT_SHOWN.sub("", error.message)
    return message if len(message) <= MAX_MESSAGE_CHARS else message[:MAX_MESSAGE_CHARS] + "…"


def _camel(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {_camel_name(name): value for name, value in facts.items()}


@lru_cache(maxsize=256)
def _camel_name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
