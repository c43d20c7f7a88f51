"""How a field of a test's schema is executed: what the desk says in earnest."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """A `FieldPlan` of any kind; with none of the four ways it is graphql-core's."""

    needs: frozenset[str] = frozenset()
    batch: Callable[..., Awaitable[Sequence[object]]] | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    column: Callable[..., Sequence[object]] | None = None
    attribute: str | None = None
    function: Callable[..., Any] | None = None
