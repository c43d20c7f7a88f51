"""What the desk says of its fields, and what it refuses to be told beside."""

from collections.abc import Sequence
from typing import Any

import pytest
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from orderlines.errors import GatewayError
from resolvers.batches import (
    Ask,
    UngovernedFieldError,
    batched,
    column,
    computed,
    field,
    field_plans,
)
from resolvers.needs import QUANTITIES


class Nobody(BasePermission):
    """A permission class, as strawberry offers them."""

    def has_permission(self, source: object, info: object, **_: object) -> bool:  # noqa: ARG002 - strawberry's shape
        """Allow nothing."""
        return False


class Shout(FieldExtension):
    """A field extension, as strawberry offers them."""

    def resolve(self, next_: Any, source: object, info: Any, **given: Any) -> object:  # noqa: ANN401 - strawberry's shape
        """Change nothing."""
        return next_(source, info, **given)


def plans_of(query: type) -> dict[tuple[str, str], Any]:
    """Collect the plans of a schema."""
    return dict(field_plans(strawberry.Schema(query)._schema))  # noqa: SLF001 - strawberry offers no public way to it


async def root(parents: Sequence[object], ask: Ask, *, how_many: int = 1) -> Sequence[int]:
    """Answer a root field."""
    del ask
    return [how_many for _ in parents]


@strawberry.type
class Query:
    """One field of each kind."""

    held: int = field("An attribute.", needs=QUANTITIES, name="kept")
    asked: int = batched(root, int, "A batch.")

    @computed(int, "A function.")
    def worked(one: strawberry.Parent[object], plus: int = 1) -> int:  # noqa: N805 - the parent
        """Work it out for one."""
        del one
        return plus

    @column(int, "A column.", needs=QUANTITIES)
    def summed(ones: Sequence[object], *, plus_all: int = 1) -> Sequence[int | GatewayError]:  # noqa: N805 - the parents
        """Work it out for all."""
        return [plus_all if one is None else GatewayError("no") for one in ones]


def test_each_field_says_how_it_is_executed() -> None:
    """One way each, the names of its arguments in Python, and what it needs."""
    plans = plans_of(Query)
    ways = ("batch", "column", "function", "attribute")
    told = {
        name: {way for way in ways if getattr(plan, way) is not None}
        for (_, name), plan in plans.items()
    }

    assert told == {
        "kept": {"attribute"},
        "asked": {"batch"},
        "worked": {"function"},
        "summed": {"column"},
    }
    assert plans["Query", "kept"].attribute == "held"
    assert plans["Query", "kept"].needs == QUANTITIES
    assert plans["Query", "asked"].arguments == {"howMany": "how_many"}
    assert plans["Query", "summed"].arguments == {"plusAll": "plus_all"}
    assert plans["Query", "summed"].needs == QUANTITIES


def test_a_column_answers_one_parent_where_nobody_asks_for_all() -> None:
    """Under strawberry itself it is a function like any other, errors included."""
    schema = strawberry.Schema(Query)
    whole = schema.execute_sync("{ summed(plusAll: 4) }")
    failed = schema.execute_sync("{ summed }", root_value=1)

    assert (whole.data, whole.errors) == ({"summed": 4}, None)
    assert failed.data is None
    assert [one.message for one in failed.errors or ()] == ["no"]


@pytest.mark.parametrize(
    "options", [{"permission_classes": [Nobody]}, {"extensions": [Shout()]}], ids=str
)
def test_a_field_with_a_policy_of_its_own_does_not_build(options: dict[str, Any]) -> None:
    """The guard is the only authority, and the executor would not ask anybody else."""

    @strawberry.type(name="Query")
    class Other:
        @strawberry.field(**options)  # type: ignore[untyped-decorator] # options of any kind
        def secret(self) -> int:
            return 1

    with pytest.raises(UngovernedFieldError) as raised:
        plans_of(Other)

    assert raised.value.message.startswith("`Query.secret` has permission classes")
