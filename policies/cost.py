"""What a question costs, in points, before it is answered and after.

An object costs its weight, one point if nothing else is declared; a scalar costs
nothing; a list costs as much as its items. Before, a list is as long as an argument
says, or as its `@listSize` assumes; afterwards it is as long as it was. Both are the
same sum over the same entries, worked out once per plan.

Source: IBM GraphQL Cost Directives; Apollo's reading of it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_list_type
from graphql import get_nullable_type as nullable

from policies.permissions import FieldPolicy, ListSize, Policies

NO_POLICY: Final = FieldPolicy()


class PricedField(Protocol):
    """A field of a plan, as far as its price goes."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def parent(self) -> GraphQLObjectType:
        """The type it belongs to."""
        ...

    @property
    def definition(self) -> GraphQLField:
        """Its definition."""
        ...

    @property
    def below(self) -> Mapping[str, "PricedSelection"]:
        """What is selected of its value, by object type."""
        ...


class PricedSelection(Protocol):
    """What is selected of an object."""

    @property
    def fields(self) -> Sequence[Any]:
        """Its fields."""
        ...


Given = Callable[[Any], Mapping[str, object] | None]
"""Gives the arguments of a field, under the names its resolver takes."""


class _Entry(NamedTuple):
    """A field that costs something, or that others are counted by.

    Attributes:
        above: Index of the entry it is below; -1 for the operation.
        counted: The field, where it is a list; then it is as long as it was.
        assumed: Its length where nothing tells.
        told_by: The field whose arguments tell the length, and their names.
    """

    above: int
    weight: int
    counted: PricedField | None
    assumed: int
    told_by: tuple[PricedField, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one plan.

    Attributes:
        max_age_s: How old an answer to it may be at most.
        fixed: What it costs beside all lists.
        by_length: The lists, and what one more item of each costs.
    """

    entries: tuple[_Entry, ...]
    max_age_s: int
    fixed: int
    by_length: tuple[tuple[PricedField, int], ...]

    def before(self, given: Given) -> int:
        """Work out what it costs at most, by its arguments."""

        def size(entry: _Entry) -> int:
            if entry.told_by is None:
                return entry.assumed
            told_by, names = entry.told_by
            return _size(given(told_by) or {}, names, entry.assumed)

        return self._sum(size)

    def after(self, counts: Mapping[Any, int]) -> int:
        """Work out what it cost, by how long its lists were."""
        total = self.fixed
        for one, weight in self.by_length:
            total += counts.get(one, 0) * weight
        return total

    def _sum(self, size: Callable[[_Entry], int]) -> int:
        many: list[int] = []
        total = 0
        for entry in self.entries:
            number = many[entry.above] if entry.above >= 0 else 1
            if entry.counted is not None:
                number *= size(entry)
            many.append(number)
            total += number * entry.weight
        return total


FREE: Final = Price((), 0, 0, ())


def price_of(
    root: PricedSelection, policies: Policies, refused: Collection[PricedField] = ()
) -> Price:
    """Work out the entries of a plan.

    Args:
        root: What the operation selects.
        policies: The policy of every field; a root field that says nothing of its age may
            not be kept at all.
        refused: The fields of it that are not executed, and so cost nothing.
    """
    entries: list[_Entry] = []
    ages: list[int] = []

    def enter(
        one: PricedField, above: int, age: int, sized_by: tuple[PricedField, ListSize] | None
    ) -> None:
        if one in refused:
            return
        policy = policies.get((one.parent.name, one.name), NO_POLICY)
        age = age if policy.max_age_s is None else policy.max_age_s
        ages.append(age)
        if is_leaf_type(get_named_type(one.definition.type)):
            if policy.weight:
                entries.append(_Entry(above, policy.weight, None, 1, None))
            return
        entries.append(_entry(one, policy, above, sized_by))
        here = len(entries) - 1
        size = policy.list_size
        for selection in one.below.values():
            for below in selection.fields:
                is_sized = size is not None and below.name in size.sized
                enter(below, here, age, (one, size) if is_sized and size else None)

    for one in root.fields:
        if not one.name.startswith("__"):
            enter(one, -1, 0, None)
    return Price(tuple(entries), min(ages, default=0), *_afterwards(entries))


def _afterwards(entries: Sequence[_Entry]) -> tuple[int, tuple[tuple[PricedField, int], ...]]:
    """Add up the weights by the list that says how many there were of each."""
    fixed = 0
    weights: dict[PricedField, int] = {}
    counted_by: list[PricedField | None] = []
    for above, weight, counted, _, _ in entries:
        by = counted_by[above] if counted is None and above >= 0 else counted
        counted_by.append(by)
        if by is None:
            fixed += weight
        else:
            weights[by] = weights.get(by, 0) + weight
    return fixed, tuple(weights.items())


def _entry(
    one: PricedField,
    policy: FieldPolicy,
    above: int,
    sized_by: tuple[PricedField, ListSize] | None,
) -> _Entry:
    if not is_list_type(nullable(one.definition.type)):
        return _Entry(above, policy.weight, None, 1, None)
    if sized_by is not None:
        told_by, size = sized_by
        return _Entry(above, policy.weight, one, size.assumed, (told_by, size.arguments))
    own = policy.list_size or ListSize(1)
    told = (one, own.arguments) if own.arguments else None
    return _Entry(above, policy.weight, one, own.assumed, told)


def _size(given: Mapping[str, object], names: tuple[str, ...], assumed: int) -> int:
    """Take the largest length that an argument tells."""
    told = [_length(given[name]) for name in names if given.get(name) is not None]
    return max(told, default=assumed)


def _length(value: object) -> int:
    if isinstance(value, list | tuple):
        return len(value)
    # A number below zero is refused by its field; it must not lower what others cost.
    return max(value, 0) if isinstance(value, int) else 1
