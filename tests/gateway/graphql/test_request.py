"""HTTP to GraphQL request: what is read, and what is refused before it costs anything."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.graphql.request import (
    BodyTooLargeError,
    CredentialInUrlError,
    DocumentName,
    GraphQLRequest,
    MalformedRequestError,
    UnsupportedMediaTypeError,
    UrlTooLongError,
    check_body_size,
    check_body_type,
    read_body,
    refuse_key_in_url,
    request_from_body,
    request_from_query_string,
)
from gateway.graphql.strict_json import MalformedJsonError

LIMIT = 131_072
HASH = "ab" * 32
APOLLO = {"version": 1, "sha256Hash": HASH}


class Caller:
    """Sends prepared ASGI messages, and counts how many were asked for."""

    def __init__(self, *messages: Mapping[str, Any]) -> None:
        self._messages = list(messages)
        self.received = 0

    async def receive(self) -> dict[str, Any]:
        """Give the next message."""
        self.received += 1
        return dict(self._messages.pop(0))


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    """Make one message of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_full_request_is_read() -> None:
    """All four members arrive as they were sent."""
    body = {
        "query": "query Q($a: Int) { f(a: $a) }",
        "operationName": "Q",
        "variables": {"a": 1},
        "extensions": {"x": []},
    }

    assert request_from_body(json.dumps(body).encode()) == GraphQLRequest(
        query="query Q($a: Int) { f(a: $a) }",
        operation_name="Q",
        variables={"a": 1},
        extensions={"x": []},
    )


@pytest.mark.parametrize("name", ["operationName", "variables", "extensions"])
def test_a_null_member_is_an_absent_member(name: str) -> None:
    """Clients send null for what they do not use; members nobody defined are ignored."""
    body = json.dumps({"query": "{a}", name: None, "somethingElse": 1}).encode()

    assert request_from_body(body) == GraphQLRequest(query="{a}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is empty. Send a JSON object with the member query."),
        (b"[]", "The body is a list. A request asks one question; batching is off."),
        (b'[{"query":"{a}"}]', "The body is a list. A request asks one question; batching is off."),
        (b'"{a}"', "The body is not a JSON object."),
        (b"null", "The body is not a JSON object."),
        (b"{}", "The member query is missing."),
        (b'{"qeury":"{a}"}', "The member query is missing."),
        (b'{"query":null}', "The member query is missing."),
        *[
            (b'{"query":%s}' % wrong, "The member query is not a string.")
            for wrong in (b"{}", b"0", b"false", b"[]")
        ],
        *[
            (
                b'{"query":"{a}","operationName":%s}' % wrong,
                "The member operationName is neither a string nor null.",
            )
            for wrong in (b"{}", b"0", b"false", b"[]")
        ],
        *[
            (
                b'{"query":"{a}","%s":%s}' % (name.encode(), wrong),
                f"The member {name} is neither an object nor null.",
            )
            for name in ("variables", "extensions")
            for wrong in (b'"x"', b"0", b"false", b"[]")
        ],
    ],
)
def test_json_that_is_no_graphql_request_is_refused_by_member(body: bytes, message: str) -> None:
    """V-5, Q-11: the wrong member is named; a batch is told that batching is off."""
    with pytest.raises(MalformedRequestError) as refused:
        request_from_body(body)

    assert refused.value.message == message


@pytest.mark.parametrize(
    "headers",
    [
        {b"content-type": b"application/json"},
        {b"content-type": b"application/json; charset=utf-8", b"content-encoding": b"identity"},
        {b"content-type": b"Application/JSON ; Charset=UTF-8 ;"},
        {b"content-type": b'application/json;charset="utf-8"', b"content-length": b"131072"},
        {b"content-type": b"application/json", b"content-length": b"000000131072"},
    ],
)
def test_json_in_utf8_within_the_limit_is_let_through(headers: dict[bytes, bytes]) -> None:
    """However the same thing is spelt."""
    check_body_type(headers)
    check_body_size(headers, max_body_bytes=LIMIT)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"content-type": b""},
        {b"content-type": b"text/plain"},
        {b"content-type": b"application/x-www-form-urlencoded"},
        {b"content-type": b"multipart/form-data; boundary=x"},
        {b"content-type": b"application/xml"},
        {b"content-type": b"application/graphql"},
        {b"content-type": b"application/json; charset=utf-16"},
        {b"content-type": b"application/json, text/plain"},
        {b"content-type": b"application/json", b"content-encoding": b"gzip"},
        {b"content-type": b"application/json", b"content-encoding": b"identity, br"},
    ],
)
def test_another_media_type_charset_or_encoding_is_refused(headers: dict[bytes, bytes]) -> None:
    """H-8, H-9: what a form can send is never executed; nothing is unpacked."""
    with pytest.raises(UnsupportedMediaTypeError):
        check_body_type(headers)


@pytest.mark.parametrize("length", [b"131073", b"999999999999", b"9" * 5_000])
def test_a_body_that_announces_too_much_is_refused_unread(length: bytes) -> None:
    """H-6: the announcement is enough; no number of 5,000 digits is made of it."""
    headers = {b"content-type": b"application/json", b"content-length": length}
    with pytest.raises(BodyTooLargeError):
        check_body_size(headers, max_body_bytes=LIMIT)


