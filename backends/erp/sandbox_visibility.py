"""What a caller may see, as a part of the sandbox ERP's own filter.

Rows that may not be seen then never leave the ERP, and asking for one costs what asking
for none costs. What the filter cannot carry is left out of it: the desk checks every
row that comes back, whatever was asked.
"""

from collections.abc import Collection
from typing import Final

from backends import odata
from backends.erp.sandbox_rows import CHANNEL_CODES
from orderlines.visibility import ALL, Restriction, Visibility

MAX_VALUES: Final = 20
"""Values of one restriction that a filter names; more would make it too long."""
MAX_REMEMBERED: Final = 16_384
"""Sets of customers whose part of a filter is remembered."""


def rows_clause(visibility: Visibility, *, of_items: bool) -> str:
    """Write the part of a filter that a caller's rows match; empty if it says nothing.

    Args:
        visibility: What the caller may see.
        of_items: Whether items are asked for, which know their plant, and their order
            by a navigation; an order knows no plant.
    """
    customers = visibility.customers
    if customers is not ALL and visibility.channels is ALL and not of_items:
        # As mostly. In a plain dictionary: each caller has its own, and one that keeps order
        # would touch its neighbours, too.
        known = _OF_CUSTOMERS.get(customers)
        return _of_customers(customers) if known is None else known
    above = "Order/" if of_items else ""
    parts = [
        _among(f"{above}SoldToParty", customers),
        _among(f"{above}DistributionChannel", _codes(visibility.channels)),
    ]
    if of_items:
        parts.append(_among("Plant", visibility.warehouses))
    return "%20and%20".join(filter(None, parts))


def _among(name: str, allowed: Restriction) -> str:
    if allowed is ALL or len(allowed) > MAX_VALUES:
        return ""
    # No party, channel or plant is named by nothing: so nothing matches where nothing is allowed.
    values: Collection[str] = sorted(allowed) or [""]
    return f"({odata.any_of(odata.equals(name, value) for value in values)})"


_OF_CUSTOMERS: Final[dict[frozenset[str], str]] = {}
"""The part of a filter that rows of some customers match."""


def _of_customers(some: frozenset[str]) -> str:
    """Write it, and remember it, unless they are more than a filter names."""
    written = _among("SoldToParty", some)
    if written:
        if len(_OF_CUSTOMERS) >= MAX_REMEMBERED:
            _OF_CUSTOMERS.clear()
        _OF_CUSTOMERS[some] = written
    return written


def _codes(channels: Restriction) -> Restriction:
    """Give the codes of channels; ALL if one of them has none."""
    if channels is ALL or not channels <= CHANNEL_CODES.keys():
        return ALL
    return frozenset(CHANNEL_CODES[name] for name in channels)
