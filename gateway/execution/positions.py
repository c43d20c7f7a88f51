"""Where the values of a column stand in the answer.

A column is a list of values of one field, for all parents of a level. Where each of
them stands is worked out only when somebody asks: for an error, or for a resolver
that wants to know. So an answer without errors costs a few small objects a level.

Source: GraphQL specification, section 7.1.2 (the path of an error).
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
from graphql.pyutils import Path

from gateway.execution.plan import Field

Keys: TypeAlias = list[str | int]


class Positions(Protocol):
    """The positions of a column, by index."""

    def keys(self, index: int) -> Keys:
        """Give the path of a value, from the root down."""
        ...

    def path(self, index: int) -> Path | None:
        """Give the same path as resolvers are told it."""
        ...


class Root:
    """The one position above all fields."""

    __slots__ = ()

    def keys(self, _index: int) -> Keys:
        """Give the path of the data: nothing."""
        return []

    def path(self, _index: int) -> Path | None:
        """Give the path of the data: none."""
        return None


class Under(msgspec.Struct, frozen=True):
    """The values of a field, one for each parent."""

    above: Positions
    field: Field

    def keys(self, index: int) -> Keys:
        """Give the path of a parent's field."""
        return [*self.above.keys(index), self.field.key]

    def path(self, index: int) -> Path | None:
        """Give the same path as resolvers are told it."""
        return Path(self.above.path(index), self.field.key, self.field.parent.name)


class Items(msgspec.Struct, frozen=True):
    """The items of lists, one list after the other."""

    above: Positions
    lists: Sequence[Sequence[Any]]

    def keys(self, index: int) -> Keys:
        """Give the path of an item."""
        outer, inner = self._place(index)
        return [*self.above.keys(outer), inner]

    def path(self, index: int) -> Path | None:
        """Give the same path as resolvers are told it."""
        outer, inner = self._place(index)
        return Path(self.above.path(outer), inner, None)

    def _place(self, index: int) -> tuple[int, int]:
        for outer, items in enumerate(self.lists):
            if index < len(items):
                return outer, index
            index -= len(items)
        raise IndexError(index)


class Kept(msgspec.Struct, frozen=True):
    """Some values of a column, after others were left out."""

    above: Positions
    indices: Sequence[int]

    def keys(self, index: int) -> Keys:
        """Give the path of a value that was kept."""
        return self.above.keys(self.indices[index])

    def path(self, index: int) -> Path | None:
        """Give the same path as resolvers are told it."""
        return self.above.path(self.indices[index])
