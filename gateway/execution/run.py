"""One run of a compiled operation: what its functions ask for while they work.

The generated functions know the usual case. What they cannot do at once comes here:
values that must be awaited, values that must be fetched one by one because fetching
them together failed, and errors, which are told with their place.

Source: GraphQL specification, section 6.4 (Executing Fields).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from types import CoroutineType, GeneratorType
from typing import Any, Final, NamedTuple

import msgspec
from graphql import (
    GraphQLError,
    GraphQLOutputType,
    GraphQLResolveInfo,
    is_list_type,
    is_wrapping_type,
    located_error,
)
from graphql.pyutils import UndefinedType, gather_with_cancel, is_awaitable, is_iterable
from graphql.type import GraphQLResolveInfoHelpers

from gateway.execution.faults import FieldRefusedError, counted
from gateway.execution.object_types import Info
from gateway.execution.plan import Ask, Field, Given, Way
from gateway.execution.positions import Positions, Root, Under
from gateway.execution.prepared import Prepared
from gateway.execution.texts import Column

MAX_PLAIN_TYPES: Final = 4_096

_QUIET: Final = frozenset({str, int, float, bool, type(None), dict, Decimal, date, datetime})
"""Types that are seen most, and of which no value is to be awaited or called."""

ROOT: Final = Root()

_NEVER_PLAIN: Final = (BaseException, UndefinedType, type(None), CoroutineType, GeneratorType)


class Run(msgspec.Struct, eq=False):
    """One operation being executed. Use it once.

    Attributes:
        plain: The types of values that may be parents, as far as they were met; kept
            by the executor.
        errors: In the order they were met.
        has_failed: Whether a column holds the mark of a failed value.
        counts: How many items the lists of a field had together.
    """

    prepared: Prepared
    context: Any
    plain: set[type]
    errors: list[GraphQLError] = []
    has_failed: bool = False
    counts: dict[Field, int] = {}
    tracked: list[asyncio.Future[Any]] = []

    def leave(self) -> None:
        """Cancel what resolvers left behind, once the run is over."""
        for future in self.tracked:
            future.cancel()

    # What generated functions ask

    def given(self, one: Field) -> Given:
        """Give the arguments of a field.

        Raises:
            GraphQLError: They do not fit.
        """
        return self.prepared.arguments_of(one)

    def read(self, fields: Sequence[Field], parents: Column) -> list[Column]:
        """Read fields one by one, so that one that fails costs no other."""
        return [self._read(one, parents) for one in fields]

    async def together(self, columns: Sequence[Awaitable[Column]]) -> Sequence[Column]:
        """Await columns, which do not wait for each other."""
        if len(columns) == 1:
            return [await columns[0]]
        tasks = [asyncio.ensure_future(one) for one in columns]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    # What shapes ask

    def batch(self, one: Field, parents: Column) -> Awaitable[Column]:
        """Call the batch resolver of a field.

        Raises:
            GraphQLError: Its arguments do not fit.
        """
        call: Any = one.call
        made: Awaitable[Column] = call(parents, Ask(self.context, one.needs), **self.given(one))
        return made

    async def values(self, one: Field, parents: Column, at: Positions) -> Column:
        """Resolve a field of each parent, where that is to be awaited."""
        try:
            given = self.given(one)
        except GraphQLError as error:
            return [error] * len(parents)
        depth = _depth(one.definition.type)
        if one.way is Way.DEFAULT and depth == 0:
            held = _held(one.attribute, parents)
            if held is not None and {*map(type, held)} <= _QUIET | self.plain:
                return held
        values = [
            self._value(one, parent, at, index, given) for index, parent in enumerate(parents)
        ]
        return await _settled(values, depth)

    def tell(self, one: Field, error: Exception, at: Positions, index: int) -> None:
        """Tell an error with its place."""
        self.errors.append(located_error(error, one.nodes, at.keys(index)))

    def learn(self, kind: type) -> None:
        """Remember a type whose values may be parents: no null, no error, no promise of one."""
        if len(self.plain) < MAX_PLAIN_TYPES and not (
            issubclass(kind, _NEVER_PLAIN)
            # Not by `hasattr`, which finds what a type's own type has.
            or any({"__await__", "__call__"} & base.__dict__.keys() for base in kind.__mro__)
        ):
            self.plain.add(kind)

    def info(self, one: Field, at: Positions, index: int) -> Info:
        """Make what graphql-core's resolvers are told about a field."""
        plan = self.prepared.plan
        path = at.path(index)
        assert path is not None  # noqa: S101 - a field is never the root of the data
        return GraphQLResolveInfo(
            one.name,
            list(one.nodes),
            one.definition.type,
            one.parent,
            path,
            plan.schema,
            plan.fragments,
            None,
            plan.operation,
            self.prepared.variables,
            self.context,
            is_awaitable,
            None,
            GraphQLResolveInfoHelpers(gather=_gather, track=self._track),
        )

    def _read(self, one: Field, parents: Column) -> Column:
        try:
            if one.way is Way.REFUSED:
                msg = f"The field '{one.parent}.{one.name}' may not be asked for."
                raise FieldRefusedError(msg)  # noqa: TRY301 - it fails each of them
            given = self.given(one)
            if one.way is Way.COLUMN:
                assert one.call is not None  # noqa: S101 - a column has its function
                return counted(one.call(parents, **given), parents)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails each of them
            return [error] * len(parents)
        if one.way is Way.ATTRIBUTE:
            return [_tried(attrgetter(one.attribute), each) for each in parents]
        call: Any = one.call
        return [_tried(lambda one_: call(one_, **given), each) for each in parents]

    def _value(self, one: Field, parent: Any, at: Positions, index: int, given: Given) -> object:  # noqa: ANN401 - of any schema; one argument for each thing a resolver is told
        """Resolve a field of one parent; a failure is a value too."""
        try:
            call: Any = one.call
            if one.way is Way.FUNCTION:
                return call(parent, **given)
            if one.way is Way.RESOLVER:
                return call(parent, self.info(one, Under(at, one), index), **given)
            if isinstance(parent, Mapping):
                value = parent.get(one.attribute)
            else:
                value = getattr(parent, one.attribute, None)
            if callable(value):
                return value(self.info(one, Under(at, one), index), **given)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails this value, no other
            return error
        return value

    def _track(self, values: Sequence[Any]) -> None:
        """Let what a resolver left behind go on until the run ends."""
        self.tracked.extend(asyncio.ensure_future(one) for one in values if is_awaitable(one))


