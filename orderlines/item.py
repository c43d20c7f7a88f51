"""Items as master data knows them: base unit, packs, decimals.

Packs are per item (a case of one item holds 12, of another 24) and are integer
ratios to the base unit. There is no table of universal units: what the item's
own master data does not say is not converted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from orderlines.quantity import ONE, Exact, Ratio

CASE = "CS"


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
    """

    sku: str
    base_unit: str
    decimals: int = 0
    packs: Mapping[str, Ratio] = field(default_factory=lambda: MappingProxyType({}))
    name: str | None = None
    group: str | None = None

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
