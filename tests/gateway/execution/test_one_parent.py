"""Where no list is above there is one parent: graphql-core's answer, whatever it is."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse

from gateway.execution import Ask, Executed, Executor, InvalidBatchError
from gateway.execution.plan import Field, Selection, below_lists
from tests.gateway.execution.oracle import Oracle, in_order, told
from tests.gateway.execution.plans import Plan

SDL = """
type Query {
  box(a: String, b: Int = 2, from: ID): Box
  many(a: String): [Box!]
  must: Box!
  said(a: String): String
  both: Both
}
type Mutation { box(a: String): Box must: Box! said(a: String): String }
type Box {
  name(upper: Boolean = false): String!
  size: Int
  inner: Box
  later: Box
  list: [Box!]
  told(a: String): String
}
union Both = Box
"""


def box(name: object = "b", **more: object) -> SimpleNamespace:
    """Make a box, which has what it is not given as null."""
    usual = {"size": 1, "inner": None, "later": None, "list": None}
    return SimpleNamespace(**{"name": name, **usual, **more})


def name_of(parent: SimpleNamespace, *, upper: bool = False) -> object:
    """Name a box."""
    if isinstance(parent.name, Exception):
        raise parent.name
    return parent.name.upper() if upper else parent.name


class Boxes(Sequence[Any]):
    """A column that says of what type its items are."""

    item_type = SimpleNamespace

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an index or a slice
        return self.items[index]


class Systems:
    """Answers batch fields with what a test gave, and remembers their arguments."""

    def __init__(self, values: Any) -> None:  # noqa: ANN401 - of any field
        self.values = values
        self.given: list[Mapping[str, object]] = []

    async def ask(self, parents: Sequence[object], _: Ask, **given: object) -> Any:  # noqa: ANN401 - as above
        """Answer a field of the root."""
        del parents
        self.given.append(given)
        if isinstance(self.values, Exception):
            raise self.values
        return self.values

    async def later(self, parents: Sequence[Any], _: Ask) -> Sequence[object]:
        """Answer a field of boxes."""
        return [one.later for one in parents]

    async def told(self, parents: Sequence[Any], _: Ask, **given: object) -> Sequence[object]:
        """Tell each box its arguments."""
        self.given.append(given)
        return [f"{one.name} {sorted(given.items())}" for one in parents]


def plans_of(systems: Systems) -> dict[tuple[str, str], Plan]:
    """Say how each field is executed."""
    asked = Plan(batch=systems.ask)
    named = Plan(batch=systems.ask, arguments={"a": "a", "b": "b", "from": "from"})
    return {
        **{("Query", name): asked for name in ("many", "must", "said", "both")},
        **{("Mutation", name): asked for name in ("box", "must", "said")},
        ("Query", "box"): named,
        ("Box", "name"): Plan(function=name_of, arguments={"upper": "upper"}),
        ("Box", "size"): Plan(column=lambda parents: [one.size for one in parents]),
        ("Box", "inner"): Plan(attribute="inner"),
        ("Box", "later"): Plan(batch=systems.later),
        ("Box", "list"): Plan(attribute="list"),
        ("Box", "told"): Plan(batch=systems.told),
    }


def schema_of() -> GraphQLSchema:
    """Build the schema."""
    schema = build_schema(SDL)
    schema.type_map["Both"].resolve_type = lambda *_: "Box"  # type: ignore[attr-defined] # a union
    return schema


async def ask(query: str, values: object, variables: Mapping[str, object]) -> Executed:
    """Ask twice, so that types and variables are known, and hold it to graphql-core."""
    systems = Systems(values)
    document = parse(query)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    executor = Executor(schema_of(), plans_of(systems))
    executed = [await executor.execute(document, operation, variables, None) for _ in range(2)]

    core = schema_of()
    for name in ("size", "inner", "list"):
        core.type_map["Box"].fields[name].resolve = (  # type: ignore[attr-defined] # an object type
            lambda one, _, name=name: getattr(one, name)
        )
    core.type_map["Box"].fields["name"].resolve = (  # type: ignore[attr-defined] # an object type
        lambda one, _, **given: name_of(one, **given)
    )
    expected = await Oracle(core, plans_of(systems)).execute(query, variables)
    for one in executed:
        assert in_order(one.data) == in_order(expected.data)
        assert told(one.errors) == told(expected.errors)
    return executed[-1]


WHOLE = box(
    inner=box("i", size=None, inner=box("ii")),
    later=box("l", later=box("ll"), inner=box("li")),
    list=[box("x", later=box("xl", later=box("xll"))), box("y", inner=box("yi"))],
)
FAILING = box(inner=box(ValueError("no name"), inner=box("ii")), list=[box(ValueError("none"))])
DEEP = """
fragment Part on Box { name size told(a: $a) }
query ($a: String) { box { ...Part inner { ...Part inner { ...Part } }
  list { name inner { ...Part } later { ...Part later { name } } }
  later { later { ...Part } inner { name } } } }
