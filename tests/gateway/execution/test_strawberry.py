"""A schema that strawberry declares is executed as strawberry itself executes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import OperationDefinitionNode, parse, validate
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from gateway.execution import Executor
from tests.gateway.execution.plans import Plan


@strawberry.enum
class Colour(Enum):
    """An enum whose names and values differ."""

    RED = "r"
    TAN = "t"


@strawberry.interface
class Named:
    """An interface."""

    name: str


@strawberry.type
class Part(Named):
    """An object type behind an interface."""

    weight: Decimal

    @strawberry.field
    def doubled(self, factor: int = 2) -> Decimal:
        """A method that takes an argument."""
        return self.weight * factor


@strawberry.type
class Kit(Named):
    """Another one, that holds some of the first."""

    parts: list[Part | None]

    @strawberry.field
    async def slow(self) -> str:
        """A method that is awaited."""
        return self.name.upper()

    @strawberry.field
    def broken(self) -> int | None:
        """A method that fails."""
        msg = f"{self.name} is broken"
        raise ValueError(msg)


@strawberry.input
class Shape:
    """An input object."""

    side: int = 1
    colour: Colour = Colour.RED


@dataclass
class Held:
    """A value that is no strawberry type."""

    amount: Decimal


@strawberry.type
class Box:
    """Reads another class than itself."""

    amount: Decimal

    @strawberry.field
    def half(held: strawberry.Parent[Held]) -> Decimal:  # noqa: N805 - what strawberry hands it
        """Read the parent as what it is."""
        return held.amount / 2


DURATION = strawberry.scalar(name="Duration", serialize=lambda value: f"PT{value.seconds}S")


@strawberry.type
class Query:
    """A root with a field of every kind."""

    @strawberry.field
    def box(self) -> Box:
        """Give a value of another class."""
        return Held(Decimal("12.50"))  # type: ignore[return-value] # read through `Parent`

    @strawberry.field
    def all(self) -> list[Named]:
        """Give several object types."""
        part = Part(name="p", weight=Decimal("1.5"))
        return [part, Kit(name="k", parts=[part, None])]

    @strawberry.field
    async def either(self, kit: bool) -> Part | Kit | None:  # noqa: FBT001 - an argument of the schema
        """Give a member of a union."""
        return Kit(name="k", parts=[]) if kit else None

    @strawberry.field
    def scalars(self) -> "Scalars":
        """Give one of each scalar."""
        return Scalars(
            on=date(2026, 11, 23),
            at=datetime(2026, 11, 23, 9, tzinfo=UTC),
            took=timedelta(seconds=5),
            extra=JSON({"a": [1, None, {"b": "c"}]}),
            colour=Colour.TAN,
            grid=[[1, 2], [], [3]],
        )

    @strawberry.field
    def echo(self, shape: Shape, colours: list[Colour] | None = None) -> str:
        """Say what was given."""
        return f"{shape.side} {shape.colour} {colours}"


@strawberry.type
class Scalars:
    """One of each."""

    on: date
    at: datetime
    took: timedelta
    extra: JSON
    colour: Colour
    grid: list[list[int]]


SCHEMA = strawberry.Schema(
    Query, types=[Part, Kit], config=StrawberryConfig(scalar_map={timedelta: DURATION})
)

PARTS = "name __typename ... on Part { weight doubled twice: doubled(factor: 4) }"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ box { amount half } }", {}),
        (f"{{ all {{ {PARTS} ... on Kit {{ slow parts {{ {PARTS} }} }} }} }}", {}),
        ("{ all { ... on Kit { name broken } } }", {}),
        ("query ($k: Boolean!) { either(kit: $k) { ... on Kit { slow } } }", {"k": True}),
        ("query ($k: Boolean!) { either(kit: $k) { __typename } }", {"k": False}),
        ("{ scalars { on at took extra colour grid } }", {}),
        ("{ echo(shape: {side: 3, colour: TAN}, colours: [RED, TAN]) }", {}),
        ("query ($s: Shape!) { echo(shape: $s) }", {"s": {"side": 4}}),
        ("query ($s: Shape!) { echo(shape: $s) }", {"s": {"side": "four"}}),
        ("{ __schema { types { name kind } } }", {}),
        ('{ __type(name: "Kit") { interfaces { name } fields { name type { name kind } } } }', {}),
    ],
)
async def test_it_is_answered_as_strawberry_answers_it(
    text: str, variables: dict[str, Any]
) -> None:
    """Types, methods, arguments, enums, scalars, interfaces, unions, errors."""
    schema = SCHEMA._schema  # noqa: SLF001 - strawberry offers no public way to it
    document = parse(text)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    assert validate(schema, document) == []
    executed = await Executor(schema, {}).execute(document, operation, variables, None)
    expected = await SCHEMA.execute(text, variable_values=variables)

    assert executed.data == expected.data
    assert [(one.path, one.message) for one in executed.errors] == [
        (one.path, one.message) for one in expected.errors or ()
    ]


async def test_a_field_of_strawberry_may_be_a_column() -> None:
    """What the desk marks is asked once; strawberry's own resolver is not called."""
    asked: list[int] = []

    def doubled(parents: Sequence[Part], factor: int) -> list[Decimal]:
        asked.append(len(parents))
        return [one.weight * factor * 100 for one in parents]

    schema = SCHEMA._schema  # noqa: SLF001 - strawberry offers no public way to it
    document = parse("{ all { ... on Kit { parts { doubled } } } }")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    plans = {("Part", "doubled"): Plan(column=doubled, arguments={"factor": "factor"})}
    executed = await Executor(schema, plans).execute(document, operation, {}, None)

    assert executed.data == {"all": [{}, {"parts": [{"doubled": "300.0"}, None]}]}
    assert asked == [1]
