"""What may be asked, what it costs, how old it may be and whose it is: on the field.

Each part of a field's policy is a directive that `schema.graphql` shows. A root field
states who may ask for it, how old its answer may be and who owns it; any other field
inherits these from the field it is below, and states only what differs. A list of
objects states how long it is taken to be. Without that the schema does not build.

Meanings: `@requiresScopes` and `@authenticated` as in Apollo Federation, `@cost` and
`@listSize` as in IBM's cost directives, `@cacheControl` as in Apollo Server.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from orderlines.errors import GatewayError
from policies.permissions import INTROSPECTION, FieldPolicy, Policies
from policies.permissions import ListSize as Size

_FIELD: Final = [Location.FIELD_DEFINITION]

FIXED_BY_FEDERATION: Final = frozenset({("Query", "_entities"), ("Query", "_service")})
"""Not null by its specification; where one is refused, all of `data` is null."""

D = TypeVar("D")


@strawberry.schema_directive(
    locations=_FIELD,
    name="requiresScopes",
    description=(
        "Who may ask: a caller who has all scopes of one of the inner lists. "
        "To others the field is null, with an error."
    ),
)
class RequiresScopes:
    """Inner lists are AND, the outer one is OR."""

    scopes: list[list[str]]


@strawberry.schema_directive(
    locations=_FIELD, name="authenticated", description="Every caller who is known may ask."
)
class Authenticated:
    """Said of a root field, so that nothing is open by mistake."""


@strawberry.schema_directive(
    locations=_FIELD,
    name="cost",
    description="Points it costs without what is below it; 1 for an object, 0 for a value.",
)
class Cost:
    """IBM's weight, as a whole number."""

    weight: int


@strawberry.schema_directive(
    locations=_FIELD,
    name="listSize",
    description=(
        "How long a list is taken to be for its cost: as long as the longest of "
        "`slicingArguments` says, and `assumedSize` without. With `sizedFields` that is said "
        "of the lists right below it."
    ),
)
class ListSize:
    """IBM's `@listSize`."""

    assumed_size: int
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET


@strawberry.schema_directive(
    locations=_FIELD,
    name="cacheControl",
    description="Seconds after which a kept answer may no longer be given, if one is allowed.",
)
class CacheControl:
    """The most that a caller's `maxAge` can allow."""

    max_age: int


@strawberry.schema_directive(
    locations=_FIELD, name="owner", description="Who answers for what it says."
)
class Owner:
    """A team, by its name."""

    team: str


def requires(*scopes: str) -> RequiresScopes:
    """Ask for all of some scopes."""
    return RequiresScopes(scopes=[list(scopes)])


def sized(assumed: int, *arguments: str, fields: Iterable[str] = ()) -> ListSize:
    """Say how long a list is taken to be."""
    return ListSize(
        assumed_size=assumed,
        slicing_arguments=list(arguments) or strawberry.UNSET,
        sized_fields=list(fields) or strawberry.UNSET,
    )


LINES: Final = requires("lines:read")
PROMISES: Final = requires("promises:read")
FULFILMENT: Final = requires("fulfilment:read")
EVERY_SECTION: Final = requires("fulfilment:read", "promises:read")
RECONCILIATION: Final = requires("fulfilment:read", "promises:read", "reconciliation:read")
PRICES: Final = requires("prices:read")
BACKENDS: Final = requires("backends:read")
INTROSPECTS: Final = requires(INTROSPECTION)


class UngovernedSchemaError(GatewayError):
    """A field has no policy, or one that contradicts itself."""


def field_policies(schema: GraphQLSchema) -> Policies:
    """Collect the policy of every field, by type name and field name.

    Raises:
        UngovernedSchemaError: Names the field that lacks something.
    """
    policies: dict[tuple[str, str], FieldPolicy] = {}
    by_parent: set[tuple[str, str]] = set()
    for parent, name, one in _fields(schema):
        directives = _directives(one)
        policy = _policy(one, directives)
        policies[parent.name, name] = policy
        if policy.list_size is not None:
            inner = get_named_type(one.type)
            by_parent |= {(inner.name, below) for below in policy.list_size.sized}
    reachable = _reachable(schema)
    for parent, name, one in _fields(schema):
        place = (parent.name, name)
        if reason := _fault(schema, parent, one, place, policies, by_parent, reachable):
            msg = f"`{parent.name}.{name}` {reason}."
            raise UngovernedSchemaError(msg)
    return policies


def _fault(  # noqa: PLR0913, PLR0917 - everything that one rule or another looks at
    schema: GraphQLSchema,
    parent: GraphQLObjectType,
    one: GraphQLField,
    place: tuple[str, str],
    policies: Policies,
    by_parent: set[tuple[str, str]],
    reachable: frozenset[str],
) -> str | None:
    """Say what a field's policy lacks."""
    directives, policy = _directives(one), policies[place]
    is_root = parent in (schema.query_type, schema.mutation_type, schema.subscription_type)
    if is_root:
        if bool(policy.requires) == (_the(directives, Authenticated) is not None):
            return "is a root field: it needs either `@requiresScopes` or `@authenticated`"
        if policy.owner is None or policy.max_age_s is None:
            return "is a root field: it needs `@owner` and `@cacheControl`"
    elif parent.name not in reachable:
        return "is below no root field, so it inherits no policy"
    if policy.requires and is_non_null_type(one.type) and place not in FIXED_BY_FEDERATION:
        return "needs a scope and must be nullable, or who lacks it loses what is around it"
    is_list = is_list_type(get_nullable_type(one.type))
    if (
        is_list
        and is_composite_type(get_named_type(one.type))
        and policy.list_size is None
        and place not in by_parent
    ):
        return "is a list of objects: it needs `@listSize`"
    return None


def _policy(one: GraphQLField, directives: list[Any]) -> FieldPolicy:
    scopes, cost = _the(directives, RequiresScopes), _the(directives, Cost)
    size, cache = _the(directives, ListSize), _the(directives, CacheControl)
    owner = _the(directives, Owner)
    is_object = is_composite_type(get_named_type(one.type))
    return FieldPolicy(
        requires=tuple(map(frozenset, scopes.scopes)) if scopes else (),
        weight=cost.weight if cost else int(is_object),
        list_size=None
        if size is None
        else Size(
            size.assumed_size,
            tuple(size.slicing_arguments or ()),
            tuple(size.sized_fields or ()),
        ),
        max_age_s=None if cache is None else cache.max_age,
        owner=None if owner is None else owner.team,
    )


def _fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    for kind in schema.type_map.values():
        if is_object_type(kind) and not kind.name.startswith("__"):
            for name, one in kind.fields.items():
                yield kind, name, one


def _reachable(schema: GraphQLSchema) -> frozenset[str]:
    """Name the object types that are below a root field."""
    found: set[str] = set()
    waiting: list[Any] = [one for one in (schema.query_type, schema.mutation_type) if one]
    while waiting:
        kind = waiting.pop()
        for one in kind.fields.values():
            named = get_named_type(one.type)
            kinds = schema.get_possible_types(named) if hasattr(named, "types") else [named]
            for below in kinds:
                if is_object_type(below) and below.name not in found:
                    found.add(below.name)
                    waiting.append(below)
    return frozenset(found)


def _directives(one: GraphQLField) -> list[Any]:
    declared = one.extensions.get("strawberry-definition")
    return list(declared.directives) if isinstance(declared, StrawberryField) else []


def _the(directives: list[Any], kind: type[D]) -> D | None:
    found = [one for one in directives if isinstance(one, kind)]
    return found[0] if found else None
