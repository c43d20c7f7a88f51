"""What fields need to be read besides the ids in the header of their line."""

from functools import lru_cache

from orderlines.facets import EVERYTHING, Fact, Facts, Section

REQUEST = frozenset({Fact.REQUEST})
PRICE = frozenset({Fact.PRICE})
CANCELLATIONS = frozenset({Fact.CANCELLATIONS})
REFERENCES = frozenset({Fact.REFERENCES})
TERMS = frozenset({Fact.TERMS})
HEADER_CHANGED = frozenset({Fact.HEADER_CHANGED})
PROMISES = frozenset({Fact.PROMISES})
VERSIONS = frozenset({Fact.PROMISES, Fact.VERSIONS})
PROMISE_CHANGED = frozenset({Fact.PROMISE_CHANGED})
QUANTITIES = frozenset({Fact.QUANTITIES})
ALLOCATIONS = frozenset({Fact.ALLOCATIONS})
SHIPMENTS = frozenset({Fact.SHIPMENTS})
FULFILMENT_CHANGED = frozenset({Fact.FULFILMENT_CHANGED})

__all__ = [
    "ALLOCATIONS",
    "CANCELLATIONS",
    "EVERYTHING",
    "FULFILMENT_CHANGED",
    "HEADER_CHANGED",
    "PRICE",
    "PROMISES",
    "PROMISE_CHANGED",
    "QUANTITIES",
    "REFERENCES",
    "REQUEST",
    "SHIPMENTS",
    "TERMS",
    "VERSIONS",
    "sections_of",
]


@lru_cache(maxsize=256)
def sections_of(needs: Facts) -> frozenset[Section]:
    """Name the sections that facts belong to."""
    return frozenset([fact.section for fact in needs])
