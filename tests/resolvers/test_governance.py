"""The policy of every field: stated or inherited, consistent, and shown as committed."""

from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_object_type

from gateway.cli.policies import policy_lines
from orderlines.facets import Facts, Section
from policies.permissions import INTROSPECTION, Permissions
from resolvers.batches import field_plans
from resolvers.governance import (
    Authenticated,
    CacheControl,
    Owner,
    UngovernedSchemaError,
    field_policies,
    requires,
    sized,
)
from resolvers.needs import max_age_of, sections_of
from resolvers.schema import build_schema

SNAPSHOT = Path(__file__).parent / "snapshots" / "policies.txt"
OPEN = (Authenticated(), CacheControl(max_age=0), Owner(team="tests"))
SCOPE_OF = {Section.PROMISE: "promises:read", Section.FULFILMENT: "fulfilment:read"}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """Give the schema of the code."""
    return build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it


def test_the_policies_are_as_committed() -> None:
    """A change of who may see what is seen in review, in one file."""
    assert "\n".join(policy_lines()) + "\n" == SNAPSHOT.read_text("utf-8")


def subsets(scopes: frozenset[str]) -> Iterator[frozenset[str]]:
    """Give every subset."""
    every = sorted(scopes)
    for some in chain.from_iterable(combinations(every, n) for n in range(len(every) + 1)):
        yield frozenset(some)


def test_k5_every_field_under_every_set_of_scopes_is_as_declared(schema: GraphQLSchema) -> None:
    """The mask of each of the sets agrees with the directives, field by field."""
    policies = field_policies(schema)
    permissions = Permissions(policies)
    tried = 0
    for held in subsets(permissions.scopes):
        mask = permissions.mask(held)
        for place, policy in policies.items():
            allowed = not policy.requires or any(every <= held for every in policy.requires)
            assert (place not in mask) == allowed, (place, held)
            tried += 1
        assert (("Query", "__schema") in mask) == (INTROSPECTION not in held)
    assert tried == len(policies) * 2 ** len(permissions.scopes) > 20_000


def test_no_field_reads_a_section_without_its_scope(schema: GraphQLSchema) -> None:
    """On every way from the root, a scope of each section that a field reads was asked for."""
    policies, plans = field_policies(schema), field_plans(schema)
    seen: set[tuple[str, frozenset[str]]] = set()
    assert schema.query_type is not None
    waiting: list[tuple[GraphQLObjectType, frozenset[str]]] = [(schema.query_type, frozenset())]
    looked_at = 0
    while waiting:
        kind, held = waiting.pop()
        if (kind.name, held) in seen:
            continue
        seen.add((kind.name, held))
        for name, one in kind.fields.items():
            place = (kind.name, name)
            every = policies[place].requires
            surely = held | (frozenset.intersection(*every) if every else frozenset())
            for section in sections_of(plans[place].needs) - {Section.HEADER}:
                assert SCOPE_OF[section] in surely, (place, held)
                looked_at += 1
            named = get_named_type(one.type)
            kinds = schema.get_possible_types(named) if hasattr(named, "types") else [named]
            waiting.extend((below, surely) for below in kinds if is_object_type(below))
    assert looked_at > 10


def test_no_field_is_older_than_its_cache_control_allows(schema: GraphQLSchema) -> None:
    """On every way below a look-up, what its selection may be made of is as young as it says."""
    policies, plans = field_policies(schema), field_plans(schema)
    assert schema.query_type is not None
    look_ups = [
        (name, one) for name, one in schema.query_type.fields.items() if "maxAge" in one.args
    ]
    waiting: list[tuple[GraphQLObjectType, int, Facts]] = []
    for name, one in look_ups:
        place = ("Query", name)
        allowed = policies[place].max_age_s
        assert allowed is not None
        assert max_age_of(plans[place].needs) == allowed
        waiting.append((get_named_type(one.type), allowed, plans[place].needs))
    seen: set[tuple[str, int, Facts]] = set()
    while waiting:
        kind, inherited, above = waiting.pop()
        if (kind.name, inherited, above) in seen:
            continue
        seen.add((kind.name, inherited, above))
        for name, one in kind.fields.items():
            place = (kind.name, name)
            stated = policies[place].max_age_s
            allowed, needs = inherited if stated is None else stated, above | plans[place].needs
            assert max_age_of(needs) <= allowed, place
            named = get_named_type(one.type)
            if is_object_type(named):
                waiting.append((named, allowed, needs))
    assert len(look_ups) == 3
    assert {allowed for _, allowed, _ in seen} == {30, 60}


@strawberry.type
class Part:
    """Something below a root field."""

    name: str | None = None


def built(*, kind: object = Part | None, directives: tuple[object, ...] = OPEN) -> GraphQLSchema:
    """Build a schema of one root field."""
    root = strawberry.field(
        resolver=lambda: None, graphql_type=kind, directives=directives, name="one"
    )
    query = strawberry.type(type("Query", (), {"one": root}), name="Query")
    return strawberry.Schema(query=query)._schema  # noqa: SLF001 - as above


@pytest.mark.parametrize(
    ("kind", "directives", "lacks"),
    [
        (Part | None, (), "needs either `@requiresScopes` or `@authenticated`"),
        (Part | None, (*OPEN, requires("a")), "needs either"),
        (Part | None, (Authenticated(), CacheControl(max_age=0)), "needs `@owner`"),
        (Part | None, (Authenticated(), Owner(team="tests")), "and `@cacheControl`"),
        (Part, (requires("a"), *OPEN[1:]), "must be nullable"),
        (list[Part] | None, OPEN, "needs `@listSize`"),
    ],
)
def test_a_field_without_a_policy_does_not_build(
    kind: object, directives: tuple[object, ...], lacks: str
) -> None:
    """Default deny: the field is named, with what it lacks."""
    with pytest.raises(UngovernedSchemaError, match=r"`Query.one` ") as raised:
        field_policies(built(kind=kind, directives=directives))

    assert lacks in raised.value.message


def test_a_field_with_a_policy_builds() -> None:
    """And tells it."""
    policy = field_policies(built(kind=list[Part] | None, directives=(*OPEN, sized(4, "ids"))))

    assert policy["Query", "one"].list_size is not None
    assert (policy["Query", "one"].weight, policy["Part", "name"].weight) == (1, 0)


def test_a_type_below_no_root_field_does_not_build() -> None:
    """It would inherit from nobody."""
    query = strawberry.type(
        type("Query", (), {"one": strawberry.field(lambda: 1, graphql_type=int, directives=OPEN)}),
        name="Query",
    )
    schema = strawberry.Schema(query=query, types=[Part])._schema  # noqa: SLF001 - as above

    with pytest.raises(UngovernedSchemaError, match=r"`Part\.name` is below no root field"):
        field_policies(schema)
