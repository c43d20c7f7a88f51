"""Which object type a value has, where its field only says what kinds it may have.

The schema's functions are asked as graphql-core asks them, with its messages. They
must answer at once: to wait for them would cost every value a turn of the event loop.

Source: GraphQL specification, section 6.4.3 (ResolveAbstractType).
"""

from types import CoroutineType
from typing import Any, TypeAlias

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    default_type_resolver,
    is_abstract_type,
    is_object_type,
)
from graphql.pyutils import inspect, is_awaitable

from gateway.execution.plan import Field, Selection

Info: TypeAlias = GraphQLResolveInfo[Any]


def selection_of(one: Field, kind: GraphQLOutputType, value: object, info: Info) -> Selection:
    """Find what is selected of a value, by the object type it has.

    Raises:
        GraphQLError: It has none that its field may have.
    """
    found = _object_type(one, kind, value, info) if is_abstract_type(kind) else kind
    assert is_object_type(found)  # noqa: S101 - no other kind of type is left
    if found.is_type_of is not None and not _now(found.is_type_of(value, info), found.name):
        msg = f"Expected value of type '{found}' but got: {inspect(value)}."
        raise GraphQLError(msg, one.nodes)
    return one.below[found.name]


def _object_type(
    one: Field, kind: GraphQLAbstractType, value: object, info: Info
) -> GraphQLObjectType:
    resolve = kind.resolve_type or default_type_resolver
    name = _now(resolve(value, info, kind), kind.name)
    found = info.schema.get_type(name) if isinstance(name, str) else None
    if is_object_type(found) and info.schema.is_sub_type(kind, found):
        return found
    raise GraphQLError(_why_not(one, kind, value, name, info.schema), one.nodes)


def _why_not(
    one: Field, kind: GraphQLAbstractType, value: object, name: object, schema: GraphQLSchema
) -> str:
    must = (
        f"Abstract type '{kind}' must resolve to an Object type at runtime"
        f" for field '{one.parent}.{one.name}'"
    )
    if name is None:
        return (
            f"{must}. Either the '{kind}' type should provide a 'resolve_type' function"
            " or each possible type should provide an 'is_type_of' function."
        )
    if not isinstance(name, str):
        return (
            f"{must} with value {inspect(value)}, received '{inspect(name)}',"
            " which is not a valid Object type name."
        )
    found = schema.get_type(name)
    if found is None:
        return (
            f"Abstract type '{kind}' was resolved to a type '{name}'"
            " that does not exist inside the schema."
        )
    if not is_object_type(found):
        return f"Abstract type '{kind}' was resolved to a non-object type '{name}'."
    return f"Runtime Object type '{found}' is not a possible type for '{kind}'."


def _now(answer: object, name: str) -> object:
    if not is_awaitable(answer):
        return answer
    if isinstance(answer, CoroutineType):
        answer.close()
    msg = f"The object type of a '{name}' cannot be found asynchronously."
    raise GraphQLError(msg)
