"""The execution chapter of the specification, paragraph by paragraph, by example."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLError, GraphQLObjectType, GraphQLScalarType

from gateway.execution import Ask
from tests.gateway.execution.kit import NOTHING, ask, fails, make, shown
from tests.gateway.execution.plans import Plan

SDL = """
scalar Tag
enum Colour { RED TAN }
interface Named { name: String }
type Query {
  box: Box boxes: [Box] must: Box! all: [Box!] every: [Box!]! grid: [[Int]] strict: [[Int!]!]
  named: Named thing: Thing things: [Thing]
  int: Int float: Float string: String boolean: Boolean id: ID tag: Tag colour: Colour
}
type Box implements Named {
  name: String size: Int! lid(colour: Colour = RED, of: [Int!], limit: Int): Lid inner: Box
}
type Lid implements Named { name: String weight: Int }
union Thing = Box | Lid
"""
BOX = {"name": "b", "size": 1}
LID = {"__typename": "Lid", "name": "l", "weight": 2}


# 6.3.2 CollectFields


async def test_fields_come_in_the_order_they_are_asked_for() -> None:
    """The first place a key is met is its place, through fragments too."""
    text = "{ box { size ...F name } } fragment F on Box { inner { name } z: name size }"
    executed = await ask(make(SDL, {"box": BOX}), text)

    assert repr(executed.data) == repr({"box": {"size": 1, "inner": None, "z": "b", "name": "b"}})


async def test_an_alias_is_the_key_of_the_answer() -> None:
    """The same field twice under two keys is there twice."""
    executed = await ask(make(SDL, {"box": BOX}), "{ a: box { n: name } b: box { m: name } }")

    assert shown(executed) == ({"a": {"n": "b"}, "b": {"m": "b"}}, NOTHING)


@pytest.mark.parametrize(
    ("part", "there"),
    [
        ("name @skip(if: true)", False),
        ("name @skip(if: false)", True),
        ("name @include(if: false)", False),
        ("name @include(if: $yes)", True),
        ("name @skip(if: $yes) @include(if: $yes)", False),
        ("... @include(if: $no) { name }", False),
        ("...F @skip(if: $no)", True),
        ("...F @skip(if: $yes)", False),
        ("...F @skip(if: $yes) ...F", True),
        ("... on Named { name }", True),
        ("... on Named { ... on Box { name } }", True),
    ],
)
async def test_skip_and_include_decide_what_is_collected(part: str, there: bool) -> None:  # noqa: FBT001 - a column of the table
    """`@skip` wins; the variables are part of the plan, not of its text."""
    text = "query ($yes: Boolean = true, $no: Boolean = false) { box { size " + part + " } }"
    text += " fragment F on Box { name }" if "...F" in part else ""
    text += "" if "$" in part else " "
    made = make(SDL, {"box": BOX})
    executed = await ask(made, _declared(text))

    assert shown(executed) == ({"box": {"size": 1} | ({"name": "b"} if there else {})}, NOTHING)


def _declared(text: str) -> str:
    """Leave out the variables a text does not use, which would not be valid."""
    for name, declared in (("$yes", "$yes: Boolean = true"), ("$no", "$no: Boolean = false")):
        if text.count(name) == 1:
            text = text.replace(declared, "").replace("(, ", "(").replace(", )", ")")
    return text.replace("query ()", "query")


async def test_one_document_is_planned_for_each_choice_of_its_conditions() -> None:
    """A plan made for one value of a variable is not used for another."""
    made = make(SDL, {"box": BOX})
    text = "query ($no: Boolean!) { box { size name @skip(if: $no) } }"

    assert (await ask(made, text, {"no": True})).data == {"box": {"size": 1}}
    assert (await ask(made, text, {"no": False})).data == {"box": {"size": 1, "name": "b"}}


async def test_a_fragment_counts_where_its_type_fits() -> None:
    """By object type, by interface, and by union."""
    text = """{ things {
      __typename ... on Box { size } ... on Named { name } ... on Thing { ... on Lid { weight } }
    } }"""
    executed = await ask(make(SDL, {"things": [BOX | {"__typename": "Box"}, LID]}), text)

    assert shown(executed) == (
        {
            "things": [
                {"__typename": "Box", "size": 1, "name": "b"},
                {"__typename": "Lid", "name": "l", "weight": 2},
            ]
        },
        NOTHING,
    )


async def test_a_condition_without_a_value_fails_the_object_it_is_in() -> None:
    """An explicit null where a boolean must be: a field error below, of the root above."""
    made = make(SDL, {"box": BOX})
    head = "query ($yes: Boolean = true) "
    below = await ask(made, head + "{ box { name @skip(if: $yes) } }", {"yes": None})
    above = await ask(made, head + "{ box @skip(if: $yes) { name } }", {"yes": None})

    assert below.data == {"box": None}
    assert [error.path for error in below.errors] == [["box"]]
    assert above.data is None
    assert [error.path for error in above.errors] == [None]


# 6.3.3 Merging


async def test_selections_of_one_key_are_merged() -> None:
    """Twice the same field is one field with both selections."""
    asked: list[Sequence[object]] = []

    async def lid(parents: Sequence[object], _ask: Ask, **_: object) -> Sequence[object]:
        asked.append(parents)
        return [LID for _ in parents]

    made = make(SDL, {"box": BOX}, {("Box", "lid"): Plan(batch=lid)})
    executed = await ask(made, "{ box { lid { name } } ... { box { lid { weight } size } } }")

    assert shown(executed) == ({"box": {"lid": {"name": "l", "weight": 2}, "size": 1}}, NOTHING)
    assert asked == [[BOX]]


# 6.4.1 CoerceArgumentValues


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("", {"shade": "RED"}),
        ("(colour: TAN)", {"shade": "TAN"}),
        ("(colour: null)", {"shade": None}),
        ("(of: 1)", {"shade": "RED", "of": [1]}),
        ("(of: [$n, 2])", {"shade": "RED", "of": [7, 2]}),
        ("(limit: $n)", {"shade": "RED", "limit": 7}),
        ("(limit: $left_out)", {"shade": "RED"}),
    ],
)
async def test_arguments_are_coerced(given: str, seen: dict[str, object]) -> None:
    """Literals, lists of one, defaults, nulls, variables with and without a value."""
    got: list[dict[str, object]] = []

    def lid(_box: object, **arguments: object) -> None:
        got.append(arguments)

    plan = Plan(function=lid, arguments={"colour": "shade"})
    made = make(SDL, {"box": BOX}, {("Box", "lid"): plan})
    used = [one for one in ("$n: Int!", "$left_out: Int") if one.split(":")[0] in given]
    head = f"query ({', '.join(used)})" if used else ""
    executed = await ask(made, head + "{ box { lid" + given + " { name } } }", {"n": 7})

    assert shown(executed) == ({"box": {"lid": None}}, NOTHING)
    assert got == [seen]


async def test_a_resolver_cannot_change_what_the_next_one_is_given() -> None:
    """Arguments that can be changed are made anew for every request."""
    got: list[list[int]] = []

    def lid(_box: object, of: list[int], **_: object) -> None:
        got.append(list(of))
        of.append(99)

    made = make(SDL, {"box": BOX}, {("Box", "lid"): Plan(function=lid)})
    for _ in range(2):
        await ask(made, "{ box { lid(of: [1]) { name } } }")

    assert got == [[1], [1]]


async def test_a_variable_that_does_not_fit_fails_the_request() -> None:
    """Before anything is executed; there is no data."""
    made = make(SDL, {"box": BOX})
    text = "query ($n: Int!) { box { lid(limit: $n) { name } } }"
    executed = await ask(made, text, {"n": "seven"})

    assert (executed.executed, executed.data) == (False, None)
    assert [error.message for error in executed.errors] == [
        "Variable '$n' has invalid value: Int cannot represent non-integer value: 'seven'"
    ]


# 6.4.2 ResolveFieldValue


@pytest.mark.parametrize(
    "box",
    [
        {"name": "b", "size": 1},
        SimpleNamespace(name="b", size=1),
        {"name": lambda _info: "b", "size": lambda _info: 1},
    ],
)
async def test_a_plain_field_is_an_item_an_attribute_or_a_call(box: object) -> None:
    """As graphql-core's default resolver reads it."""
    executed = await ask(make(SDL, {"box": box}), "{ box { name size inner { name } } }")

    assert shown(executed) == ({"box": {"name": "b", "size": 1, "inner": None}}, NOTHING)


