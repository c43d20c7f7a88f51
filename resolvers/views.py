"""Small views the schema shows and the ledger has no word for.

They group what several fields of one object share; they hold references, not
copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from orderlines.errors import GatewayError
from orderlines.facets import Facet, HeaderFacet, Section
from orderlines.identity import OrderKey
from orderlines.order_line import Freshness
from orderlines.quantity import Ratio
from orderlines.stitched_line import SectionNotReadError, StitchedLine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PackView:
    """A unit an item may be ordered in."""

    unit: str
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class OrderSummaryView:
    """The order of a line, as far as the line's header tells it."""

    source: str
    number: str
    header: HeaderFacet | GatewayError

    @property
    def id(self) -> str:
        """The order's public id."""
        return OrderKey(self.source, self.number).id

    @property
    def ordered_on(self) -> date | GatewayError | None:
        """Date of the customer's order."""
        return self.header if isinstance(self.header, GatewayError) else self.header.ordered_on

    @property
    def customer_po(self) -> str | GatewayError | None:
        """The customer's own order number."""
        return self.header if isinstance(self.header, GatewayError) else self.header.customer_po


@dataclass(frozen=True, slots=True)
class SourceReadingView:
    """One look at one system, or the failure to have one."""

    section: Section
    system: str | None
    records: Sequence[str]
    as_of: datetime | None
    freshness: Freshness | None
    stale: bool
    error: str | None


def sources_of(line: StitchedLine) -> list[SourceReadingView]:
    """List the looks a line rests on: one for each section that was to be read."""
    told: tuple[tuple[Section, Sequence[Facet] | GatewayError], ...] = (
        (
            Section.HEADER,
            line.header if isinstance(line.header, GatewayError) else (line.header,),
        ),
        (Section.PROMISE, line.promise),
        (Section.FULFILMENT, line.fulfilment),
    )
    return [
        _source(line, section, facets)
        for section, facets in told
        if not isinstance(facets, SectionNotReadError)
    ]


def _source(
    line: StitchedLine, section: Section, facets: Sequence[Facet] | GatewayError
) -> SourceReadingView:
    reading = line.readings.get(section)
    if isinstance(facets, GatewayError):
        system = facets.facts.get("system")
        return SourceReadingView(
            section,
            system if isinstance(system, str) else None,
            (),
            None if reading is None else reading.as_of,
            None if reading is None else reading.freshness,
            stale=False,
            error=facets.code,
        )
    return SourceReadingView(
        section,
        None if reading is None else reading.system,
        tuple(facet.record for facet in facets),
        None if reading is None else reading.as_of,
        None if reading is None else reading.freshness,
        stale=reading is not None and reading.is_stale,
        error=None,
    )
