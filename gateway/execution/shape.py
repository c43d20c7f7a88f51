"""The shape of a field: how a column of values becomes a column of the answer's JSON.

The column is opened down to the named values of the field's type, past the `levels` of
lists around them; those are written, or made objects by the functions of their
selections; and then the levels are closed again.

A completed column holds texts: of each value its JSON. A value that failed where null is
not allowed is `FAILED` instead: it fails what holds it, and is null at the nearest level
that may be. Its error is told when it is met, once.

Source: GraphQL specification, sections 6.4.3 (Value Completion) and 6.4.4 (errors).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from graphql import GraphQLLeafType, is_leaf_type, is_object_type

from gateway.execution.columnar import kinds_of, needs_no_escape
from gateway.execution.faults import counted
from gateway.execution.leaves import (
    ONLY_STR,
    Teller,
    Told,
    Writers,
    as_texts,
    json_text,
    json_texts,
    teller_of,
    told_texts,
    write,
    write_all,
    write_one,
    writers_of,
)
from gateway.execution.levels import Frame, Levels, levels_of
from gateway.execution.object_types import selection_of
from gateway.execution.plan import Field, Selection, Way
from gateway.execution.positions import Items, Kept, Positions, Under
from gateway.execution.texts import FAILED, NULL, Column, absorbed, scatter

if TYPE_CHECKING:
    from gateway.execution.run import Run

Select: TypeAlias = Callable[[Column, Positions, "Run"], Any]
"""Makes the objects of a selection, as texts: a list, or what must be awaited for one."""

Read: TypeAlias = Callable[[Column], Sequence[Column] | None]
ListOf: TypeAlias = Callable[[Sequence[Column], int], str]

LIST: Final = 2
"""Levels of a list of named values."""


class _Group(NamedTuple):
    """The values of one object type in a column."""

    select: Select
    parents: list[Any]
    at: Positions
    kept: list[int]


class Shape:
    """The shape of one field.

    Attributes:
        field: The field.
        named: The type of its named values.
        leaf: The same, where they are leaves.
        writers: How usual values are written; for a leaf.
        tell: How written values become texts; for a leaf.
        takes_texts: Whether a text stands for itself.
        levels: What opens its values, and closes them again.
        has_lists: Whether they are lists.
        selects: The functions of its selections, by object type; put here once made.
        is_direct: Whether its named values are objects of one type, told by nothing else.
        is_single: Whether its values are such objects, and no lists.
        is_listing: Whether they are lists of such objects.
        rows_of: Makes the objects of one such list where they are not read together; put
            here once made, as the next.
        together: Reads the leaves of one such list, if there is a reader, and makes of what
            was read the list as one text.
    """

    __slots__ = (
        "field",
        "has_lists",
        "is_direct",
        "is_listing",
        "is_single",
        "leaf",
        "levels",
        "named",
        "rows_of",
        "selects",
        "takes_texts",
        "tell",
        "together",
        "writers",
    )

    def __init__(self, field: Field, told: Mapping[str, Writers], plain: frozenset[str]) -> None:
        self.field = field
        allows_null, self.named = levels_of(field.definition.type)
        self.leaf: GraphQLLeafType | None = self.named if is_leaf_type(self.named) else None
        self.writers: Writers = {} if self.leaf is None else writers_of(self.leaf, told)
        self.tell: Teller = as_texts if self.leaf is None else teller_of(self.leaf, plain)
        if self.leaf is not None and allows_null[-1]:
            self.writers = {**self.writers, type(None): None}
        self.takes_texts = str in self.writers and self.writers[str] is None
        self.levels = Levels(field, allows_null, self.writers.keys())
        self.has_lists = len(allows_null) > 1
        self.selects: dict[str, Select] = {}
        self.is_direct = (
            is_object_type(self.named)
            and self.named.is_type_of is None
            and self.named.name in field.below
            and field.below[self.named.name].error is None
        )
        self.is_single = self.is_direct and not self.has_lists
        self.is_listing = self.is_direct and len(allows_null) == LIST
        self.rows_of: Select
        self.together: tuple[Read, ListOf] | None = None

    def leaves(self, values: Column, at: Positions, run: "Run") -> Told:
        """Complete a column of leaves; give what stands on both sides of each text, too."""
        if not self.has_lists:
            kind = type(values)
            if kind is not list and self.takes_texts and needs_no_escape(kind):
                return '"', values
            kinds = {*map(type, values)}
            if kinds <= self.writers.keys():
                try:
                    if kinds == ONLY_STR and self.takes_texts:
                        return told_texts(values)  # as mostly, and found faster
                    written = write(self.writers, values, kinds)
                    if type(None) in kinds:
                        return "", json_texts(written)
                    # A text that a resolver gave may be any, whatever its scalar writes.
                    return as_texts(written) if str in kinds else self.tell(written)
                except Exception:  # noqa: BLE001, S110 - it is met again below, and told
                    pass
        values, at, frames = self.levels.open(values, Under(at, self.field), run)
        return "", self.levels.close(self._written(values, at, run), frames, run)

    def written(self, values: Column, at: Positions, run: "Run") -> Column:
        """Complete a column of leaves, with what stands beside their texts."""
        mark, texts = self.leaves(values, at, run)
        return [f"{mark}{text}{mark}" for text in texts] if mark else texts

    def objects(self, values: Column, at: Positions, run: "Run") -> Column:
        """Complete a column of objects whose selections need not be awaited."""
        if self.is_listing and len(values) == 1:
            (items,) = values
            if getattr(type(items), "item_type", None) in run.plain and not run.has_failed:
                # One list that is held as columns, as for a page: it needs no opening.
                field, counts = self.field, run.counts
                if self.together is not None:
                    read, list_of = self.together
                    usual = read(items)
                    if usual is not None:
                        count = len(usual[0])
                        counts[field] = counts.get(field, 0) + count
                        return [list_of(usual, count)]
                rows = self.rows_of(items, Items(Under(at, field), values), run)
                counts[field] = counts.get(field, 0) + len(rows)
                if run.has_failed:
                    frames = [Frame(values, None, ()), Frame(None, None, ())]
                    return self.levels.close(rows, frames, run)
                if not rows:
                    return ["[]"]
                rows[0] = f"[{rows[0]}"  # a page is long: it is copied once
                rows[-1] = f"{rows[-1]}]"
                return [",".join(rows)]
        values, at, frames = self.levels.open(values, Under(at, self.field), run)
        if self.is_direct:
            return self.levels.close(self.selects[self.named.name](values, at, run), frames, run)
        made, groups = self._grouped(values, at, run)
        for group in groups:
            scatter(made, group.kept, group.select(group.parents, group.at, run))
        return self.levels.close(made, frames, run)

    async def awaited_objects(self, values: Column, at: Positions, run: "Run") -> Column:
        """Complete a column of objects, awaiting what their selections await."""
        values, at, frames = self.levels.open(values, Under(at, self.field), run)
        if self.is_direct:
            select = self.selects[self.named.name]
            return self.levels.close(await _now(select(values, at, run)), frames, run)
        made, groups = self._grouped(values, at, run)
        rows = await run.together(
            [_now(group.select(group.parents, group.at, run)) for group in groups]
        )
        for group, column in zip(groups, rows, strict=True):
            scatter(made, group.kept, column)
        return self.levels.close(made, frames, run)

    async def resolved(self, parents: Column, at: Positions, run: "Run") -> Column:
        """Resolve a field that is to be awaited, and complete its values."""
        field = self.field
        if field.way is Way.BATCH:
            try:
                values = counted(await run.batch(field, parents), parents)
            except Exception as error:  # noqa: BLE001 - whatever it is, it fails these values, no others
                values = [error] * len(parents)
        else:
            values = await run.values(field, parents, at)
        if self.is_single and kinds_of(values) <= run.plain:
            # One object a parent, as mostly at the root: it needs no opening.
            rows = self.selects[self.named.name](values, Under(at, field), run)
            if not isinstance(rows, list):
                rows = await rows
            return absorbed(rows) if run.has_failed and self.levels.allows_null[0] else rows
        if self.leaf is None:
            return await self.awaited_objects(values, at, run)
        return self.written(values, at, run)

    def _written(self, values: Column, at: Positions, run: "Run") -> Column:
        """Write leaves, all at once if they are usual."""
        assert self.leaf is not None  # noqa: S101 - only asked of leaves
        try:
            kinds = {*map(type, values)}
            if kinds <= self.writers.keys():
                return json_texts(write(self.writers, values, kinds))
            return json_texts(write_all(self.leaf, values))
        except Exception:  # noqa: BLE001 - each is met again below, and told
            written: list[Any] = []
        for index, value in enumerate(values):
            try:
                written.append(NULL if value is None else json_text(write_one(self.leaf, value)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it fails this value, no other
                run.tell(self.field, error, at, index)
                written.append(FAILED)
                run.has_failed = True
        return written

    def _grouped(self, values: Column, at: Positions, run: "Run") -> tuple[list[Any], list[_Group]]:
        """Group values by the object type they have."""
        made: list[Any] = [NULL] * len(values)
        groups: dict[Selection, _Group] = {}
        for index, value in enumerate(values):
            error: Exception | None
            try:
                info = run.info(self.field, at, index)
                selection = selection_of(self.field, self.named, value, info)
                error = selection.error
            except Exception as raised:  # noqa: BLE001 - it fails this value, no other
                error = raised
            if error is not None:
                run.tell(self.field, error, at, index)
                made[index] = FAILED
                run.has_failed = True
                continue
            group = groups.get(selection)
            if group is None:
                kept: list[int] = []
                select = self.selects[selection.parent.name]
                group = groups[selection] = _Group(select, [], Kept(at, kept), kept)
            group.parents.append(value)
            group.kept.append(index)
        return made, list(groups.values())


async def _now(rows: Column | Awaitable[Column]) -> Column:
    return rows if isinstance(rows, list) else await rows  # type: ignore[misc] # one of the two
