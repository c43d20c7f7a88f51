"""Random worlds for the oracle: a schema, resolvers of every kind, and their data.

Everything follows from a seed, and a value from its parent and field alone, so two
executors that ask in any order are given the same. One value in a few is not what
its type says: null, an error, another type, something to await, something to call.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    build_schema,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from tests.gateway.execution.plans import Plan

LEAVES = ("Int", "Float", "String", "Boolean", "ID", "Tag", "Colour")
ARGUMENTS = "(a: Int = 3, b: [String!], c: Shape = {side: 2}, d: Boolean! = true)"
MAX_DEPTH = 4
WAITS = ("resolver", "async resolver", "async function")


class Colour(enum.Enum):
    """Values of an enum, by member."""

    RED = 1
    TAN = 2


class Later:
    """A value that must be awaited, as often as one likes."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Later()"

    def __await__(self) -> Generator[Any, None, object]:
        yield from asyncio.sleep(0).__await__()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Strange:
    """A value no scalar knows, with a text of its own."""

    def __str__(self) -> str:
        return "strange"

    def __repr__(self) -> str:
        return "Strange()"


class Call:
    """A value that must be called for."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Call()"

    def __call__(self, _info: object, **_given: object) -> object:
        """Give it."""
        return self.value


class Items:
    """A list that is no list."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __repr__(self) -> str:
        return "Items()"

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


class OwnMapping(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, items: dict[str, Any]) -> None:
        self.all = items

    def __repr__(self) -> str:
        return "OwnMapping()"

    def __getitem__(self, key: str) -> object:
        return self.all[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)


class Thing:
    """An object whose attributes are made when they are read, and stay."""

    def __init__(self, world: "World", name: str, seed: str, depth: int) -> None:
        self.world = world
        self.seed = seed
        self.depth = depth
        self._Thing__typename = name  # where graphql-core looks for it

    def __repr__(self) -> str:
        return f"Thing({self.seed})"

    def __getattr__(self, name: str) -> object:
        made = self.world.attribute(self._Thing__typename, name, self.seed, self.depth)
        if made is Undefined:
            raise AttributeError(name)
        setattr(self, name, made)
        return made


def seeded(seed: object) -> Random:
    """Make a source of chance that always tells the same."""
    return Random(str(seed))  # noqa: S311 - chance for tests, not for secrets


def tag(value: object) -> object:
    """Serialise the custom scalar of every world."""
    if value == "raise":
        msg = "no such tag"
        raise GraphQLError(msg)
    return None if value == "none" else {"tag": str(value)}


