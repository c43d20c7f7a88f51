"""The source of generated functions: variables, lines, and what is written again and again.

Everything here writes text; what a function does and in which order is decided by
`compile`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from keyword import iskeyword

from gateway.execution.arguments import by_texts, listed, written_out
from gateway.execution.leaves import NEVER_MARKED, json_text
from gateway.execution.plan import Field, Plan, Selection, Way, is_async
from gateway.execution.readers import Reading
from gateway.execution.shape import Shape
from gateway.execution.templates import MANY, Place, Template, numbered, object_of, written


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A local variable of a generated function.

    Attributes:
        label: The name of the shape.
        is_apart: Whether it is found, or completed, by a coroutine of its own.
    """

    name: str
    field: Field
    label: str
    shape: Shape
    is_apart: bool

    @property
    def number(self) -> str:
        """Part of the names of everything that belongs to the field."""
        return self.label[1:]

    @property
    def mark(self) -> str:
        """The variable for what stands on both sides of each text."""
        return f"q{self.name[1:]}"

    @property
    def is_marked(self) -> bool:
        """Whether its texts may come without the quotes that belong to them."""
        return (
            self.shape.leaf is not None
            and self.shape.tell not in NEVER_MARKED
            and not is_async(self.field)
        )

    def filled(self, mark: str | None) -> Template:
        """Its place in a template."""
        value = Place(f"v{self.name[1:]}")
        if not self.is_marked:
            return [value]
        beside = Place(self.mark) if mark is None else mark
        return [beside, value, beside]


@dataclass(slots=True)
class Text:
    """Lines, and how far they are indented.

    Attributes:
        is_lone: Whether the functions have one parent at most.
    """

    is_lone: bool
    lines: list[str] = field(default_factory=list)
    depth: int = 0

    @property
    def count(self) -> str:
        """How many parents there are, where there is one."""
        return "1" if self.is_lone else "count"

    def add(self, line: str) -> None:
        """Add a line where it now stands."""
        self.lines.append("    " * self.depth + line)


def write_reading(text: Text, columns: Sequence[Column]) -> None:
    """Write how the values are fetched from the parents."""
    if not columns:
        return
    if any(column.field.way is Way.REFUSED for column in columns):
        refused = [column for column in columns if column.field.way is Way.REFUSED]
        write_reading(text, [column for column in columns if column not in refused])
        write_careful_reading(text, refused)
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
    write_careful_reading(text, columns)
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


def write_careful_reading(text: Text, columns: Sequence[Column]) -> None:
    """Write how they are fetched one by one, so that one that fails costs no other."""
    names = tuple_of([column.name for column in columns])
    fields = tuple_of([f"f{column.number}" for column in columns])
    text.add(f"{names} = run.read({fields}, parents)")


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


def write_none(text: Text) -> None:
    """Write what is given where there is no parent."""
    if text.is_lone:
        text.add("if not parents:")
    else:
        # Once: a list that is held as columns counts itself in Python.
        text.add("count = len(parents)")
        text.add("if not count:")
    text.add("    return []")


def write_page(text: Text, column: Column, stem: str) -> None:
    """Write how the leaves of the only list are read together, if it is held as columns."""
    name, number = column.name, column.number
    text.add(f"(items,) = {name}")
    text.add("usual = None")
    text.add("if getattr(type(items), 'item_type', None) in plain and not run.has_failed:")
    text.add(f"    usual = reader_{stem}(items)")
    text.add("if usual is None:")
    text.add(f"    {name} = s{number}.objects({name}, at, run)")
    text.add("else:")
    text.add("    count = len(usual[0])")
    text.add(f"    run.counts[f{number}] = run.counts.get(f{number}, 0) + count")
    text.add(f"    {name} = [list_{stem}(usual, count)]")


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


def _awaitable(column: Column) -> str:
    if is_async(column.field):
        return f"s{column.number}.resolved(parents, at, run)"
    return f"s{column.number}.awaited_objects({column.name}, at, run)"


def write_filling(text: Text, stem: str, flat: Template, reading: Reading | None) -> None:
    """Write how columns that were handed on, or read together, become objects."""
    text.depth = 0
    text.add("")
    text.add("")
    text.add(f"def fill_{stem}(columns):")
    text.depth = 1
    write_filled(text, numbered(flat), "columns")
    text.depth = 0
    text.add("")
    text.add("")
    text.add(f"def objects_{stem}(parents, at, run):")
    text.depth = 1
    if text.is_lone:
        write_none(text)
    if reading is not None:
        text.add(f"usual = reader_{stem}(parents)")
        text.add(f"return rows_{stem}(parents, at, run) if usual is None else usual_{stem}(usual)")
        text.depth = 0
        text.add("")
        text.add("")
        text.add(f"def rows_{stem}(parents, at, run):")
        text.depth = 1
    text.add(f"made = columns_{stem}(parents, at, run)")
    text.add(f"return fill_{stem}(made) if type(made) is tuple else made")
    if reading is not None:
        _write_listing(text, stem, reading)


def _write_listing(text: Text, stem: str, reading: Reading) -> None:
    """Write how leaves that were read together become objects, or a list of them."""
    text.depth = 0
    text.add("")
    text.add("")
    text.add(f"def usual_{stem}(columns):")
    text.depth = 1
    write_filled(text, reading.template, "columns")
    if text.is_lone:
        return
    text.depth = 0
    text.add("")
    text.add("")
    text.add(f"def list_{stem}(columns, count):")
    text.depth = 1
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


def tuple_of(names: Sequence[str]) -> str:
    """Write a tuple."""
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def called(one: Field) -> str:
    """Begin the name of what a field calls."""
    return f"{one.parent.name}_{one.name}_"


def _attribute(name: str) -> str:
    value = "one"
    for part in name.split("."):
        is_plain = part.isidentifier() and not iskeyword(part)
        value = f"{value}.{part}" if is_plain else f"getattr({value}, {part!r})"
    return value
