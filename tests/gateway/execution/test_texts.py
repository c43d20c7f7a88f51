"""Columns of texts: whatever a value is made of, the answer is JSON and says just that."""

import json
from decimal import Decimal

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from gateway.execution import Executor
from tests.gateway.execution.plans import Plan

SDL = """
scalar Exact
enum Size { SMALL LARGE }
type Query { things: [Thing!]! }
type Thing { text: String! maybe: String exact: Exact! whole: Int! is: Boolean! size: Size! }
"""
TEXTS = [
    "plain",
    'a "quote"',
    "back\\slash",
    "line\nbreak\ttab\r\x00\x1f\x7f",
    "{v0} {{v1}} %s {q0}",
    "ümlaut, 漢字, 🚚",
    "\u2028\u2029\ufeff\x85\xad",
    "",
    "</script>",
]


async def told(things: list[dict[str, object]], query: str) -> bytes:
    """Ask for things, as bytes."""
    names = ("text", "maybe", "exact", "whole", "is", "size")
    plans = {
        ("Thing", name): Plan(column=lambda ones, name=name: [one[name] for one in ones])
        for name in names
    }

    async def all_things(parents: object, ask: object) -> list[object]:
        del parents, ask
        return [things]

    document = parse(query)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executor = Executor(
        build_schema(SDL),
        {**plans, ("Query", "things"): Plan(batch=all_things)},
        leaves={"Exact": {str: None, Decimal: lambda values: [*map(str, values)]}},
        plain_texts=frozenset({"Exact"}),
    )
    executor.plain.add(dict)
    executed = await executor.execute(document, operation, {}, None)
    assert executed.errors == ()
    assert executed.json is not None
    return executed.json


def thing(text: str, maybe: str | None, exact: object) -> dict[str, object]:
    """Make a thing of texts."""
    return {
        "text": text,
        "maybe": maybe,
        "exact": exact,
        "whole": len(text),
        "is": bool(text),
        "size": "SMALL" if text else "LARGE",
    }


@pytest.mark.parametrize("text", TEXTS)
async def test_every_text_is_told_as_it_is(text: str) -> None:
    """Alone and beside others; also as a scalar whose own texts need no escape."""
    things = [thing("plain", "plain", Decimal("2.5")), thing(text, text, text), thing("", None, "")]
    answer = await told(things, "{ things { text maybe exact whole is size __typename } }")
    alone = await told([things[1]], "{ things { text } }")

    assert json.loads(answer)["things"] == [
        {**one, "exact": str(one["exact"]), "__typename": "Thing"} for one in things
    ]
    assert json.loads(alone) == {"things": [{"text": text}]}


async def test_more_fields_than_a_template_has_places_are_told_all() -> None:
    """Under names of their own, each in its place."""
    keys = [f"k{number}" for number in range(90)]
    query = "{ things { " + " ".join(f"{key}: text" for key in keys) + " } }"
    answer = await told([thing("a", None, "1"), thing('"', None, "1")], query)

    assert json.loads(answer)["things"] == [dict.fromkeys(keys, "a"), dict.fromkeys(keys, '"')]


async def test_fields_run_one_after_the_other_give_their_objects_whole() -> None:
    """Found by random worlds: columns were handed on where nobody filled them in."""
    schema = build_schema(
        "type Query { one: One } type Mutation { change: One! maybe: One }"
        " type One { name: String! other: One! }"
    )
    plans = {
        ("Mutation", "change"): Plan(function=lambda _: "one"),
        ("Mutation", "maybe"): Plan(function=lambda _: "two"),
        ("One", "name"): Plan(function=lambda one: one),
        ("One", "other"): Plan(function=lambda one: f"other {one}"),
    }
    document = parse("mutation { change { name other { name } } maybe { other { name } } }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    executor = Executor(schema, plans)
    answers = [await executor.execute(document, operation, {}, None) for _ in "12"]

    assert [one.errors for one in answers] == [(), ()]
    assert [one.data for one in answers] == [
        {
            "change": {"name": "one", "other": {"name": "other one"}},
            "maybe": {"other": {"name": "other two"}},
        }
    ] * 2
