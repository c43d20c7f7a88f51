"""The contract between the desk and whoever executes its schema.

A batch resolver answers one field for all parents of its level at once:
`async (parents, ask, **args) → values`, of the same length and in the same order.
A value that is a `GatewayError` fails its own item; a raised error fails them all.
A column does the same without asking anybody: `(parents, **args) → values`.
Every field says what it needs to be read besides the header of its line, and a
root look-up is handed the union over its selection, so that it can start all
reads of a wave at once.

This module only marks fields. It executes nothing.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import strawberry
from graphql import GraphQLField, GraphQLSchema
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from orderlines.errors import GatewayError
from orderlines.facets import Facts, Section
from resolvers.context import Context
from resolvers.enums import SectionType
from resolvers.needs import sections_of

NOTHING: Facts = frozenset()
_NEEDS = "orderline.needs"
_BATCH = "orderline.batch"
_OF = "orderline.of"
_COLUMN = "orderline.column"
_FUNCTION = "orderline.function"

_ANY_PARENT: Any = strawberry.Parent[Any]  # type: ignore[misc] # strawberry's own annotation

R = TypeVar("R", bound=Callable[..., Any])


class Ask(Protocol):
    """What an executor tells a batch resolver about the question."""

    @property
    def context(self) -> Context:
        """The surroundings of the question."""
        ...

    @property
    def needs(self) -> Facts:
        """Everything the selection below this field needs besides headers."""
        ...


Policy: TypeAlias = Sequence[object]
"""Directives of `resolvers.governance`: what a field states of its own policy."""

BatchResolver: TypeAlias = Callable[..., Awaitable[Sequence[object]]]


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="source",
    description="What is read, besides the order's header, when this field is selected.",
)
class Source:
    """The printed form of a field's needs."""

    sections: list[SectionType] = strawberry.directive_field(name="sections")


@strawberry.schema_directive(
    locations=[Location.OBJECT],
    name="key",
    description="By what a supergraph finds an object of this type.",
)
class Key:
    """An entity of Federation 2."""

    fields: str


def field(  # noqa: PLR0913 - each by its name
    description: str,
    *,
    needs: Facts = NOTHING,
    name: str | None = None,
    of: str = "",
    read_by: Callable[[Any], Sequence[object]] | None = None,
    policy: Policy = (),
) -> Any:  # noqa: ANN401 - strawberry reads the annotation beside it
    """Declare a field whose value is an attribute of the parent.

    `of` names a part of the parent that has the attribute instead. `read_by` reads it
    for many parents at once; it gives what the attribute gives.
    """
    return strawberry.field(
        name=name,
        description=description,
        metadata={_NEEDS: needs, _COLUMN: read_by, _OF: of},
        directives=(*policy, *_source(needs)),
    )


def computed(
    graphql_type: object,
    description: str,
    *,
    needs: Facts = NOTHING,
    name: str | None = None,
    policy: Policy = (),
) -> Callable[[R], Any]:
    """Declare a field whose value one synchronous function works out per parent."""

    def mark(function: R) -> Any:  # noqa: ANN401 - strawberry's own field type is not public
        return strawberry.field(
            staticmethod(function),
            name=name,
            description=description,
            graphql_type=graphql_type,
            metadata={_NEEDS: needs, _FUNCTION: function},
            directives=(*policy, *_source(needs)),
        )

    return mark


def column(
    graphql_type: object,
    description: str,
    *,
    needs: Facts = NOTHING,
    name: str | None = None,
    policy: Policy = (),
) -> Callable[[R], Any]:
    """Declare a field whose values one synchronous function works out for all parents.

    The arguments of the field are the keyword-only parameters of the function.
    """

    def mark(function: R) -> Any:  # noqa: ANN401 - strawberry's own field type is not public
        arguments = _keyword_only(function)

        def declared(parent: object, **given: object) -> object:
            (value,) = function([parent], **given)
            if isinstance(value, Exception):
                raise value
            return value

        parent = inspect.Parameter(
            "parent", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=_ANY_PARENT
        )
        _declare(declared, function, [parent, *arguments])
        return strawberry.field(
            staticmethod(declared),
            name=name,
            description=description,
            graphql_type=graphql_type,
            metadata={_NEEDS: needs, _COLUMN: function},
            directives=(*policy, *_source(needs)),
        )

    return mark


