"""ERR-1: whatever a resolver raises, nothing of it is seen outside.

One question asks for forty fields. Each fails in its own way, with a canary in what
it raises: a secret, a path, a host, SQL, a class name, what another system sent.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
)

from backends.store.memory import MemoryKeyStore
from backends.transport import BackendUnavailableError
from gateway.execution import Executor
from gateway.graphql.documents import Documents
from orderlines.errors import GatewayError
from policies.settings import LimitSettings
from tests.gateway.door import Door, make_route

CANARIES = [
    "hunter2", "postgres://app:pw@db.internal:5432/orders", "10.0.0.7:1521", "erp.internal.example",
    "/srv/gateway/orderlines/stitch.py", "C:\\\\erp\\\\config.ini", "SELECT secret FROM customers",
    "ORA-00942", "duplicate key value violates", "<html><h1>502 Bad Gateway</h1>", "nginx/1.25.3",
    "KeyError", "Traceback", "eyJhbGciOiJIUzI1NiJ9", "AKIAIOSFODNN7EXAMPLE", "olg_live_secret",
    "Bearer abcdef", "password=", "0x7f3a9c", "asyncpg.exceptions", "msgspec.ValidationError",
    "customer C-999", "margin 41.5", "STATE_FROM_ERP", "jdbc:oracle:thin", "SAPSYS 500",
]  # fmt: skip


class StrangeError(Exception):
    """An error whose text cannot even be made."""

    def __str__(self) -> str:
        raise ValueError(CANARIES[0])


def raising(error: BaseException) -> Callable[..., Any]:
    """Make a resolver that raises."""

    def resolve(*_: object) -> object:
        raise error

    return resolve


def returning(value: object) -> Callable[..., Any]:
    """Make a resolver that returns."""
    return lambda *_: value


def fields() -> dict[str, GraphQLField]:
    """Make the forty fields, and a few more."""
    state = GraphQLEnumType("State", {"OPEN": 1})
    made = [
        GraphQLField(GraphQLString, resolve=raising(kind(canary)))
        for n, canary in enumerate(CANARIES)
        for kind in [(RuntimeError, KeyError, OSError, GraphQLError, GatewayError)[n % 5]]
        if kind is not GatewayError
    ]
    made += [
        GraphQLField(GraphQLString, resolve=returning(RuntimeError(canary))) for canary in CANARIES
    ]
    made += [
        GraphQLField(state, resolve=returning("STATE_FROM_ERP")),
        GraphQLField(GraphQLInt, resolve=returning("hunter2")),
        GraphQLField(GraphQLString, resolve=returning({"hunter2": 1})),
        GraphQLField(GraphQLString, resolve=raising(RecursionError("hunter2"))),
        GraphQLField(
            GraphQLString,
            resolve=raising(GraphQLError("hunter2", extensions={"hunter2": "hunter2"})),
        ),
        GraphQLField(
            GraphQLString,
            resolve=raising(
                BackendUnavailableError(
                    "A system did not answer.",
                    system="wms",
                    reason="STATUS",
                    retriable=True,
                    detail=" ".join(CANARIES),
                )
            ),
        ),
    ]
    return {f"f{n}": field for n, field in enumerate(made)}


@pytest.mark.parametrize("accept", ["application/graphql-response+json", "application/json"])
async def test_nothing_that_a_resolver_raises_is_seen_outside(
    door: Door, store: MemoryKeyStore, accept: str
) -> None:
    """Forty ways to fail: a code, a path and an id each, and no canary anywhere."""
    schema = GraphQLSchema(GraphQLObjectType("Query", fields()))
    door.application = make_route(
        door.request_log,
        Executor(schema, {}),
        store,
        documents=Documents(schema, limits=LimitSettings(roots=100)),
    )
    names = list(fields())
    reply = await door.ask("{" + " ".join(names) + "}", accept=accept)
    said = reply.body.decode()

    assert reply.status == 200
    assert reply.json["data"] == dict.fromkeys(names)
    assert len(names) > 40
    assert sorted(error["path"][0] for error in reply.json["errors"]) == sorted(names)
    assert set(reply.codes) == {"INTERNAL", "BACKEND_UNAVAILABLE"}
    assert all(
        error["extensions"]["correlationId"] == reply.headers["x-correlation-id"]
        for error in reply.json["errors"]
    )
    assert [canary for canary in CANARIES if canary in said] == []
    assert str(Path(__file__).parent) not in said


async def test_an_error_that_cannot_even_be_told_is_internal(
    door: Door, store: MemoryKeyStore
) -> None:
    """Its own text cannot be made, so nothing can be said about its field: a 500 without one."""
    strange = GraphQLField(GraphQLString, resolve=raising(StrangeError()))
    schema = GraphQLSchema(GraphQLObjectType("Query", {"strange": strange}))
    door.application = make_route(
        door.request_log, Executor(schema, {}), store, documents=Documents(schema)
    )
    reply = await door.ask("{strange}")

    assert (reply.status, reply.codes) == (500, ["INTERNAL"])
    assert CANARIES[0] not in reply.body.decode()
    assert [entry["event"] for entry in door.log] == ["internal_error", "request"]


async def test_a_field_that_must_not_be_null_and_is_takes_the_answer_with_it(
    door: Door, store: MemoryKeyStore
) -> None:
    """Still a 200: the operation was executed, and its error says where it broke."""
    broken = GraphQLField(GraphQLNonNull(GraphQLString), resolve=raising(RuntimeError("hunter2")))
    schema = GraphQLSchema(GraphQLObjectType("Query", {"broken": broken}))
    door.application = make_route(
        door.request_log, Executor(schema, {}), store, documents=Documents(schema)
    )
    reply = await door.ask("{broken}")

    assert reply.status == 200
    assert reply.json["data"] is None
    assert reply.json["errors"][0]["path"] == ["broken"]
    assert "hunter2" not in reply.body.decode()