async def test_a_resolver_of_graphql_core_is_given_its_info() -> None:
    """Path, field and context; also below a list, where the path has the index."""
    made = make(SDL, {"boxes": [BOX, BOX]})
    box = made[0].type_map["Box"]
    assert isinstance(box, GraphQLObjectType)
    box.fields["name"].resolve = lambda _box, info: (
        f"{info.path.as_list()} {info.parent_type}.{info.field_name} {info.context}"
    )
    executed = await ask(made, "{ boxes { name } }")

    assert executed.data == {
        "boxes": [{"name": f"['boxes', {index}, 'name'] Box.name context"} for index in range(2)]
    }


async def test_a_value_may_be_awaited() -> None:
    """An asynchronous function per parent, and awaitables in a list."""

    async def name(box: dict[str, Any]) -> object:
        return box["name"]

    async def item() -> object:
        return BOX

    async def boxes(_: object) -> object:
        return [item(), item()]

    plans = {("Box", "name"): Plan(function=name), ("Query", "boxes"): Plan(function=boxes)}
    made = make(SDL, {}, plans)
    executed = await ask(made, "{ boxes { name size } }")

    assert shown(executed) == ({"boxes": [{"name": "b", "size": 1}] * 2}, NOTHING)


# 6.4.3 CompleteValue


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("int", 5, 5),
        ("int", True, 1),
        ("int", "12", 12),
        ("int", 2.0, 2),
        ("float", 1.5, 1.5),
        ("float", 2, 2.0),
        ("string", "s", "s"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("boolean", True, True),
        ("boolean", 0, False),
        ("id", "i", "i"),
        ("id", 7, "7"),
        ("tag", 3, {"tag": 3}),
        ("colour", "red", "RED"),
        ("grid", [[1, None], None, (2,)], [[1, None], None, [2]]),
        ("grid", ((n for n in row) for row in [[1], [2]]), [[1], [2]]),
        ("grid", [], []),
        ("int", None, None),
    ],
)
async def test_a_value_is_coerced_to_its_type(name: str, value: object, data: object) -> None:
    """Exact types take the short way, others the way of graphql-core."""
    made = make(SDL, {name: value})
    _wire(made[0].type_map)
    executed = await ask(made, "{ " + name + " }")

    assert repr(shown(executed)) == repr(({name: data}, NOTHING))


