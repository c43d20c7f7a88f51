"""Lists that are held as columns: they say of which one type all their items are.

Going through such a list would make its items, which nobody may need: fields that are
read by column take the list as it is.
"""

from collections.abc import Sequence
from typing import Any


def is_columnar(kind: type) -> bool:
    """Tell whether lists of a class say of which type their items are (`item_type`)."""
    return getattr(kind, "item_type", None) is not None


def kinds_of(values: Sequence[Any]) -> set[type]:
    """Give the types of the values of a column."""
    kind: type | None = getattr(type(values), "item_type", None)
    return {*map(type, values)} if kind is None else {kind}
