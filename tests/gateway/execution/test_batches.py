"""The adapter under graphql-core: gathering parents, adding up needs, failing item by item."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse

from gateway.execution import Ask, Executed, Executor, InvalidBatchError
from orderlines.errors import GatewayError
from tests.gateway.execution.plans import Plan

SDL = """
interface Named { name: String }
type Query { boxes(count: Int = 2): [Box] one: Box must: Box! }
type Box implements Named { name: String size: Int lid(colour: String): Lid inner: Box }
type Lid implements Named { name: String weight: Int }
"""


@dataclass(slots=True)
class Seen:
    """What batch resolvers were asked."""

    asks: list[tuple[Sequence[object], Ask, dict[str, object]]] = field(default_factory=list)
    lids: Sequence[object] | Exception | None = None
    is_cancelled: bool = False

    async def boxes(self, parents: Sequence[object], ask: Ask, **given: Any) -> Sequence[object]:  # noqa: ANN401 - arguments of any field
        """Answer the root."""
        self.asks.append((parents, ask, given))
        return [[{"name": f"b{number}", "size": number} for number in range(given["how_many"])]]

    async def one(self, parents: Sequence[object], ask: Ask) -> Sequence[object]:
        """Never answer."""
        del parents, ask
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return [None]

    async def lid(self, parents: Sequence[object], ask: Ask, **given: object) -> Sequence[object]:
        """Answer a field of every box at once."""
        self.asks.append((parents, ask, given))
        if isinstance(self.lids, Exception):
            raise self.lids
        return self.lids or [{"name": "lid"} for _ in parents]


def make(seen: Seen) -> tuple[GraphQLSchema, Executor]:
    """Make an executor over a small schema."""
    schema = build_schema(SDL)
    plans = {
        (name, field_name): Plan()
        for name in ("Query", "Box", "Lid", "Named")
        for field_name in schema.type_map[name].fields  # type: ignore[attr-defined] # an object type
    }
    plans["Query", "boxes"] = Plan(batch=seen.boxes, arguments={"count": "how_many"})
    plans["Query", "one"] = Plan(batch=seen.one)
    plans["Box", "lid"] = Plan(frozenset({"LID"}), seen.lid, {"colour": "colour"})
    plans["Box", "size"] = Plan(frozenset({"SIZE"}))
    plans["Lid", "weight"] = Plan(frozenset({"WEIGHT"}))
    return schema, Executor(schema, plans)


async def run(seen: Seen, query: str, variables: Mapping[str, object] | None = None) -> Executed:
    """Execute the one operation of a document."""
    _, executor = make(seen)
    document = parse(query)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return await executor.execute(document, operation, variables or {}, "context")


async def test_all_parents_of_a_level_are_asked_for_together() -> None:
    """Three boxes, one question for their lids."""
    seen = Seen()
    executed = await run(seen, '{ boxes(count: 3) { name lid(colour: "red") { name } } }')

    assert executed.data == {
        "boxes": [{"name": f"b{number}", "lid": {"name": "lid"}} for number in range(3)]
    }
    assert executed.errors == ()
    assert [len(parents) for parents, _, _ in seen.asks] == [1, 3]
    assert [given for _, _, given in seen.asks] == [{"how_many": 3}, {"colour": "red"}]
    assert {ask.context for _, ask, _ in seen.asks} == {"context"}


async def test_the_same_field_with_other_arguments_is_another_question() -> None:
    """What is gathered is one field node, with one set of arguments."""
    seen = Seen()
    await run(seen, '{ boxes { a: lid(colour: "red") { name } b: lid(colour: "tan") { name } } }')

    assert [(len(parents), given) for parents, _, given in seen.asks[1:]] == [
        (2, {"colour": "red"}),
        (2, {"colour": "tan"}),
    ]


@pytest.mark.parametrize(
    ("selection", "needs"),
    [
        ("name", set()),
        ("size", {"SIZE"}),
        ("lid { name }", {"LID"}),
        ("lid { weight }", {"LID", "WEIGHT"}),
        ("inner { inner { lid { weight } size } }", {"LID", "WEIGHT", "SIZE"}),
        ("... { size }", {"SIZE"}),
        ("... on Named { name }", set()),
        ("... on Box { size }", {"SIZE"}),
        ("...Part", {"LID", "SIZE"}),
        ("inner { ...Part } ...Part", {"LID", "SIZE"}),
        ("size @skip(if: true)", set()),
        ("size @include(if: false)", set()),
        ("size @skip(if: $no) lid @include(if: $yes) { name }", {"SIZE", "LID"}),
        ("...Part @include(if: $no)", set()),
        ("... @skip(if: $yes) { size }", set()),
        ("size @include(if: $yes) @skip(if: $yes)", set()),
        ("__typename", set()),
    ],
)
async def test_a_root_is_told_what_its_whole_selection_needs(
    selection: str, needs: set[str]
) -> None:
    """Fragments, directives and depth included; a skipped field costs nothing."""
    seen = Seen()
    used = "query ($yes: Boolean = true, $no: Boolean = false) "
    part = " fragment Part on Box { size lid { name } }"
    await run(seen, used + "{ boxes { " + selection + " } }" + part)

    assert seen.asks[0][1].needs == needs


async def test_a_fragment_bomb_is_walked_once_per_fragment() -> None:
    """Each fragment spreads the next one twice; work must not double with each."""
    seen = Seen()
    chain = " ".join(
        f"fragment F{n} on Box {{ inner {{ ...F{n + 1} }} more: inner {{ ...F{n + 1} }} }}"
        for n in range(60)
    )
    schema, executor = make(seen)
    del schema
    document = parse("{ boxes(count: 0) { ...F0 } } fragment F60 on Box { size } " + chain)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    async with asyncio.timeout(2.0):
        await executor.execute(document, operation, {}, "context")

    assert seen.asks[0][1].needs == {"SIZE"}


async def test_an_error_value_fails_its_own_item() -> None:
    """The other parents keep their values."""
    gone = GatewayError("gone")
    seen = Seen(lids=[{"name": "lid"}, gone])
    executed = await run(seen, "{ boxes { lid { name } } }")
    [error] = executed.errors

    assert executed.data == {"boxes": [{"lid": {"name": "lid"}}, {"lid": None}]}
    assert error.path == ["boxes", 1, "lid"]
    assert error.original_error is gone


@pytest.mark.parametrize("raised", [GatewayError("down"), RuntimeError("bug")])
async def test_a_raised_error_fails_every_item(raised: Exception) -> None:
    """A batch resolver answers for all of its parents or for none."""
    executed = await run(Seen(lids=raised), "{ boxes { lid { name } } }")

    assert executed.data == {"boxes": [{"lid": None}, {"lid": None}]}
    assert [error.path for error in executed.errors] == [["boxes", 0, "lid"], ["boxes", 1, "lid"]]
    assert {error.original_error for error in executed.errors} == {raised}


async def test_a_batch_of_another_length_is_a_fault_and_no_guess() -> None:
    """A value must never reach the wrong parent."""
    executed = await run(Seen(lids=[{"name": "lid"}]), "{ boxes { lid { name } } }")

    assert executed.data == {"boxes": [{"lid": None}, {"lid": None}]}
    assert {type(error.original_error) for error in executed.errors} == {InvalidBatchError}


async def test_variables_that_do_not_fit_execute_nothing() -> None:
    """A request error has no data at all, and no system was asked."""
    seen = Seen()
    executed = await run(seen, "query ($n: Int!) { boxes(count: $n) { name } }", {"n": "many"})

    assert (executed.data, executed.executed) == (None, False)
    assert len(executed.errors) == 1
    assert seen.asks == []


async def test_a_null_that_may_not_be_reaches_the_root() -> None:
    """Executed, and still no data: that is not a request error."""
    executed = await run(Seen(), "{ must { name } }")

    assert (executed.data, executed.executed) == (None, True)
    assert [error.path for error in executed.errors] == [["must"]]


async def test_leaving_cancels_what_was_started() -> None:
    """A caller that is gone costs nothing more."""
    seen = Seen()
    running = asyncio.create_task(run(seen, "{ one { name } }"))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)

    assert seen.is_cancelled