async def test_a_body_in_parts_is_joined() -> None:
    """Chunked or slow, it is the same body."""
    caller = Caller(part(b'{"query"'), part(b""), part(b':"{a}"}', more=False))

    assert await read_body(caller.receive, max_body_bytes=LIMIT) == b'{"query":"{a}"}'


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    """The limit itself is allowed."""
    caller = Caller(part(b"x" * LIMIT, more=False))

    assert await read_body(caller.receive, max_body_bytes=LIMIT) == b"x" * LIMIT


async def test_a_body_that_lied_about_its_length_is_cut_off_at_the_limit() -> None:
    """H-6: what comes counts, and nothing more is taken in than the limit allows."""
    caller = Caller(*[part(b"x" * 65_536)] * 10)
    with pytest.raises(BodyTooLargeError):
        await read_body(caller.receive, max_body_bytes=LIMIT)

    assert caller.received == 3


async def test_a_caller_who_leaves_has_no_body() -> None:
    """Half a body is not a request."""
    caller = Caller(part(b"{"), {"type": "http.disconnect"})

    assert await read_body(caller.receive, max_body_bytes=LIMIT) is None


def test_a_get_carries_the_request_in_its_parameters() -> None:
    """As the form encoding has it; `variables` and `extensions` are JSON; empty is absent."""
    query_string = (
        b"query=query+Q(%24id%3AID!)%7Ba%7D&variables=%7B%22id%22%3A%22%C3%BC%22%7D"
        b"&operationName=&extensions=%7B%7D&utm=1"
    )

    assert request_from_query_string(query_string) == GraphQLRequest(
        query="query Q($id:ID!){a}", operation_name=None, variables={"id": "ü"}, extensions={}
    )


@pytest.mark.parametrize(
    ("query_string", "error"),
    [
        (b"", MalformedRequestError),
        (b"query=", MalformedRequestError),
        (b"query=a&query=b", MalformedRequestError),
        (b"query=%ff", MalformedRequestError),
        (b"query=\xc3\xbc", MalformedRequestError),
        (b"query=a&" + b"&".join(b"p%d=1" % n for n in range(20)), MalformedRequestError),
        (b"query=a&variables=%5B%5D", MalformedRequestError),
        (b"query=a&variables=%7B", MalformedJsonError),
        (b"query=a&extensions=NaN", MalformedJsonError),
    ],
)
def test_parameters_that_are_no_request_are_refused(
    query_string: bytes, error: type[Exception]
) -> None:
    """By the same rules as a body."""
    with pytest.raises(error):
        request_from_query_string(query_string)


@pytest.mark.parametrize(
    "query_string",
    [
        b"access_token=x",
        b"query=%7Ba%7D&API_KEY=x",
        b"query=%7Ba%7D&anything=olg_live_abcdefghij_secret",
        b"x=%6flg_live_ab",
    ],
)
def test_a_key_in_the_url_is_refused_and_not_repeated(query_string: bytes) -> None:
    """K-6: by its name or its look, however it is encoded."""
    with pytest.raises(CredentialInUrlError) as refused:
        refuse_key_in_url(query_string)

    assert "olg_" not in f"{refused.value!r} {refused.value}"


def test_an_innocent_url_is_let_through() -> None:
    """A query may speak of tokens without being one."""
    refuse_key_in_url(b"")
    refuse_key_in_url(b"query=%7B+token+api_key+%7D&operationName=key")


def test_a_url_beyond_the_limit_is_refused_unread() -> None:
    """H-6: 64 KB of URL."""
    with pytest.raises(UrlTooLongError):
        refuse_key_in_url(b"query=" + b"a" * 65_536)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"documentId": f"sha256:{HASH.upper()}"}, DocumentName(HASH, is_apollo=False)),
        ({"documentId": "page_7"}, DocumentName("page_7", is_apollo=False)),
        ({"extensions": {"persistedQuery": APOLLO}}, DocumentName(HASH, is_apollo=True)),
        (
            {"documentId": HASH, "extensions": {"persistedQuery": APOLLO}},
            DocumentName(HASH, is_apollo=True),
        ),
    ],
)
def test_a_document_may_be_named_instead_of_sent(
    members: dict[str, object], expected: DocumentName
) -> None:
    """In either place, by POST and by GET."""
    by_post = request_from_body(json.dumps(members).encode())
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in members.items()}
    by_get = request_from_query_string(urlencode(texts).encode())

    assert (by_post.query, by_post.document) == ("", expected)
    assert by_get == by_post


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"documentId": 7}, "The member documentId is not a string, or empty."),
        ({"documentId": ""}, "The member documentId is not a string, or empty."),
        ({"documentId": None}, "The member query is missing."),
        (
            {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}},
            "The member extensions.persistedQuery has no sha256Hash, or not the version 1.",
        ),
        (
            {"extensions": {"persistedQuery": HASH}},
            "The member extensions.persistedQuery has no sha256Hash, or not the version 1.",
        ),
        (
            {"documentId": "page_7", "extensions": {"persistedQuery": APOLLO}},
            "The members documentId and extensions.persistedQuery name two documents.",
        ),
        ({"documentId": "page_7", "query": 7}, "The member query is not a string."),
    ],
)
def test_a_name_that_is_none_is_refused(members: dict[str, object], message: str) -> None:
    """By the member that is wrong."""
    with pytest.raises(MalformedRequestError) as caught:
        request_from_body(json.dumps(members).encode())

    assert caught.value.message == message
