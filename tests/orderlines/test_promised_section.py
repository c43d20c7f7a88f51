"""Promises: the version in force, its schedule, and what several records promised together."""

from datetime import UTC, date, datetime

import pytest

from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.facets import Section
from orderlines.order_line import Promise, PromiseSlice
from orderlines.promised_section import PromisedSection
from orderlines.quantity import Quantity
from orderlines.stated import (
    Absence,
    PromiseBasis,
    StatedPromise,
    StatedSlice,
)
from tests.orderlines.facet_kit import ITEM, READINGS, PromiseRecord, promise, promised, version

FIRST, SECOND, THIRD = date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 27)
BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "oms", "P-2", "slices", "This is not a list.")


def section(*records: PromiseRecord) -> PromisedSection:
    """Look at what is promised."""
    return PromisedSection(records, ITEM, READINGS[Section.PROMISE])


def part(value: int, on: date | None) -> PromiseSlice:
    """Expect a firm slice, in eaches."""
    return PromiseSlice(Quantity(value, "EA"), on, is_firm=True)


def whole(number: int, *slices: PromiseSlice) -> Promise:
    """Expect a version."""
    return Promise(number, None, PromiseBasis.ATP, slices)


def test_the_last_version_is_in_force() -> None:
    """Every version is kept; quantity, schedule and dates are those of the last."""
    found = section(
        promise((version(1, (10, FIRST)), version(2, (4, THIRD), (1, None), (3, SECOND))))
    )

    assert found.versions == (
        whole(1, part(10, FIRST)),
        whole(2, part(3, SECOND), part(4, THIRD), part(1, None)),
    )
    assert (found.quantity, found.schedule, found.first_on, found.latest_on) == (
        Quantity(8, "EA"),
        found.versions[1].slices,
        SECOND,
        THIRD,
    )


@pytest.mark.parametrize("stated", [(), Absence.NOT_YET, BAD])
def test_without_a_version_there_is_no_date(
    stated: tuple[StatedPromise, ...] | Absence | Discrepancy,
) -> None:
    """A date is a projection of the schedule, and there is none."""
    found = section(promise(stated))

    assert (found.first_on, found.latest_on) == (None, None)


def test_a_version_tells_when_and_on_what_ground() -> None:
    """What a slice was promised in is brought to the base unit; the rest stays as stated."""
    made_at = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
    stated = StatedPromise(3, made_at, PromiseBasis.MANUAL, (StatedSlice(2, FIRST, is_firm=False),))
    found = section(promise((stated,), unit="CS"))

    assert found.versions == (
        Promise(
            3,
            made_at,
            PromiseBasis.MANUAL,
            (PromiseSlice(Quantity(24, "EA"), FIRST, is_firm=False),),
        ),
    )


def test_records_promise_together() -> None:
    """Version n is what all records promised once each had stated at most its n-th."""
    found = section(
        promise((version(1, (6, FIRST)), version(3, (6, THIRD)))),
        promise((version(2, (1, SECOND)),), unit="CS", record="P-2"),
    )

    assert found.versions == (
        whole(1, part(6, FIRST)),
        whole(2, part(6, FIRST), part(12, SECOND)),
        whole(3, part(12, SECOND), part(6, THIRD)),
    )
    assert found.quantity == Quantity(18, "EA")


def test_the_first_date_is_that_of_all_records_together() -> None:
    """Whichever record states it, and however many slices each has."""
    found = section(
        promise((version(1, (6, THIRD)),)),
        promise((version(1, (1, SECOND), (2, None)),), record="P-2"),
    )

    assert (found.first_on, found.latest_on) == (SECOND, THIRD)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((), Absence.NOT_YET),
        ((promise(),), Absence.NOT_YET),
        ((promise(()),), Absence.NOT_YET),
        ((promise(Absence.NOT_PROVIDED),), Absence.NOT_PROVIDED),
        ((promised(5), promise(Absence.NOT_PROVIDED)), Absence.NOT_PROVIDED),
        ((promised(5), promise(BAD)), BAD),
        ((promise((version(1),)),), Quantity(0, "EA")),
    ],
)
def test_no_promise_yet_is_not_a_promise_of_nothing(
    records: tuple[PromiseRecord, ...], expected: Quantity | Absence | Discrepancy
) -> None:
    """A withdrawn promise is a version without slices; one never given is an absence."""
    assert section(*records).measured == expected


def test_without_a_promise_there_is_no_schedule() -> None:
    """No slices, no dates, no versions."""
    found = section(promise(BAD))

    assert (found.versions, found.schedule, found.first_on, found.latest_on) == ((), (), None, None)


def test_a_pending_schedule_has_no_date() -> None:
    """A slice without a date is promised, but for no day."""
    found = section(promised(5, None))

    assert (found.quantity, found.first_on, found.latest_on) == (Quantity(5, "EA"), None, None)
