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
from gateway.execution.completing import write_completing
from gateway.execution.faults import InvalidBatchError, MiscountedError
from gateway.execution.fetching import write_reading, write_waiting
from gateway.execution.filling import write_filling
from gateway.execution.functions import Functions
from gateway.execution.handing_on import whole_template, write_handing_on, write_inner, write_return
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
from gateway.execution.source import Column, Text, called, write_none
from gateway.execution.templates import Listing, width_of
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
    functions: Functions = field(default_factory=Functions)
    shapes: dict[Field, tuple[str, Shape]] = field(default_factory=dict)
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
        functions = self.functions
        for one, (_, shape) in self.shapes.items():
            shape.selects = {
                name: self.names[functions.names[selection]]
                for name, selection in one.below.items()
                if selection in functions.names
            }
            if shape.is_listing:
                (listed,) = one.below.values()
                select = self.names[functions.names[listed]]
                shape.rows_of = self.names.get(functions.named("rows", listed), select)
                # A function that reads a page itself leaves none to be read.
                if one in functions.opened and functions.named("list", listed) in self.names:
                    read, list_of = (functions.named(kind, listed) for kind in ("reader", "list"))
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
        functions = self.functions
        if selection in functions.names:
            return functions.names[selection]
        for one in selection.fields:
            for below in one.below.values():
                if below.error is None:
                    self._function(below)
        stem = f"{len(functions.names)}_{selection.parent.name}"
        functions.names[selection] = name = f"objects_{stem}"
        columns = self._columns(selection, is_serial=is_serial)
        waits = any(map(functions.is_awaited, selection.fields))
        if waits:
            functions.awaited.add(selection)
        template = whole_template(selection, columns, functions)
        fits = not is_serial and 0 < width_of(template) <= MAX_WIDTH
        if fits and not waits:
            functions.flat[selection] = template
        is_flat = selection in functions.flat
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
            write_handing_on(text, selection, columns, template if fits else None, functions)
        write_return(text, selection, columns, functions)
        if is_flat:
            self._fill(text, stem, selection)
        self.texts.append("\n".join(text.lines) + "\n")
        return name

    def _fill(self, text: Text, stem: str, selection: Selection) -> None:
        """Write what makes objects of columns, and of leaves that are read together."""
        reading = reading_of(selection, self.readers)
        if reading is not None:
            self.functions.read.add(selection)
            self.names[f"reader_{stem}"] = reading.read
            if not text.is_lone:
                self.names[f"listing_{stem}"] = Listing(reading.template).of
            self.beside.append(f"# reader_{stem}\n{reading.source}")
        write_filling(text, stem, self.functions.flat[selection], reading)

    def _columns(self, selection: Selection, *, is_serial: bool) -> list[Column]:
        """Name the columns, and tell which are found by a coroutine of their own."""
        waits = [one for one in selection.fields if self.functions.is_awaited(one)]
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
                write_completing(text, column, self.functions, self.plan)

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

    def _serially(self, text: Text, column: Column) -> None:
        """Write how a root field is run to its end before the next one starts."""
        if not is_async(column.field):
            write_reading(text, [column])
        if column.is_apart:
            write_waiting(text, [column])
        else:
            write_completing(text, column, self.functions, self.plan)
            write_inner(text, column, self.functions)
        if not column.field.is_nullable:
            text.add(f"if {column.name}[0] is FAILED:")
            text.add("    return [FAILED]")
