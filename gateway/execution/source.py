"""The source of generated functions: variables, lines, and what is written again and again.

Everything here writes text; what a function does and in which order is decided by
`compile`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from keyword import iskeyword

from gateway.execution.leaves import NEVER_MARKED, json_text
from gateway.execution.plan import Field, Selection, Way, is_async
from gateway.execution.readers import Reading
from gateway.execution.shape import Shape
from gateway.execution.templates import MANY, Place, Template, numbered, object_of, written


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A local variable of a generated function.

    Attributes:
        label: The name of the shape.
    """

    name: str
    field: Field
    label: str
    shape: Shape

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
    """Lines, and how far they are indented."""

    lines: list[str] = field(default_factory=list)
    depth: int = 0

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
    for column in columns:
        one, number = column.field, column.number
        given = "" if one.fixed == {} else f", **{_given(one, number)}"
        if one.way is Way.COLUMN:
            value = f"{called(one)}{number}(parents{given})"
        else:
            if given:
                text.add(f"given = {_given(one, number)}")
            value = (
                f"{called(one)}{number}(one{', **given' if given else ''})"
                if one.way is Way.FUNCTION
                else _attribute(one.attribute)
            )
            if one.way is Way.FUNCTION:
                # One parent, as at the root, needs no loop.
                text.add("if count == 1:")
                text.add("    (one,) = parents")
                text.add(f"    {column.name} = [{value}]")
                text.add("else:")
                text.add(f"    {column.name} = [{value} for one in parents]")
                continue
            value = f"[{value} for one in parents]"
        text.add(f"{column.name} = {value}")
    made = [f"len({column.name})" for column in columns if column.field.way is Way.COLUMN]
    if made:
        text.add(f"if not {' == '.join([*made, 'count'])}:")
        text.add("    raise Miscounted")
    text.depth -= 1
    text.add("except Exception:")
    text.depth += 1
    write_careful_reading(text, columns)
    text.depth -= 1


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
    text.add("rows = [")
    for line in written(template):
        text.add(f"    {line}")
    names, values = [one.name for one in columns], [f"v{one.name[1:]}" for one in columns]
    if len(columns) > 1:
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
    _write_filled(text, numbered(flat), "columns")
    text.depth = 0
    text.add("")
    text.add("")
    text.add(f"def objects_{stem}(parents, at, run):")
    text.depth = 1
    if reading is not None:
        text.add(f"usual = reader_{stem}(parents)")
        text.add("if usual is not None:")
        text.add(f"    return usual_{stem}(usual)")
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
    _write_filled(text, reading.template, "columns")
    text.depth = 0
    text.add("")
    text.add("")
    text.add(f"def list_{stem}(parents, at, run):")
    text.depth = 1
    text.add(f"usual = reader_{stem}(parents)")
    text.add("if usual is None:")
    text.add(f"    made = columns_{stem}(parents, at, run)")
    text.add(f"    return fill_{stem}(made) if type(made) is tuple else made")
    text.add("count = len(usual[0])")
    text.add(f"return usual_{stem}(usual) if count < {MANY} else listing_{stem}(usual, count)")


def _write_filled(text: Text, template: Template, columns: str) -> None:
    values = [one.name for one in template if isinstance(one, Place)]
    text.depth += 1
    text.add("return [")
    for line in written(template):
        text.add(f"    {line}")
    text.add(f"    for {', '.join(values)}{',' * (len(values) == 1)} in zip(*{columns})")
    text.add("]")


def name_of(selection: Selection) -> Template:
    """Write the name of the object type, as JSON."""
    return [json_text(selection.parent.name)]


def tuple_of(names: Sequence[str]) -> str:
    """Write a tuple."""
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def called(one: Field) -> str:
    """Begin the name of what a field calls."""
    return f"{one.parent.name}_{one.name}_"


def _given(one: Field, number: str) -> str:
    """Name the arguments of a field, or what works them out."""
    return f"run.given(f{number})" if one.fixed is None else f"given{number}"


def _attribute(name: str) -> str:
    value = "one"
    for part in name.split("."):
        is_plain = part.isidentifier() and not iskeyword(part)
        value = f"{value}.{part}" if is_plain else f"getattr({value}, {part!r})"
    return value
