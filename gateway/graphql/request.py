"""From HTTP to a GraphQL request: bytes in, four checked members out.

A body is refused by its headers before it is read, while it is read as soon as it
grows too large, and afterwards with the member that is wrong.

Definitions: GraphQL over HTTP, "Request".
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, ClassVar, Final, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from gateway.graphql import strict_json
from gateway.graphql.plain_body import plain_body
from gateway.graphql.trusted import normal
from orderlines.errors import GatewayError

Message: TypeAlias = MutableMapping[str, Any]  # ASGI's own shape
Receive: TypeAlias = Callable[[], Awaitable[Message]]

MAX_URL_BYTES: Final = 32_768
MAX_PARAMETERS: Final = 16

_JSON_TYPES: Final = frozenset(
    (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")
)
_KEY_PARAMETERS: Final = frozenset(
    ("access_token", "api_key", "apikey", "api-key", "x-api-key", "authorization", "key", "token")
)
_KEY_PREFIX: Final = "olg_"


class MalformedRequestError(GatewayError):
    """JSON, or URL parameters, that are not a GraphQL request."""

    code: ClassVar[str] = "MALFORMED_REQUEST"


class UnsupportedMediaTypeError(GatewayError):
    """A body that is not plain JSON in UTF-8."""

    code: ClassVar[str] = "UNSUPPORTED_MEDIA_TYPE"


class BodyTooLargeError(GatewayError):
    """A body beyond the limit, announced or sent."""

    code: ClassVar[str] = "BODY_TOO_LARGE"


class UrlTooLongError(GatewayError):
    """A URL beyond the limit."""

    code: ClassVar[str] = "URL_TOO_LONG"


class CredentialInUrlError(GatewayError):
    """A credential where proxies, histories and logs keep it."""

    code: ClassVar[str] = "CREDENTIAL_IN_URL"


class DocumentName(msgspec.Struct, frozen=True):
    """A trusted document, named instead of sent.

    Attributes:
        id: In its one spelling, see `trusted.normal`.
        is_apollo: Whether it was named as Apollo's clients do, who look for their own
            words in the answer.
    """

    id: str
    is_apollo: bool


class GraphQLRequest(msgspec.Struct, frozen=True, gc=False):
    """What the caller asks, as it was sent and not yet understood.

    Attributes:
        query: The document; empty where it is only named.
        document: Its name, if it has one.
    """

    query: str
    operation_name: str | None = None
    variables: Mapping[str, object] = {}
    extensions: Mapping[str, object] = {}
    document: DocumentName | None = None


def check_body_type(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body by what its headers say it is.

    Raises:
        UnsupportedMediaTypeError: It is no JSON, in another charset, or compressed.
    """
    content_type = headers.get(b"content-type")
    if content_type not in _JSON_TYPES and not _is_utf8_json(content_type or b""):
        msg = "Send the body as Content-Type: application/json, in UTF-8."
        raise UnsupportedMediaTypeError(msg)
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() != b"identity":
        msg = "Send the body without a Content-Encoding."
        raise UnsupportedMediaTypeError(msg)


def check_body_size(headers: Mapping[bytes, bytes], *, max_body_bytes: int) -> None:
    """Refuse a body by the size its headers announce; one that is there need not be asked.

    Raises:
        BodyTooLargeError: It announces more than is read.
    """
    announced = headers.get(b"content-length", b"")
    # The length of the number first: no integer is made of a thousand digits.
    if len(announced) >= len(str(max_body_bytes)) and _is_more(announced, max_body_bytes):
        raise _too_large()


