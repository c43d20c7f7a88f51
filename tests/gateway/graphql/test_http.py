"""The route: each step in its order, one answer, one line in the log."""

import json
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError, build_schema

from backends.store.memory import MemoryKeyStore
from gateway.execution import Executor
from tests.gateway.door import SCHEMA, Door, Outcome, make_route

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


class DownError(Exception):
    """A resolver's own failure, with a secret in it."""


async def test_a_question_is_answered(door: Door) -> None:
    """The whole answer: status, headers, body."""
    reply = await door.send(
        body=b'{"query": "{b}"}', headers={"x-correlation-id": "caller-0001", "accept": GRAPHQL}
    )

    assert reply.status == 200
    assert reply.body == (b'{"data":{"b":"yes"},"extensions":{"cost":{"requested":3,"actual":2}}}')
    assert reply.headers == {
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
        "x-correlation-id": "caller-0001",
        "content-type": "application/graphql-response+json; charset=utf-8",
        "content-length": "69",
        "ratelimit-policy": '"key";q=600000;w=60;qu="cost", "system";q=60000;w=60;qu="calls"',
        "ratelimit": '"key";r=599999;t=1',
    }


async def test_the_executor_is_told_everything_about_the_question(door: Door) -> None:
    """The operation that was meant, its variables, who asks, by when, under which id."""
    await door.ask(
        "query A {b} query B($x: Int) {a(x: $x) {b}}", operationName="B", variables={"x": 1}
    )
    operation, variables, context = door.executor.asked[0]

    assert operation.name is not None
    assert (operation.name.value, variables) == ("B", {"x": 1})
    assert context.principal.name == "portal"
    assert 1.5 < context.deadline.remaining_s <= 2.0
    assert len(context.correlation_id) == 24


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
        (JSON, "application/json; charset=utf-8"),
        (GRAPHQL, "application/graphql-response+json; charset=utf-8"),
    ],
)
async def test_the_answer_comes_in_the_type_that_was_asked_for(
    door: Door, accept: str, content_type: str
) -> None:
    """GraphQL over HTTP: JSON for the undecided."""
    reply = await door.ask(accept=accept)

    assert (reply.status, reply.headers["content-type"]) == (200, content_type)


REFUSED_BY_GRAPHQL: list[tuple[dict[str, Any], str, tuple[int, int]]] = [
    ({"query": ""}, "GRAPHQL_PARSE_FAILED", (1, 1)),
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED", (1, 2)),
    ({"query": "{nope}"}, "GRAPHQL_VALIDATION_FAILED", (1, 2)),
    ({"query": "{b\n nope}"}, "GRAPHQL_VALIDATION_FAILED", (2, 2)),
    ({"query": "query A{b} query B{b}"}, "OPERATION_NOT_FOUND", (1, 1)),
    ({"query": "query A{b}", "operationName": "B"}, "OPERATION_NOT_FOUND", (1, 1)),
]


@pytest.mark.parametrize(("body", "code", "place"), REFUSED_BY_GRAPHQL)
async def test_what_graphql_refuses_is_400_or_200_by_the_media_type(
    door: Door, body: dict[str, Any], code: str, place: tuple[int, int]
) -> None:
    """Never a 5xx; always a code and a place; never `data`; nothing was executed."""
    modern = await door.ask(**body)
    old = await door.ask(**body, accept=JSON)

    assert (modern.status, old.status) == (400, 200)
    for reply in (modern, old):
        assert list(reply.json) == ["errors"]
        error = reply.json["errors"][0]
        assert error["extensions"]["code"] == code
        assert error["extensions"]["correlationId"] == reply.headers["x-correlation-id"]
        assert (error["locations"][0]["line"], error["locations"][0]["column"]) == place
    assert door.executor.asked == []


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($v: Int) {a(x: $v) {b}}", '{"v": %s}' % ("9" * 5_000)),
        ("query($v: Int) {a(x: $v) {b}}", '{"v": 9007199254740993}'),
        ("query($v: Int) {a(x: $v) {b}}", '{"v": 1e400}'),
        ("query($v: Float) {a(d: $v) {b}}", '{"v": 1e400}'),
        ("query($v: ID) {a(id: $v) {b}}", '{"v": %s}' % ("9" * 5_000)),
        ("query($v: ID!) {a(id: $v) {b}}", '{"v": null}'),
        ("query($v: Int) {a(x: $v) {b}}", '{"v": "hunter2"}'),
    ],
)
async def test_variables_that_do_not_fit_are_refused_like_a_document(
    door: Door, store: MemoryKeyStore, query: str, variables: str
) -> None:
    """V-1: an integer of 5,000 digits is good JSON and no Int; whatever it is, no 5xx."""
    door.application = make_route(door.request_log, Executor(build_schema(SCHEMA), {}), store)
    body = b'{"query": %s, "variables": %s}' % (json.dumps(query).encode(), variables.encode())
    modern = await door.send(body=body)
    old = await door.send(body=body, headers={"accept": JSON})

    assert (modern.status, old.status) == (400, 200)
    for reply in (modern, old):
        assert list(reply.json) == ["errors"]
        assert reply.codes == ["BAD_VARIABLES"]
        assert reply.json["errors"][0]["locations"] == [{"line": 1, "column": 7}]
        assert len(reply.body) < 500


