"""What a question asks for: the plan of one operation.

A plan says, for every selection and every object type it may meet, which fields
come in which order, how each is resolved, and what the selection below it needs.
It never changes once made, and holds nothing of a request but the booleans that
`@skip` and `@include` read, which are part of its name in the cache.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import iscoroutinefunction
from typing import Any, Protocol, TypeAlias

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_nullable_type,
    is_list_type,
)
from graphql.execution.values import VariableValues, get_argument_values

Batch: TypeAlias = Callable[..., Awaitable[Sequence[object]]]
Given: TypeAlias = Mapping[str, object]


class Ask(msgspec.Struct):
    """What a batch resolver is told about the question.

    Attributes:
        needs: What the selection below its field needs.
    """

    context: Any
    needs: frozenset[Any]


class FieldPlan(Protocol):
    """How one field is executed, as its schema declares it.

    At most one of the four ways is given; with none of them the field is resolved as
    graphql-core would resolve it. `column`, `function` and `attribute` are pure: a
    value may be asked for twice, and none is something to be awaited, unless the
    function is declared `async`.
    """

    @property
    def needs(self) -> Collection[Any]:
        """Words for what the field needs to be read."""
        ...

    @property
    def arguments(self) -> Mapping[str, str]:
        """Python name of each argument, by its GraphQL name."""
        ...

    @property
    def batch(self) -> Batch | None:
        """Answers it for all parents of a level: `async (parents, ask, **arguments)`."""
        ...

    @property
    def column(self) -> Callable[..., Sequence[object]] | None:
        """Works it out for all parents of a level: `(parents, **arguments)`."""
        ...

    @property
    def function(self) -> Callable[..., Any] | None:
        """Works it out for one parent: `(parent, **arguments)`."""
        ...

    @property
    def attribute(self) -> str | None:
        """The attribute of the parent that holds it; with dots, one of an attribute of it."""
        ...


FieldSource: TypeAlias = Mapping[tuple[str, str], FieldPlan]
Path: TypeAlias = tuple[str, ...]
"""Names of fields, from an object down to a leaf."""


class Reader(Protocol):
    """Reads leaves of many objects at once, where all of them are as usual."""

    @property
    def nulls(self) -> Collection[Path]:
        """Which of the leaves are null then; they have no column."""
        ...

    @property
    def read(self) -> Callable[[Sequence[Any]], Sequence[Sequence[str]] | None]:
        """What gives of each other leaf a column of texts, which JSON takes in quotes as they are.

        It is pure, and what it gives is what the fields themselves would; None where
        anything is not as usual.
        """
        ...

    @property
    def source(self) -> str:
        """What was generated to read, to be shown beside the plan's functions; or nothing."""
        ...


Readers: TypeAlias = Mapping[str, Callable[[Sequence[Path]], Reader | None]]
"""By name of an object type, what makes the reader of some of its leaves; or None."""

FieldMask: TypeAlias = frozenset[tuple[str, str]]
"""The fields, by type and name, that a question may not ask for."""

NO_MASK: FieldMask = frozenset()


class Way(Enum):
    """How the values of a field are found."""

    TYPENAME = "the name of the type"
    REFUSED = "refused by the field mask"
    BATCH = "one batch resolver for all parents"
    COLUMN = "one function for all parents"
    FUNCTION = "a function of the parent"
    ATTRIBUTE = "an attribute of the parent"
    RESOLVER = "a resolver of graphql-core's shape"
    DEFAULT = "graphql-core's default resolver"


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of one object type, with all nodes that ask for it.

    Attributes:
        key: Its name in the answer.
        call: What is called, for the ways that call something.
        attribute: Name on the parent, for the ways that read one; or names, with dots.
        slot: Where a run keeps its arguments; -1 where it takes none.
        fixed: Its arguments, where no request can change them, as where there are none.
        template: Its arguments, where each is fixed or one whole variable: the fixed ones,
            and the variable of each other one.
        below: What is selected of its value, by object type.
        needs: What the selection below it needs; its own needs are not in it.
    """

    key: str
    name: str
    parent: GraphQLObjectType
    definition: GraphQLField
    nodes: list[FieldNode]  # a list because graphql-core asks for one
    way: Way
    call: Callable[..., Any] | None
    attribute: str
    slot: int
    fixed: Given | None
    template: tuple[Given, Sequence[tuple[str, str]]] | None
    names: Mapping[str, str]
    below: Mapping[str, "Selection"]
    needs: frozenset[Any]
    is_nullable: bool

    def arguments(self, variables: VariableValues) -> Given:
        """Coerce its arguments, under the names the resolver takes.

        Raises:
            GraphQLError: A value does not fit.
        """
        filled = self.filled(variables.coerced)
        if filled is not None:
            return filled
        found = get_argument_values(
            self.definition, self.nodes[0], variables, hide_suggestions=True
        )
        return {self.names.get(name, name): value for name, value in found.items()}

    def filled(self, coerced: Mapping[str, Any]) -> Given | None:
        """Fill its template; None where it has none, or a variable is missing or null.

        Variables are taken as they are: each was coerced to a type that fits here. Null may
        not be allowed, and what is missing has a default.
        """
        if self.template is None:
            return None
        fixed, by_variable = self.template
        values = {**fixed}
        for name, variable in by_variable:
            value = coerced.get(variable)
            if value is None:
                return None
            values[name] = value
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What is selected of one object type, in the order of the answer.

    Attributes:
        error: Why the fields cannot be told; it fails each object of the type.
    """

    parent: GraphQLObjectType
    fields: tuple[Field, ...]
    error: GraphQLError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One operation under one choice of its `@skip` and `@include` variables.

    Attributes:
        argued: The fields that take arguments; their slots count from zero.
        refused: The fields that the mask refuses, each once.
        is_serial: Whether a root field waits for the one before it.
        fields: How many fields it has.
    """

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    root: Selection
    argued: tuple[Field, ...]
    refused: tuple[Field, ...]
    is_serial: bool
    fields: int


def below_lists(root: Selection) -> set[Selection]:
    """Find the selections that more than one object may have: those below a list."""
    seen: tuple[set[Selection], set[Selection]] = set(), set()
    waiting = [(root, False)]
    while waiting:
        selection, is_below = waiting.pop()
        if selection in seen[is_below]:
            continue
        seen[is_below].add(selection)
        for one in selection.fields:
            is_list = is_below or is_list_type(get_nullable_type(one.definition.type))
            waiting.extend((below, is_list) for below in one.below.values())
    return seen[True]


def is_async(one: Field) -> bool:
    """Tell whether a field's own values may have to be awaited."""
    return one.way in (Way.BATCH, Way.RESOLVER, Way.DEFAULT) or (
        one.way is Way.FUNCTION and iscoroutinefunction(one.call)
    )