def batched(  # noqa: PLR0913 - each by its name
    resolver: BatchResolver,
    graphql_type: object,
    description: str,
    *,
    needs: Facts = NOTHING,
    name: str | None = None,
    policy: Policy = (),
) -> Any:  # noqa: ANN401 - strawberry's own field type is not public
    """Declare a field that a batch resolver answers.

    The arguments of the field are the keyword-only parameters of the resolver.
    """

    def declared(**_: object) -> object:
        msg = "A batch field is run by the executor, never by strawberry."
        raise AssertionError(msg)

    _declare(declared, resolver, _keyword_only(resolver))
    return strawberry.field(
        resolver=declared,
        name=name,
        description=description,
        graphql_type=graphql_type,
        metadata={_NEEDS: needs, _BATCH: resolver},
        directives=(*policy, *_source(needs)),
    )


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """How one field is executed.

    Attributes:
        needs: What it needs to be read besides the header.
        arguments: Python name of each argument, by its GraphQL name.
        batch: The batch resolver that answers it.
        column: The function that works it out for all parents of a level.
        function: The function that works it out for one parent.
        attribute: The attribute of the parent that holds it, with dots where it is one
            of an attribute of the parent. Of these four one is
            given; or none, where the schema's own resolver is to be called.
    """

    needs: Facts
    arguments: Mapping[str, str]
    batch: BatchResolver | None = None
    column: Callable[..., Sequence[object]] | None = None
    function: Callable[..., object] | None = None
    attribute: str | None = None


class UngovernedFieldError(GatewayError):
    """A field brings a policy of its own; the guard is the only authority."""


def field_plans(schema: GraphQLSchema) -> Mapping[tuple[str, str], FieldPlan]:
    """Collect the plan of every field, by type name and field name.

    Raises:
        UngovernedFieldError: A field has a permission class or an extension.
    """
    return {
        (type_name, field_name): _plan_of(type_name, field_name, graphql_field)
        for type_name, graphql_type in schema.type_map.items()
        if not type_name.startswith("__")
        for field_name, graphql_field in getattr(graphql_type, "fields", {}).items()
        if isinstance(graphql_field, GraphQLField)
    }


def _plan_of(type_name: str, field_name: str, graphql_field: GraphQLField) -> FieldPlan:
    declared = graphql_field.extensions.get("strawberry-definition")
    if not isinstance(declared, StrawberryField):
        return FieldPlan(NOTHING, {})
    if declared.permission_classes or declared.extensions:
        msg = (
            f"`{type_name}.{field_name}` has permission classes or field extensions. "
            "What a caller may ask is decided by the guard alone."
        )
        raise UngovernedFieldError(msg)
    python_names = [argument.python_name for argument in declared.arguments]
    marks = declared.metadata
    return FieldPlan(
        needs=marks.get(_NEEDS, NOTHING),
        arguments=dict(zip(graphql_field.args, python_names, strict=True)),
        batch=marks.get(_BATCH),
        column=marks.get(_COLUMN),
        function=marks.get(_FUNCTION),
        attribute=None
        if declared.base_resolver or marks.get(_COLUMN)
        else ".".join(filter(None, (marks.get(_OF), declared.python_name))),
    )


def _keyword_only(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]


def _declare(
    declared: Callable[..., Any],
    function: Callable[..., Any],
    parameters: Sequence[inspect.Parameter],
) -> None:
    """Let strawberry see the arguments of a function that it does not call itself."""
    declared.__name__ = getattr(function, "__name__", "field")
    declared.__annotations__ = {one.name: one.annotation for one in parameters}
    declared.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # read by inspect
        parameters, return_annotation=object
    )


def _source(needs: Facts) -> tuple[Source, ...]:
    sections = sections_of(needs) - {Section.HEADER}
    return (Source(sections=[one for one in Section if one in sections]),) if sections else ()