async def test_numbers_reach_the_variables_exactly(door: Door) -> None:
    """V-1: 0.1 + 0.2 and what a float cannot hold, as they were written."""
    body = b'{"query": "query($v: Float) {a(d: $v) {b}}", "variables": {"v": 0.30000000000000001}}'
    await door.send(body=body)
    sent = door.executor.asked[0][1]["v"]

    assert Decimal(str(sent)) == Decimal("0.30000000000000001")
    assert isinstance(sent, float)


MALFORMED = {
    "empty": b"",
    "no JSON": b"NONSENSE",
    "half a JSON": b'{"query":',
    "invalid UTF-8": b'{"query": "\xff"}',
    "UTF-16": '{"query": "{b}"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"query": "{b}"}',
    "NaN": b'{"query": "{b}", "variables": {"x": NaN}}',
    "duplicate member": b'{"query": "{b}", "query": "{b}"}',
    "deep duplicate": b'{"query": "{b}", "variables": {"x": [{"y": 1, "y": 1}]}}',
    "100,000 deep": b'{"query": "{b}", "variables": {"x": ' + b"[" * 100_000,
    "lone surrogate": b'{"query": "{b}", "variables": {"x": "\\ud800"}}',
    "a batch": b'[{"query": "{b}"}]',
    "no query": b'{"qeury": "{b}"}',
    "a query that is no string": b'{"query": {}}',
    "variables that are no object": b'{"query": "{b}", "variables": []}',
}