def _held(name: str, parents: Column) -> Column | None:
    """Read an attribute or a key of all parents at once; None if they are not all alike."""
    kinds = {*map(type, parents)}
    if kinds == {dict}:
        return [one.get(name) for one in parents]
    if any(issubclass(kind, Mapping) for kind in kinds):
        return None
    try:
        return [getattr(one, name, None) for one in parents]
    except Exception:  # noqa: BLE001 - it is met again when they are read one by one
        return None


class _Waiting(NamedTuple):
    """A value that is to be awaited.

    Attributes:
        holder: The list it is in.
        place: Its index there.
        depth: How many levels of lists it may be.
    """

    holder: list[Any]
    place: int
    depth: int


async def _settled(values: list[Any], depth: int) -> list[Any]:
    """Await what is to be awaited, also in lists; a failure is a value too."""
    waiting = _found(values, depth)
    while waiting:
        outcomes = await asyncio.gather(
            *(holder[place] for holder, place, _ in waiting), return_exceptions=True
        )
        met, waiting = waiting, []
        for (holder, place, levels), outcome in zip(met, outcomes, strict=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
                raise outcome
            holder[place], below = _opened(outcome, levels)
            waiting += below
    return values


def _found(values: list[Any], depth: int) -> list[_Waiting]:
    """Find what is to be awaited."""
    found: list[_Waiting] = []
    for index, value in enumerate(values):
        if is_awaitable(value):
            found.append(_Waiting(values, index, depth))
        else:
            values[index], below = _opened(value, depth)
            found += below
    return found


def _opened(value: object, depth: int) -> tuple[object, list[_Waiting]]:
    """Make a list of a value that may be one, where it holds something to await."""
    if depth == 0 or not is_iterable(value):
        return value, []
    try:
        items = list(value)
    except Exception as error:  # noqa: BLE001 - whatever it is, it fails this value, no other
        return error, []
    return items, _found(items, depth - 1)


def _depth(kind: GraphQLOutputType) -> int:
    """Count the levels of lists of a type."""
    depth = 0
    while is_wrapping_type(kind):
        depth += is_list_type(kind)
        kind = kind.of_type
    return depth


def _tried(read: Callable[[Any], object], parent: object) -> object:
    try:
        return read(parent)
    except Exception as error:  # noqa: BLE001 - whatever it is, it fails this value, no other
        return error


async def _gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    return list(await gather_with_cancel(*awaitables))