def _wire(kinds: Any) -> None:  # noqa: ANN401 - graphql-core's own map
    assert isinstance(kinds["Tag"], GraphQLScalarType)
    assert isinstance(kinds["Colour"], GraphQLEnumType)
    kinds["Tag"].coerce_output_value = lambda value: None if value == "none" else {"tag": value}
    kinds["Colour"].values["RED"].value = "red"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("int", 2**31, "Int cannot represent non 32-bit signed integer value: 2147483648"),
        ("int", "x", "Int cannot represent non-integer value: 'x'"),
        ("float", float("inf"), "Float cannot represent non numeric value: inf"),
        ("string", [1], "String cannot represent value: [1]"),
        ("boolean", "x", "Boolean cannot represent a non boolean value: 'x'"),
        ("id", 1.5, "ID cannot represent value: 1.5"),
        (
            "tag",
            "none",
            (
                "Expected `Tag.coerce_output_value('none')` to return non-nullable value,"
                " returned: None"
            ),
        ),
        ("colour", "blue", "Enum 'Colour' cannot represent value: 'blue'"),
        ("grid", 5, "Expected Iterable, but did not find one for field 'Query.grid'."),
        ("grid", "text", "Expected Iterable, but did not find one for field 'Query.grid'."),
        ("string", ValueError("broken"), "broken"),
    ],
)
async def test_a_value_that_does_not_fit_is_null_with_an_error(
    name: str, value: object, message: str
) -> None:
    """The words are graphql-core's."""
    made = make(SDL, {name: value})
    _wire(made[0].type_map)

    assert shown(await ask(made, "{ " + name + " }")) == ({name: None}, fails((name, message)))


