"""Parts of lines, for a whole column of them: the line itself where the part was read.

A section of the schema has no object of its own: its fields read the line. So a part is
the line, or the error that says why it was not read.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from orderlines.columns import column, fulfilments_of, headers_of, promises_of
from orderlines.errors import GatewayError
from orderlines.item import Item
from orderlines.lines import Lines
from orderlines.stitched_line import StitchedLine
from orderlines.table import Column, Single, Table

Part: TypeAlias = StitchedLine | GatewayError


def with_header(lines: Sequence[StitchedLine]) -> Sequence[Part]:
    """Give each line, or why its header was not read."""
    return _with(headers_of(lines), lines)


def with_promise(lines: Sequence[StitchedLine]) -> Sequence[Part]:
    """Give each line, or why its promise was not read."""
    return _with(promises_of(lines), lines)


def with_fulfilment(lines: Sequence[StitchedLine]) -> Sequence[Part]:
    """Give each line, or why its fulfilment was not read."""
    return _with(fulfilments_of(lines), lines)


def of_headers(name: str, lines: Sequence[StitchedLine]) -> Column:
    """Read one accessor of each header, or say why that was not read."""
    headers = headers_of(lines)
    if _has_error(headers):
        return [one if isinstance(one, GatewayError) else getattr(one, name) for one in headers]
    return column(headers, name)


def of_masters(name: str, lines: Sequence[StitchedLine]) -> list[Any]:
    """Read one attribute of each item's master data; None, or the reason, where it has none."""
    return [
        getattr(one, name) if type(one) is Item else one
        for one in (lines.items if type(lines) is Lines else [line.item for line in lines])
    ]


def line_numbers(lines: Sequence[StitchedLine]) -> Column:
    """Give the line number of each line."""
    if type(lines) is not Lines:
        return [line.line_number for line in lines]
    headers = lines.headers
    if type(headers) is Table:  # of a whole order, by which its lines are named
        return headers.columns["line_number"]
    return [number for _, number in lines.addresses]


def _with(parts: Sequence[object], lines: Sequence[StitchedLine]) -> Sequence[Part]:
    if not _has_error(parts):
        return lines
    return [
        part if isinstance(part, GatewayError) else line
        for part, line in zip(parts, lines, strict=True)
    ]


def _has_error(parts: Sequence[object]) -> bool:
    if type(parts) is Table or type(parts) is Single:
        return False
    return any(issubclass(kind, GatewayError) for kind in {*map(type, parts)})
