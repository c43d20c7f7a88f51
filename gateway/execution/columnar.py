"""Lists that are held as columns: they say of which one type all their items are.

Going through such a list would make its items, which nobody may need: fields that are
read by column take the list as it is.
"""

from collections.abc import Sequence
from typing import Any, TypeGuard


def is_columnar(values: object) -> TypeGuard[Sequence[Any]]:
    """Tell whether a list says of which type its items are (`item_type`, on its class)."""
    return getattr(type(values), "item_type", None) is not None


def kinds_of(values: Sequence[Any]) -> set[type]:
    """Give the types of the values of a column."""
    kind: type | None = getattr(type(values), "item_type", None)
    return {*map(type, values)} if kind is None else {kind}
