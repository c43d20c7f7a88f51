"""Order of arrival, proved on random lines: whoever answers first, the line is the same."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.facets import FulfilmentFacet, HeaderFacet, PromiseFacet
from orderlines.order_line import Lineage
from orderlines.stated import Absence, Stated, SubstitutionStatus
from orderlines.stitch import materialise
from tests.orderlines.facet_kit import (
    FulfilmentRecord,
    HeaderRecord,
    PromiseRecord,
    allocation,
    cancelled,
    fulfilment,
    header,
    line,
    offer,
    promise,
    shipment,
    version,
)
from tests.orderlines.proof import PROOF

T = TypeVar("T")
DAY = datetime(2026, 11, 18, tzinfo=UTC)
COUNTS = st.integers(0, 40)
UNITS = st.sampled_from(["EA", "CS", "BX"])
TIMES = st.one_of(st.none(), st.integers(0, 3).map(lambda hours: DAY + timedelta(hours=hours)))
DATES = st.one_of(st.none(), st.dates(date(2026, 11, 18), date(2026, 11, 21)))
OFFERS = st.builds(
    lambda sku, status, accepted: offer(sku, status, accepted=accepted),
    st.sampled_from(["SKU-8", "SKU-9"]),
    st.sampled_from(SubstitutionStatus),
    COUNTS,
)


def fault(record: str, field: str) -> Discrepancy:
    """Say that a field of a record could not be mapped."""
    return Discrepancy(DiscrepancyKind.FAILED_MAPPING, "wms", record, field, "Not a number.")


def stated_by(record: str, field: str) -> st.SearchStrategy[Stated]:
    """State a number, an absence or a fault."""
    return st.one_of(COUNTS, st.sampled_from(Absence), st.just(fault(record, field)))


@st.composite
def headers(draw: st.DrawFn) -> HeaderRecord:
    """Draw a header whose cancellations happened one after the other."""
    counts = draw(st.lists(COUNTS, max_size=3))
    return header(
        requested=draw(stated_by("SO-1/10", "quantity")),
        unit=draw(UNITS),
        cancellations=tuple(
            cancelled(count, at=DAY + timedelta(hours=place)) for place, count in enumerate(counts)
        ),
    )


@st.composite
def promises(draw: st.DrawFn, record: str) -> PromiseRecord:
    """Draw a promise record with some versions and offers."""
    slices = st.lists(st.tuples(COUNTS, DATES), max_size=2)
    numbers = sorted(draw(st.sets(st.integers(1, 4), max_size=3)))
    versions = tuple(version(number, *draw(slices)) for number in numbers)
    told = st.one_of(
        st.just(versions), st.sampled_from(Absence), st.just(fault(record, "promises"))
    )
    offers = st.one_of(
        st.lists(OFFERS, max_size=2).map(tuple), st.just(fault(record, "substitutions"))
    )
    return promise(draw(told), draw(offers), unit=draw(UNITS), record=record)


@st.composite
def fulfilments(draw: st.DrawFn, record: str) -> FulfilmentRecord:
    """Draw a warehouse record, whose shipments and lots have numbers of their own."""
    sent = draw(st.lists(st.tuples(COUNTS, st.sampled_from(["SKU-1", "SKU-9"]), TIMES), max_size=3))
    kept = draw(st.lists(st.tuples(COUNTS, st.sampled_from(["W1", "W2"]), TIMES), max_size=3))
    shipments = tuple(
        shipment(count, f"{record}/{place}", sku=sku, at=at)
        for place, (count, sku, at) in enumerate(sent)
    )
    allocations = tuple(
        allocation(count, node, lot=f"{record}/{place}", at=at)
        for place, (count, node, at) in enumerate(kept)
    )
    return fulfilment(
        shipped=draw(stated_by(record, "shipped")),
        allocated=draw(stated_by(record, "allocated")),
        shipments=draw(st.one_of(st.just(shipments), st.just(fault(record, "shipments")))),
        allocations=draw(st.one_of(st.just(allocations), st.just(fault(record, "allocations")))),
        picked=draw(st.one_of(st.none(), COUNTS)),
        returned=draw(st.one_of(st.none(), COUNTS)),
        unit=draw(UNITS),
        record=record,
    )


@settings(PROOF, max_examples=100)  # each in twelve orders of arrival
@given(
    head=headers(),
    told=st.tuples(promises("P-1"), promises("P-2")),
    done=st.tuples(fulfilments("W-1"), fulfilments("W-2"), fulfilments("W-3")),
    chance=st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_changes_nothing(
    head: HeaderRecord,
    told: tuple[PromiseRecord, ...],
    done: tuple[FulfilmentRecord, ...],
    chance: random.Random,
) -> None:
    """Whichever record, shipment, lot or offer came first: one line, one list of faults."""
    expected = materialise(line(head, told, done))
    lineage = lineage_of(head, told, done)
    arrivals = [
        (
            replace(head, cancellations=mixed(head.cancellations, chance)),
            [replace(one, substitutions=mixed(one.substitutions, chance)) for one in some],
            [
                replace(
                    one,
                    shipments=mixed(one.shipments, chance),
                    allocations=mixed(one.allocations, chance),
                )
                for one in others
            ],
        )
        for some in permutations(told)
        for others in permutations(done)
    ]

    for arrived in arrivals:
        assert materialise(line(*arrived)) == expected
        assert lineage_of(*arrived) == lineage


def mixed(stated: T, chance: random.Random) -> T:
    """Put what a record lists in another order; what is no list stays as it is."""
    if not isinstance(stated, tuple):
        return stated
    again = list(stated)
    chance.shuffle(again)
    return type(stated)(again)


def lineage_of(
    head: HeaderFacet, told: Sequence[PromiseFacet], done: Sequence[FulfilmentFacet]
) -> list[tuple[Lineage, ...]]:
    """Name the records behind every section that several may tell about."""
    stitched = line(head, told, done)
    return [
        section.lineage
        for section in (stitched.promised, stitched.allocated, stitched.shipped)
        if not isinstance(section, GatewayError)
    ]
