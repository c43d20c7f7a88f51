"""What one caller must never learn of another's lines, through the whole gateway.

The demo runs as processes: real sockets, real systems, four keys with other scopes
and rows each.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from orderlines.identity import OrderKey, OrderLineKey
from tests.scenarios.demo import Demo, running_demo

LINE = """id lineNumber channel requested { quantity { value } } promised { quantity { value } }
  shipped { quantity { value } } state"""
OWN = "SO-1001"
ABSENT = "SO-9876"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Start the demo once."""
    with running_demo("--lines", "200") as running:
        yield running


@pytest.fixture(scope="module")
def foreign(demo: Demo) -> str:
    """Find an order that exists and belongs to another customer than the portal's."""
    for number in range(1_002, 1_040):
        order = demo.ask(
            "query($n: String!) { order(number: $n) { customer { soldTo } channel } }",
            {"n": f"SO-{number}"},
        )["data"]["order"]
        if order and order["customer"]["soldTo"] != "C-100" and order["channel"] != "EDI":
            return f"SO-{number}"
    pytest.fail("every order belongs to one customer")


def without_id(response: httpx2.Response) -> str:
    """Give the body without the id of the request, its errors in one order."""
    told = json.loads(re.sub(r'"correlationId":"[^"]*"', '"correlationId":""', response.text))
    told["errors"] = sorted(told.get("errors", ()), key=json.dumps)
    return json.dumps(told)


def asked(demo: Demo, key: str, query: str, number: str) -> tuple[str, dict[str, int]]:
    """Ask about an order, and give the answer, with what it cost, and the calls it made."""
    demo.forget_calls()
    response = demo.post(
        query,
        {
            "n": number,
            "l": OrderLineKey("erp", number, "10").id,
            "o": {"__typename": "Order", "id": OrderKey("erp", number).id},
        },
        key=key,
    )
    calls = {system: demo.calls(system) for system in demo.backends}
    return without_id(response), calls


QUESTIONS = {
    "order": f"""query($n: String!) {{
        order(number: $n) {{ number lines {{ nodes {{ {LINE} }} }} }} }}""",
    "orderLine": f"query($l: ID!) {{ orderLine(id: $l) {{ {LINE} }} }}",
    "orderLinesById": f"query($l: ID!) {{ orderLinesById(ids: [$l]) {{ {LINE} }} }}",
    "alias scan": f"""query($l: ID!) {{ a: orderLine(id: $l) {{ {LINE} }}
        b: orderLine(id: $l) {{ id }} }}""",
    "_entities": f"""query($o: _Any!) {{
        _entities(representations: [$o]) {{
        ... on Order {{ number lines {{ nodes {{ {LINE} }} }} }} }} }}""",
}


@pytest.mark.parametrize("field", QUESTIONS)
@pytest.mark.parametrize("key", ["portal", "partner"])
def test_b1_a_foreign_line_is_an_absent_one(field: str, key: str, demo: Demo, foreign: str) -> None:
    """The same bytes, the charge in `extensions` among them, and the same calls."""
    query = QUESTIONS[field]
    asked(demo, key, query, ABSENT)  # what is looked up once, such as items, is known then
    hidden, hidden_calls = asked(demo, key, query, foreign)
    absent, absent_calls = asked(demo, key, query, ABSENT)

    expected = hidden.replace(foreign, ABSENT)
    assert expected.replace(OrderLineKey("erp", foreign, "10").id, "") == absent.replace(
        OrderLineKey("erp", ABSENT, "10").id, ""
    )
    assert hidden_calls == absent_calls
    assert "NOT_FOUND" in absent


def test_b1_what_is_hidden_is_there_for_its_owner(demo: Demo, foreign: str) -> None:
    """Or the test above would compare two absent ones."""
    body = demo.post(QUESTIONS["order"], {"n": foreign}, key="operator").json()

    assert body["data"]["order"]["number"] == foreign


def test_a_field_without_its_scope_is_null_with_an_error_and_calls_nobody(demo: Demo) -> None:
    """The partner's scopes do not hold prices; no other part of the answer suffers."""
    query = """query($n: String!) { order(number: $n) { lines(first: 1) { nodes {
      requested { unitPrice quantity { value } } } } } }"""
    whole = demo.post(query, {"n": OWN}, key="portal").json()
    (node,) = whole["data"]["order"]["lines"]["nodes"]
    assert node["requested"]["unitPrice"] is not None
    assert "errors" not in whole

    operator = demo.ask('{ order(number: "SO-1001") { channel } }')["data"]["order"]["channel"]
    assert operator != "EDI"


