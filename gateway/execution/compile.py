"""From a plan to Python: one generated function for every selection.

A function takes the parents of a level and gives their objects of the answer, as JSON.
It works column by column: the values of a field for all parents, then of the next; and
in the end one template is filled for every parent. A column of objects of a usual type
goes to their function at once; any other column is handed to the field's `Shape`. So the
source needs no paths, no messages and no null propagation, and what it does in the usual
case is the list comprehensions that a person would write.

The source is deterministic and readable (`Compiled.source`). It holds nothing of a
request, and of the document nothing but response keys, quoted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any, Final

from gateway.execution.columnar import kinds_of
from gateway.execution.faults import counted
from gateway.execution.leaves import NEVER_MARKED, Writers, json_text
from gateway.execution.plan import Field, Plan, Selection, Way, is_async
from gateway.execution.positions import Under
from gateway.execution.shape import FAILED, Select, Shape, absorbed, struck

MAX_VALUES: Final = 14
"""In one f-string: with the texts between them, thirty pieces at most."""

_LEGEND: Final = """\
# parents  all values of the level above   f0  a field     q0     what stands beside its texts
# at       where they stand in the answer  s0  its shape   plain  types that may be parents
# run      arguments, errors, the rest     c0  its column  Under  the positions of a field
"""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A plan and its functions.

    Attributes:
        root: The function of the whole operation.
        source: What was generated.
        size_bytes: An estimate of the memory all this takes.
    """

    plan: Plan
    root: Select
    source: str
    size_bytes: int


def compile_plan(
    plan: Plan, told: Mapping[str, Writers], plain: set[type], plain_texts: frozenset[str]
) -> Compiled:
    """Generate the functions of a plan.

    Args:
        plan: The plan.
        told: How usual values of scalars are written, by name of the scalar.
        plain: The types of values that may be parents; grows as they are met.
        plain_texts: Names of scalars whose texts are words and digits only.
    """
    return _Writer(plan, told, plain, plain_texts).compiled()


