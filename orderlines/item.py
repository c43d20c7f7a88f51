"""Items as master data knows them: base unit, packs, decimals.

Packs are per item (a case of one item holds 12, of another 24) and are integer
ratios to the base unit. There is no table of universal units: what the item's
own master data does not say is not converted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from orderlines.many_texts import ManyTexts
from orderlines.quantity import ONE, Exact, Number, Quantity, Ratio
from orderlines.stated import Absence

CASE = "CS"
MAX_MEASURES: Final = 1_024
MAX_UNITS: Final = 64


class Measures(dict[object, Quantity | None]):
    """What is stated in one unit, in the base unit: a memo, because numbers come again.

    An absence, and nothing at all, measure None. Items with the same factor share one;
    it starts anew once it holds too many.

    Attributes:
        texts: What is measured as text, by what is stated; nothing else has one.
        many_texts: The same, for many at once.
    """

    def __init__(self, item: "Item | None", unit: str) -> None:
        super().__init__()
        self._item = item
        self._unit = unit
        self.texts: Mapping[object, str] = _Texts(self)
        self.many_texts: Final = ManyTexts(self.texts.__getitem__)

    def quantity(self, stated: Number) -> Quantity:
        """Measure a number."""
        found = self[stated]
        assert found is not None  # noqa: S101 - what it says of no number
        return found

    def __missing__(self, stated: object) -> Quantity | None:
        if isinstance(stated, int | Decimal):
            found = in_base(self._item, stated, self._unit)
        elif stated is None or isinstance(stated, Absence):
            found = None
        else:
            raise KeyError(stated)
        if len(self) >= MAX_MEASURES:
            self.clear()
        self[stated] = found
        return found


class _Texts(dict[object, str]):
    """A memo of a memo's texts."""

    def __init__(self, measures: Measures) -> None:
        super().__init__()
        self._measures = measures

    def __missing__(self, stated: object) -> str:
        found = self._measures[stated]
        if found is None:
            raise KeyError(stated)
        if len(self) >= MAX_MEASURES:
            self.clear()
        self[stated] = text = found.printed
        return text


class MeasuresByUnit(dict[str, Measures]):
    """The measures of an item, by the unit something is stated in."""

    def __init__(self, item: "Item | None") -> None:
        super().__init__()
        self._item = item

    def __missing__(self, unit: str) -> Measures:
        item = self._item
        found = (
            _measures(unit, None, 0, None)
            if item is None
            else _measures(unit, item.base_unit, item.decimals, item.factor(unit))
        )
        if len(self) >= MAX_UNITS:
            self.clear()
        self[unit] = found
        return found


@lru_cache(maxsize=512)
def _measures(unit: str, base_unit: str | None, decimals: int, ratio: Ratio | None) -> Measures:
    if base_unit is None:
        return Measures(None, unit)
    packs = {} if ratio is None else {unit: ratio}
    return Measures(Item("", base_unit, decimals, packs), unit)


@dataclass(frozen=True, slots=True)
class Item:
    """One article of the distributor.

    Attributes:
        sku: The distributor's number.
        base_unit: The unit all of its line quantities are given in.
        decimals: Decimals of the base unit, for printing and comparing.
        packs: Base units in one unit, by unit code, without the base unit.
        name: As the master data writes it.
        group: Item group, for scopes of figures.
        measures: What was measured before, by unit and by what was stated.
    """

    sku: str
    base_unit: str
    decimals: int = 0
    packs: Mapping[str, Ratio] = field(default_factory=lambda: MappingProxyType({}))
    name: str | None = None
    group: str | None = None
    measures: MeasuresByUnit = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep what is measured."""
        object.__setattr__(self, "measures", MeasuresByUnit(self))

    def factor(self, unit: str) -> Ratio | None:
        """Base units in one `unit`, or None where the master data does not say."""
        return ONE if unit == self.base_unit else self.packs.get(unit)

    def to_base(self, value: Exact, unit: str) -> Exact | None:
        """Convert into the base unit, exactly; None where there is no factor."""
        if unit == self.base_unit:
            return value
        ratio = self.packs.get(unit)
        return None if ratio is None else ratio.apply(value)

    def from_base(self, value: Exact, unit: str) -> Exact | None:
        """Convert out of the base unit, exactly; None where there is no factor."""
        ratio = self.factor(unit)
        return None if ratio is None else ratio.inverse.apply(value)

    @property
    def units_per_case(self) -> Ratio | None:
        """Base units in a case, or None where the item has no case."""
        return self.factor(CASE)


UNCONVERTED: Final = MeasuresByUnit(None)
"""The measures of what has no master data: every number keeps its own unit."""


def in_base(item: Item | None, value: Exact, unit: str) -> Quantity:
    """Convert into the item's base unit; without a factor the number keeps its own unit."""
    if item is None:
        return Quantity(value, unit)
    if unit == item.base_unit:
        return Quantity(value, unit, item.decimals)
    base = item.to_base(value, unit)
    if base is None:
        return Quantity(value, unit)
    return Quantity(base, item.base_unit, item.decimals)
