"""The levels of a field's type: lists around a name, each nullable or not.

A column is opened level by level until only the named values are left, for all lists of
all parents together, and closed again from the inside out. A level whose values are all
usual costs one look at their types. Any other is gone through value by value, with
graphql-core's messages.

Source: GraphQL specification, sections 6.4.3 (Value Completion) and 6.4.4 (errors).
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from graphql import GraphQLError, GraphQLOutputType, Undefined, is_list_type, is_non_null_type
from graphql.pyutils import is_awaitable, is_iterable

from gateway.execution.columnar import is_columnar, kinds_of
from gateway.execution.plan import Field, is_async
from gateway.execution.positions import Items, Kept, Positions
from gateway.execution.texts import FAILED, NULL, Column, absorbed, lists_of, scatter

if TYPE_CHECKING:
    from gateway.execution.run import Run

_LISTS: Final = frozenset({list, tuple})


class Frame(NamedTuple):
    """What was set aside when a level was opened, to close it again.

    Attributes:
        lists: The lists of the level; None for the level of the named values.
        made: The level's column as far as it is known, where values were left out.
        kept: The indices of those that were not.
    """

    lists: Column | None
    made: list[Any] | None
    kept: Sequence[int]


class Levels:
    """The levels of one field.

    Attributes:
        field: The field.
        allows_null: Of each level, the outermost list first, the named values last.
        usual: Types of named values that need no look of their own; of leaves.
    """

    __slots__ = ("allows_null", "field", "usual")

    def __init__(self, field: Field, allows_null: Sequence[bool], usual: AbstractSet[type]) -> None:
        self.field = field
        self.allows_null = allows_null
        self.usual = usual

    def open(
        self, values: Column, at: Positions, run: "Run"
    ) -> tuple[Column, Positions, list[Frame]]:
        """Come down to the named values of all lists."""
        frames: list[Frame] = []
        made: list[Any] | None
        kept: list[int]
        for allows_null in self.allows_null[:-1]:
            made, kept = None, []
            if not all(kind in _LISTS or is_columnar(kind) for kind in {*map(type, values)}):
                made, kept, values = self._sifted(values, at, run, allows_null, self._as_list)
                at = Kept(at, kept)
            frames.append(Frame(values, made, kept))
            at = Items(at, values)
            values = values[0] if len(values) == 1 else [one for items in values for one in items]
        if frames:
            run.counts[self.field] = run.counts.get(self.field, 0) + len(values)
        made, kept = None, []
        kinds = kinds_of(values)
        if not (kinds <= run.plain or kinds <= self.usual):
            made, kept, values = self._sifted(
                values, at, run, self.allows_null[-1], self._as_value(run)
            )
            at = Kept(at, kept)
        frames.append(Frame(None, made, kept))
        return values, at, frames

    def close(self, column: Column, frames: list[Frame], run: "Run") -> Column:
        """Come up again, with the column of named values completed."""
        for frame, allows_null in zip(reversed(frames), reversed(self.allows_null), strict=True):
            if frame.lists is not None:
                column = lists_of(column, frame.lists, has_failed=run.has_failed)
            if frame.made is not None:
                scatter(frame.made, frame.kept, column)
                column = frame.made
            if run.has_failed and allows_null:
                column = absorbed(column)
        return column

    def _sifted(
        self,
        values: Column,
        at: Positions,
        run: "Run",
        allows_null: bool,  # noqa: FBT001 - of the level
        take: Callable[[Any], Any],
    ) -> tuple[list[Any], list[int], list[Any]]:
        """Part the values that can be taken from those that are null or fail."""
        made: list[Any] = [NULL] * len(values)
        kept: list[int] = []
        taken: list[Any] = []
        for index, value in enumerate(values):
            error: Exception | None = None
            # A failure that is given is never raised: it may be one for many values,
            # and would gather the frames of all of them.
            if isinstance(value, Exception):
                error = value
            elif value is not None and value is not Undefined:
                try:
                    taken.append(take(value))
                except Exception as raised:  # noqa: BLE001 - it fails this value, no other
                    error = raised
                else:
                    kept.append(index)
                    continue
            elif not allows_null:
                error = TypeError(_no_null(self.field))
            if error is not None:
                run.tell(self.field, error, at, index)
                if not allows_null:
                    made[index] = FAILED
                    run.has_failed = True
        return made, kept, taken

    def _as_list(self, value: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever a resolver gave
        where = f"field '{self.field.parent}.{self.field.name}'"
        if hasattr(value, "__aiter__"):
            msg = f"Asynchronous lists are not supported: {where}."
            raise GraphQLError(msg)
        self._refuse_awaitable(value)
        if not is_iterable(value):
            msg = f"Expected Iterable, but did not find one for {where}."
            raise GraphQLError(msg)
        return cast("Sequence[Any]", value) if is_columnar(type(value)) else list(value)

    def _as_value(self, run: "Run") -> Callable[[Any], Any]:
        def take(value: Any) -> Any:  # noqa: ANN401 - whatever a resolver gave
            self._refuse_awaitable(value)
            run.learn(type(value))
            return value

        return take

    def _refuse_awaitable(self, value: Any) -> None:  # noqa: ANN401 - whatever a resolver gave
        """Refuse what is to be awaited where nobody awaits."""
        if not is_async(self.field) and is_awaitable(value):
            if isinstance(value, CoroutineType):
                value.close()
            where = f"'{self.field.parent}.{self.field.name}'"
            msg = f"A value of {where} is to be awaited, which was not declared."
            raise GraphQLError(msg)


def levels_of(kind: GraphQLOutputType) -> tuple[tuple[bool, ...], Any]:
    """Tell which levels of a type allow null, and give the type of its named values."""
    allows_null: list[bool] = []
    while True:
        allows_null.append(not is_non_null_type(kind))
        inner: Any = kind.of_type if is_non_null_type(kind) else kind
        if not is_list_type(inner):
            return tuple(allows_null), inner
        kind = inner.of_type


def _no_null(field: Field) -> str:
    return f"Cannot return null for non-nullable field {field.parent}.{field.name}."
