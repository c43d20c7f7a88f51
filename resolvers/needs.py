"""What fields need to be read besides the ids in the header of their line."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from orderlines.facets import EVERYTHING, Fact, Facts, Section

REQUEST = frozenset({Fact.REQUEST})
SHIP_DATE = frozenset({Fact.SHIP_DATE})
DELIVERY_DATE = frozenset({Fact.DELIVERY_DATE})
OWNER = frozenset({Fact.OWNER})
PRICE = frozenset({Fact.PRICE})
CANCELLATIONS = frozenset({Fact.CANCELLATIONS})
REFERENCES = frozenset({Fact.REFERENCES})
TERMS = frozenset({Fact.TERMS})
HEADER_CHANGED = frozenset({Fact.HEADER_CHANGED})
PROMISES = frozenset({Fact.PROMISES})
VERSIONS = frozenset({Fact.PROMISES, Fact.VERSIONS})
PROMISE_CHANGED = frozenset({Fact.PROMISE_CHANGED})
QUANTITIES = frozenset({Fact.QUANTITIES})
RETURNS = frozenset({Fact.RETURNS})
ALLOCATIONS = frozenset({Fact.ALLOCATIONS})
SHIPMENTS = frozenset({Fact.SHIPMENTS})
FULFILMENT_CHANGED = frozenset({Fact.FULFILMENT_CHANGED})

__all__ = [
    "ALLOCATIONS",
    "CANCELLATIONS",
    "DELIVERY_DATE",
    "EVERYTHING",
    "FULFILMENT_CHANGED",
    "HEADER_CHANGED",
    "MAX_AGE_S",
    "OWNER",
    "PRICE",
    "PROMISES",
    "PROMISE_CHANGED",
    "QUANTITIES",
    "REFERENCES",
    "REQUEST",
    "RETURNS",
    "SHIPMENTS",
    "SHIP_DATE",
    "TERMS",
    "VERSIONS",
    "max_age_of",
    "sections_of",
]

MAX_AGE_S: Final[Mapping[Section, int]] = {
    Section.HEADER: 60,
    Section.PROMISE: 30,
    Section.FULFILMENT: 30,
}
"""How old what is told of a section may be, whatever a caller allows."""


@lru_cache(maxsize=256)
def sections_of(needs: Facts) -> frozenset[Section]:
    """Name the sections that facts belong to."""
    return frozenset([fact.section for fact in needs])


@lru_cache(maxsize=256)
def max_age_of(needs: Facts) -> int:
    """Tell how old a look may be that brings these facts, in seconds.

    One number for all systems of the look: then they are asked anew together, and what
    is answered of all of them is as good as each.
    """
    return min(MAX_AGE_S[section] for section in {Section.HEADER, *sections_of(needs)})