async def test_an_asynchronous_list_is_refused() -> None:
    """It would have to be awaited item by item; a batch resolver gives a list."""

    class Endless:
        def __aiter__(self) -> "Endless":
            return self

    executed = await ask(make(SDL, {"grid": Endless()}), "{ grid }")

    message = "Asynchronous lists are not supported: field 'Query.grid'."
    assert shown(executed) == ({"grid": None}, fails(("grid", message)))


# 6.4.3 ResolveAbstractType


async def test_an_abstract_value_is_told_by_its_name_a_function_or_its_types() -> None:
    """`__typename` of a mapping, `resolve_type`, or the first `is_type_of` that agrees."""
    text = "{ thing { __typename ... on Lid { weight } } }"
    by_function = make(SDL, {"thing": {"weight": 2}})
    by_function[0].type_map["Thing"].resolve_type = lambda *_: "Lid"  # type: ignore[attr-defined] # a union
    by_type = make(SDL, {"thing": {"weight": 2}})
    lid = by_type[0].type_map["Lid"]
    assert isinstance(lid, GraphQLObjectType)
    lid.is_type_of = lambda value, _info: "weight" in value
    expected = ({"thing": {"__typename": "Lid", "weight": 2}}, NOTHING)

    assert shown(await ask(make(SDL, {"thing": LID}), text)) == expected
    assert shown(await ask(by_function, text)) == expected
    assert shown(await ask(by_type, text)) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Nobody",
            (
                "Abstract type 'Named' was resolved to a type 'Nobody'"
                " that does not exist inside the schema."
            ),
        ),
        ("Colour", "Abstract type 'Named' was resolved to a non-object type 'Colour'."),
        ("Query", "Runtime Object type 'Query' is not a possible type for 'Named'."),
        (
            None,
            (
                "Abstract type 'Named' must resolve to an Object type at runtime for field"
                " 'Query.named'. Either the 'Named' type should provide a 'resolve_type' function"
                " or each possible type should provide an 'is_type_of' function."
            ),
        ),
    ],
)
async def test_a_value_without_a_possible_type_is_an_error(name: object, message: str) -> None:
    """The words are graphql-core's."""
    made = make(SDL, {"named": {"__typename": name, "name": "n"}})

    assert shown(await ask(made, "{ named { name } }")) == (
        {"named": None},
        fails(("named", message)),
    )


async def test_a_value_its_type_denies_is_an_error() -> None:
    """`is_type_of` is asked for object types too."""
    made = make(SDL, {"box": BOX})
    box = made[0].type_map["Box"]
    assert isinstance(box, GraphQLObjectType)
    box.is_type_of = lambda _value, _info: False

    assert shown(await ask(made, "{ box { name } }")) == (
        {"box": None},
        fails(("box", "Expected value of type 'Box' but got: {'name': 'b', 'size': 1}.")),
    )


# 6.4.4 Errors and non-null


NULL = "Cannot return null for non-nullable field {}."
SIZELESS = {"name": "b", "size": None}