@pytest.mark.parametrize("accept", [GRAPHQL, JSON, "*/*"])
@pytest.mark.parametrize("what", MALFORMED)
async def test_a_body_that_is_no_request_is_400_whatever_is_accepted(
    door: Door, what: str, accept: str
) -> None:
    """It is not a GraphQL request, so there is no GraphQL answer to call a success."""
    reply = await door.send(body=MALFORMED[what], headers={"accept": accept})

    assert reply.status == 400
    assert list(reply.json) == ["errors"]
    assert reply.codes in (["MALFORMED_JSON"], ["MALFORMED_REQUEST"])
    assert b"Traceback" not in reply.body
    assert door.executor.asked == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"headers": {"authorization": ""}}, 401, "UNAUTHENTICATED"),
        ({"headers": {"authorization": "Bearer olg_live_x"}}, 401, "INVALID_CREDENTIALS"),
        ({"headers": {"authorization": "Basic eDp5"}}, 401, "INVALID_CREDENTIALS"),
        ({"headers": {"authorization": "Bearer " + "x" * 9_000}}, 431, "HEADER_TOO_LARGE"),
        ({"headers": {"x-api-key": "olg_live_x"}}, 400, "INVALID_REQUEST"),
        ({"query_string": b"access_token=x"}, 400, "CREDENTIAL_IN_URL"),
        ({"query_string": b"q=" + b"x" * 65_536}, 414, "URL_TOO_LONG"),
        ({"method": "PUT"}, 405, "METHOD_NOT_ALLOWED"),
        ({"method": "TRACE"}, 405, "METHOD_NOT_ALLOWED"),
        ({"method": "HEAD"}, 405, "METHOD_NOT_ALLOWED"),
        ({"headers": {"accept": "text/html"}}, 406, "NOT_ACCEPTABLE"),
        ({"headers": {"content-type": ""}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"headers": {"content-type": "text/plain"}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"headers": {"content-type": "multipart/form-data"}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"headers": {"content-encoding": "gzip"}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"headers": {"content-length": "131073"}}, 413, "BODY_TOO_LARGE"),
        ({"body": b"x" * 131_073}, 413, "BODY_TOO_LARGE"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_request_that_is_refused_is_a_problem_document(
    door: Door, change: dict[str, Any], status: int, code: str
) -> None:
    """H-6, H-8, H-9, K-6: refused before anything is executed, with a code and an id."""
    reply = await door.send(**({"body": b'{"query": "{b}"}'} | change))

    assert (reply.status, reply.codes) == (status, [code])
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["correlationId"] == reply.headers["x-correlation-id"]
    assert door.executor.asked == []


async def test_a_refusal_tells_what_would_be_right(door: Door) -> None:
    """401 brings a challenge, 405 what is allowed."""
    unknown = await door.send(headers={"authorization": ""})
    method = await door.send("DELETE")

    assert unknown.headers["www-authenticate"] == 'Bearer realm="orderline"'
    assert method.headers["allow"] == "GET, POST, OPTIONS"


async def test_options_says_what_is_allowed_and_to_nobody_in_particular(door: Door) -> None:
    """No credential is needed to ask, and no foreign page is let in by the answer."""
    reply = await door.send("OPTIONS", headers={"authorization": "", "origin": "https://evil"})

    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["allow"] == "GET, POST, OPTIONS"
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert "content-length" not in reply.headers


async def test_a_query_may_be_asked_by_get(door: Door) -> None:
    """With the same credential in a header: no link and no form can send one."""
    query_string = b"query=query(%24x:Int)%7Ba(x:%24x)%7Bb%7D%7D&variables=%7B%22x%22:1%7D"
    reply = await door.send("GET", query_string=query_string, headers={"content-type": ""})
    stranger = await door.send("GET", query_string=query_string, headers={"authorization": ""})

    assert (reply.status, reply.json["data"]) == (200, {"b": "yes"})
    assert door.executor.asked[0][1] == {"x": 1}
    assert stranger.status == 401


@pytest.mark.parametrize("query", [b"mutation%7Bchange%7D", b"mutation%7Bnope%7D"])
@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
async def test_a_mutation_by_get_is_not_allowed(door: Door, query: bytes, accept: str) -> None:
    """Audit 9C48: whatever else is wrong with it, and however the answer is wanted."""
    reply = await door.send("GET", query_string=b"query=" + query, headers={"accept": accept})

    assert (reply.status, reply.codes) == (405, ["METHOD_NOT_ALLOWED"])
    assert door.executor.asked == []


async def test_a_document_beyond_the_limit_is_400_for_everyone(door: Door) -> None:
    """Q-8: 20 KB of comment are not lexed, and not called a success either."""
    replies = [await door.ask("#" * 20_000, accept=accept) for accept in (GRAPHQL, JSON)]

    assert [(reply.status, reply.codes) for reply in replies] == [(400, ["DOCUMENT_TOO_LONG"])] * 2
    assert replies[0].json["errors"][0]["locations"] == [{"line": 1, "column": 16_385}]


async def test_a_partial_answer_is_a_success(door: Door) -> None:
    """What could be had is there; what could not has an error with its path."""
    error = GraphQLError("x", path=["a", "b"], original_error=DownError("db at 10.0.0.7 is down"))
    door.executor.outcome = Outcome({"a": {"b": None}}, [error])
    reply = await door.ask("{a{b}}")
    code_and_id = {"code": "INTERNAL", "correlationId": reply.headers["x-correlation-id"]}

    assert reply.status == 200
    assert reply.json == {
        "errors": [
            {
                "message": "Something went wrong inside the gateway.",
                "path": ["a", "b"],
                "extensions": code_and_id,
            }
        ],
        "data": {"a": {"b": None}},
        "extensions": {"cost": {"requested": 3, "actual": 2}},
    }


@pytest.mark.parametrize("outcome", [DownError("hunter2"), Outcome({"b": object()})])
async def test_a_failure_nobody_foresaw_is_internal(door: Door, outcome: Any) -> None:  # noqa: ANN401 - either
    """ERR-1: an executor that raises, or data that cannot be encoded, leaks nothing."""
    door.executor.outcome = outcome
    reply = await door.ask()

    assert reply.status == 500
    assert reply.json == {
        "errors": [
            {
                "message": "Something went wrong inside the gateway.",
                "extensions": {
                    "code": "INTERNAL",
                    "correlationId": reply.headers["x-correlation-id"],
                },
            }
        ]
    }
    assert [entry["event"] for entry in door.log] == ["internal_error", "request"]


async def test_a_header_that_comes_twice_counts_as_a_list(door: Door) -> None:
    """Two content types are none, and two wishes in `Accept` are two wishes."""
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
    common = [(b"authorization", f"Bearer {door.key}".encode())]
    types = [(b"content-type", b"application/json"), (b"content-type", b"text/plain")]
    wishes = [(b"accept", b"text/html"), (b"accept", JSON.encode())]
    statuses = []
    for headers in (common + types, common + wishes + types[:1]):

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b'{"query": "{b}"}', "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            statuses.append(message.get("status"))

        await door.application(scope | {"headers": headers}, receive, send)

    assert statuses == [415, None, 200, None]


@pytest.mark.parametrize("sent", ["x" * 65, "two words", "semi;colon!", "tab\there"])
async def test_a_foreign_correlation_id_is_replaced(door: Door, sent: str) -> None:
    """Only harmless ids are echoed; every answer has one."""
    reply = await door.send(body=b'{"query": "{b}"}', headers={"x-correlation-id": sent})

    assert reply.headers["x-correlation-id"] != sent
    assert len(reply.headers["x-correlation-id"]) == 24
