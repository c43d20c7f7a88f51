"""The OMS's dialect: promises, keys, paging, and what it refuses."""

from typing import Any

import httpx2
import pytest
from graphql import build_schema, print_schema

from backends.sandbox.oms import SDL
from backends.sandbox.world import World

LINE = """
  id order line customerOrder unit requested updatedAt
  promise {
    __typename
    ... on PromiseSchedule { versions { version madeAt basis slices { quantity date confidence } } }
    ... on PromisePending { reason }
    ... on PromiseNotTracked { reason }
  }
  substitutions {
    forSku bySku ratioNumerator ratioDenominator proposedQuantity acceptedQuantity status reason
  }
"""
QUERY = f"""
query Promises(
  $orders: [String!], $lines: [LineInput!], $customerOrders: [String!], $first: Int, $after: String
) {{
  promiseLines(
    orders: $orders, lines: $lines, customerOrders: $customerOrders, first: $first, after: $after
  ) {{
    __typename
    ... on PromiseLinePage {{ lines {{ {LINE} }} nextCursor asOf }}
    ... on Refused {{ code message retryAfterMs }}
  }}
}}
"""


async def ask(client: httpx2.AsyncClient, **variables: object) -> dict[str, Any]:
    """Ask for promises."""
    answer = await client.post("/graphql", json={"query": QUERY, "variables": variables})
    told: dict[str, Any] = answer.json()["data"]["promiseLines"]
    return told


def refused(code: str, message: str) -> dict[str, object]:
    """What a business refusal looks like."""
    return {"__typename": "Refused", "code": code, "message": message, "retryAfterMs": None}


async def test_a_line_that_was_promised_twice(oms: httpx2.AsyncClient) -> None:
    """Every version is there, oldest first, with what it rests on."""
    page = await ask(oms, lines=[{"order": "SO-1001", "line": "140"}])

    assert page == {
        "__typename": "PromiseLinePage",
        "lines": [
            {
                "id": "SO-1001/140",
                "order": "SO-1001",
                "line": "140",
                "customerOrder": "PO-4711",
                "unit": "CS",
                "requested": "8",
                "updatedAt": "2026-11-18T06:15:00Z",
                "promise": {
                    "__typename": "PromiseSchedule",
                    "versions": [
                        {
                            "version": 1,
                            "madeAt": "2026-11-12T07:52:00Z",
                            "basis": "ATP",
                            "slices": [
                                {"quantity": "8", "date": "2026-11-18", "confidence": "FIRM"}
                            ],
                        },
                        {
                            "version": 2,
                            "madeAt": "2026-11-18T06:15:00Z",
                            "basis": "SCHEDULE",
                            "slices": [
                                {"quantity": "4", "date": "2026-11-24", "confidence": "FIRM"},
                                {"quantity": "4", "date": "2026-12-01", "confidence": "LOW"},
                            ],
                        },
                    ],
                },
                "substitutions": [],
            }
        ],
        "nextCursor": None,
        "asOf": "2026-11-20T14:04:05Z",
    }


async def test_an_accepted_substitution(oms: httpx2.AsyncClient) -> None:
    """Its quantities are in the substitute's base unit, its ratio in base units of both."""
    page = await ask(oms, lines=[{"order": "SO-1001", "line": "80"}])

    assert page["lines"][0]["substitutions"] == [
        {
            "forSku": "SE-1000",
            "bySku": "SE-500",
            "ratioNumerator": 2,
            "ratioDenominator": 1,
            "proposedQuantity": "48",
            "acceptedQuantity": "48",
            "status": "ACCEPTED",
            "reason": "OUT_OF_STOCK",
        }
    ]


async def test_it_can_be_asked_in_three_ways(oms: httpx2.AsyncClient, world: World) -> None:
    """Orders, lines and the customer's own numbers lead to the same lines."""
    numbers = list(world.orders["SO-1001"].lines)
    by_order = await ask(oms, orders=["SO-1001"])
    by_line = await ask(oms, lines=[{"order": "SO-1001", "line": number} for number in numbers])
    by_customer_order = await ask(oms, customerOrders=["PO-4711"])

    assert [line["line"] for line in by_order["lines"]] == numbers
    assert by_order == by_line == by_customer_order


