"""A field reads alone what it reads among all others, though less is then asked for."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from resolvers.schema import build_schema
from tests.scenarios.demo import Demo

ORDERS = ("SO-1001", "SO-1002")
UNEQUAL = {"asOf", "sources"}
"""What tells when, and of whom, it was asked."""
ASK = "query ($number: String!) { order(number: $number) { lines(first: 50) { nodes { %s } } } }"


def _paths(kind: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - any type
    """Walk to every leaf below a type, into no type twice."""
    for name, one in kind.fields.items():
        if name in UNEQUAL:
            continue
        inner = get_named_type(one.type)
        if isinstance(inner, GraphQLObjectType):
            if inner.name not in {"OrderLine", "Order"}:
                yield from _paths(inner, (*above, name))
        else:
            yield (*above, name)


PATHS = sorted(_paths(build_schema()._schema.type_map["OrderLine"]))  # noqa: SLF001 - strawberry offers no public way to it


def _selected(paths: list[tuple[str, ...]]) -> str:
    """Write a selection of leaves."""
    heads: dict[str, list[tuple[str, ...]]] = {}
    for head, *rest in paths:
        heads.setdefault(head, []).append(tuple(rest))
    return " ".join(
        head if rests == [()] else f"{head} {{ {_selected(rests)} }}"
        for head, rests in heads.items()
    )


def _only(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    """Take out of an answer what one path selects."""
    if value is None or not path:
        return value
    if isinstance(value, list):
        return [_only(one, path) for one in value]
    return {path[0]: _only(value[path[0]], path[1:])}


@pytest.mark.parametrize("number", ORDERS)
def test_every_leaf_alone_reads_what_it_reads_among_all(demo: Demo, number: str) -> None:
    """Every line of two orders, every leaf of a line."""
    whole = demo.ask(ASK % _selected(PATHS), {"number": number})["data"]["order"]["lines"]["nodes"]
    different = {
        ".".join(path)
        for path in PATHS
        if demo.ask(ASK % _selected([path]), {"number": number})["data"]["order"]["lines"]["nodes"]
        != [_only(line, path) for line in whole]
    }

    assert len(PATHS) > 80
    assert len(whole) > 2
    assert different == set()