async def read_body(receive: Receive, *, max_body_bytes: int) -> bytes | None:
    """Read the body, and stop where it becomes too large.

    Returns:
        The body, or None when the caller left before it was complete.

    Raises:
        BodyTooLargeError: More came than is read, whatever was announced.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > max_body_bytes:
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        parts.append(part)


def request_from_body(body: bytes) -> GraphQLRequest:
    """Read the body of a POST.

    Raises:
        MalformedJsonError: It is not JSON.
        MalformedRequestError: It is not a GraphQL request.
    """
    plain = plain_body(body)
    if plain is not None:
        return GraphQLRequest(*plain)
    if not body:
        msg = "The body is empty. Send a JSON object with the member query."
        raise MalformedRequestError(msg)
    members = strict_json.decode(body, where="body")
    if isinstance(members, list):
        msg = "The body is a list. A request asks one question; batching is off."
        raise MalformedRequestError(msg)
    if not isinstance(members, dict):
        msg = "The body is not a JSON object."
        raise MalformedRequestError(msg)
    return _request(members)


def request_from_query_string(query_string: bytes) -> GraphQLRequest:
    """Read the URL parameters of a GET.

    Raises:
        MalformedJsonError: `variables` or `extensions` is not JSON.
        MalformedRequestError: They are not a GraphQL request.
    """
    parameters = _parameters(query_string)
    texts = dict(parameters)
    if len(texts) != len(parameters):
        msg = "A URL parameter stands twice. Which one is meant is not clear."
        raise MalformedRequestError(msg)
    members: dict[str, object] = {name: text for name, text in texts.items() if text}
    for name in ("variables", "extensions"):
        if name in members:
            members[name] = strict_json.parse(texts[name], where=f"parameter {name}")
    return _request(members)


def refuse_key_in_url(query_string: bytes) -> None:
    """Refuse a URL that carries a credential, and one too long to be looked through.

    Raises:
        CredentialInUrlError: A parameter is named, or looks, like a key.
        UrlTooLongError: The parameters are longer than any question by GET.
    """
    if not query_string:
        return
    if len(query_string) > MAX_URL_BYTES:
        msg = "The URL is too long. Send the question as a POST."
        raise UrlTooLongError(msg)
    for name, text in _parameters(query_string):
        if name.lower() in _KEY_PARAMETERS or text.lstrip().startswith(_KEY_PREFIX):
            msg = "Send the key in the Authorization header: what is in a URL is in a log."
            raise CredentialInUrlError(msg)


def _request(members: Mapping[str, object]) -> GraphQLRequest:
    query, extensions = members.get("query"), _map(members, "extensions")
    document = _document(members, extensions)
    if query is None and document is not None:
        query = ""
    if not isinstance(query, str):
        what = "missing" if query is None else "not a string"
        msg = f"The member query is {what}."
        raise MalformedRequestError(msg, member="query")
    operation_name = members.get("operationName")
    if not (operation_name is None or isinstance(operation_name, str)):
        msg = "The member operationName is neither a string nor null."
        raise MalformedRequestError(msg, member="operationName")
    return GraphQLRequest(query, operation_name, _map(members, "variables"), extensions, document)


def _document(
    members: Mapping[str, object], extensions: Mapping[str, object]
) -> DocumentName | None:
    """Read the name of a trusted document, in either of its two places."""
    name, apollo = members.get("documentId"), extensions.get("persistedQuery")
    if name is None and apollo is None:
        return None
    if name is not None and not (isinstance(name, str) and name):
        msg = "The member documentId is not a string, or empty."
        raise MalformedRequestError(msg, member="documentId")
    if apollo is None:
        return DocumentName(normal(str(name)), is_apollo=False)
    hashed = apollo.get("sha256Hash") if isinstance(apollo, dict) else None
    if not (isinstance(apollo, dict) and isinstance(hashed, str) and apollo.get("version") == 1):
        msg = "The member extensions.persistedQuery has no sha256Hash, or not the version 1."
        raise MalformedRequestError(msg, member="extensions")
    if name is not None and normal(str(name)) != normal(hashed):
        msg = "The members documentId and extensions.persistedQuery name two documents."
        raise MalformedRequestError(msg, member="documentId")
    return DocumentName(normal(hashed), is_apollo=True)


def _map(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        msg = f"The member {name} is neither an object nor null."
        raise MalformedRequestError(msg, member=name)
    return value


def _parameters(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        msg = "The URL parameters are not percent-encoded UTF-8, or are too many."
        raise MalformedRequestError(msg) from None


def _is_utf8_json(content_type: bytes) -> bool:
    media_type, *parameters = content_type.lower().split(b";")
    return media_type.strip() == b"application/json" and all(
        parameter.strip() in (b"", b"charset=utf-8", b'charset="utf-8"') for parameter in parameters
    )


def _is_more(announced: bytes, most: int) -> bool:
    digits = announced.lstrip(b"0")
    return digits.isdigit() and (len(digits) > len(str(most)) or int(digits) > most)


def _too_large() -> BodyTooLargeError:
    return BodyTooLargeError("The body is larger than this gateway reads.")
