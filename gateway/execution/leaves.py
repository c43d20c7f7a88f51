"""Leaves: how a column of values becomes a column of JSON texts.

The usual values of a leaf are of one exact type, and then a whole column is looked at
and written at once: `{*map(type, values)}` tells that all are `str`, and there is
little left to do. Whatever else comes goes through the type's own function, one
value at a time, so that it means what graphql-core says it means.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from math import isfinite
from typing import Any, Final, TypeAlias

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
    is_enum_type,
)
from graphql.pyutils import UndefinedType, inspect

Writer: TypeAlias = Callable[[Sequence[Any]], list[Any]]
Writers: TypeAlias = Mapping[type, Writer | None]
"""By exact type, what writes a column of its values; None if they stand as they are.
A writer that meets a value it cannot write raises, and the column is done carefully."""

Told: TypeAlias = tuple[str, Sequence[Any]]
"""What stands on both sides of each text of a column, and the texts."""

Teller: TypeAlias = Callable[[Sequence[Any]], Told]

MAX_INT: Final = 2**31 - 1
MIN_INT: Final = -(2**31)


_NOTHING: Final = {type(None), UndefinedType}
ONLY_STR: Final = {str}
_ONLY_INT: Final = {int}

_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines


class OddValueError(Exception):
    """A column holds something that is not the usual: it must be looked at one by one."""


def texts(values: Sequence[Any]) -> list[Any]:
    """Write a column of numbers as text."""
    return [*map(str, values)]


def _ints(values: Sequence[Any]) -> list[Any]:
    if min(values) >= MIN_INT and max(values) <= MAX_INT:
        return list(values)
    raise OddValueError


def _floats(values: Sequence[Any]) -> list[Any]:
    # An infinity or no number at all is in the sum; a sum that is too large is looked at.
    if isfinite(sum(values)):
        return list(values)
    raise OddValueError


_BUILT_IN: Final[Mapping[Callable[[Any], object], Writers]] = {
    GraphQLString.coerce_output_value: {str: None},
    GraphQLID.coerce_output_value: {str: None, int: texts},
    GraphQLBoolean.coerce_output_value: {bool: None},
    GraphQLInt.coerce_output_value: {int: _ints},
    GraphQLFloat.coerce_output_value: {float: _floats},
}


def writers_of(kind: GraphQLLeafType, told: Mapping[str, Writers]) -> Writers:
    """Find how usual values of a leaf type are written.

    Args:
        kind: The type.
        told: By name of the type, what its schema says of it.
    """
    if kind.name in told:
        return told[kind.name]
    if is_enum_type(kind):
        return _enum_writers(kind)
    return _BUILT_IN.get(kind.coerce_output_value, {})


def write(writers: Writers, values: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
    """Write a column of usual values.

    Raises:
        Exception: Some are not usual.
    """
    if len(kinds) == 1:
        (kind,) = kinds
        writer = writers[kind]
        return values if writer is None else writer(values)
    parts = {}
    for kind in kinds:
        part = [value for value in values if type(value) is kind]
        writer = writers[kind]
        parts[kind] = iter(part if writer is None else writer(part))
    return [next(parts[type(value)]) for value in values]


def write_all(kind: GraphQLLeafType, values: Sequence[Any]) -> Sequence[Any]:
    """Write a column of values by the type's own function.

    Raises:
        Exception: Some are no values of the type.
    """
    written = [*map(kind.coerce_output_value, values)]
    if {*map(type, written)} & _NOTHING:
        raise OddValueError
    return written


def write_one(kind: GraphQLLeafType, value: Any) -> object:  # noqa: ANN401 - whatever a resolver gave
    """Write any value, as graphql-core does.

    Raises:
        Exception: It is no value of the type.
    """
    coerced: object = kind.coerce_output_value(value)
    if coerced is None or coerced is Undefined:
        msg = (
            f"Expected `{inspect(kind)}.coerce_output_value({inspect(value)})`"
            f" to return non-nullable value, returned: {inspect(coerced)}"
        )
        raise TypeError(msg)
    return coerced


def _enum_writers(kind: GraphQLLeafType) -> Writers:
    """Name the members of a Python enum by their own names, if the schema does so too."""
    members = getattr(kind, "wrapped_cls", None)  # where strawberry keeps the enum
    if members is None:
        values = [one.value for one in getattr(kind, "values", {}).values()]
        members = type(values[0])
    if not (isinstance(members, type) and issubclass(members, Enum)):
        return {}
    names: dict[str, object] = {}
    for member in members:
        try:
            names[member.name] = kind.coerce_output_value(member)
        except GraphQLError:
            continue  # a member that the schema does not show is looked at when it comes
    # A member's own name is found faster than the member in a mapping: an enum's hash is
    # a function of Python.
    return {members: lambda column: [names[one._name_] for one in column]}


def teller_of(kind: GraphQLLeafType, plain: frozenset[str]) -> Teller:
    """Find how written leaves of a type are told as JSON, if none of them is null.

    Args:
        kind: The type.
        plain: Names of scalars whose texts are words and digits only.
    """
    if is_enum_type(kind) or kind.name in plain:
        return _as_plain
    if kind.coerce_output_value is GraphQLBoolean.coerce_output_value:
        return _as_words
    if kind.coerce_output_value is GraphQLInt.coerce_output_value:
        return _as_numbers
    return as_texts


def as_texts(values: Sequence[Any]) -> Told:
    """Tell written leaves as JSON.

    Most columns are words and digits that JSON takes as they are: one look at all of
    them tells so, and then nothing is copied.

    Raises:
        Exception: JSON has no word for one of them.
    """
    kinds = {*map(type, values)}
    if kinds == ONLY_STR:
        return told_texts(values)
    if kinds == _ONLY_INT:
        return "", [*map(str, values)]
    return "", json_texts(values)


def told_texts(values: Sequence[str]) -> Told:
    """Tell texts as JSON; see `as_texts`.

    Raises:
        Exception: One of them cannot be written.
    """
    joined = "".join(values)
    if joined.isprintable() and '"' not in joined and "\\" not in joined:
        return '"', values
    return "", json_texts(values)


def _as_plain(values: Sequence[Any]) -> Told:
    return '"', values


def _as_words(values: Sequence[Any]) -> Told:
    return "", ["true" if value else "false" for value in values]


def _as_numbers(values: Sequence[Any]) -> Told:
    return "", [*map(str, values)]


NEVER_MARKED: Final = frozenset({_as_words, _as_numbers})
"""Tellers of leaves that have no quotes."""


def json_texts(values: Sequence[Any]) -> list[str]:
    """Tell each of many values as JSON, in which no line ever ends.

    Raises:
        Exception: JSON has no word for one of them.
    """
    return _encode_lines(values).decode().split("\n")[:-1]


def json_text(value: object) -> str:
    """Tell a value as JSON.

    Raises:
        Exception: JSON has no word for it.
    """
    return _encode(value).decode()
