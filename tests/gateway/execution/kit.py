"""Small schemas by hand: give the roots their values, ask, and look at the whole answer."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

from gateway.execution import Executed, Executor
from tests.gateway.execution.oracle import Told, told
from tests.gateway.execution.plans import Plan


def make(
    sdl: str,
    roots: Mapping[str, object] | None = None,
    plans: Mapping[tuple[str, str], Plan] | None = None,
) -> tuple[GraphQLSchema, Executor]:
    """Make an executor; `roots` are the values of fields of the query, whoever asks."""
    schema = build_schema(sdl)
    all_plans = {("Query", name): _always(value) for name, value in (roots or {}).items()}
    return schema, Executor(schema, {**all_plans, **(plans or {})})


def _always(value: object) -> Plan:
    return Plan(function=lambda _parent, **_given: value)


async def ask(
    made: tuple[GraphQLSchema, Executor],
    text: str,
    variables: Mapping[str, object] | None = None,
    name: str | None = None,
) -> Executed:
    """Execute an operation of a document that must be valid."""
    schema, executor = made
    document = parse(text)
    assert validate(schema, document) == []
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    [operation] = [
        one
        for one in operations
        if name is None or (one.name is not None and one.name.value == name)
    ]
    async with asyncio.timeout(5):
        return await executor.execute(document, operation, variables or {}, "context")


def shown(executed: Executed) -> tuple[object, Counter[Told]]:
    """Give the data and the errors, by path and message."""
    return executed.data, told(executed.errors)


def fails(*errors: tuple[str, str]) -> Counter[Told]:
    """Write errors down: a path such as `a.0.b`, and a message."""
    return Counter(
        (tuple(int(step) if step.isdigit() else step for step in path.split(".")), message)
        for path, message in errors
    )


NOTHING: Counter[Told] = Counter()
