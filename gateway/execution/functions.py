"""The functions that are there so far: what one that is written later may call.

A function whose columns are few enough for one template, and awaited by nobody, hands them
on as they are: they are filled into the template of the outer object. Its selection is
*flat*.
"""

from dataclasses import dataclass, field

from gateway.execution.plan import Field, Selection, is_async
from gateway.execution.source import Column
from gateway.execution.templates import Template


@dataclass(slots=True)
class Functions:
    """The functions of selections.

    Attributes:
        names: What makes objects of each.
        awaited: Those whose functions must be awaited.
        flat: Their templates, with the objects below in them.
        read: Those whose leaves a reader may read together.
        opened: Fields whose lists are left to their shapes.
    """

    names: dict[Selection, str] = field(default_factory=dict)
    awaited: set[Selection] = field(default_factory=set)
    flat: dict[Selection, Template] = field(default_factory=dict)
    read: set[Selection] = field(default_factory=set)
    opened: set[Field] = field(default_factory=set)

    def named(self, kind: str, selection: Selection) -> str:
        """Name another function of a selection."""
        return self.names[selection].replace("objects", kind, 1)

    def awaits_below(self, one: Field) -> bool:
        """Tell whether anything below a field must be awaited."""
        return not self.awaited.isdisjoint(one.below.values())

    def is_awaited(self, one: Field) -> bool:
        """Tell whether a field, or anything below it, must be awaited."""
        return is_async(one) or self.awaits_below(one)

    def inner(self, column: Column) -> Selection | None:
        """Give the selection of a field whose objects may stand in the template of its own."""
        if column.is_apart or column.shape.leaf is not None or not column.shape.is_single:
            return None
        (below,) = column.field.below.values()
        return below if below in self.flat else None
