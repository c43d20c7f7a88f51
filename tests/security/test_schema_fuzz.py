"""HTTP-4 by schemathesis: questions of its own making for every root field, over sockets.

It knows the schema alone, and nothing of what makes sense; here and there it is told of
something that exists, so that the answers have something in them. No answer is a failure
of the gateway, each is what the schema says of its question, and what is refused has the
code of what a caller did wrong. `_entities` and `_service` are not asked: schemathesis
leaves out what belongs to federation.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx2
import pytest
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    build_schema,
    get_nullable_type,
    is_non_null_type,
    parse,
    parse_value,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.graphql import from_file
from schemathesis.graphql.checks import GraphQLClientError, GraphQLServerError

from tests.security.edge_kit import HOST, REPOSITORY, gateway

LONG_RUN: Final = "ORDERLINE_SOAK_EXAMPLES"
EXAMPLES: Final = int(os.environ.get(LONG_RUN, "20"))
TEXT: Final = (REPOSITORY / "schema.graphql").read_text("utf-8")
SCHEMA: Final[GraphQLSchema] = build_schema(TEXT)
OPERATIONS: Final = {
    one.ok().label: one.ok() for one in from_file(TEXT).get_all_operations() if isinstance(one, Ok)
}
THERE_IS: Final = {
    "id": '"ol_ZXJwH1NPLTEwMDEfMTA"',
    "ids": '["ol_ZXJwH1NPLTEwMDEfMTA", "ol_ZXJwH1NPLTEwMDEfMjA"]',
    "number": '"SO-1001"',
    "source": "null",
    "maxAge": '"PT10S"',
    "first": "7",
    "query": '"{ viewer { id } }"',
}
SOME: Final = st.sets(st.sampled_from(sorted(THERE_IS)))
CALLERS_FAULT: Final = {
    "INVALID_ARGUMENT",
    "INVALID_ID",
    "INVALID_NUMBER",
    "LIMIT_EXCEEDED",
    "NOT_FOUND",
}
VALUES: Final[dict[str, tuple[type, ...]]] = {
    "Int": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
    "JSON": (dict, list, str, int, float, bool),
}


@pytest.fixture(scope="module")
def asker() -> Iterator[httpx2.Client]:
    """Start a gateway before systems that answer, and give somebody who may ask everything."""
    with gateway(takes_s=0.0) as one:
        headers = {"Authorization": f"Bearer {one.key}"}
        with httpx2.Client(base_url=f"http://{HOST}:{one.port}", headers=headers) as client:
            yield client


class Told(Visitor):
    """Puts what exists in the place of some arguments."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def enter_argument(self, node: ArgumentNode, *_: object) -> ArgumentNode | None:
        """Give the argument that is to stand there."""
        if node.name.value not in self._names:
            return None
        return ArgumentNode(name=node.name, value=parse_value(THERE_IS[node.name.value]))


def assert_as_said(kind: GraphQLOutputType, asked: SelectionSetNode | None, found: Any) -> None:  # noqa: ANN401 - JSON
    """Hold a value against its type, and against what was selected of it."""
    if found is None:
        assert not is_non_null_type(kind)
        return
    bare = get_nullable_type(kind)
    if isinstance(bare, GraphQLList):
        assert isinstance(found, list)
        for one in found:
            assert_as_said(bare.of_type, asked, one)
    elif isinstance(bare, GraphQLEnumType):
        assert found in bare.values
    elif isinstance(bare, GraphQLScalarType):
        assert type(found) in VALUES.get(bare.name, (str,)), (bare.name, found)
    else:
        assert asked is not None
        assert isinstance(bare, GraphQLObjectType)
        fields = list(selected(asked))
        assert [*found] == [*dict.fromkeys(name for name, _ in fields)]
        for name, one in fields:
            if one.name.value == "__typename":
                assert found[name] == bare.name
            else:
                assert_as_said(bare.fields[one.name.value].type, one.selection_set, found[name])


def selected(asked: SelectionSetNode) -> Iterator[tuple[str, FieldNode]]:
    """List what is selected of an object, by the names it gets."""
    for one in asked.selections:
        if isinstance(one, InlineFragmentNode):
            yield from selected(one.selection_set)
        else:
            assert isinstance(one, FieldNode)
            yield (one.alias or one.name).value, one


@pytest.mark.parametrize("label", OPERATIONS)
def test_http4_no_question_of_a_stranger_makes_the_gateway_fail(
    label: str, asker: httpx2.Client
) -> None:
    """Two hundred of each root field in the long run."""
    whole = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=LONG_RUN not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(), told=st.just(set(THERE_IS)) | SOME)
    def ask(case: Case[Any], told: set[str]) -> None:
        nonlocal whole
        document = visit(parse(str(case.body)), Told(sorted(told)))
        case.body = print_ast(document)
        failed: tuple[BaseException, ...] = ()
        answer = asker.post("/graphql", json={"query": case.body})
        body = answer.json()
        codes = {one["extensions"]["code"] for one in body.get("errors", ())}
        try:
            case.validate_response(answer)
        except FailureGroup as found:
            failed = found.exceptions
        # An error beside data is one of the server to schemathesis; its code decides here.
        assert {type(one) for one in failed} <= {GraphQLClientError, GraphQLServerError}
        assert bool(failed) == bool(codes)
        assert answer.status_code == 200
        assert codes <= CALLERS_FAULT, (case.body, body)
        if body.get("data") is not None:
            (operation,) = document.definitions
            assert isinstance(operation, OperationDefinitionNode)
            assert SCHEMA.query_type is not None
            assert_as_said(SCHEMA.query_type, operation.selection_set, body["data"])
            whole += not codes

    ask()

    assert whole > EXAMPLES / 10
