"""Measuring: one quantity of a line, added up over all records that tell about it.

A sum is only as well known as its parts. What has no factor keeps its own unit,
and unlike units are never added up.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.facets import Facet
from orderlines.item import Item, in_base
from orderlines.quantity import Exact, Quantity, total
from orderlines.stated import Absence

F = TypeVar("F", bound=Facet)
ExactlyStated: TypeAlias = Exact | Absence | Discrepancy
Measured: TypeAlias = Quantity | Absence | Discrepancy
# Of several reasons the one that leaves most unknown is told.
_LEAST_KNOWN_FIRST = (Absence.NOT_PROVIDED, Absence.NOT_YET, Absence.NOT_APPLICABLE)


def sum_of(quantities: Sequence[Quantity], facet: Facet, system: str) -> Quantity | Discrepancy:
    """Add up parts of one line; parts in unlike units are a discrepancy, not a sum."""
    if len(quantities) == 1:
        return quantities[0]
    unit = quantities[0].unit
    if any(part.unit != unit for part in quantities):
        return Discrepancy(
            DiscrepancyKind.UOM,
            system,
            facet.record,
            "unit",
            "Parts of one line are in units that cannot be added up.",
        )
    return Quantity(total(part.value for part in quantities), unit, quantities[0].decimals)


def measure(
    facets: Sequence[F], stated_by: Callable[[F], ExactlyStated], item: Item | None, system: str
) -> Measured:
    """Add up one quantity over all records that tell about the line.

    A part that is not provided leaves the sum not provided: it may be anything.
    One that is not there yet, or makes no sense, adds nothing. No record at all
    means NOT_YET: the system knows such quantities and has not heard of this line.
    """
    if len(facets) == 1:  # as for most lines, and the quick way
        stated = stated_by(facets[0])
        if isinstance(stated, Absence | Discrepancy):
            return stated
        return in_base(item, stated, facets[0].unit)
    parts: list[Quantity] = []
    absences: list[Absence] = []
    for facet in facets:
        stated = stated_by(facet)
        if isinstance(stated, Discrepancy):
            return stated
        if isinstance(stated, Absence):
            absences.append(stated)
        else:
            parts.append(in_base(item, stated, facet.unit))
    if not parts or Absence.NOT_PROVIDED in absences:
        return min(absences, key=_LEAST_KNOWN_FIRST.index, default=Absence.NOT_YET)
    return sum_of(parts, facets[0], system)