async def test_unknown_keys_give_nothing_and_double_keys_nothing_more(
    oms: httpx2.AsyncClient,
) -> None:
    """A key is a question, not a row."""
    line = {"order": "SO-1001", "line": "10"}
    unknown = [
        await ask(oms, orders=["NOPE"]),
        await ask(oms, orders=[]),
        await ask(oms, customerOrders=["NOPE", ""]),
        await ask(oms, lines=[{"order": "SO-1001", "line": "11"}, {"order": "NOPE", "line": "10"}]),
    ]

    assert [page["lines"] for page in unknown] == [[], [], [], []]
    assert len((await ask(oms, lines=[line, line]))["lines"]) == 1
    assert len((await ask(oms, orders=["SO-1001", "SO-1001"]))["lines"]) == 18


@pytest.mark.parametrize("first", [1, 7, 1000])
async def test_paging_to_the_end_gives_every_line_once(
    oms: httpx2.AsyncClient, world: World, first: int
) -> None:
    """Whatever the page, the same lines in the same order."""
    orders = list(world.orders)
    page = await ask(oms, orders=orders, first=first)
    lines = page["lines"]
    while page["nextCursor"]:
        page = await ask(oms, orders=orders, first=first, after=page["nextCursor"])
        lines += page["lines"]

    assert [(line["order"], line["line"]) for line in lines] == [
        (order.number, number) for order in world.orders.values() for number in order.lines
    ]


async def test_without_first_a_page_holds_a_thousand(oms: httpx2.AsyncClient) -> None:
    """A null for `first` is as if it were not there."""
    assert await ask(oms, orders=["SO-1001"], first=None) == await ask(oms, orders=["SO-1001"])


@pytest.mark.parametrize(
    ("variables", "refusal"),
    [
        ({}, refused("BAD_REQUEST", "Give exactly one of orders, lines, customerOrders.")),
        (
            {"orders": ["A"], "customerOrders": []},
            refused("BAD_REQUEST", "Give exactly one of orders, lines, customerOrders."),
        ),
        ({"orders": ["A"], "first": 0}, refused("BAD_REQUEST", "first is 1 to 1000.")),
        ({"orders": ["A"], "first": 1001}, refused("BAD_REQUEST", "first is 1 to 1000.")),
        (
            {"orders": ["A"], "after": "x"},
            refused("BAD_REQUEST", "The cursor does not belong to this question."),
        ),
        (
            {"orders": ["A"], "after": "1-00000000"},
            refused("BAD_REQUEST", "The cursor does not belong to this question."),
        ),
        (
            {"orders": ["A"] * 501},
            refused("TOO_MANY_KEYS", "At most 500 keys a question."),
        ),
    ],
)
async def test_what_the_business_refuses_is_data(
    oms: httpx2.AsyncClient, variables: dict[str, object], refusal: dict[str, object]
) -> None:
    """HTTP 200 and no errors: only the type says that there is no answer."""
    answer = await oms.post("/graphql", json={"query": QUERY, "variables": variables})

    assert answer.status_code == 200
    assert answer.json() == {"data": {"promiseLines": refusal}}


async def test_five_hundred_keys_are_served(oms: httpx2.AsyncClient) -> None:
    """The bound itself is inside."""
    page = await ask(oms, orders=["SO-1001"] + [f"X{n}" for n in range(499)])

    assert len(page["lines"]) == 18


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ nope }", "Cannot query field 'nope' on type 'Query'."),
        ("{", "Syntax Error: Expected Name, found <EOF>."),
        ("mutation { promiseLines { __typename } }", "The mutation operation is not supported"),
        ("{ promiseLines(orders: [1]) { __typename } }", "String cannot represent a non string"),
        ("{ a" * 5000, "Document is nested too deeply."),
    ],
)
async def test_what_the_schema_does_not_know(
    oms: httpx2.AsyncClient, query: str, message: str
) -> None:
    """A GraphQL error is HTTP 200 with errors, as such systems do."""
    answer = await oms.post("/graphql", json={"query": query})

    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert message in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"query": 1}', b'{"query": "{ x }", "surprise": 1}', b'{"variables": {}}'],
)
async def test_a_body_that_is_no_request(oms: httpx2.AsyncClient, body: bytes) -> None:
    """It is refused before any GraphQL is read."""
    answer = await oms.post("/graphql", content=body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/graphql", 405), ("POST", "/", 404)]
)
async def test_unknown_paths_and_methods(
    oms: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    """Every refusal has the dialect's own shape."""
    answer = await oms.request(method, path)

    assert (answer.status_code, answer.json()["data"]) == (status, None)


def test_the_schema_is_written_once() -> None:
    """The text in the docstring of the system is what its library understands."""
    schema = build_schema(SDL)

    assert schema.mutation_type is None
    assert "union Promise = PromiseSchedule | PromisePending | PromiseNotTracked" in print_schema(
        schema
    )
