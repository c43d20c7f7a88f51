"""Random worlds that are mostly usual, and readers that give what their fields give.

A reader of a world asks the fields themselves, path by path, and says None as soon as
anything is not a text that JSON takes as it is. So it is right by construction, and
whatever an executor makes of it can be held to what it makes without.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import GraphQLObjectType, get_nullable_type, is_leaf_type, is_list_type

from gateway.execution.leaves import json_text
from gateway.execution.plan import FieldMask, Path
from tests.gateway.execution.plans import Plan
from tests.gateway.execution.worlds import Colour, OwnMapping, Thing, World, seeded

TEXTUAL = ("String", "ID", "Colour")
OBJECTS = (dict, Thing, OwnMapping)
WAYS = ("function", "function", "function", "column", "column", "attribute", "default")


class UnusualError(Exception):
    """A value is not as usual."""


@dataclass(slots=True)
class TextWorld(World):
    """A world most of whose fields are plain, most of whose leaves are texts, and some null."""

    leaves: Sequence[str] = ("String", "ID", "Colour", "String", "ID", "Colour", "Tag")
    noises: Sequence[float] = (0.0, 0.0, 0.2, 0.2, 1.0)

    def _wire(self, random: Random, kind: GraphQLObjectType) -> None:
        for name, one in kind.fields.items():
            way = random.choice(WAYS) if kind.name not in ("Query", "Mutation") else "function"
            if random.random() < 0.05:
                way = random.choice(("batch", "async function"))
            if is_leaf_type(one.type) and random.random() < 0.3:
                way = "null"
            self.ways[kind.name, name] = way
            given = {argument: f"{argument}_" for argument in one.args}
            value = self._function(kind.name, name, may_wait=False)
            if way == "null":
                plan = Plan(function=lambda _, **_given: None, arguments=given)
            elif way == "batch":
                plan = Plan(batch=self._batch(kind.name, name), arguments=given)
            elif way == "column":
                plan = Plan(column=self._column(kind.name, name), arguments=given)
            elif way == "attribute":
                plan = Plan(attribute=name)
            elif way == "async function":
                plan = Plan(function=_awaited(value), arguments=given)
            elif way == "function":
                plan = Plan(function=value, arguments=given)
            else:
                continue
            self.plans[kind.name, name] = plan


def _awaited(call: Callable[..., Any]) -> Callable[..., Any]:
    async def awaited(parent: object, **given: object) -> object:
        return call(parent, **given)

    return awaited


@dataclass(slots=True)
class Tally:
    """What was made of readers, and what must never be asked of one.

    Attributes:
        wrong: Leaves for which no reader may be asked.
        read: How often one gave its columns.
        unusual: How often one said None.
        refused: How often none was made.
        nulls: How many leaves were null where columns were given.
    """

    wrong: list[tuple[str, Path]] = field(default_factory=list)
    read: int = 0
    unusual: int = 0
    refused: int = 0
    nulls: int = 0


@dataclass(slots=True)
class WorldReader:
    """Reads leaves by asking their fields."""

    world: World
    type_name: str
    leaves: Sequence[Path]
    nulls: Collection[Path]
    tally: Tally
    chance: Random
    source: str = ""

    def read(self, parents: Sequence[Any], /) -> Sequence[Sequence[str]] | None:
        """Give a column for each leaf that is not null."""
        if self.chance.random() < 0.1:
            self.tally.unusual += 1
            return None
        try:
            columns = [[*self._texts(leaf, parents)] for leaf in self.leaves]
        except UnusualError:
            self.tally.unusual += 1
            return None
        self.tally.read += bool(parents)
        pairs = zip(self.leaves, columns, strict=True)
        given = [column for leaf, column in pairs if leaf not in self.nulls]
        self.tally.nulls += len(self.leaves) - len(given)
        return given

    def _texts(self, leaf: Path, parents: Sequence[Any]) -> Iterator[str]:
        values: Sequence[Any] = parents
        type_name = self.type_name
        for depth, name in enumerate(leaf):
            if depth and not {*map(type, values)} <= {*OBJECTS}:
                raise UnusualError
            values = _values(self.world.plans[type_name, name], values)
            kind: Any = self.world.schema.type_map[type_name]
            type_name = getattr(get_nullable_type(kind.fields[name].type), "name", "")
        for value in values:
            if leaf in self.nulls:
                if value is not None:
                    raise UnusualError
                yield ""
                continue
            text = value.name if isinstance(value, Colour) else value
            is_text = type(text) is str and (type_name == "Colour") == isinstance(value, Colour)
            if not is_text or json_text(text) != f'"{text}"':
                raise UnusualError
            yield text


def _values(plan: Plan, parents: Sequence[Any]) -> Sequence[Any]:
    try:
        if plan.column is not None:
            values = plan.column(parents)
        elif plan.attribute is not None:
            values = [getattr(one, plan.attribute) for one in parents]
        else:
            assert plan.function is not None
            values = [plan.function(one) for one in parents]
    except (AttributeError, LookupError, RuntimeError, ValueError) as error:
        raise UnusualError from error
    return values


def readers_of(world: World, mask: FieldMask, tally: Tally) -> dict[str, Callable[..., Any]]:
    """Offer readers for every object type of a world; Any: what is a reader."""

    def maker(type_name: str) -> Callable[[Sequence[Path]], WorldReader | None]:
        def make(leaves: Sequence[Path]) -> WorldReader | None:
            chance = seeded(f"reader {world.seed} {type_name} {leaves}")
            kinds = [_judged(world, type_name, leaf, mask, tally) for leaf in leaves]
            if not {*kinds} <= {*TEXTUAL} or chance.random() < 0.05:
                tally.refused += 1
                return None
            nulls = [leaf for leaf in leaves if _is_null(world, type_name, leaf)]
            return WorldReader(world, type_name, leaves, nulls, tally, chance)

        return make

    return {
        name: maker(name)
        for name, kind in world.schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    }


def _is_null(world: World, type_name: str, leaf: Path) -> bool:
    """Tell whether a leaf is always null."""
    for name in leaf:
        way = world.ways[type_name, name]
        kind: Any = world.schema.type_map[type_name]
        type_name = getattr(get_nullable_type(kind.fields[name].type), "name", "")
    return way == "null"


def _judged(world: World, type_name: str, leaf: Path, mask: FieldMask, tally: Tally) -> str:
    """Note what may not be read, and give the name of the leaf's type."""
    for depth, name in enumerate(leaf):
        kind: Any = world.schema.type_map[type_name]
        one, plan = kind.fields[name], world.plans.get((type_name, name))
        below = get_nullable_type(one.type)
        if (
            plan is None
            or plan.batch is not None
            or world.ways[type_name, name] == "async function"
            or one.args
            or is_list_type(below)
            or (type_name, name) in mask
            or is_leaf_type(below) != (depth == len(leaf) - 1)
        ):
            tally.wrong.append((type_name, leaf))
        type_name = getattr(below, "name", "")
    return type_name
