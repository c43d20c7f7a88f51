"""What readers are asked for, and what becomes of what they say."""

from collections.abc import Sequence
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from gateway.execution import Executor
from gateway.execution.plan import NO_MASK, FieldMask, Path
from gateway.execution.templates import MANY
from tests.gateway.execution.plans import Plan


class Reading:
    """A reader of things, which are their own names."""

    source = "def read(things): ..."

    def __init__(self, leaves: Sequence[Path], *, is_usual: bool = True) -> None:
        self.leaves = leaves
        self.nulls = {leaf for leaf in leaves if leaf[-1] == "nothing"}
        self.is_usual = is_usual
        self.asked = 0

    def read(self, things: Sequence[Any], /) -> Sequence[Sequence[str]] | None:
        """Say each name in capitals, so that whoever read them is seen."""
        self.asked += 1
        columns = [[thing.upper() for thing in things] for leaf in self.leaves]
        given = [
            column
            for leaf, column in zip(self.leaves, columns, strict=True)
            if leaf not in self.nulls
        ]
        return given if self.is_usual else None


class Things(list[str]):
    """Things that say of all of them what they are, as a page of columns does."""

    item_type = str


SDL = """
type Query { things: [Thing!]! nobody: [Thing!]! one: Any }
type Thing {
  name: String! nothing: String self: Thing! maybe: Thing given(a: Int = 1): String!
  many: [String!]! list: [Thing!]! batched: String! waited: String! default: String! any: Any
}
union Any = Thing
"""


async def _later(thing: str) -> str:
    return thing


async def _batch(things: Sequence[str], _ask: object) -> Sequence[str]:
    return things


async def ask(
    query: str,
    *,
    is_usual: bool = True,
    mask: FieldMask = NO_MASK,
    things: Sequence[str] = ("ann", "bob"),
) -> tuple[Any, list[Reading]]:
    """Ask twice, and give the last answer and the readers that were made."""
    made: list[Reading] = []

    def make(leaves: Sequence[Path]) -> Reading:
        made.append(Reading(leaves, is_usual=is_usual))
        return made[-1]

    plain = Plan(function=lambda thing, **_: thing)
    ways = {
        "nothing": Plan(function=lambda _: None),
        "many": Plan(function=lambda thing: [thing]),
        "list": Plan(function=lambda thing: [thing]),
        "batched": Plan(batch=_batch),
        "waited": Plan(function=_later),
    }
    names = ("name", "self", "maybe", "given", "any")
    fields = {("Thing", name): plain for name in names}
    fields |= {("Thing", name): plan for name, plan in ways.items()}
    fields["Query", "things"] = Plan(function=lambda _: things)
    fields["Query", "nobody"] = Plan(function=lambda _: [])
    schema = build_schema(SDL)
    schema.type_map["Any"].resolve_type = lambda *_: "Thing"  # type: ignore[attr-defined] # a union
    executor = Executor(schema, fields, readers={"Thing": make})
    document = parse(query)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    for _ in range(2):
        executed = await executor.execute(
            document, operation, {"yes": True, "no": False}, None, mask=mask
        )
    return executed.data, made


READ = {
    "{ name }": {"name": "ANN"},
    "{ a: name b: name }": {"a": "ANN", "b": "ANN"},
    "{ name ... on Thing { name self { name } } name ... { self { nothing } } }": {
        "name": "ANN",
        "self": {"name": "ANN", "nothing": None},
    },
    "{ __typename name kind: __typename }": {
        "__typename": "Thing",
        "name": "ANN",
        "kind": "Thing",
    },
    "{ nothing name none: nothing }": {"nothing": None, "name": "ANN", "none": None},
    "{ self { __typename self { nothing name } } }": {
        "self": {"__typename": "Thing", "self": {"nothing": None, "name": "ANN"}}
    },
    "{ maybe { name } }": {"maybe": {"name": "ANN"}},
    "{ name @skip(if: $no) self @include(if: $no) { name } }": {"name": "ANN"},
}