@dataclass(slots=True)
class World:
    """A schema and the data behind it, all from one seed.

    Attributes:
        leaves: The types of leaves to choose from.
        noises: How much is odd, to choose from: for each world one.
    """

    seed: int
    size: int
    leaves: Sequence[str] = LEAVES
    noises: Sequence[float] = (0.0, 0.2, 1.0, 1.0, 2.0)
    sdl: str = ""
    schema: GraphQLSchema = field(init=False)
    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)
    ways: dict[tuple[str, str], str] = field(default_factory=dict)
    noise: float = 1.0

    def __post_init__(self) -> None:
        self.noise = seeded(f"noise {self.seed}").choice(self.noises)
        self.sdl = make_sdl(seeded(self.seed), self.size, self.leaves)
        self.schema = build_schema(self.sdl)
        random = seeded(f"ways {self.seed}")
        for name, kind in self.schema.type_map.items():
            if isinstance(kind, GraphQLEnumType) and name == "Colour":
                for key, member in kind.values.items():
                    member.value = Colour[key]
            if isinstance(kind, GraphQLScalarType) and name == "Tag":
                kind.coerce_output_value = tag
            if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
                self._wire(random, kind)
            elif is_abstract_type(kind) and random.random() < 0.3:
                kind.resolve_type = lambda value, _info, _kind: self.type_name(value)

    def _wire(self, random: Random, kind: GraphQLObjectType) -> None:
        """Choose how each field of a type is resolved."""
        if kind.name not in ("Query", "Mutation") and random.random() < 0.2 * self.noise:
            kind.is_type_of = lambda value, _info: self.type_name(value) == kind.name
        for name, one in kind.fields.items():
            ways = ["function", "batch", "column", "resolver", "async resolver", "async function"]
            if kind.name not in ("Query", "Mutation"):
                ways += ["default"] * 8 + ["attribute"] * 3 + ["function"] * 2
                ways = ways if self.noise >= 1 else ways[6:]
            way = self.ways[kind.name, name] = random.choice(ways)
            renamed = {argument: f"{argument}_" for argument in one.args}
            value = self._function(kind.name, name, may_wait=way in WAITS)
            if way == "batch":
                self.plans[kind.name, name] = Plan(
                    batch=self._batch(kind.name, name), arguments=renamed
                )
            elif way == "column":
                self.plans[kind.name, name] = Plan(
                    column=self._column(kind.name, name), arguments=renamed
                )
            elif way == "function":
                self.plans[kind.name, name] = Plan(function=value, arguments=renamed)
            elif way == "async function":
                self.plans[kind.name, name] = Plan(function=_slow(value), arguments=renamed)
            elif way == "attribute":
                self.plans[kind.name, name] = Plan(attribute=name)
            elif way != "default":
                call = value if way == "resolver" else _slow(value)
                one.resolve = _resolver(call, {})

    def for_oracle(self) -> GraphQLSchema:
        """Make the same schema with resolvers of graphql-core's shape throughout."""
        other = World(self.seed, self.size).schema
        for (type_name, name), plan in self.plans.items():
            one = other.type_map[type_name].fields[name]  # type: ignore[attr-defined] # an object type
            if plan.function is not None:
                one.resolve = _resolver(plan.function, plan.arguments)
            elif plan.column is not None:
                one.resolve = _resolver(_of_column(plan.column), plan.arguments)
            elif plan.attribute is not None:
                one.resolve = _reader(plan.attribute)
        return other

    def _function(self, type_name: str, name: str, *, may_wait: bool) -> Callable[..., Any]:
        def call(parent: Any, **given: object) -> object:  # noqa: ANN401 - whatever it is called with
            seed = parent["seed"] if isinstance(parent, Mapping) else getattr(parent, "seed", "")
            depth = parent["depth"] if isinstance(parent, Mapping) else getattr(parent, "depth", 0)
            told = sorted((key.rstrip("_"), value) for key, value in given.items())
            random = seeded(f"{self.seed} {seed} {type_name}.{name} {told}")
            kind = self.schema.type_map[type_name].fields[name].type  # type: ignore[attr-defined] # an object type
            if random.random() < 0.04 * self.noise:
                msg = f"{type_name}.{name} failed"
                raise ValueError(msg)
            return self.value(random, kind, depth + 1, may_wait=may_wait)

        return call

    def _column(self, type_name: str, name: str) -> Callable[..., Sequence[object]]:
        one = self._function(type_name, name, may_wait=False)

        def call(parents: Sequence[Any], **given: object) -> Sequence[object]:
            random = seeded(f"{self.seed} {type_name}.{name} {sorted(given.items())}")
            if random.random() < 0.03 * self.noise:
                msg = f"{type_name}.{name} failed for all"
                raise RuntimeError(msg)
            values: list[object] = []
            for parent in parents:
                try:
                    values.append(one(parent, **given))
                except (ValueError, KeyError) as error:
                    values.append(error)
            return values

        return call

    def _batch(self, type_name: str, name: str) -> Callable[..., Awaitable[Sequence[object]]]:
        one = self._function(type_name, name, may_wait=False)

        async def call(parents: Sequence[Any], _ask: object, **given: object) -> Sequence[object]:
            random = seeded(f"{self.seed} {type_name}.{name} {sorted(given.items())}")
            for _ in range(random.randrange(3)):
                await asyncio.sleep(0)
            if random.random() < 0.05 * self.noise:
                msg = f"{type_name}.{name} failed for all"
                raise RuntimeError(msg)
            values: list[object] = []
            for parent in parents:
                try:
                    values.append(one(parent, **given))
                except (ValueError, KeyError) as error:
                    values.append(error)
            return values

        return call

    def attribute(self, type_name: str, name: str, seed: str, depth: int) -> object:
        """Make what a thing holds under a name; Undefined if it holds nothing there."""
        if self.ways.get((type_name, name)) not in ("default", "attribute"):
            return Undefined
        random = seeded(f"{self.seed} {seed} {name}")
        if random.random() < 0.03 * self.noise:
            return Undefined
        kind = self.schema.type_map[type_name].fields[name].type  # type: ignore[attr-defined] # an object type
        is_default = self.ways[type_name, name] == "default"
        made = self.value(random, kind, depth + 1, may_wait=is_default)
        if is_default and random.random() < 0.03 * self.noise:
            return Call(made)
        return made

    def type_name(self, value: object) -> Any:  # noqa: ANN401 - not always a name
        """Tell what a thing says it is."""
        if isinstance(value, Mapping):
            return value.get("__typename")
        return getattr(value, "_Thing__typename", None)

    def value(self, random: Random, kind: Any, depth: int, *, may_wait: bool) -> object:  # noqa: ANN401 - any type of graphql-core
        """Make a value of a type, now and then another, now and then one to be awaited."""
        odd = self._odd(random, kind, depth, may_wait=may_wait)
        if odd:
            return odd[0]
        if is_non_null_type(kind):
            kind = kind.of_type
        if is_list_type(kind):
            items = [
                self.value(random, kind.of_type, depth, may_wait=may_wait)
                for _ in range(random.randrange(4))
            ]
            return random.choice([list, list, list, tuple, Items if self.noise else list])(items)
        if is_object_type(kind) or is_abstract_type(kind):
            return self._thing(random, kind, depth)
        values = VALUES[kind.name]
        return random.choice(values if self.noise >= 1 else values[:2])

    def _odd(
        self,
        random: Random,
        kind: Any,  # noqa: ANN401 - any type of graphql-core
        depth: int,
        *,
        may_wait: bool,
    ) -> tuple[()] | tuple[object]:
        chance = random.random()
        if chance >= 0.1 * self.noise:
            return ()
        if chance < 0.04 * self.noise:
            return (None,)
        if chance < 0.06 * self.noise:
            return (random.choice([ValueError("a value failed"), GraphQLError("told"), Undefined]),)
        if chance < 0.08 * self.noise:
            return (random.choice([Strange(), "text", 7, [1], {}, ..., True, Decimal("1.5")]),)
        made = self.value(random, kind, depth, may_wait=may_wait)
        return (Later(made) if may_wait else made,)

    def _thing(self, random: Random, kind: Any, depth: int) -> object:  # noqa: ANN401 - any type of graphql-core
        names = (
            [one.name for one in self.schema.get_possible_types(kind)]
            if is_abstract_type(kind)
            else [kind.name]
        )
        name = (
            random.choice(names)
            if random.random() < 0.96
            else random.choice(["Nobody", "Query", "Int"])
        )
        seed = f"{name}{random.randrange(10**9)}"
        if depth > MAX_DEPTH:
            return None
        if random.random() < 0.5 or name not in self.schema.type_map:
            return Thing(self, name, seed, depth)
        made: dict[str, Any] = {"__typename": name, "seed": seed, "depth": depth}
        for one in getattr(self.schema.type_map[name], "fields", {}):
            held = self.attribute(name, one, seed, depth)
            if held is not Undefined:
                made[one] = held
        return OwnMapping(made) if random.random() < 0.1 * self.noise else made


