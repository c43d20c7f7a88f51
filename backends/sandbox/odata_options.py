"""The query options of the ERP: `$filter`, `$expand`, `$select`, `$top`, `$skiptoken`, `$format`.

`$select` names properties of the set, and of the expanded navigation with its name and
a slash before them: `SalesOrder,Items/Material`. Rows then hold these and nothing else.

Any other option is refused: one that nobody looks at would be a question that nobody
answered.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from backends.sandbox.erp_rows import Navigation
from backends.sandbox.odata_filter import Filter, parse_filter
from backends.sandbox.refusal import RefusedError
from backends.sandbox.snapshot import one_change_ago
from backends.sandbox.world import Line

ROOT: Final = "odata/v2/"
OPTIONS: Final = frozenset({"$filter", "$expand", "$select", "$top", "$skiptoken", "$format"})
MAX_NUMBER_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Question:
    """The query options of a request, understood.

    Attributes:
        select: The properties that are wanted; None for all.
        root: Where the service is, as the client wrote it.
        is_stale: Whether to answer from the older snapshot.
    """

    filter: Filter | None
    is_expanded: bool
    select: frozenset[str] | None
    top: int | None
    skip: int
    root: str
    is_stale: bool

    def wants(self, properties: Mapping[str, str]) -> bool:
        """Tell whether a row with these properties is meant."""
        return self.filter is None or self.filter.matches(properties)

    def candidates(self, name: str) -> Iterable[str] | None:
        """Values of a property that are worth looking at; None for all."""
        return None if self.filter is None else self.filter.values_of(name)

    def deferred(self, path: str) -> Navigation:
        """Say where to find what was not expanded."""
        return {"__deferred": {"uri": self.root + path}}

    def told(self, row: msgspec.Struct) -> object:
        """Give what is wanted of a row."""
        return row if self.select is None else _selected(msgspec.to_builtins(row), self.select, "")

    def line(self, line: Line) -> Line:
        """Give the line as it is to be told."""
        return one_change_ago(line) if self.is_stale else line


def understand(
    request: Request, expands: str, compares: Collection[str], selects: Collection[str]
) -> Question:
    """Read the query options of a request.

    Args:
        request: To the ERP, with the fault in force in its scope.
        expands: The one navigation that can be expanded.
        compares: The properties that can be compared.
        selects: The properties that can be selected.

    Raises:
        RefusedError: An option is unknown, given twice, or not understood.
    """
    pairs = options_of(request)
    options = dict(pairs)
    if len(options) < len(pairs):
        msg = "A query option is given more than once."
        raise RefusedError(msg)
    for name in options:
        if name not in OPTIONS:
            msg = f"The query option '{name}' is not supported."
            raise RefusedError(msg)
    if options.get("$format", "json") != "json":
        msg = "The only $format is json."
        raise RefusedError(msg)
    expand = options.get("$expand")
    if expand not in {None, expands}:
        msg = f"The only $expand of this set is {expands}."
        raise RefusedError(msg)
    select = None if "$select" not in options else frozenset(options["$select"].split(","))
    for name in sorted(select or ()):
        if name not in selects or ("/" in name and expand is None):
            msg = f"The property '{name}' cannot be selected."
            raise RefusedError(msg)
    text = options.get("$filter")
    return Question(
        filter=None if text is None else parse_filter(text, compares),
        is_expanded=expand is not None,
        select=select,
        top=_whole_number(options, "$top"),
        skip=_whole_number(options, "$skiptoken") or 0,
        root=f"{request.base_url}{ROOT}",
        is_stale=request.scope["fault"].mode == "stale",
    )


def _selected(row: dict[str, Any], select: frozenset[str], path: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in row.items():
        below = f"{path}{name}/"
        if f"{path}{name}" in select:
            kept[name] = value
        elif any(one.startswith(below) for one in select):
            kept[name] = (
                {"results": [_selected(one, select, below) for one in value["results"]]}
                if "results" in value
                else _selected(value, select, below)
            )
    return kept


def options_of(request: Request) -> list[tuple[str, str]]:
    """Give the query options as written, percent-decoded."""
    return parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _whole_number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER_DIGITS):
        msg = f"{name} is not a whole number."
        raise RefusedError(msg)
    return int(text)
