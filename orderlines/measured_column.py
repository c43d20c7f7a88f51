"""Numbers of many lines, all measured in one base unit: a column of quantities.

Mostly a page's numbers are stated in one unit, its items have one factor for it, and all
that is read of a quantity is its text. Then no quantity is made: a text is looked up by
the number that was stated. Whoever takes a quantity out of the column gets one.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, overload

from orderlines.item import Measures
from orderlines.quantity import Number, Quantity


class NumberTexts(list[str]):
    """Numbers as text, made by us: digits, a sign, a point."""

    needs_no_escape: ClassVar[bool] = True


class MeasuredColumn(Sequence[Quantity]):
    """Of each line a quantity.

    Args:
        measures: What all of them are measured by.
        stated: Of each line its number.

    Attributes:
        texts: The value of each quantity as text.

    Raises:
        KeyError: A line has no number.
    """

    __slots__ = ("_measures", "_stated", "texts")

    item_type: ClassVar[type] = Quantity

    def __init__(self, measures: Measures, stated: Sequence[Number]) -> None:
        self._measures = measures
        self._stated = stated
        self.texts = NumberTexts(map(measures.texts.__getitem__, stated))

    @property
    def units(self) -> Sequence[str]:
        """The unit of each quantity."""
        return [self[0].unit] * len(self) if self._stated else []

    @overload
    def __getitem__(self, index: int) -> Quantity: ...

    @overload
    def __getitem__(self, index: slice) -> "MeasuredColumn": ...

    def __getitem__(self, index: int | slice) -> "Quantity | MeasuredColumn":
        if isinstance(index, slice):
            return MeasuredColumn(self._measures, self._stated[index])
        return self._measures.quantity(self._stated[index])

    def __iter__(self) -> Iterator[Quantity]:
        return map(self._measures.quantity, self._stated)

    def __len__(self) -> int:
        return len(self._stated)


def printed_of(quantities: Sequence[Quantity]) -> Sequence[str]:
    """Give the value of each quantity as text."""
    if type(quantities) is MeasuredColumn:
        return quantities.texts
    return [one.printed for one in quantities]


def units_of(quantities: Sequence[Quantity]) -> Sequence[str]:
    """Give the unit of each quantity."""
    if type(quantities) is MeasuredColumn:
        return quantities.units
    return [one.unit for one in quantities]
