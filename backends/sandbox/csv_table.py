"""A table out of a CSV file: its header, its rows with their line in the file, what is wrong.

UTF-8 with or without a byte order mark; commas, semicolons or tabs, whichever finds
more of the wanted columns; quoted cells may hold line breaks. A row that cannot be
read is a `RowProblem`, never left out in silence: its line is the one it begins on.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

from orderlines.errors import GatewayError

DELIMITERS: Final = ",;\t"


class OrdersFileError(GatewayError):
    """A file of orders cannot be used at all."""

    code: ClassVar[str] = "ORDERS_FILE"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was left out.

    Attributes:
        line: Where the row begins in the file, counted from 1.
        column: As the header writes it; empty where the whole row is meant.
        reason: A sentence about the cell.
    """

    line: int
    column: str
    reason: str


Row: TypeAlias = tuple[int, list[str]]


def read_table(path: Path, wanted: Collection[str]) -> Iterator[Row | RowProblem]:
    """Read a file row by row; the first row is the header.

    Args:
        path: The file.
        wanted: Column names to know the delimiter by, in lower case.

    Raises:
        OrdersFileError: The file cannot be read, or is empty.
    """
    try:
        # A byte that is no UTF-8 becomes a lone surrogate, which its row is then refused for.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            delimiter = max(DELIMITERS, key=lambda mark: _fit(first, mark, wanted))
            yield from _rows(chain([first], file), delimiter)
    except OSError as error:
        msg = f"The file cannot be read: {error.strerror}."
        raise OrdersFileError(msg, detail=str(error)) from error


def _fit(header: str, delimiter: str, wanted: Collection[str]) -> tuple[int, int]:
    names = [name.strip().strip('"').lower() for name in header.split(delimiter)]
    return sum(name in wanted for name in names), len(names)


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[Row | RowProblem]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            until = f" (up to line {reader.line_num})" if reader.line_num > line else ""
            yield RowProblem(line, "", f"The row cannot be read{until}: {error}.")
            continue
        if not cells:
            continue
        width = width or len(cells)
        if len(cells) != width:
            yield RowProblem(line, "", f"The row has {len(cells)} cells, the header {width}.")
        else:
            yield line, cells


def unreadable(cells: Sequence[str]) -> tuple[int, str] | None:
    """Find the first cell with a NUL or with bytes that are no UTF-8, and say which it is."""
    text = "".join(cells)
    if text.isascii() and "\0" not in text:
        return None
    for position, cell in enumerate(cells):
        if "\0" in cell:
            return position, "It has a NUL character."
        try:
            cell.encode()
        except UnicodeEncodeError:
            return position, "It is not valid UTF-8."
    return None
