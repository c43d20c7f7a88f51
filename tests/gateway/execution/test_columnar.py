"""Lists held as columns: taken as they are, and their items made only where they are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from gateway.execution import Executed, Executor
from gateway.execution.columnar import is_columnar, kinds_of, needs_no_escape
from tests.gateway.execution.plans import Plan

SDL = """
type Query { things: [Thing!]! few: [[Thing]!] }
type Thing { name: String! size: Int! self: Thing! }
"""


@dataclass(frozen=True)
class Thing:
    """An item."""

    name: str
    size: int


class Things(Sequence[Thing]):
    """A list that counts how often it is gone through."""

    item_type = Thing

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.made = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Thing]:
        self.made += 1
        return iter([Thing(f"thing {size}", size) for size in self.sizes])

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an index or a slice
        return [*self][index]


def sizes_of(things: Sequence[Thing]) -> list[int]:
    """Read a column as a column."""
    return [*things.sizes] if isinstance(things, Things) else [one.size for one in things]


async def ask(query: str, **roots: object) -> Executed:
    """Ask an executor that met things before."""
    fields = {
        ("Thing", "name"): Plan(attribute="name"),
        ("Thing", "size"): Plan(column=sizes_of),
        ("Thing", "self"): Plan(column=lambda things: things),
        **{
            ("Query", name): Plan(function=lambda _, value=value: value)
            for name, value in roots.items()
        },
    }
    schema, document = build_schema(SDL), parse(query)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executor = Executor(schema, fields)
    executor.plain.add(Thing)
    return await executor.execute(document, operation, {}, None)


async def test_a_list_of_columns_is_never_gone_through_for_its_columns() -> None:
    """At any depth below it."""
    things = Things(3, 5)
    executed = await ask("{ things { size self { self { size } } } }", things=things)

    assert executed.data == {
        "things": [
            {"size": 3, "self": {"self": {"size": 3}}},
            {"size": 5, "self": {"self": {"size": 5}}},
        ]
    }
    assert things.made == 0


async def test_a_field_of_each_item_makes_the_items() -> None:
    """Whoever reads an attribute reads an item."""
    things = Things(3, 5)
    executed = await ask("{ things { name size } }", things=things)

    assert executed.data == {
        "things": [{"name": "thing 3", "size": 3}, {"name": "thing 5", "size": 5}]
    }
    assert things.made > 0


@pytest.mark.parametrize("lists", [[Things(1), Things(2, 3)], [[Thing("a", 1)], Things(2, 3)]])
async def test_several_lists_are_put_together(lists: list[Sequence[Thing]]) -> None:
    """Also with lists of the usual kind, and those that are empty."""
    executed = await ask("{ few { size } }", few=[*lists, Things(), []])

    assert executed.errors == ()
    assert executed.data == {"few": [[{"size": 1}], [{"size": 2}, {"size": 3}], [], []]}


class Digits(list[str]):
    """Texts that say what they are."""

    needs_no_escape = True


async def test_texts_that_need_no_escape_are_not_looked_at() -> None:
    """Only their class says so, and only where a text stands for itself."""
    for kind, shown in ((list, '"a\\"b"'), (Digits, '"a"b"')):
        fields = {
            ("Query", "things"): Plan(function=lambda _: [Thing("", 0)]),
            ("Thing", "name"): Plan(column=lambda _, kind=kind: kind(['a"b'])),
            ("Thing", "size"): Plan(column=lambda _: Digits(["12"])),
        }
        document = parse("{ things { name size } }")
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        executor = Executor(build_schema(SDL), fields)
        executor.plain.add(Thing)
        executed = await executor.execute(document, operation, {}, None)

        # The one is told as it is said to be, right or wrong; a text is never a number.
        assert executed.json == b'{"things":[{"name":%s,"size":12}]}' % shown.encode()


def test_only_a_class_says_what_its_items_are() -> None:
    """A list is not asked what it holds."""
    assert [is_columnar(one) for one in (Things, list, type, str)] == [True, False, False, False]
    assert [needs_no_escape(one) for one in (Digits, list, Things)] == [True, False, False]
    assert kinds_of(Things(1, 2)) == {Thing}
    assert kinds_of([1, "a"]) == {int, str}


async def test_a_root_field_that_gives_its_parents_gives_null() -> None:
    """Above the root there is nothing, which is no object."""
    schema = build_schema("type Query { me: Me } type Me { me: Me name: String }")
    executor = Executor(
        schema,
        {
            ("Query", "me"): Plan(column=lambda parents: parents),
            ("Me", "me"): Plan(column=lambda parents: parents),
            ("Me", "name"): Plan(attribute="name"),
        },
    )
    document = parse("{ me { me { name } } }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executed = await executor.execute(document, operation, {}, None)

    assert (executed.data, executed.errors) == ({"me": None}, ())
