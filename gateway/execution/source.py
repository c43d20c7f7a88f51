"""Generated source: variables, lines, and names.

Everything that writes a part of a function adds lines to a `Text`, about its `Column`s;
which parts a function has, and in which order, is decided by `compile`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.execution.leaves import NEVER_MARKED
from gateway.execution.plan import Field, is_async
from gateway.execution.shape import Shape
from gateway.execution.templates import Place, Template


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

    def begin(self, head: str) -> None:
        """Begin another function."""
        self.lines += ["", "", head]
        self.depth = 1

    def add(self, line: str) -> None:
        """Add a line where it now stands."""
        self.lines.append("    " * self.depth + line)


def write_none(text: Text) -> None:
    """Write what is given where there is no parent."""
    if text.is_lone:
        text.add("if not parents:")
    else:
        # Once: a list that is held as columns counts itself in Python.
        text.add("count = len(parents)")
        text.add("if not count:")
    text.add("    return []")


def tuple_of(names: Sequence[str]) -> str:
    """Write a tuple."""
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def called(one: Field) -> str:
    """Begin the name of what a field calls."""
    return f"{one.parent.name}_{one.name}_"
