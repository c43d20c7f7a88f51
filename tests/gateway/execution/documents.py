"""Random documents over a schema, and variables for them.

The key of a field in the answer tells its name and its arguments, so that fields
merge often and conflict seldom; a document that is not valid is thrown away.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    parse,
    validate,
)

DEPTH = 4
GIVEN = (
    "",
    "(a: 1)",
    "(a: $i)",
    "(a: null, b: $list)",
    '(b: ["x", "y"], d: false)',
    "(c: {side: 5})",
    "(c: {side: $i, name: $s})",
    "(d: $yes)",
    "(b: [$must])",
)
DECLARED = {
    "i": "Int = 4",
    "list": "[String!]",
    "s": "String",
    "must": "String!",
    "yes": "Boolean = true",
    "no": "Boolean = false",
    "sure": "Boolean!",
}
CONDITIONS = (
    "@skip(if: false)",
    "@skip(if: true)",
    "@include(if: $yes)",
    "@include(if: $sure)",
    "@skip(if: $no)",
    "@skip(if: $sure) @include(if: $yes)",
)


class _Writer:
    def __init__(self, random: Random, schema: GraphQLSchema) -> None:
        self.random = random
        self.schema = schema
        self.fragments: dict[str, str] = {}

    def selection(self, kind: Any, depth: int) -> str:  # noqa: ANN401 - any named type
        random = self.random
        parts = [
            self.part(kind, depth) for _ in range(1 + random.randrange(4 if depth < DEPTH else 2))
        ]
        return "{ " + " ".join(parts) + " }"

    def part(self, kind: Any, depth: int) -> str:  # noqa: ANN401 - any named type
        random = self.random
        chance = random.random()
        names = list(getattr(kind, "fields", {}))
        if chance < 0.08 or (not names and chance < 0.3):
            return f"{random.choice(['', 'kind: '])}__typename{self.condition()}"
        if (chance < 0.3 or not names) and depth < DEPTH:
            return self.fragment(kind, depth)
        if not names:
            return "__typename"
        return self.field(kind, random.choice(names), depth)

    def field(self, kind: Any, name: str, depth: int) -> str:  # noqa: ANN401 - any named type
        random = self.random
        one = kind.fields[name]
        named = get_named_type(one.type)
        is_composite = hasattr(named, "fields") or is_abstract_type(named)
        if is_composite and depth >= DEPTH:
            return "__typename"
        given = random.randrange(len(GIVEN)) if one.args else 0
        plain = given == 0 and random.random() < 0.7
        key = "" if plain else f"{name}_{given}: "
        below = f" {self.selection(named, depth + 1)}" if is_composite else ""
        return f"{key}{name}{GIVEN[given]}{self.condition()}{below}"

    def fragment(self, kind: Any, depth: int) -> str:  # noqa: ANN401 - any named type
        random = self.random
        on = kind
        if is_abstract_type(kind) and random.random() < 0.7:
            on = random.choice(self.schema.get_possible_types(kind))
        elif random.random() < 0.2 and getattr(kind, "interfaces", None):
            on = random.choice(kind.interfaces)
        if random.random() < 0.5:
            known = [name for name, text in self.fragments.items() if f" on {on.name} " in text]
            if known and random.random() < 0.4:
                return f"...{random.choice(known)}{self.condition()}"
            text = self.selection(on, depth + 1)
            name = f"F{len(self.fragments)}"
            self.fragments[name] = f"fragment {name} on {on.name} {text}"
            return f"...{name}{self.condition()}"
        condition = f" on {on.name}" if on is not kind or random.random() < 0.6 else ""
        return f"...{condition}{self.condition()} {self.selection(on, depth + 1)}"

    def condition(self) -> str:
        if self.random.random() < 0.85:
            return ""
        return " " + self.random.choice(CONDITIONS)


def make_document(random: Random, schema: GraphQLSchema) -> tuple[str, DocumentNode] | None:
    """Write a document; None if it is not valid."""
    is_mutation = random.random() < 0.08
    root = schema.mutation_type if is_mutation else schema.query_type
    writer = _Writer(random, schema)
    body = writer.selection(root, 0)
    whole = " ".join([body, *writer.fragments.values()])
    used = [f"${name}: {kind}" for name, kind in DECLARED.items() if f"${name}" in whole]
    head = "mutation" if is_mutation else "query"
    variables = f"({', '.join(used)})" if used else ""
    text = f"{head} Asked{variables} {whole}"
    document = parse(text)
    return None if validate(schema, document) else (text, document)


def make_variables(random: Random) -> Mapping[str, object]:
    """Give values for the declared variables, rarely one that does not fit."""
    values: dict[str, object] = {
        "i": random.choice([1, 2, None]),
        "list": random.choice([["p"], [], None]),
        "s": random.choice(["t", None]),
        "must": "m",
        "yes": random.random() < 0.6,
        "no": random.random() < 0.4,
        "sure": random.random() < 0.5,
    }
    if random.random() < 0.05:
        values[random.choice(["yes", "no"])] = None
    if random.random() < 0.02:
        values["i"] = "four"
    optional = [name for name in values if name not in ("must", "sure")]
    return {
        name: value
        for name, value in values.items()
        if name not in optional or random.random() < 0.7
    }
