"""Records of which only some fields are asked for.

A native record is written down once, with every field; those that are not always asked
for are `UNASKED`. `requiring` makes of it the record of one question: what was asked for
must be there, in the order in which it is sent, and nothing else is looked at. Reading
what was not asked for fails loudly, because `UNASKED` is nothing one can compute with.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType, new_class
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import msgspec
from msgspec.structs import astuple

from orderlines.table import Column

S = TypeVar("S", bound=msgspec.Struct)

NOTHING_ELSE: Final[Mapping[str, Any]] = MappingProxyType({})
UNASKED: Final[Any] = msgspec.UNSET  # Any: it stands in for values of every type


FEW: Final = 8
"""Records of which all fields are read as fast as some."""


def columns_of_few(records: Sequence[msgspec.Struct]) -> dict[str, Column]:
    """Give every field of records of one type; there must be one."""
    columns = map(list, zip(*map(astuple, records)))  # noqa: B905 - all have the same fields
    return dict(zip(records[0].__struct_fields__, columns))  # noqa: B905 - as above


def requiring(
    record: type[S],
    names: Collection[str],
    *,
    types: Mapping[str, Any] = NOTHING_ELSE,
    tag: str | None = None,
) -> type[S]:
    """Make a record of which certain fields must be there.

    Where fields are left out it is no subclass of the record, but has its methods: what
    nobody asked for has no room in it, which would be filled and emptied for every row.

    Args:
        record: With every field, some of them `UNASKED`.
        names: The fields that must be there, beside those without a default.
        types: Types of fields that are themselves such records.
        tag: The record's `__typename`, for a record that is told by one.
    """
    fields = msgspec.structs.fields(record)
    told = [one for one in fields if one.name in names or one.name in types or one.required]
    # What a system may leave out, and what is put there later, keep their default.
    kept = [
        one
        for one in fields
        if one not in told
        and (one.default is not UNASKED or msgspec.UnsetType in get_args(one.type))
    ]
    plain: type[msgspec.Struct] = get_origin(record) or record
    is_whole = len(told) + len(kept) == len(fields)

    def body(namespace: dict[str, Any]) -> None:
        if not is_whole:
            for kind in reversed(plain.__mro__):
                namespace |= {
                    name: one for name, one in vars(kind).items() if not name.startswith("__")
                }
            namespace |= {one.name: UNASKED for one in fields}
            namespace["__doc__"] = plain.__doc__
        namespace["__module__"] = plain.__module__
        namespace["__annotations__"] = {
            one.name: types.get(one.name, one.type) for one in (*told, *kept)
        }
        namespace |= {one.name: msgspec.field(name=one.encode_name) for one in told}
        namespace |= {
            one.name: msgspec.field(name=one.encode_name, default=one.default) for one in kept
        }

    config = plain.__struct_config__
    options: dict[str, Any] = {"frozen": config.frozen, "gc": False, "kw_only": True}
    if tag is not None:
        options |= {"tag_field": config.tag_field, "tag": tag}
    bases = (record,) if is_whole else (msgspec.Struct,)
    return cast("type[S]", new_class(plain.__name__, bases, options, body))
