"""The master data of many lines, told by the numbers of their items.

A page has fewer items than lines: what can be said of the items is said of them, and not
line by line.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, overload

from orderlines.errors import GatewayError
from orderlines.item import UNCONVERTED, Item, Measures

Master: TypeAlias = Item | GatewayError | None
"""Master data; None where there is none, or why it could not be read."""


class Masters(Sequence[Master]):
    """Of each line the master data of its item.

    Args:
        by_sku: Of each item; one that is missing has none.
        skus: Of each line the number of its item.
    """

    __slots__ = ("_by_sku", "_skus")

    def __init__(self, by_sku: Mapping[str, Master], skus: Sequence[str]) -> None:
        self._by_sku = by_sku
        self._skus = skus

    def only_measures(self, unit: str) -> Measures | None:
        """Give what a number in a unit is measured by, if that is the same for all lines."""
        found = None
        for sku in {*self._skus}:
            one = self._by_sku.get(sku)
            measures = (one.measures if type(one) is Item else UNCONVERTED)[unit]
            if found is not None and measures is not found:
                return None
            found = measures
        return found

    @overload
    def __getitem__(self, index: int) -> Master: ...

    @overload
    def __getitem__(self, index: slice) -> "Masters": ...

    def __getitem__(self, index: int | slice) -> "Master | Masters":
        if isinstance(index, slice):
            return Masters(self._by_sku, self._skus[index])
        return self._by_sku.get(self._skus[index])

    def __iter__(self) -> Iterator[Master]:
        return map(self._by_sku.get, self._skus)

    def __len__(self) -> int:
        return len(self._skus)