def edi_order(demo: Demo) -> str:
    """Find an order that came by EDI."""
    for number in range(1_001, 1_040):
        order = demo.ask(
            "query($n: String!) { order(number: $n) { channel } }", {"n": f"SO-{number}"}
        )["data"]["order"]
        if order and order["channel"] == "EDI":
            return f"SO-{number}"
    pytest.fail("no order came by EDI")


def test_k5_each_persona_gets_the_fields_of_its_scopes(demo: Demo) -> None:
    """Through the whole gateway: null and an error that names the field, or a value."""
    number = edi_order(demo)
    query = """query($n: String!) { order(number: $n) { lines(first: 1) { nodes {
      reconciliation { status } requested { unitPrice } } } } backends { name } }"""
    seen: dict[str, tuple[set[str], set[str]]] = {}
    for key in ("partner", "dashboard", "operator"):
        body = demo.post(query, {"n": number}, key=key).json()
        codes = {error["extensions"]["code"] for error in body.get("errors", ())}
        seen[key] = codes, {".".join(map(str, e["path"])) for e in body.get("errors", ())}

    assert seen["partner"] == (
        {"FORBIDDEN_FIELD"},
        {
            "order.lines.nodes.0.reconciliation",
            "order.lines.nodes.0.requested.unitPrice",
            "backends",
        },
    )
    assert seen["dashboard"] == ({"FORBIDDEN_FIELD"}, {"backends"})
    assert seen["operator"] == (set(), set())


def test_explain_tells_everything_and_asks_nobody(demo: Demo) -> None:
    """Plan, calls, cost, what is left afterwards, and what the caller may not see."""
    question = """query($n: String!) { order(number: $n) { lines(first: 2) { nodes {
      shipped { quantity { value } } requested { unitPrice } } } } }"""
    demo.forget_calls()
    explained = demo.post(
        """query($q: String!, $v: JSON) { explain(query: $q, variables: $v) { cost quotaAfter
           calls { field system sections keys calls } hidden { field missingScopes }
           fields { path reads } refusal { code } } }""",
        {"q": question, "v": {"n": OWN}},
        key="partner",
    ).json()
    found = explained["data"]["explain"]

    assert {system: demo.calls(system) for system in demo.backends} == {
        "erp": 0,
        "oms": 0,
        "wms": 0,
    }
    assert found["hidden"] == [
        {"field": "RequestedQuantity.unitPrice", "missingScopes": ["prices:read"]}
    ]
    assert found["calls"] == [
        {"field": "order", "system": "erp", "sections": ["HEADER"], "keys": 1, "calls": 1},
        {"field": "order", "system": "wms", "sections": ["FULFILMENT"], "keys": 1, "calls": 1},
    ]
    assert (found["cost"], found["refusal"]) == (1 + 1 + 2 + 2 + 2 + 2, None)
    asked_for = demo.post(question, {"n": OWN}, key="portal").json()
    assert asked_for["extensions"]["cost"]["requested"] == found["cost"]


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nobody }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: String!) { order(number: $n) { number } }", {}, "BAD_VARIABLES"),
        ('{ order(number: "1") { lines(first: 5000) { totalCount } } }', {}, "LIMIT_EXCEEDED"),
        ("{ __schema { types { name } } }", {}, "FORBIDDEN"),
    ],
)
def test_explain_says_why_a_question_would_be_refused(
    query: str, variables: dict[str, Any], code: str, demo: Demo
) -> None:
    """In the words the question itself would get."""
    found = demo.post(
        "query($q: String!, $v: JSON) { explain(query: $q, variables: $v) { refusal { code } } }",
        {"q": query, "v": variables},
        key="partner",
    ).json()["data"]["explain"]

    assert found["refusal"]["code"] == code
    itself = demo.post(query, variables, key="partner").json()
    assert itself["errors"][0]["extensions"]["code"] == code


def test_one_request_explains_one_question(demo: Demo) -> None:
    """Each would be parsed and validated: as many as aliases allow are too many."""
    body = demo.post(
        '{ a: explain(query: "{a}") { cost } b: explain(query: "{b}") { cost } }'
    ).json()

    assert body["errors"][0]["extensions"]["limit"] == "explain"


def test_the_quota_is_told_by_key_and_by_system(demo: Demo) -> None:
    """As the header says it, without a call of any system."""
    response = demo.post(
        """{ rateLimit { cost { limit windowSeconds remaining resetSeconds }
             bySystem { system calls { limit remaining } } } }""",
        key="dashboard",
    )
    told = response.json()["data"]["rateLimit"]

    assert told["cost"]["limit"] == 600_000
    assert 599_000 < told["cost"]["remaining"] <= 600_000
    assert [one["system"] for one in told["bySystem"]] == ["erp", "oms", "wms"]
    assert json.dumps(told).count('"limit"') == 4
