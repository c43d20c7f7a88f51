"""What fields need besides the header of their line: the sets in use."""

from orderlines.facets import Section

PROMISE = frozenset({Section.PROMISE})
FULFILMENT = frozenset({Section.FULFILMENT})
BOTH = PROMISE | FULFILMENT