VALUES: dict[str, list[Any]] = {
    "Int": [0, 1, -5, 12, 2**31 - 1, 2**31, True, "12", "x", 1.0, 1.5, Decimal(3)],
    "Float": [0.5, 1.25, -3.0, 2, "2.5", "x", float("inf"), float("nan"), True, Decimal("1.5")],
    "String": ["", "a", "é", "b", 3, True, 1.5, b"bytes", Strange()],
    "Boolean": [True, False, True, 0, 2.5, "x"],
    "ID": ["a", "b", "1", 5, 1.0, 1.5, Strange()],
    "Tag": ["a", "b", 1, Decimal("1.0"), "none", "raise"],
    "Colour": [Colour.RED, Colour.TAN, Colour.RED, "RED", 1, []],
}


def make_sdl(random: Random, size: int, leaves: Sequence[str] = LEAVES) -> str:
    """Write a schema: objects, interfaces, a union, an enum, a scalar, an input."""
    objects = [f"O{n}" for n in range(size + 1)]
    interfaces = [f"I{n}" for n in range(1 + size // 3)]
    targets = [*objects, *objects, *interfaces, "U"]

    def kind() -> str:
        text = random.choice(leaves) if random.random() < 0.5 else random.choice(targets)
        while random.random() < 0.3:
            text = f"[{text}{'!' if random.random() < 0.4 else ''}]"
        return text + ("!" if random.random() < 0.4 else "")

    def fields(prefix: str, count: int) -> list[str]:
        return [
            f"{prefix}{n}{ARGUMENTS if random.random() < 0.2 else ''}: {kind()}"
            for n in range(count)
        ]

    shared = {name: fields(f"{name.lower()}f", 1 + random.randrange(2)) for name in interfaces}
    parts = [
        "scalar Tag",
        "enum Colour { RED TAN }",
        "input Shape { side: Int = 1 name: String }",
        f"union U = {' | '.join(random.sample(objects, 1 + random.randrange(len(objects))))}",
        *(f"interface {name} {{ {' '.join(own)} }}" for name, own in shared.items()),
    ]
    for number, name in enumerate(objects):
        chosen = [one for one in interfaces if random.random() < 0.5]
        if number == 0:
            chosen = interfaces  # every interface has an object type
        own = fields(f"{name.lower()}f", 1 + random.randrange(3 + size))
        own += [line for one in chosen for line in shared[one]]
        random.shuffle(own)
        implements = f" implements {' & '.join(chosen)}" if chosen else ""
        parts.append(f"type {name}{implements} {{ {' '.join(own)} }}")
    parts.append(f"type Query {{ {' '.join(fields('q', 2 + size))} }}")
    parts.append(f"type Mutation {{ {' '.join(fields('m', 2))} }}")
    return "\n".join(parts)


def _slow(call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def slow(parent: object, **given: object) -> object:
        await asyncio.sleep(0)
        return call(parent, **given)

    return slow


def _resolver(call: Callable[..., Any], names: Mapping[str, str]) -> Callable[..., Any]:
    def resolve(parent: object, _info: object, **given: object) -> object:
        return call(parent, **{names.get(name, name): value for name, value in given.items()})

    return resolve


def _of_column(column: Callable[..., Sequence[object]]) -> Callable[..., object]:
    def call(parent: object, **given: object) -> object:
        (value,) = column([parent], **given)
        return value

    return call


def _reader(attribute: str) -> Callable[..., Any]:
    def resolve(parent: object, _info: object, **_given: object) -> object:
        return getattr(parent, attribute)

    return resolve
