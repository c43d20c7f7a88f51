"""From a plan to Python: one generated function for every selection.

A function takes the parents of a level and gives their objects of the answer, as JSON.
It works column by column: the values of a field for all parents, then of the next; and in the end
one template is filled for every parent. Where all is as usual, an object inside another
is no object of its own: its function gives its columns, and they are filled into the
template of the outer one. Any unusual column is handed to the field's `Shape`. So the
source needs no paths, no messages and no null propagation, and what it does in the usual
case is the list comprehensions that a person would write.

A selection that no list is above has one parent at most, and its function no loop. A batch
field that nothing else waits with is asked by the function itself.

The source is deterministic and readable (`Compiled.source`). It holds nothing of a
request, and of the document nothing but response keys and names of variables, quoted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.execution.columnar import kinds_of
from gateway.execution.faults import InvalidBatchError, MiscountedError
from gateway.execution.fetching import write_asking, write_reading, write_waiting
from gateway.execution.filling import name_of, write_filled, write_filling, write_rows
from gateway.execution.leaves import Writers
from gateway.execution.plan import (
    Ask,
    Field,
    Plan,
    Readers,
    Selection,
    Way,
    below_lists,
    is_async,
)
from gateway.execution.positions import Under
from gateway.execution.readers import reading_of
from gateway.execution.shape import Select, Shape
from gateway.execution.source import Column, Text, called, tuple_of, write_none, write_page
from gateway.execution.templates import (
    VALUE,
    Listing,
    Template,
    numbered,
    object_of,
    width_of,
)
from gateway.execution.texts import FAILED, absorbed, struck

MAX_WIDTH: Final = 64
"""Values of one template: more objects below than that are filled by themselves."""

_LEGEND: Final = """\
# parents  all values of the level above   f0  a field     q0     what stands beside its texts
# at       where they stand in the answer  s0  its shape   plain  types that may be parents
# run      arguments, errors, the rest     c0  its column  Under  the positions of a field
#
# objects_0 gives the objects of a selection; columns_0 its columns where all are as usual,
# so that fill_0, or the template of an outer object, may be filled with them. reader_0
# reads all leaves of objects that are as usual, and then nothing else is asked: usual_0
# makes objects of them, list_0 their list as one text, of many by listing_0; rows_0 makes
# the objects that are not as usual. given0 are a field's arguments, where they never change.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A plan and its functions.

    Attributes:
        root: The function of the whole operation.
        source: What was generated.
        size_bytes: An estimate of the memory all this takes.
        note: What the executor's owner worked out of the plan.
    """

    plan: Plan
    root: Select
    source: str
    size_bytes: int
    note: Any = None


def compile_plan(  # noqa: PLR0913 - each by its name or in its order
    plan: Plan,
    told: Mapping[str, Writers],
    plain: set[type],
    plain_texts: frozenset[str],
    *,
    readers: Readers | None = None,
    note: object = None,
) -> Compiled:
    """Generate the functions of a plan.

    Args:
        plan: The plan.
        told: How usual values of scalars are written, by name of the scalar.
        plain: The types of values that may be parents; grows as they are met.
        plain_texts: Names of scalars whose texts are words and digits only.
        readers: What reads leaves of usual objects, by name of their type.
        note: Kept with the plan.
    """
    return _Writer(plan, told, plain, plain_texts, readers or {}, note).compiled()


@dataclass(slots=True)
class _Writer:
    plan: Plan
    told: Mapping[str, Writers]
    plain: set[type]
    plain_texts: frozenset[str]
    readers: Readers
    note: object
    below_lists: set[Selection] = field(default_factory=set)
    names: dict[str, Any] = field(default_factory=dict)
    functions: dict[Selection, str] = field(default_factory=dict)
    awaited: dict[Selection, bool] = field(default_factory=dict)
    flat: dict[Selection, Template] = field(default_factory=dict)
    shapes: dict[Field, tuple[str, Shape]] = field(default_factory=dict)
    opened: set[Field] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    def compiled(self) -> Compiled:
        self.names = {
            "plain": self.plain,
            "Ask": Ask,
            "Under": Under,
            "kinds_of": kinds_of,
            "struck": struck,
            "absorbed": absorbed,
            "FAILED": FAILED,
            "InvalidBatch": InvalidBatchError,
            "Miscounted": MiscountedError,
        }
        self.below_lists = below_lists(self.plan.root)
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
            if shape.is_listing:
                (listed,) = one.below.values()
                select = self.names[self.functions[listed]]
                shape.rows_of = self.names.get(self._named("rows", listed), select)
                # A function that reads a page itself leaves none to be read.
                if one in self.opened and self._named("list", listed) in self.names:
                    read, list_of = (self._named(kind, listed) for kind in ("reader", "list"))
                    shape.together = self.names[read], self.names[list_of]
        source = "\n\n".join([source, *self.beside])
        return Compiled(
            plan=self.plan,
            root=self.names[root],
            source=source,
            size_bytes=8 * len(source) + 1_500 * self.plan.fields,
            note=self.note,
        )

    def _function(self, selection: Selection, *, is_serial: bool = False) -> str:
        """Write the function of a selection, after those of all below it."""
        if selection in self.functions:
            return self.functions[selection]
        for one in selection.fields:
            for below in one.below.values():
                if below.error is None:
                    self._function(below)
        stem = f"{len(self.functions)}_{selection.parent.name}"
        self.functions[selection] = name = f"objects_{stem}"
        columns = self._columns(selection, is_serial=is_serial)
        waits = self.awaited[selection] = any(map(self._is_awaited, selection.fields))
        template = self._template(selection, columns)
        fits = not is_serial and 0 < width_of(template) <= MAX_WIDTH
        if fits and not waits:
            self.flat[selection] = template
        is_flat = selection in self.flat
        text = Text(is_lone=selection not in self.below_lists)
        text.add(
            f"{'async ' if waits else ''}def"
            f" {f'columns_{stem}' if is_flat else name}(parents, at, run):"
        )
        text.depth = 1
        if not (text.is_lone and (is_flat or selection is self.plan.root)):
            write_none(text)
        self._find(text, columns, is_serial=is_serial)
        if not is_serial:
            self._hand_on(text, selection, columns, template if fits else None)
        self._return(text, selection, columns)
        if is_flat:
            self._fill(text, stem, selection)
        self.texts.append("\n".join(text.lines) + "\n")
        return name

    def _fill(self, text: Text, stem: str, selection: Selection) -> None:
        """Write what makes objects of columns, and of leaves that are read together."""
        reading = reading_of(selection, self.readers)
        if reading is not None:
            self.names[f"reader_{stem}"] = reading.read
            if not text.is_lone:
                self.names[f"listing_{stem}"] = Listing(reading.template).of
            self.beside.append(f"# reader_{stem}\n{reading.source}")
        write_filling(text, stem, self.flat[selection], reading)

    def _columns(self, selection: Selection, *, is_serial: bool) -> list[Column]:
        """Name the columns, and tell which are found by a coroutine of their own."""
        waits = [one for one in selection.fields if self._is_awaited(one)]
        is_alone = is_serial or len(waits) == 1
        return [
            Column(
                f"c{number}",
                one,
                *self._shape(one),
                is_apart=one in waits and not (is_alone and one.way is Way.BATCH),
            )
            for number, one in enumerate(selection.fields)
            if one.way is not Way.TYPENAME
        ]

    def _find(
        self,
        text: Text,
        columns: Sequence[Column],
        *,
        is_serial: bool,
    ) -> None:
        """Write how all columns are found, and completed."""
        if is_serial:
            for column in columns:
                self._serially(text, column)
            return
        write_reading(text, [column for column in columns if not is_async(column.field)])
        write_waiting(text, [column for column in columns if column.is_apart])
        for column in columns:
            if not column.is_apart:
                self._complete(text, column)

    def _template(self, selection: Selection, columns: Sequence[Column]) -> Template:
        """Make the template that has the objects below in it."""
        known = {column.field: column for column in columns}
        return object_of(
            [
                (one.key, self._flat_of(known[one]) if one in known else name_of(selection))
                for one in selection.fields
            ]
        )

    def _flat_of(self, column: Column) -> Template:
        below = self._inner(column)
        if below is not None:
            return self.flat[below]
        return ['"', VALUE, '"'] if column.is_marked else [VALUE]

    def _inner(self, column: Column) -> Selection | None:
        """Give the selection of a field whose objects may stand in the template of its own."""
        if column.is_apart or column.shape.leaf is not None or not column.shape.is_single:
            return None
        (below,) = column.field.below.values()
        return below if below in self.flat else None

    def _hand_on(
        self,
        text: Text,
        selection: Selection,
        columns: Sequence[Column],
        template: Template | None,
    ) -> None:
        """Write how columns are handed on as they are, or fill the whole template.

        Columns that are not as usual become objects, each by itself.
        """
        inner = [column.name for column in columns if self._inner(column)]
        if selection in self.flat or (inner and template is not None):
            usual = [column.mark for column in columns if column.is_marked]
            usual += [f"type({name}) is tuple" for name in inner]
            given = [f"*{one.name}" if self._inner(one) else one.name for one in columns]
            # If it is the only one, nothing failed since it was handed on itself.
            is_only = len(columns) == len(inner) == 1
            usual += [] if is_only else ["not run.has_failed"]
            handed = inner[0] if is_only else tuple_of(given)
            text.add(f"if {' and '.join(usual)}:")
            if selection in self.flat or template is None:
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
            self._fill_inner(text, column)

    def _fill_inner(self, text: Text, column: Column) -> None:
        """Write how columns that were handed on become objects after all."""
        below = self._inner(column)
        if below is None:
            return
        text.add(f"if type({column.name}) is tuple:")
        text.add(f"    {column.name} = {self._named('fill', below)}({column.name})")
        if column.field.is_nullable:
            text.add("elif run.has_failed:")
            text.add(f"    {column.name} = absorbed({column.name})")

    def _named(self, kind: str, selection: Selection) -> str:
        """Name another function of a selection."""
        return self.functions[selection].replace("objects", kind, 1)

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
                self.names[f"{called(one)}{number}"] = one.call
            fixed = one.fixed if one.fixed is not None or one.template is None else one.template[0]
            if fixed:
                self.names[f"given{number}"] = fixed
                self.names |= {f"given{number}_{name}": value for name, value in fixed.items()}
        return found

    def _is_awaited(self, one: Field) -> bool:
        """Tell whether a field, or anything below it, must be awaited."""
        return is_async(one) or any(self.awaited.get(below) for below in one.below.values())

    def _serially(self, text: Text, column: Column) -> None:
        """Write how a root field is run to its end before the next one starts."""
        if not is_async(column.field):
            write_reading(text, [column])
        if column.is_apart:
            write_waiting(text, [column])
        else:
            self._complete(text, column)
            self._fill_inner(text, column)
        if not column.field.is_nullable:
            text.add(f"if {column.name}[0] is FAILED:")
            text.add("    return [FAILED]")

    def _complete(self, text: Text, column: Column) -> None:
        """Write how a column of values becomes a column of the answer."""
        name, number, shape = column.name, column.number, column.shape
        text.add(f"# {column.field.key}: {column.field.definition.type}")
        is_asked = is_async(column.field)
        if is_asked:
            write_asking(text, column, self.plan)
        waits = any(self.awaited.get(below) for below in column.field.below.values())
        objects = f"{'await ' if waits else ''}s{number}.{'awaited_' if waits else ''}objects"
        if shape.leaf is not None and is_asked:
            text.add(f"{name} = s{number}.written({name}, at, run)")
        elif shape.leaf is not None:
            text.add(f"{column.mark}, {name} = s{number}.leaves({name}, at, run)")
        elif column.shape.is_single:
            (below,) = column.field.below.values()
            is_flat = self._inner(column) is not None
            called = self._named("columns", below) if is_flat else self.functions[below]
            called = f"await {called}" if waits else called
            text.add(f"if {self._are_plain(text, column)}:")
            text.add(f"    {name} = {called}({name}, Under(at, f{number}), run)")
            if column.field.is_nullable and not is_flat:
                text.add("    if run.has_failed:")
                text.add(f"        {name} = absorbed({name})")
            text.add("else:")
            text.add(f"    {name} = {objects}({name}, at, run)")
        elif text.is_lone and self._is_page(column):
            (below,) = column.field.below.values()
            write_page(text, column, self.functions[below].removeprefix("objects_"))
        else:
            self.opened.add(column.field)
            text.add(f"{name} = {objects}({name}, at, run)")

    def _is_page(self, column: Column) -> bool:
        """Tell whether a field gives lists of objects whose leaves are read together."""
        return column.shape.is_listing and any(
            self._named("reader", below) in self.names for below in column.field.below.values()
        )

    def _are_plain(self, text: Text, column: Column) -> str:
        """Write whether all values of a column may be parents."""
        name, way = column.name, column.field.way
        # Only a column that its owner made may be the parents, which were looked at when
        # they were values, or say by itself what it holds. The root's parent is nothing.
        if way is Way.COLUMN:
            is_root = column.field in self.plan.root.fields
            seen = "" if is_root else f"{name} is parents or "
            return f"{seen}kinds_of({name}) <= plain"
        if text.is_lone:
            is_list = f"type({name}) is list and " if way is Way.BATCH else ""
            return f"{is_list}type({name}[0]) in plain"
        return (
            f"kinds_of({name}) <= plain" if way is Way.BATCH else f"{{*map(type, {name})}} <= plain"
        )

    def _return(self, text: Text, selection: Selection, columns: Sequence[Column]) -> None:
        """Write how columns become objects: one template, filled for every parent."""
        marks = [column.mark for column in columns if column.is_marked]
        # Without an object inside, columns whose marks are all there were handed on.
        may_fit = selection not in self.flat or any(map(self._inner, columns))
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
