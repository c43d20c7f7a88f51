"""How generated functions fill templates, and make lists of what they filled.

One template is filled for every parent, or the only one. Leaves that were read together
are filled by functions of their own: into objects, or at once into the text of their list.
"""

from collections.abc import Sequence

from gateway.execution.leaves import json_text
from gateway.execution.plan import Selection
from gateway.execution.readers import Reading
from gateway.execution.source import Column, Text, write_none
from gateway.execution.templates import MANY, Place, Template, numbered, object_of, written


def write_rows(
    text: Text,
    selection: Selection,
    columns: Sequence[Column],
    mark: str | None = None,
) -> None:
    """Write the template; with a mark, for columns that all have that one."""
    known = {column.field: column for column in columns}
    template = object_of(
        [
            (one.key, known[one].filled(mark) if one in known else name_of(selection))
            for one in selection.fields
        ]
    )
    names, values = [one.name for one in columns], [f"v{one.name[1:]}" for one in columns]
    if text.is_lone and columns:
        text.add(f"{_only(values)} = {', '.join(names)}")
    text.add("rows = [")
    for line in written(template):
        text.add(f"    {line}")
    if text.is_lone:
        pass
    elif len(columns) > 1:
        text.add(f"    for {', '.join(values)} in zip({', '.join(names)})")
    else:
        text.add(f"    for {''.join(values) or '_'} in {''.join(names) or 'parents'}")
    text.add("]")


def write_filling(text: Text, stem: str, flat: Template, reading: Reading | None) -> None:
    """Write how columns that were handed on, or read together, become objects."""
    text.begin(f"def fill_{stem}(columns):")
    write_filled(text, numbered(flat), "columns")
    text.begin(f"def objects_{stem}(parents, at, run):")
    if text.is_lone:
        write_none(text)
    if reading is not None:
        text.add(f"usual = reader_{stem}(parents)")
        text.add(f"return rows_{stem}(parents, at, run) if usual is None else usual_{stem}(usual)")
        text.begin(f"def rows_{stem}(parents, at, run):")
    text.add(f"made = columns_{stem}(parents, at, run)")
    text.add(f"return fill_{stem}(made) if type(made) is tuple else made")
    if reading is not None:
        _write_listing(text, stem, reading)


def _write_listing(text: Text, stem: str, reading: Reading) -> None:
    """Write how leaves that were read together become objects, or a list of them."""
    text.begin(f"def usual_{stem}(columns):")
    write_filled(text, reading.template, "columns")
    if text.is_lone:
        return
    text.begin(f"def list_{stem}(columns, count):")
    text.add(f"if count >= {MANY}:")
    text.add(f"    return listing_{stem}(columns, count)")
    text.add("if count == 1:")
    text.depth = 2
    _write_one(text, ["[", *reading.template, "]"], "columns", "(", ")")
    text.depth = 1
    text.add(f"return f\"[{{','.join(usual_{stem}(columns))}}]\"")


def write_filled(text: Text, template: Template, columns: str) -> None:
    """Write how columns fill a template, and that this is what the function gives."""
    if text.is_lone:
        _write_one(text, template, columns, "[", "]")
        return
    values = [one.name for one in template if isinstance(one, Place)]
    text.add("return [")
    for line in written(template):
        text.add(f"    {line}")
    text.add(f"    for {', '.join(values)}{',' * (len(values) == 1)} in zip(*{columns})")
    text.add("]")


def _write_one(text: Text, template: Template, columns: str, begin: str, end: str) -> None:
    """Write how columns of one value each fill a template once."""
    values = [one.name for one in template if isinstance(one, Place)]
    only = _only(values)
    text.add(f"{f'({only},)' if len(values) == 1 else only} = {columns}")
    text.add(f"return {begin}")
    for line in written(template):
        text.add(f"    {line}")
    text.add(end)


def _only(values: Sequence[str]) -> str:
    """Write variables for the only value of each of some columns."""
    return ", ".join(f"({value},)" for value in values)


def name_of(selection: Selection) -> Template:
    """Write the name of the object type, as JSON."""
    return [json_text(selection.parent.name)]
