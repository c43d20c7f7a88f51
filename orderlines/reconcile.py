"""Reconciling one line: which laws hold, and what could not be mapped.

A violation does not fail a question. It is shown with its delta, and becomes a
discrepancy where it is a mapping fault rather than the practice of the trade.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.facets import (
    Facet,
    FulfilmentFacet,
    HeaderFacet,
    PromiseFacet,
    Section,
)
from orderlines.invariants import Invariant, InvariantCheck, Severity, Surroundings, check
from orderlines.item import in_base
from orderlines.order_line import Known
from orderlines.stitched_line import StitchedLine


class ReconciliationStatus(Enum):
    """The short answer of a reconciliation."""

    CONSISTENT = "Every law that could be checked holds, and nothing was left unmapped."
    TOLERATED = "Only soft laws are broken, each within the line's tolerance."
    DISCREPANT = "Something does not fit; see checks and discrepancies."
    INCOMPLETE = "A section could not be read, so not everything was checked."


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Which laws hold for a line, and what could not be mapped."""

    status: ReconciliationStatus
    checks: tuple[InvariantCheck, ...]
    discrepancies: tuple[Discrepancy, ...]


def reconcile(line: StitchedLine) -> Reconciliation:
    """Check every law for a line and list what could not be mapped."""
    checks = check(line.quantities, _surroundings(line))
    discrepancies = tuple(_discrepancies(line, checks))
    broken = [one for one in checks if one.holds is False]
    if discrepancies or any(not one.is_tolerated for one in broken):
        status = ReconciliationStatus.DISCREPANT
    elif any(isinstance(told, GatewayError) for told in _told(line)):
        status = ReconciliationStatus.INCOMPLETE
    elif broken:
        status = ReconciliationStatus.TOLERATED
    else:
        status = ReconciliationStatus.CONSISTENT
    return Reconciliation(status, checks, discrepancies)


def _told(line: StitchedLine) -> tuple[object, ...]:
    return (line.header, line.item, line.promise, line.fulfilment)


def _posted_shipped(line: StitchedLine) -> Known:
    if isinstance(line.header, GatewayError):
        return line.header
    posted = line.header.posted_shipped
    if posted is None:
        return None
    return line.in_base(in_base(line.known_item, posted, line.header.unit))


def _surroundings(line: StitchedLine) -> Surroundings:
    header = None if isinstance(line.header, GatewayError) else line.header
    shipped = line.shipped
    reading = line.readings.get(Section.FULFILMENT)
    item = line.known_item
    return Surroundings(
        decimals=0 if item is None else item.decimals,
        over_delivery_tolerance=0 if header is None else header.over_delivery_tolerance,
        posted_shipped=_posted_shipped(line),
        ordered_on=None if header is None else header.ordered_on,
        requested_on=None if header is None else header.requested_ship_on,
        shipped_at=(
            ()
            if isinstance(shipped, GatewayError)
            else tuple(one.shipped_at for one in shipped.shipments if one.shipped_at)
        ),
        as_of=None if reading is None else reading.as_of,
    )


def _discrepancies(line: StitchedLine, checks: Sequence[InvariantCheck]) -> Iterator[Discrepancy]:
    # A record that fails as a whole may answer several questions with one discrepancy.
    yield from dict.fromkeys(_unreadable(line))
    yield from _without_factor(line)
    yield from _unexplained_goods(line)
    for one in checks:
        if one.holds is False and one.severity is Severity.HARD:
            yield _about(line, DiscrepancyKind.INVARIANT, one.invariant.value)
        if one.holds is False and one.invariant is Invariant.POSTED_AS_SHIPPED:
            yield _about(line, DiscrepancyKind.QUANTITY_CONFLICT, one.invariant.value)


def _about(line: StitchedLine, kind: DiscrepancyKind, broken: str) -> Discrepancy:
    record = "" if isinstance(line.header, GatewayError) else line.header.record
    return Discrepancy(kind, line.key.source, record, "", f"This does not hold: {broken}")


def _unreadable(line: StitchedLine) -> Iterator[Discrepancy]:
    for told in _told(line):
        if isinstance(told, DiscrepancyError):
            yield told.discrepancy
    headers, promises, fulfilments = _records(line)
    stated: list[object] = []
    for header in headers:
        stated += (header.requested, header.cancellations)
    for promise in promises:
        stated += (promise.promises, promise.substitutions)
    for one in fulfilments:
        stated += (one.allocated, one.allocations, one.shipped, one.shipments)
    yield from (one for one in stated if isinstance(one, Discrepancy))
    # Each record may be in order, and their substitutes in units that do not add up.
    substitutes = line.shipped_substitutes()
    if isinstance(substitutes, DiscrepancyError):
        yield substitutes.discrepancy


def _records(
    line: StitchedLine,
) -> tuple[Sequence[HeaderFacet], Sequence[PromiseFacet], Sequence[FulfilmentFacet]]:
    """Give the records that were read; none where a section could not be."""
    return (
        () if isinstance(line.header, GatewayError) else (line.header,),
        () if isinstance(line.promise, GatewayError) else line.promise,
        () if isinstance(line.fulfilment, GatewayError) else line.fulfilment,
    )


def _without_factor(line: StitchedLine) -> Iterator[Discrepancy]:
    item = line.item
    # Which item it is says the header; without one, or while master data cannot
    # be read, nothing is known to be wrong with a unit.
    if isinstance(line.header, GatewayError) or isinstance(item, GatewayError):
        return
    headers, promises, fulfilments = _records(line)
    told: tuple[tuple[Section, Sequence[Facet]], ...] = (
        (Section.HEADER, headers),
        (Section.PROMISE, promises),
        (Section.FULFILMENT, fulfilments),
    )
    for section, facet in ((section, facet) for section, facets in told for facet in facets):
        if item is not None and item.factor(facet.unit) is not None:
            continue
        yield Discrepancy(
            DiscrepancyKind.UOM,
            line.readings[section].system,
            facet.record,
            "unit",
            "The item has no master data, so its units cannot be compared."
            if item is None
            else "The item's master data has no factor for this unit.",
        )


def _unexplained_goods(line: StitchedLine) -> Iterator[Discrepancy]:
    shipped, offers = line.shipped_substitutes(), line.substitutions
    if isinstance(shipped, GatewayError) or isinstance(offers, GatewayError):
        return
    offered = {one.by_sku for one in offers}
    for sku in sorted(shipped.keys() - offered):
        yield Discrepancy(
            DiscrepancyKind.UNRESOLVED_SUBSTITUTION,
            line.readings[Section.FULFILMENT].system,
            sku,
            "sku",
            DiscrepancyKind.UNRESOLVED_SUBSTITUTION.value,
        )
