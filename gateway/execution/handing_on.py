"""What a generated function gives: its columns as they are, or objects.

Columns of a flat selection are handed on where all of them are as usual. A function that
cannot hand on fills, with the columns it was handed, one template for itself and all
objects inside. Where a column is not as usual, each object inside is made by itself.
"""

from collections.abc import Sequence

from gateway.execution.filling import name_of, write_filled, write_rows
from gateway.execution.functions import Functions
from gateway.execution.plan import Selection
from gateway.execution.source import Column, Text, tuple_of
from gateway.execution.templates import VALUE, Template, numbered, object_of


def whole_template(
    selection: Selection, columns: Sequence[Column], functions: Functions
) -> Template:
    """Make the template that has the objects below in it."""
    known = {column.field: column for column in columns}
    return object_of(
        [
            (one.key, _place(known[one], functions) if one in known else name_of(selection))
            for one in selection.fields
        ]
    )


def _place(column: Column, functions: Functions) -> Template:
    below = functions.inner(column)
    if below is not None:
        return functions.flat[below]
    return ['"', VALUE, '"'] if column.is_marked else [VALUE]


def write_handing_on(
    text: Text,
    selection: Selection,
    columns: Sequence[Column],
    template: Template | None,
    functions: Functions,
) -> None:
    """Write how columns are handed on as they are, or fill the whole template.

    Columns that are not as usual become objects, each by itself.
    """
    inner = [column.name for column in columns if functions.inner(column)]
    if selection in functions.flat or (inner and template is not None):
        usual = [column.mark for column in columns if column.is_marked]
        usual += [f"type({name}) is tuple" for name in inner]
        given = [f"*{one.name}" if functions.inner(one) else one.name for one in columns]
        # If it is the only one, nothing failed since it was handed on itself.
        is_only = len(columns) == len(inner) == 1
        usual += [] if is_only else ["not run.has_failed"]
        handed = inner[0] if is_only else tuple_of(given)
        text.add(f"if {' and '.join(usual)}:")
        if selection in functions.flat or template is None:
            text.add(f"    return {handed}")
        else:
            text.depth += 1
            write_filled(text, numbered(template), handed)
            text.depth -= 1
        if is_only:
            if columns[0].field.is_nullable:
                text.add("if run.has_failed:")
                text.add(f"    {inner[0]} = absorbed({inner[0]})")
            return
    for column in columns:
        write_inner(text, column, functions)


def write_inner(text: Text, column: Column, functions: Functions) -> None:
    """Write how columns that were handed on become objects after all."""
    below = functions.inner(column)
    if below is None:
        return
    text.add(f"if type({column.name}) is tuple:")
    text.add(f"    {column.name} = {functions.named('fill', below)}({column.name})")
    if column.field.is_nullable:
        text.add("elif run.has_failed:")
        text.add(f"    {column.name} = absorbed({column.name})")


def write_return(
    text: Text, selection: Selection, columns: Sequence[Column], functions: Functions
) -> None:
    """Write how columns become objects: one template, filled for every parent."""
    marks = [column.mark for column in columns if column.is_marked]
    # Without an object inside, columns whose marks are all there were handed on.
    may_fit = selection not in functions.flat or any(map(functions.inner, columns))
    if marks and may_fit:
        text.add(f"if {' and '.join(marks)}:")
        text.depth += 1
        write_rows(text, selection, columns, mark='"')
        text.depth -= 1
        text.add("else:")
        text.depth += 1
    write_rows(text, selection, columns)
    text.depth = 1
    strict = [column.name for column in columns if not column.field.is_nullable]
    if strict:
        text.add("if run.has_failed:")
        text.add(f"    return struck(rows, {tuple_of(strict)})")
    text.add("return rows")
