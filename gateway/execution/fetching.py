"""How a generated function comes by its values: it reads them, asks for them, and waits.

Values are read for all parents at once; if that fails, one by one. A batch field is asked
by the function itself where nothing else waits with it; others are awaited together.
"""

from collections.abc import Sequence
from keyword import iskeyword

from gateway.execution.arguments import by_texts, listed, written_out
from gateway.execution.plan import Plan, Way, is_async
from gateway.execution.source import Column, Text, called, tuple_of


def write_reading(text: Text, columns: Sequence[Column]) -> None:
    """Write how the values are fetched from the parents."""
    if not columns:
        return
    if any(column.field.way is Way.REFUSED for column in columns):
        refused = [column for column in columns if column.field.way is Way.REFUSED]
        write_reading(text, [column for column in columns if column not in refused])
        _write_careful_reading(text, refused)
        return
    text.add("try:")
    text.depth += 1
    if text.is_lone and any(column.field.way is not Way.COLUMN for column in columns):
        text.add("(one,) = parents")
    for column in columns:
        _write_values(text, column)
    made = [f"len({column.name})" for column in columns if column.field.way is Way.COLUMN]
    if made:
        text.add(f"if not {' == '.join([*made, text.count])}:")
        text.add("    raise Miscounted")
    text.depth -= 1
    text.add("except Exception:")
    text.depth += 1
    _write_careful_reading(text, columns)
    text.depth -= 1


def _write_values(text: Text, column: Column) -> None:
    """Write how the values of one field are fetched."""
    one, name, function = column.field, column.name, f"{called(column.field)}{column.number}"
    given = "**given" if one.fixed is None else written_out(one.fixed, column.number)
    if one.fixed is None:
        text.add(f"given = run.given(f{column.number})")
    if one.way is Way.COLUMN:
        text.add(f"{name} = {function}({listed('parents', given)})")
        return
    is_function = one.way is Way.FUNCTION
    value = f"{function}({listed('one', given)})" if is_function else _attribute(one.attribute)
    if text.is_lone:
        text.add(f"{name} = [{value}]")
    elif is_function:
        # One parent, as in a list of one, needs no loop.
        text.add("if count == 1:")
        text.add("    (one,) = parents")
        text.add(f"    {name} = [{value}]")
        text.add("else:")
        text.add(f"    {name} = [{value} for one in parents]")
    else:
        text.add(f"{name} = [{value} for one in parents]")


def _write_careful_reading(text: Text, columns: Sequence[Column]) -> None:
    """Write how they are fetched one by one, so that one that fails costs no other."""
    names = tuple_of([column.name for column in columns])
    fields = tuple_of([f"f{column.number}" for column in columns])
    text.add(f"{names} = run.read({fields}, parents)")


def write_asking(text: Text, column: Column, plan: Plan) -> None:
    """Write how the batch resolver of a field is called, and awaited."""
    one, name, number = column.field, column.name, column.number
    told = f"parents, Ask(run.context, f{number}.needs)"
    asked = f"{name} = await {called(one)}{number}"
    texts = None if one.fixed is not None else by_texts(one, number, plan)
    text.add("try:")
    if one.fixed is not None:
        text.add(f"    {asked}({listed(told, written_out(one.fixed, number))})")
    elif texts is None:
        text.add(f"    {asked}({told}, **run.given(f{number}))")
    else:
        text.add("    texts = run.prepared.texts")
        text.add("    if texts is None:")
        text.add(f"        {asked}({told}, **run.given(f{number}))")
        text.add("    else:")
        text.add(f"        {asked}({told}, {texts})")
    text.add(f"    if not len({name}) == {text.count}:")
    text.add(f"        raise InvalidBatch(len({name}), {text.count})")
    text.add("except Exception as error:")
    text.add(f"    {name} = [error]{'' if text.is_lone else ' * count'}")


def write_waiting(text: Text, columns: Sequence[Column]) -> None:
    """Write how fields are awaited that do not wait for each other."""
    calls = [_awaitable(column) for column in columns]
    if len(columns) == 1:
        text.add(f"{columns[0].name} = await {calls[0]}")
    elif columns:
        names = ", ".join(column.name for column in columns)
        text.add(f"{names} = await run.together([")
        for call in calls:
            text.add(f"    {call},")
        text.add("])")


def _awaitable(column: Column) -> str:
    if is_async(column.field):
        return f"s{column.number}.resolved(parents, at, run)"
    return f"s{column.number}.awaited_objects({column.name}, at, run)"


def _attribute(name: str) -> str:
    value = "one"
    for part in name.split("."):
        is_plain = part.isidentifier() and not iskeyword(part)
        value = f"{value}.{part}" if is_plain else f"getattr({value}, {part!r})"
    return value
