"""Variables of an operation that is known: coerced as the first time, whatever comes."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLResolveInfo,
    OperationDefinitionNode,
    build_schema,
    execute,
    parse,
)
from graphql.execution.values import VariableValues

from gateway.execution import Executor
from tests.gateway.execution.plans import Plan

SCHEMA = build_schema("type Query { said(text: String, id: ID, many: [String]): String }")
TEXTS = "query ($text: String!, $id: ID) { said(text: $text, id: $id) }"
DEFAULT = 'query ($text: String = "default", $id: ID) { said(text: $text, id: $id) }'
LIST = "query ($many: [String]) { said(many: $many) }"
UNKNOWN = "query ($text: String, $id: ID) { said(text: $text, odd: $text, id: $id) }"


def said(_: object, *__: object, **given: object) -> str:
    """Tell what was given."""
    return repr(sorted(given.items()))


@pytest.mark.parametrize("query", [TEXTS, DEFAULT, LIST, UNKNOWN])
@pytest.mark.parametrize(
    "variables",
    [
        {"text": "a", "id": "b"},
        {"id": "b", "text": "a"},
        {"text": "a"},
        {"text": None, "id": "b"},
        {"text": 7, "id": "b"},
        {"text": "a", "id": 7},
        {"text": "a", "id": True},
        {"text": "a", "id": "b", "other": "c"},
        {"many": "a"},
        {},
    ],
)
async def test_a_known_operation_coerces_as_a_new_one(
    query: str, variables: Mapping[str, object]
) -> None:
    """What graphql-core makes of them, values and refusals alike."""
    document = parse(query)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executor = Executor(SCHEMA, {("Query", "said"): Plan(function=said)})
    for known in ({"text": "x", "id": "y"}, {"text": "x"}, {"many": ["x"]}):
        await executor.execute(document, operation, known, None)
    told = await executor.execute(document, operation, variables, None)
    core: Any = execute(
        SCHEMA, document, {"said": lambda _, **given: said(None, **given)}, None, dict(variables)
    )

    assert told.data == core.data
    assert [one.message for one in told.errors] == [one.message for one in core.errors or ()]


async def test_a_resolver_is_told_variables_that_are_texts_as_any_others() -> None:
    """Each value, and where it came from, the first time and when the operation is known."""
    document = parse(TEXTS)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    schema = build_schema("type Query { said(text: String, id: ID, many: [String]): String }")
    seen: list[VariableValues] = []

    def resolve(_: object, info: GraphQLResolveInfo[Any], **__: object) -> str:
        seen.append(info.variable_values)
        return "said"

    schema.type_map["Query"].fields["said"].resolve = resolve  # type: ignore[attr-defined] # an object type
    executor = Executor(schema, {})
    variables = {"text": "a", "id": "b"}
    for _ in range(2):
        await executor.execute(document, operation, variables, None)

    assert seen[0] == seen[1]
    assert seen[1].coerced == variables
    assert seen[1].coerced is not variables
    assert [one.value for one in seen[1].sources.values()] == ["a", "b"]
