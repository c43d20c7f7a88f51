"""What was promised, as the section of a stitched line: versions, slices, and their projections."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from orderlines.discrepancy import Discrepancy
from orderlines.facets import PromiseFacet, VersionFacet
from orderlines.measure import ExactlyStated
from orderlines.order_line import Promise, PromiseSlice
from orderlines.quantity import total
from orderlines.sections import SectionView
from orderlines.stated import Absence


class PromisedSection(SectionView[PromiseFacet]):
    """When how much will leave, as the promising system said."""

    __slots__ = ()

    def _stated(self, facet: PromiseFacet) -> ExactlyStated:
        stated = facet.promises
        if isinstance(stated, Absence | Discrepancy):
            return stated
        if not stated:
            return Absence.NOT_YET
        slices = stated[-1].slices
        # Most promises are for one date, and then there is nothing to add up.
        return slices[0].value if len(slices) == 1 else total([one.value for one in slices])

    @property
    def schedule(self) -> tuple[PromiseSlice, ...]:
        """The slices in force, by date; slices without a date come last."""
        return self._slices(self._in_force())

    @property
    def first_on(self) -> date | None:
        """The earliest date of the slices in force: a projection of the schedule."""
        return min(self._dates(), default=None)

    @property
    def latest_on(self) -> date | None:
        """The last date of the slices in force: when the whole promise is kept."""
        return max(self._dates(), default=None)

    @property
    def versions(self) -> tuple[Promise, ...]:
        """Every version of the promise, oldest first.

        Where several records tell about the line, version n is what all of them
        together promised once each had stated at most its n-th version.
        """
        told = [(facet, _versions_of(facet)) for facet in self._facets]
        numbers = sorted({one.version for _, stated in told for one in stated})
        return tuple(self._version(number, told) for number in numbers)

    def _version(
        self, number: int, told: list[tuple[PromiseFacet, Sequence[VersionFacet]]]
    ) -> Promise:
        latest = next(one for _, stated in told for one in stated if one.version == number)
        in_force = (
            (facet, one)
            for facet, stated in told
            for one in [one for one in stated if one.version <= number][-1:]
        )
        return Promise(number, latest.made_at, latest.basis, self._slices(in_force))

    def _in_force(self) -> Iterator[tuple[PromiseFacet, VersionFacet]]:
        for facet in self._facets:
            stated = _versions_of(facet)
            if stated:
                yield facet, stated[-1]

    def _slices(
        self, in_force: Iterable[tuple[PromiseFacet, VersionFacet]]
    ) -> tuple[PromiseSlice, ...]:
        found = [
            PromiseSlice(self._in_base(facet, part.value), part.on, part.is_firm)
            for facet, stated in in_force
            for part in stated.slices
        ]
        found.sort(key=lambda part: (part.on is None, part.on or date.min))
        return tuple(found)

    def _dates(self) -> Iterator[date]:
        for _, stated in self._in_force():
            yield from (part.on for part in stated.slices if part.on is not None)


def _versions_of(facet: PromiseFacet) -> Sequence[VersionFacet]:
    stated = facet.promises
    return () if isinstance(stated, Absence | Discrepancy) else stated
