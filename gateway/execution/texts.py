"""Columns of the answer: texts, and the mark of what failed.

A completed column holds of each value its JSON. A value that failed where null is not
allowed is `FAILED` instead: it fails what holds it, and is null at the nearest level that
may be.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

Column: TypeAlias = Sequence[Any]


class Failed:
    """The mark of a value that failed where null is not allowed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "FAILED"


FAILED: Final = Failed()
NULL: Final = "null"


def absorbed(column: Column) -> list[Any]:
    """Make null what failed, where null is allowed."""
    return [NULL if one is FAILED else one for one in column]


def struck(rows: list[Any], columns: Sequence[Column]) -> list[Any]:
    """Fail the objects of which a field failed that may not be null."""
    for column in columns:
        for index, value in enumerate(column):
            if value is FAILED:
                rows[index] = FAILED
    return rows


def lists_of(column: Column, lists: Column, *, has_failed: bool) -> list[Any]:
    """Cut a column of items into lists as long as those it came from."""
    made: list[Any] = []
    start = 0
    for items in lists:
        end = start + len(items)
        some = column[start:end] if len(lists) > 1 else column
        is_failed = has_failed and any(one is FAILED for one in some)
        made.append(FAILED if is_failed else f"[{','.join(some)}]")
        start = end
    return made


def scatter(made: list[Any], kept: Sequence[int], column: Column) -> None:
    """Put the values that were kept back where they belong."""
    for index, value in zip(kept, column, strict=True):
        made[index] = value
