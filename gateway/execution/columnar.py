"""Lists that are held as columns: they say of which one type all their items are.

Going through such a list would make its items, which nobody may need: fields that are
read by column take the list as it is. A list of texts may say that JSON takes all of them
as they are; nobody looks at them again.
"""

from collections.abc import Sequence
from typing import Any


def is_columnar(kind: type) -> bool:
    """Tell whether lists of a class say of which type their items are (`item_type`)."""
    return getattr(kind, "item_type", None) is not None


def needs_no_escape(kind: type) -> bool:
    """Tell whether lists of a class hold texts that JSON takes as they are."""
    return getattr(kind, "needs_no_escape", False) is True


def kinds_of(values: Sequence[Any]) -> set[type]:
    """Give the types of the values of a column."""
    kind: type | None = getattr(type(values), "item_type", None)
    return {*map(type, values)} if kind is None else {kind}
