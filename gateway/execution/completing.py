"""How a generated function completes a column: values become what the answer holds of them.

Objects whose values are all usual go to the function of their selection, and the only list
of a lone parent to a reader. Anything else is left to the field's `Shape`.
"""

from gateway.execution.fetching import write_asking
from gateway.execution.functions import Functions
from gateway.execution.plan import Plan, Way, is_async
from gateway.execution.source import Column, Text


def write_completing(text: Text, column: Column, functions: Functions, plan: Plan) -> None:
    """Write how a column of values becomes a column of the answer."""
    name, number, shape = column.name, column.number, column.shape
    text.add(f"# {column.field.key}: {column.field.definition.type}")
    is_asked = is_async(column.field)
    if is_asked:
        write_asking(text, column, plan)
    if shape.leaf is not None and is_asked:
        text.add(f"{name} = s{number}.written({name}, at, run)")
    elif shape.leaf is not None:
        text.add(f"{column.mark}, {name} = s{number}.leaves({name}, at, run)")
    elif shape.is_single:
        _write_objects(text, column, functions, plan)
    elif text.is_lone and _is_page(column, functions):
        _write_page(text, column, functions)
    else:
        functions.opened.add(column.field)
        text.add(f"{name} = {_by_shape(column, functions)}")


def _write_objects(text: Text, column: Column, functions: Functions, plan: Plan) -> None:
    """Write how objects of one type are made by its function, if all may be parents."""
    name = column.name
    (below,) = column.field.below.values()
    is_flat = functions.inner(column) is not None
    called = functions.named("columns", below) if is_flat else functions.names[below]
    called = f"await {called}" if below in functions.awaited else called
    text.add(f"if {_are_plain(text, column, plan)}:")
    text.add(f"    {name} = {called}({name}, Under(at, f{column.number}), run)")
    if column.field.is_nullable and not is_flat:
        text.add("    if run.has_failed:")
        text.add(f"        {name} = absorbed({name})")
    text.add("else:")
    text.add(f"    {name} = {_by_shape(column, functions)}")


def _are_plain(text: Text, column: Column, plan: Plan) -> str:
    """Write whether all values of a column may be parents."""
    name, way = column.name, column.field.way
    # Only a column that its owner made may be the parents, which were looked at when
    # they were values, or say by itself what it holds. The root's parent is nothing.
    if way is Way.COLUMN:
        seen = "" if column.field in plan.root.fields else f"{name} is parents or "
        return f"{seen}kinds_of({name}) <= plain"
    if text.is_lone:
        is_list = f"type({name}) is list and " if way is Way.BATCH else ""
        return f"{is_list}type({name}[0]) in plain"
    return f"kinds_of({name}) <= plain" if way is Way.BATCH else f"{{*map(type, {name})}} <= plain"


def _is_page(column: Column, functions: Functions) -> bool:
    """Tell whether a field gives lists of objects whose leaves are read together."""
    return column.shape.is_listing and not functions.read.isdisjoint(column.field.below.values())


def _write_page(text: Text, column: Column, functions: Functions) -> None:
    """Write how the leaves of the only list are read together, if it is held as columns."""
    name, number = column.name, column.number
    (below,) = column.field.below.values()
    read, list_of = (functions.named(kind, below) for kind in ("reader", "list"))
    text.add(f"(items,) = {name}")
    text.add("usual = None")
    text.add("if getattr(type(items), 'item_type', None) in plain and not run.has_failed:")
    text.add(f"    usual = {read}(items)")
    text.add("if usual is None:")
    text.add(f"    {name} = s{number}.objects({name}, at, run)")
    text.add("else:")
    text.add("    count = len(usual[0])")
    text.add(f"    run.counts[f{number}] = run.counts.get(f{number}, 0) + count")
    text.add(f"    {name} = [{list_of}(usual, count)]")


def _by_shape(column: Column, functions: Functions) -> str:
    """Write how a shape makes objects of whatever values there are."""
    waits = functions.awaits_below(column.field)
    objects = f"{'await ' if waits else ''}s{column.number}.{'awaited_' if waits else ''}objects"
    return f"{objects}({column.name}, at, run)"