"""

QUERIES = [
    "{ box { name } }",
    "{ box { __typename } }",
    "{ __typename box { size kind: __typename } again: __typename }",
    "{ box { name(upper: true) size inner { name size inner { name } } } }",
    "{ box { list { name } inner { list { size } name } } }",
    "{ box { later { name } } }",
    "{ box { later { later { name } inner { size } } name } }",
    "{ box { list { later { later { name } } name } } }",
    "{ box { list { told(a: null) } told(a: null) } }",
    "{ a: box { name } b: box { inner { name } } }",
    "{ must { name inner { name } } }",
    "{ both { ... on Box { name inner { size } } } }",
    "mutation { box { name later { name } } said must { inner { name } } }",
    "query ($a: String) { box(a: $a, from: 1) { name told(a: $a) } }",
    "query ($a: String) { box(a: $a) { inner { told(a: $a) } list { told(a: $a) } } }",
    "query ($a: Int) { box(b: $a) { name(upper: true) } }",
    "{ box { " + " ".join(f"a{n}: name b{n}: size" for n in range(40)) + " inner { name } } }",
    DEEP,
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    "values",
    [[WHOLE], [None], [FAILING], [ValueError("gone")], ValueError("down"), (WHOLE,)],
    ids=["whole", "null", "failing", "gone", "down", "tuple"],
)
async def test_one_object_is_as_in_graphql_core(query: str, values: object) -> None:
    """There or not, with errors in it or instead of it, in whatever sequence it comes."""
    for variables in ({}, {"a": "text"}, {"a": None}, {"a": 7}):
        await ask(query, values, variables)


@pytest.mark.parametrize(
    "query", ["{ many { name inner { size } } }", "{ many { later { name } } }"]
)
@pytest.mark.parametrize("many", [[WHOLE, box("c")], [], None, [FAILING], Boxes([WHOLE, WHOLE])])
async def test_a_list_at_the_root_is_as_in_graphql_core(query: str, many: object) -> None:
    """Below it there may be more than one parent, or none."""
    await ask(query, [many], {})


async def test_one_object_may_come_in_a_column() -> None:
    """Which says of what type it is."""
    executed = await ask("{ box { name inner { name } } }", Boxes([WHOLE]), {})

    assert executed.data == {"box": {"name": "b", "inner": {"name": "i"}}}


@pytest.mark.parametrize("values", [[], [WHOLE, WHOLE]])
@pytest.mark.parametrize("query", ["{ box { name } }", "{ box { list { told } } }"])
async def test_a_root_that_is_answered_twice_or_never_is_a_fault(
    query: str, values: Sequence[object]
) -> None:
    """As for every batch."""
    document = parse(query)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executor = Executor(schema_of(), plans_of(Systems(values)))
    executed = await executor.execute(document, operation, {}, None)

    assert executed.data == {"box": None}
    assert [type(one.original_error) for one in executed.errors] == [InvalidBatchError]


async def test_a_batch_below_a_list_that_is_miscounted_fails_each_item() -> None:
    """No value reaches the wrong parent."""
    systems = Systems([box(list=[box(), box()])])
    plans = plans_of(systems)

    async def few(parents: Sequence[object], _: Ask) -> Sequence[object]:
        return parents[1:]

    plans["Box", "later"] = Plan(batch=few)
    document = parse("{ box { list { later { name } } } }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executed = await Executor(schema_of(), plans).execute(document, operation, {}, None)

    assert executed.data == {"box": {"list": [{"later": None}, {"later": None}]}}
    assert [type(one.original_error) for one in executed.errors] == [InvalidBatchError] * 2


@pytest.mark.parametrize(
    ("query", "names", "given"),
    [
        ("query ($a: String) { box(a: $a) { name } }", {}, {"a": "t", "b": 2}),
        ("query ($a: ID) { box(from: $a) { name } }", {}, {"from": "t", "b": 2}),
        ("query ($a: ID) { box(from: $a) { name } }", {"from": "of"}, {"of": "t", "b": 2}),
        ("query ($a: ID) { box(from: $a) { name } }", {"from": "__of"}, {"__of": "t", "b": 2}),
        ("query ($a: String) { box(a: $a) { name } }", {"a": "b"}, {"b": "t"}),
        ('{ box(a: "x", from: "y") { name } }', {}, {"a": "x", "b": 2, "from": "y"}),
        ('{ box(a: "x", b: 3) { name } }', {"b": "size"}, {"a": "x", "size": 3}),
    ],
)
async def test_a_batch_is_given_its_arguments_under_their_names(
    query: str, names: Mapping[str, str], given: Mapping[str, object]
) -> None:
    """Also those that are no names in Python, and those that become one."""
    systems = Systems([box()])
    plans = plans_of(systems)
    plans["Query", "box"] = Plan(batch=systems.ask, arguments=names)
    document = parse(query)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executor = Executor(schema_of(), plans)
    variables = {"a": "t"} if "$a" in query else {}
    for _ in range(2):
        await executor.execute(document, operation, variables, None)

    assert systems.given == [given] * 2


async def test_a_variable_that_is_not_defined_is_told_as_ever() -> None:
    """A document that nobody validated has the error that graphql-core has."""
    query = "query ($a: String) { box(a: $a, from: $other) { name } said(a: $other) }"
    for text in (query, query.replace("said(a: $other)", "")):
        executed = await ask(text, [WHOLE], {"a": "text"})

        assert executed.data is not None


def test_only_what_a_list_is_above_may_have_more_than_one_parent() -> None:
    """A fragment that stands below a list, too, is below a list."""
    executor = Executor(schema_of(), plans_of(Systems(None)))
    document = parse(DEEP)
    (_, operation) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    prepared = executor.prepare(document, operation, {"a": "text"})
    assert not isinstance(prepared, Executed)
    below = below_lists(prepared.plan.root)

    assert list(paths_of(prepared.plan.root, below)) == [
        "box.list",
        "box.list.inner",
        "box.list.later",
        "box.list.later.later",
    ]


def paths_of(selection: Selection, below: set[Selection], above: str = "") -> list[str]:
    """Name the selections that are below a list."""
    found: list[str] = []
    one: Field
    for one in selection.fields:
        for inner in one.below.values():
            path = f"{above}{one.key}"
            found += [path] if inner in below else []
            found += paths_of(inner, below, f"{path}.")
    return found
