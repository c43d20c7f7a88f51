"""W3, the executor alone: 1,000 objects of 20 fields, seven of them decimals.

The same objects under the same schema, by the compiled executor and by graphql-core,
in turn, in one process; CPU time. No system is asked and nothing is encoded.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from graphql import OperationDefinitionNode, build_schema, execute, parse

from gateway.execution import Ask, Executor
from resolvers.scalars import PLAIN_TEXTS, SCALARS, WRITERS

KINDS: Final = [
    *["Decimal"] * 7,
    *["Date"] * 3,
    *["String!"] * 6,
    "Int!",
    "Boolean!",
    "ID!",
    "String",
]
SDL: Final = (
    "scalar Decimal scalar Date type Query { lines: [Line!]! } type Line { "
    + " ".join(f"f{index}: {kind}" for index, kind in enumerate(KINDS))
    + " }"
)
QUERY: Final = "{ lines { " + " ".join(f"f{index}" for index in range(len(KINDS))) + " } }"
LINES: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Plan:
    batch: Any = None
    column: Any = None
    function: Any = None
    attribute: str | None = None
    needs: frozenset[str] = frozenset()
    arguments: dict[str, str] = field(default_factory=dict)


def _value(kind: str, index: int) -> object:
    values: dict[str, object] = {
        "Decimal": Decimal(index) / 4,
        "Date": date(2026, 1, 1) + timedelta(days=index % 300),
        "Int!": index,
        "Boolean!": index % 2 == 0,
    }
    return values.get(kind, f"text {index}")


async def measure(rounds: int) -> tuple[list[float], list[float]]:
    """Measure both, in milliseconds of CPU an answer, to its JSON.

    Returns:
        What the compiled executor took, and what graphql-core took.
    """
    names = [f"f{index}" for index in range(len(KINDS))]
    line = type("Line", (), {"__slots__": names})
    objects = []
    for index in range(LINES):
        one = line()
        for name, kind in zip(names, KINDS, strict=True):
            setattr(one, name, _value(kind, index))
        objects.append(one)

    async def lines(_parents: Sequence[object], _ask: Ask) -> Sequence[object]:
        return [objects]

    ours, theirs = build_schema(SDL), build_schema(SDL)
    for schema in (ours, theirs):
        for python, name in ((Decimal, "Decimal"), (date, "Date")):
            schema.type_map[name].coerce_output_value = SCALARS[python].serialize  # type: ignore[attr-defined]
    theirs.type_map["Query"].fields["lines"].resolve = lambda *_: objects  # type: ignore[attr-defined]
    plans = {("Line", name): _Plan(attribute=name) for name in names}
    executor = Executor(
        ours,
        {**plans, ("Query", "lines"): _Plan(batch=lines)},
        leaves=WRITERS,
        plain_texts=PLAIN_TEXTS,
    )
    document = parse(QUERY)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101 - as written above
    executed = await executor.execute(document, operation, {}, None)
    expected: Any = execute(theirs, document)
    assert executed.data == expected.data  # noqa: S101 - both must do the same
    compiled, core = [], []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(10):
            await executor.execute(document, operation, {}, None)
        compiled.append((time.process_time() - started) * 100)
        started = time.process_time()
        msgspec.json.encode({"data": execute(theirs, document).data})  # type: ignore[union-attr] # not awaited
        core.append((time.process_time() - started) * 1_000)
    return compiled, core


def ratio(rounds: int = 9) -> tuple[float, float, float]:
    """Give how many times as fast the compiled executor is, and both medians in ms."""
    os.sched_setaffinity(0, {0})
    compiled, core = asyncio.run(measure(rounds))
    ours, theirs = statistics.median(compiled), statistics.median(core)
    return theirs / ours, ours, theirs
