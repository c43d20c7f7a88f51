"""A plan as people read it: one row for every field, in the order of the answer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from gateway.execution.plan import Field, FieldSource, Plan, Selection


class Row(NamedTuple):
    """One field of a plan.

    Attributes:
        depth: How many fields it is below.
        key: Its name in the answer.
        type_name: The object type it is a field of.
        way: How its values are found, in one word.
        needs: What it itself needs to be read.
        returns: Its type.
    """

    depth: int
    key: str
    type_name: str
    way: str
    needs: frozenset[Any]
    returns: str


def outline(plan: Plan, fields: FieldSource) -> Iterator[Row]:
    """List the fields of a plan; those of several object types one after the other."""
    return _rows(plan.root, fields, 0)


def _rows(selection: Selection, fields: FieldSource, depth: int) -> Iterator[Row]:
    for one in selection.fields:
        yield _row(one, fields, depth)
        for below in one.below.values():
            yield from _rows(below, fields, depth + 1)


def _row(one: Field, fields: FieldSource, depth: int) -> Row:
    plan = fields.get((one.parent.name, one.name))
    return Row(
        depth=depth,
        key=one.key,
        type_name=one.parent.name,
        way=one.way.name.lower(),
        needs=frozenset() if plan is None else frozenset(plan.needs),
        returns=str(one.definition.type),
    )