@dataclass(slots=True)
class _Writer:
    plan: Plan
    told: Mapping[str, Writers]
    plain: set[type]
    plain_texts: frozenset[str]
    names: dict[str, Any] = field(default_factory=dict)
    functions: dict[Selection, str] = field(default_factory=dict)
    awaited: dict[Selection, bool] = field(default_factory=dict)
    shapes: dict[Field, tuple[str, Shape]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def compiled(self) -> Compiled:
        self.names = {
            "plain": self.plain,
            "Under": Under,
            "kinds_of": kinds_of,
            "struck": struck,
            "absorbed": absorbed,
            "FAILED": FAILED,
            "counted": counted,
        }
        root = self._function(self.plan.root, is_serial=self.plan.is_serial)
        source = "\n\n".join([_LEGEND, *self.texts])
        # The text is ours; nothing a caller wrote is in it but quoted response keys.
        exec(compile(source, "<plan>", "exec"), self.names)  # noqa: S102 - see above
        for one, (_, shape) in self.shapes.items():
            shape.selects = {
                name: self.names[self.functions[selection]]
                for name, selection in one.below.items()
                if selection in self.functions
            }
        return Compiled(
            plan=self.plan,
            root=self.names[root],
            source=source,
            size_bytes=8 * len(source) + 1_500 * self.plan.fields,
        )

    def _function(self, selection: Selection, *, is_serial: bool = False) -> str:
        """Write the function of a selection, after those of all below it."""
        if selection in self.functions:
            return self.functions[selection]
        for one in selection.fields:
            for below in one.below.values():
                if below.error is None:
                    self._function(below)
        name = f"objects_{len(self.functions)}_{selection.parent.name}"
        self.functions[selection] = name
        columns = [
            _Column(f"c{number}", one, *self._shape(one))
            for number, one in enumerate(selection.fields)
            if one.way is not Way.TYPENAME
        ]
        waits = [column for column in columns if self._is_awaited(column.field)]
        self.awaited[selection] = bool(waits)
        text = _Text()
        text.add(f"{'async ' if waits else ''}def {name}(parents, at, run):")
        text.depth = 1
        text.add("if not parents:")
        text.add("    return []")
        if is_serial:
            for column in columns:
                self._serially(text, column)
        else:
            self._read(text, [column for column in columns if not is_async(column.field)])
            self._wait(text, waits)
            for column in columns:
                if column not in waits:
                    self._complete(text, column)
        self._return(text, selection, columns)
        self.texts.append("\n".join(text.lines) + "\n")
        return name

    def _shape(self, one: Field) -> tuple[str, Shape]:
        found = self.shapes.get(one)
        if found is None:
            found = self.shapes[one] = (
                f"s{len(self.shapes)}",
                Shape(one, self.told, self.plain_texts),
            )
            number = found[0][1:]
            self.names[f"s{number}"] = found[1]
            self.names[f"f{number}"] = one
            if one.call is not None:
                self.names[f"{_called(one)}{number}"] = one.call
        return found

    def _is_awaited(self, one: Field) -> bool:
        """Tell whether a field, or anything below it, must be awaited."""
        return is_async(one) or any(self.awaited.get(below) for below in one.below.values())

    def _read(self, text: "_Text", columns: Sequence["_Column"]) -> None:
        """Write how the values are fetched from the parents."""
        if not columns:
            return
        if any(column.field.way is Way.REFUSED for column in columns):
            refused = [column for column in columns if column.field.way is Way.REFUSED]
            self._read(text, [column for column in columns if column not in refused])
            self._read_carefully(text, refused)
            return
        text.add("try:")
        text.depth += 1
        for column in columns:
            one, number = column.field, column.number
            given = "" if one.slot < 0 else f", **run.given({one.slot})"
            if one.way is Way.COLUMN:
                value = f"counted({_called(one)}{number}(parents{given}), parents)"
            else:
                if given:
                    text.add(f"given = run.given({one.slot})")
                value = (
                    f"{_called(one)}{number}(one{', **given' if given else ''})"
                    if one.way is Way.FUNCTION
                    else _attribute(one.attribute)
                )
                value = f"[{value} for one in parents]"
            text.add(f"{column.name} = {value}")
        text.depth -= 1
        text.add("except Exception:")
        text.depth += 1
        self._read_carefully(text, columns)
        text.depth -= 1

    def _read_carefully(self, text: "_Text", columns: Sequence["_Column"]) -> None:
        names = _tuple([column.name for column in columns])
        fields = _tuple([f"f{column.number}" for column in columns])
        text.add(f"{names} = run.read({fields}, parents)")

    def _wait(self, text: "_Text", columns: Sequence["_Column"]) -> None:
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

    def _serially(self, text: "_Text", column: "_Column") -> None:
        """Write how a root field is run to its end before the next one starts."""
        if not is_async(column.field):
            self._read(text, [column])
        if self._is_awaited(column.field):
            self._wait(text, [column])
        else:
            self._complete(text, column)
        if not column.field.is_nullable:
            text.add(f"if {column.name}[0] is FAILED:")
            text.add("    return [FAILED]")

    def _complete(self, text: "_Text", column: "_Column") -> None:
        """Write how a column of values becomes a column of the answer."""
        name, number, shape = column.name, column.number, column.shape
        text.add(f"# {column.field.key}: {column.field.definition.type}")
        if shape.leaf is not None:
            text.add(f"{column.mark}, {name} = s{number}.leaves({name}, at, run)")
        elif shape.is_direct and len(shape.allows_null) == 1:
            (below,) = column.field.below.values()
            text.add(f"if kinds_of({name}) <= plain:")
            text.add(f"    {name} = {self.functions[below]}({name}, Under(at, f{number}), run)")
            if column.field.is_nullable:
                text.add("    if run.has_failed:")
                text.add(f"        {name} = absorbed({name})")
            text.add("else:")
            text.add(f"    {name} = s{number}.objects({name}, at, run)")
        else:
            text.add(f"{name} = s{number}.objects({name}, at, run)")

    def _return(self, text: "_Text", selection: Selection, columns: Sequence["_Column"]) -> None:
        """Write how columns become objects: one template, filled for every parent."""
        marks = [column.mark for column in columns if column.is_marked]
        if marks:
            text.add(f"if {' and '.join(marks)}:")
            text.depth += 1
            self._fill(text, selection, columns, mark='"')
            text.depth -= 1
            text.add("else:")
            text.depth += 1
        self._fill(text, selection, columns)
        text.depth -= bool(marks)
        strict = [column.name for column in columns if not column.field.is_nullable]
        if strict:
            text.add("if run.has_failed:")
            text.add(f"    return struck(rows, {_tuple(strict)})")
        text.add("return rows")

    def _fill(
        self,
        text: "_Text",
        selection: Selection,
        columns: Sequence["_Column"],
        mark: str | None = None,
    ) -> None:
        """Write the template; with a mark, for columns that all have that one."""
        known = {column.field: column for column in columns}
        parts = [
            _literal(f"{json_text(one.key)}:")
            + (
                known[one].filled(mark)
                if one in known
                else _literal(json_text(selection.parent.name))
            )
            for one in selection.fields
        ]
        text.add("rows = [")
        for line in _template(parts):
            text.add(f"    {line}")
        names, values = [one.name for one in columns], [f"v{one.name[1:]}" for one in columns]
        if len(columns) > 1:
            text.add(f"    for {', '.join(values)} in zip({', '.join(names)})")
        else:
            text.add(f"    for {''.join(values) or '_'} in {''.join(names) or 'parents'}")
        text.add("]")


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
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

    def filled(self, mark: str | None) -> str:
        """Its place in a template."""
        value = f"{{v{self.name[1:]}}}"
        if not self.is_marked:
            return value
        beside = f"{{{self.mark}}}" if mark is None else mark
        return f"{beside}{value}{beside}"


@dataclass(slots=True)
class _Text:
    """Lines, and how far they are indented."""

    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def add(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)


def _awaitable(column: _Column) -> str:
    if is_async(column.field):
        return f"s{column.number}.resolved(parents, at, run)"
    return f"s{column.number}.awaited_objects({column.name}, at, run)"


def _template(parts: Sequence[str]) -> list[str]:
    """Write the members of an object as f-strings, none of them too long.

    Python joins an f-string of more than thirty pieces as a list, which takes far longer.
    """
    lines: list[str] = []
    some = "{{"
    for number, part in enumerate(parts):
        if (some + part).count("{v") + (some + part).count("{q") > MAX_VALUES:
            lines.append(f"f{some!r} +")
            some = ""
        some += f",{part}" if number else part
    return [*lines, f"f{some + '}}'!r}"]


def _literal(text: str) -> str:
    """Write a text so that a template has it as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def _tuple(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def _called(one: Field) -> str:
    return f"{one.parent.name}_{one.name}_"


def _attribute(name: str) -> str:
    value = "one"
    for part in name.split("."):
        is_plain = part.isidentifier() and not iskeyword(part)
        value = f"{value}.{part}" if is_plain else f"getattr({value}, {part!r})"
    return value
