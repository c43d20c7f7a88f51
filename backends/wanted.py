"""Records of which only some fields are asked for.

A native record is written down once, with every field; those that are not always asked
for are `UNASKED`. `requiring` makes of it the record of one question: what was asked for
must be there, in the order in which it is sent, and nothing else is looked at. Reading
what was not asked for fails loudly, because `UNASKED` is nothing one can compute with.
"""

from collections.abc import Collection
from types import new_class
from typing import Any, Final, TypeVar, cast, get_origin

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

UNASKED: Final[Any] = msgspec.UNSET  # Any: it stands in for values of every type


def requiring(
    record: type[S],
    names: Collection[str],
    *,
    types: dict[str, Any] | None = None,
    tag: str | None = None,
) -> type[S]:
    """Make a record of which certain fields must be there.

    Args:
        record: With every field, some of them `UNASKED`.
        names: The fields that must be there, beside those without a default.
        types: Types of fields that are themselves such records.
        tag: The record's `__typename`, for a record that is told by one.
    """
    given = types or {}
    told = [
        one
        for one in msgspec.structs.fields(record)
        if one.name in names or one.name in given or one.required
    ]

    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = plain.__module__
        namespace["__annotations__"] = {one.name: given.get(one.name, one.type) for one in told}
        namespace |= {one.name: msgspec.field(name=one.encode_name) for one in told}

    plain: type[msgspec.Struct] = get_origin(record) or record
    config = plain.__struct_config__
    options: dict[str, Any] = {"frozen": config.frozen, "gc": False, "kw_only": True}
    if tag is not None:
        options |= {"tag_field": config.tag_field, "tag": tag}
    return cast("type[S]", new_class(plain.__name__, (record,), options, body))