def question(selection: str, root: str = "things") -> str:
    """Ask for things."""
    return f"query ($yes: Boolean = true, $no: Boolean = false) {{ {root} {selection} }}"


@pytest.mark.parametrize("selection", READ)
async def test_leaves_are_read_together_under_their_keys(selection: str) -> None:
    """In the order of the answer, at any depth, as often as they are selected."""
    data, made = await ask(question(selection))

    assert data["things"][0] == READ[selection]
    assert [one.asked for one in made][-1] > 0


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, MANY + 1, 100])
@pytest.mark.parametrize("selection", READ)
async def test_a_list_that_is_written_at_once_is_the_same_list(selection: str, count: int) -> None:
    """However long it is, whether it is held as columns, and whatever its reader says."""
    names = [f"thing {number} {{}} % '" for number in range(count)]
    columns, made = await ask(question(selection), things=Things(names))
    rows, _ = await ask(question(selection), things=names)
    unread, _ = await ask(question(selection), things=Things(names), is_usual=False)

    assert columns == rows
    assert str(unread).upper() == str(rows).upper()
    assert len(columns["things"]) == count
    assert [one.asked for one in made][-1] == 2


@pytest.mark.parametrize("selection", READ)
async def test_a_reader_that_says_none_is_as_if_there_were_none(selection: str) -> None:
    """The fields are read then."""
    data, _ = await ask(question(selection), is_usual=False)

    assert str(data["things"][0]) == str(READ[selection]).replace("ANN", "ann")


@pytest.mark.parametrize(
    "selection",
    [
        "{ name given }",
        "{ name given(a: 2) }",
        "{ many name }",
        "{ name batched }",
        "{ waited name }",
        "{ name default }",
        "{ __typename }",
        "{ nothing }",
        "{ name any { __typename } }",
        "{ name self { __typename } }",
    ],
)
async def test_no_reader_is_asked_for_what_is_not_plain(selection: str) -> None:
    """Arguments, lists, what is awaited, abstract types, and objects without a leaf to read.

    Whether such an object is there, no column would tell.
    """
    _, made = await ask(question(selection))

    assert [one.asked for one in made] in ([], [0])


async def test_no_reader_is_asked_for_what_is_refused() -> None:
    """At any depth: the mask is held by whoever reads fields."""
    mask = frozenset({("Thing", "nothing")})
    data, made = await ask(question("{ name self { nothing } }"), mask=mask)

    assert data["things"][0] == {"name": "ann", "self": {"nothing": None}}
    assert all(one.leaves == [("nothing",)] or not one.asked for one in made)


async def test_below_a_list_things_are_read_by_a_reader_of_their_own() -> None:
    """The list itself is no leaf."""
    data, made = await ask(question("{ name list { name } }"))

    assert data["things"][0] == {"name": "ann", "list": [{"name": "ANN"}]}
    assert [one.leaves for one in made if one.asked] == [[("name",)]]


async def test_nobody_is_read_as_nobody() -> None:
    """An empty list is empty, whoever reads it."""
    data, _ = await ask(question("{ name }", "nobody"))

    assert data == {"nobody": []}


@pytest.mark.parametrize("is_usual", [True, False])
async def test_a_page_is_read_once_and_counted(*, is_usual: bool) -> None:
    """A reader that says none is not asked again by whoever reads the fields then."""
    made: list[Reading] = []

    def make(leaves: Sequence[Path]) -> Reading:
        made.append(Reading(leaves, is_usual=is_usual))
        return made[-1]

    fields = {
        ("Query", "things"): Plan(function=lambda _: Things(["ann", "bob"])),
        ("Thing", "name"): Plan(function=lambda thing: thing),
    }
    executor = Executor(build_schema(SDL), fields, readers={"Thing": make})
    executor.plain.add(str)
    document = parse("{ things { name } again: things { name } }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executed = await executor.execute(document, operation, {}, None)

    assert executed.errors == ()
    assert [*executed.counts.values()] == [2, 2]
    assert [one.asked for one in made] == [1, 1]