@pytest.mark.parametrize(
    ("text", "data", "path"),
    [
        ("{ box { size } int }", {"box": None, "int": 1}, "box.size"),
        ("{ boxes { size } }", {"boxes": [{"size": 1}, None, {"size": 1}]}, "boxes.1.size"),
        ("{ all { size } int }", {"all": None, "int": 1}, "all.1.size"),
        ("{ int every { size } }", None, "every.1.size"),
        ("{ int must { size } }", None, "must.size"),
    ],
)
async def test_a_null_that_may_not_be_goes_up_to_one_that_may(
    text: str, data: object, path: str
) -> None:
    """The nearest nullable position is null, its neighbours stand, the path is the fault's."""
    boxes = [BOX, SIZELESS, BOX]
    roots = {"box": SIZELESS, "boxes": boxes, "all": boxes, "every": boxes, "must": SIZELESS}
    executed = await ask(make(SDL, {**roots, "int": 1}), text)

    assert shown(executed) == (data, fails((path, NULL.format("Box.size"))))


async def test_a_null_item_that_may_not_be_takes_its_list() -> None:
    """Once for the inner list, and up again where that may not be null either."""
    executed = await ask(make(SDL, {"strict": [[1], [None]]}), "{ strict }")

    assert shown(executed) == (
        {"strict": None},
        fails(("strict.1.0", NULL.format("Query.strict"))),
    )


async def test_a_null_goes_up_through_batches() -> None:
    """A field that was awaited takes what was answered before it."""

    async def size(parents: Sequence[object], _ask: Ask) -> Sequence[object]:
        return [None if number == 1 else number for number, _ in enumerate(parents)]

    made = make(SDL, {"all": [BOX] * 3, "boxes": [BOX] * 3}, {("Box", "size"): Plan(batch=size)})
    executed = await ask(made, "{ all { name size } boxes { name size } }")

    data = {"all": None, "boxes": [{"name": "b", "size": 0}, None, {"name": "b", "size": 2}]}
    wrong = NULL.format("Box.size")
    assert shown(executed) == (data, fails(("all.1.size", wrong), ("boxes.1.size", wrong)))


async def test_an_error_tells_where_and_why() -> None:
    """Message, path, place in the document, and the error itself."""
    broken = KeyError("lid")

    def lid(_box: object, **_: object) -> None:
        raise broken

    made = make(SDL, {"box": BOX}, {("Box", "lid"): Plan(function=lid)})
    executed = await ask(made, "{ box {\n  top: lid { name } } }")
    [error] = executed.errors

    assert executed.data == {"box": {"top": None}}
    assert error.formatted == {
        "message": "'lid'",
        "locations": [{"line": 2, "column": 3}],
        "path": ["box", "top"],
    }
    assert error.original_error is broken


async def test_an_error_with_extensions_keeps_them() -> None:
    """A resolver may raise an error of GraphQL."""
    made = make(SDL, {"int": GraphQLError("told", extensions={"code": "X"})})
    executed = await ask(made, "{ int }")

    assert [error.formatted for error in executed.errors] == [
        {
            "message": "told",
            "locations": [{"line": 1, "column": 3}],
            "path": ["int"],
            "extensions": {"code": "X"},
        }
    ]


async def test_each_place_tells_one_error_and_no_more() -> None:
    """A failed value is told where it failed, and not again where it made something null."""
    made = make(SDL, {"every": [SIZELESS, SIZELESS]})
    executed = await ask(made, "{ every { size name } }")

    wrong = NULL.format("Box.size")
    assert shown(executed) == (None, fails(("every.0.size", wrong), ("every.1.size", wrong)))


async def test_an_answer_without_any_place_for_null_is_null_as_a_whole() -> None:
    """The data itself may always be null."""
    executed = await ask(make(SDL, {"must": None}), "{ must { name } }")

    assert (executed.data, executed.executed) == (None, True)
    assert shown(executed)[1] == fails(("must", NULL.format("Query.must")))


# 6.2 Executing operations


