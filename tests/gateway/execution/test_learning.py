"""What is remembered of values: that their type may be a parent, and nothing else."""

from collections.abc import Callable

from graphql import OperationDefinitionNode, build_schema, parse

from gateway.execution import Executor
from tests.gateway.execution.plans import Plan


class Box:
    """A parent."""

    name = "b"


class Caller(Box):
    """A parent that can be called."""

    def __call__(self) -> None:
        """Do nothing."""


async def learned(value: Callable[..., object]) -> set[type]:
    """Execute a question twice, and tell which types are taken without a look."""
    schema = build_schema("type Query { box: Box } type Box { name: String }")
    plans = {("Query", "box"): Plan(function=value), ("Box", "name"): Plan(attribute="name")}
    executor = Executor(schema, plans)
    document = parse("{ box { name } }")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    for _ in range(2):
        await executor.execute(document, operation, {}, None)
    return executor.plain


async def test_a_plain_type_is_learned() -> None:
    """The second column of boxes costs one look at its types."""
    assert await learned(lambda _: Box()) == {Box}


async def test_null_errors_and_things_to_call_or_await_are_never_learned() -> None:
    """Each of them must be looked at every time."""

    async def later() -> Box:
        return Box()

    assert await learned(lambda _: None) == set()
    assert await learned(lambda _: ValueError("gone")) == set()
    assert await learned(lambda _: Caller()) == set()
    assert await learned(lambda _: later()) == set()
