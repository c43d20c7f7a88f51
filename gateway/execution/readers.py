"""Leaves that are read together: what a schema's owner may offer for usual objects.

A field says how it is read by itself. Where all objects of a level are as usual, their
owner may know how many leaves are read at once, past everything that could go wrong
with one of them: a `Reader`. It is asked first, and where it says that something is not
as usual, the fields are read as always. Arguments, lists and refused fields have none.
"""

from collections.abc import Collection
from typing import NamedTuple

from graphql import is_list_type, is_object_type

from gateway.execution.leaves import json_text
from gateway.execution.plan import Field, Path, Readers, Selection, Way, is_async
from gateway.execution.templates import (
    VALUE,
    Template,
    numbered,
    object_of,
    width_of,
)


class Reading(NamedTuple):
    """A reader of the leaves of a selection.

    Attributes:
        read: See `plan.Reader`.
        source: As there.
        template: Of an object, with a place for each leaf that is not null.
    """

    read: object
    source: str
    template: Template


def reading_of(selection: Selection, readers: Readers) -> Reading | None:
    """Find what reads all leaves of a selection at once."""
    make = readers.get(selection.parent.name)
    leaves = None if make is None else _leaves(selection)
    reader = None if make is None or leaves is None else make(leaves)
    if reader is None:
        return None
    template = numbered(_template(selection, (), reader.nulls))
    return Reading(reader.read, reader.source, template) if width_of(template) else None


def _leaves(selection: Selection) -> list[Path] | None:
    """Name the leaves in the order of the answer; None where they are not all plain."""
    found: list[Path] = []
    for one in selection.fields:
        if one.way is Way.TYPENAME:
            continue
        if one.way is Way.REFUSED or one.slot >= 0 or is_async(one) or is_list_type(_kind(one)):
            return None
        if not one.below:
            found.append((one.name,))
            continue
        inner = _inner(one)
        leaves = None if inner is None else _leaves(inner)
        if not leaves:
            # An object of which nothing is read would be taken to be there.
            return None
        found += [(one.name, *leaf) for leaf in leaves]
    return found


def _template(selection: Selection, above: Path, nulls: Collection[Path]) -> Template:
    return object_of(
        [(one.key, _place(one, selection, (*above, one.name), nulls)) for one in selection.fields]
    )


def _place(one: Field, selection: Selection, path: Path, nulls: Collection[Path]) -> Template:
    if one.way is Way.TYPENAME:
        return [json_text(selection.parent.name)]
    inner = _inner(one)
    if inner is not None:
        return _template(inner, path, nulls)
    return ["null"] if path in nulls else ['"', VALUE, '"']


def _inner(one: Field) -> Selection | None:
    """Give the selection of a field whose value is an object of one type."""
    kind = _kind(one)
    if not is_object_type(kind) or kind.is_type_of is not None or len(one.below) != 1:
        return None
    (selection,) = one.below.values()
    return None if selection.error is not None else selection


def _kind(one: Field) -> object:
    kind = one.definition.type
    return getattr(kind, "of_type", kind) if not one.is_nullable else kind