MUTABLE = """
type Query { n: Int }
type Mutation { add(n: Int!): Int must(n: Int!): Int! later(n: Int!): Count }
type Count { n: Int }
"""


async def test_root_fields_of_a_mutation_wait_for_each_other() -> None:
    """Whatever way each is resolved; what is below the first comes before the second."""
    done: list[object] = []

    def add(_: object, n: int) -> int:
        done.append(n)
        return n

    async def later(parents: Sequence[object], _ask: Ask, n: int) -> Sequence[object]:
        await asyncio.sleep(0)
        done.append(n)
        return [n for _ in parents]

    async def below(parents: Sequence[object], _ask: Ask) -> Sequence[object]:
        await asyncio.sleep(0)
        done.append("below")
        return parents

    plans = {
        ("Mutation", "add"): Plan(function=add, arguments={"n": "n"}),
        ("Mutation", "later"): Plan(batch=later, arguments={"n": "n"}),
        ("Count", "n"): Plan(batch=below),
    }
    text = "mutation { a: add(n: 1) b: later(n: 2) { n } c: add(n: 3) d: later(n: 4) { n } }"
    executed = await ask(make(MUTABLE, {}, plans), text)

    assert shown(executed) == ({"a": 1, "b": {"n": 2}, "c": 3, "d": {"n": 4}}, NOTHING)
    assert done == [1, 2, "below", 3, 4, "below"]


async def test_a_mutation_that_comes_to_nothing_goes_no_further() -> None:
    """Nothing is changed any more once the answer is null."""
    done: list[int] = []

    def must(_: object, n: int) -> int | None:
        done.append(n)
        return n or None

    plans = {("Mutation", "must"): Plan(function=must, arguments={"n": "n"})}
    text = "mutation { a: must(n: 1) b: must(n: 0) c: must(n: 2) }"
    executed = await ask(make(MUTABLE, {}, plans), text)

    assert shown(executed) == (None, fails(("b", NULL.format("Mutation.must"))))
    assert done == [1, 0]


async def test_root_fields_of_a_query_do_not_wait_for_each_other() -> None:
    """Each starts before any has ended."""
    done: list[str] = []

    def named(name: str) -> Plan:
        async def batch(parents: Sequence[object], _ask: Ask) -> Sequence[object]:
            done.append(f"{name} starts")
            await asyncio.sleep(0)
            done.append(f"{name} ends")
            return [1 for _ in parents]

        return Plan(batch=batch)

    plans = {("Query", name): named(name) for name in ("a", "b")}
    executed = await ask(make("type Query { a: Int b: Int }", {}, plans), "{ a b }")

    assert shown(executed) == ({"a": 1, "b": 1}, NOTHING)
    assert done == ["a starts", "b starts", "a ends", "b ends"]


async def test_nothing_is_resolved_for_nobody() -> None:
    """A level without parents asks no batch resolver."""

    async def never(_parents: Sequence[object], _ask: Ask) -> Sequence[object]:
        raise AssertionError

    made = make(SDL, {"boxes": [], "box": None}, {("Box", "size"): Plan(batch=never)})

    assert shown(await ask(made, "{ boxes { size } box { size } }")) == (
        {"boxes": [], "box": None},
        NOTHING,
    )


# 4 Introspection


async def test_the_schema_is_told_beside_the_data() -> None:
    """One data path for both; a type's name anywhere."""
    text = """{
      __typename box { __typename name }
      __schema { queryType { name } } __type(name: "Lid") { fields { name type { name } } }
    }"""
    executed = await ask(make(SDL, {"box": BOX}), text)

    assert shown(executed) == (
        {
            "__typename": "Query",
            "box": {"__typename": "Box", "name": "b"},
            "__schema": {"queryType": {"name": "Query"}},
            "__type": {
                "fields": [
                    {"name": "name", "type": {"name": "String"}},
                    {"name": "weight", "type": {"name": "Int"}},
                ]
            },
        },
        NOTHING,
    )
