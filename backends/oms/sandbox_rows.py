"""What the sandbox's OMS sends, and how it reads as promises for order lines.

A promise is a schedule with every version made so far, or pending, or not tracked.
Quantities are decimal text, checked when a page is decoded and read when somebody
asks. Stamps carry their zone; a date is a date.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, UnsetType

from backends.numbers import NUMBERS, check_texts
from backends.ports import LineAddress
from backends.rows import Id, in_utc
from backends.wanted import UNASKED, requiring
from orderlines.quantity import Number, Ratio
from orderlines.stated import (
    Absence,
    PromiseBasis,
    StatedSubstitution,
    SubstitutionStatus,
)
from orderlines.table import ONLY_SLICE_ON, ONLY_SLICE_VALUE, Table

MAX_GRAPHQL_INT: Final = 2**31 - 1

# Looked up once for each promise; an enum's own look-up takes four times as long.
_BASES: Final[Mapping[str, PromiseBasis]] = dict(PromiseBasis.__members__)

Stamp: TypeAlias = Annotated[datetime, Meta(tz=True)]
Part: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_GRAPHQL_INT)]


class Slice(msgspec.Struct, frozen=True, gc=False):
    """Part of a promise; without a date the schedule is pending. It is a `SliceFacet`."""

    quantity: str
    on: date | None = msgspec.field(name="date")
    confidence: Literal["FIRM", "LOW"] = UNASKED

    @property
    def value(self) -> Number:
        """How much."""
        return NUMBERS[self.quantity]

    @property
    def is_firm(self) -> bool:
        """Whether the slice may serve as a deadline."""
        return self.confidence == "FIRM"


class PromiseVersion(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """One promise for the whole line; the next one replaces it. It is a `VersionFacet`."""

    version: int
    given_at: Stamp = msgspec.field(name="madeAt", default=UNASKED)
    stated_basis: Literal["ATP", "SCHEDULE", "MANUAL", "EDI_ACK"] = msgspec.field(
        name="basis", default=UNASKED
    )
    slices: tuple[Slice, ...]

    @property
    def made_at(self) -> datetime:
        """When it was given."""
        return in_utc(self.given_at)

    @property
    def basis(self) -> PromiseBasis:
        """What it rests on."""
        return _BASES[self.stated_basis]


class PromiseSchedule(
    msgspec.Struct, frozen=True, gc=False, tag_field="__typename", tag="PromiseSchedule"
):
    """Every promise made so far."""

    versions: tuple[PromiseVersion, ...]


def _number(one: PromiseVersion) -> int:
    return one.version


class PromisePending(
    msgspec.Struct, frozen=True, gc=False, tag_field="__typename", tag="PromisePending"
):
    """No promise yet."""

    stated: ClassVar[Absence] = Absence.NOT_YET


class PromiseNotTracked(
    msgspec.Struct, frozen=True, gc=False, tag_field="__typename", tag="PromiseNotTracked"
):
    """Nobody promises lines like this one."""

    stated: ClassVar[Absence] = Absence.NOT_PROVIDED


Promise: TypeAlias = PromiseSchedule | PromisePending | PromiseNotTracked


def promise_of(*, is_whole: bool) -> Any:  # noqa: ANN401 - a type, at run time
    """Make the type of a promise of which everything, or little, is asked for."""
    part = requiring(Slice, {"confidence"} if is_whole else ())
    version = requiring(
        PromiseVersion,
        {"given_at", "stated_basis"} if is_whole else (),
        types={"slices": tuple[part, ...]},  # type: ignore[valid-type]  # a type, at run time
    )
    schedule = requiring(
        PromiseSchedule,
        (),
        types={"versions": tuple[version, ...]},  # type: ignore[valid-type]  # as above
        tag="PromiseSchedule",
    )
    return schedule | PromisePending | PromiseNotTracked


class Substitution(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Another item, offered instead."""

    for_sku: str
    by_sku: str
    ratio_numerator: Part
    ratio_denominator: Part
    proposed_quantity: str
    accepted_quantity: str
    status: Literal["PROPOSED", "ACCEPTED", "REJECTED", "SHIPPED"]
    reason: str | None

    @property
    def is_readable(self) -> bool:
        """Whether its texts are numbers."""
        return NUMBERS.reads({self.proposed_quantity, self.accepted_quantity})

    def stated(self) -> StatedSubstitution:
        """Read the substitution."""
        return StatedSubstitution(
            self.for_sku,
            self.by_sku,
            Ratio(self.ratio_numerator, self.ratio_denominator),
            NUMBERS[self.proposed_quantity],
            NUMBERS[self.accepted_quantity],
            SubstitutionStatus[self.status],
            self.reason or None,
        )


class Line(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """What was promised for an order line, however its promise is held. It is a `PromiseFacet`."""

    record: str = msgspec.field(name="id")
    order_number: Id = msgspec.field(name="order")
    line_number: Id = msgspec.field(name="line")
    unit: str
    updated_at: Stamp = UNASKED
    offers: tuple[Substitution, ...] = msgspec.field(name="substitutions", default=UNASKED)

    if TYPE_CHECKING:  # each kind of line holds it in a way of its own

        @property
        def promise(self) -> Promise:
            """Everything promised so far, or why there is nothing."""
            ...

    @property
    def changed_at(self) -> datetime:
        """When the record was last changed."""
        return in_utc(self.updated_at)

    @property
    def promises(self) -> tuple[PromiseVersion, ...] | Absence:
        """Every version, oldest first."""
        promise = self.promise
        if isinstance(promise, PromiseSchedule):
            versions = promise.versions
            return versions if len(versions) == 1 else tuple(sorted(versions, key=_number))
        return promise.stated

    @property
    def substitutions(self) -> tuple[StatedSubstitution, ...]:
        """Every substitute offered."""
        return tuple(one.stated() for one in self.offers)


class PromiseLine(Line, frozen=True, gc=False, kw_only=True, rename="camel"):
    """A line and its promise, as they were sent."""

    promise: Promise = UNASKED


L = TypeVar("L", bound=Line)


def table_of(lines: Sequence[L]) -> Table[L]:
    """Check the texts of many lines at once.

    Where each line is promised once, and in one go, its only slice is a column already.

    Raises:
        ValueError: One of them is bad; which one, nobody says.
    """
    check_offers(lines)
    promises: list[Promise | UnsetType] = [one.promise for one in lines]
    versions = [one.versions for one in promises if isinstance(one, PromiseSchedule)]
    parts = [part for told in versions for one in told for part in one.slices]
    quantities = [part.quantity for part in parts]
    if not (all(map(is_consistent, versions)) and NUMBERS.reads({*quantities})):
        msg = "Expected lines with good texts"
        raise ValueError(msg)
    if len(versions) < len(lines) or any(
        len(told) != 1 or len(told[0].slices) != 1 for told in versions
    ):
        return Table(lines)
    days = [part.on for part in parts]
    return Table(lines, {ONLY_SLICE_VALUE: NUMBERS.all_of(quantities), ONLY_SLICE_ON: days})


def is_consistent(versions: Sequence[PromiseVersion]) -> bool:
    """Tell whether each version is stated once."""
    return len({one.version for one in versions}) == len(versions)


def check_offers(lines: Sequence[Line]) -> None:
    """Check what was offered instead, if that was asked for.

    Raises:
        ValueError: One of them is bad; which one, nobody says.
    """
    if not lines or lines[0].offers is UNASKED:
        return
    if not all(offer.is_readable for one in lines for offer in one.offers):
        msg = "Expected offers with good texts"
        raise ValueError(msg)


def checked(line: PromiseLine) -> PromiseLine:
    """Accept one line, or say what is wrong with it.

    Raises:
        ValueError: A text is bad, or a version comes twice; says where.
    """
    if isinstance(line.promise, PromiseSchedule):
        if not is_consistent(line.promise.versions):
            msg = "Expected each version once - at `$.promise.versions`"
            raise ValueError(msg)
        check_texts(
            (f"promise.versions[{v}].slices[{p}].quantity", part.quantity, NUMBERS)
            for v, version in enumerate(line.promise.versions)
            for p, part in enumerate(version.slices)
        )
    for o, offer in enumerate(_offers(line)):
        check_texts(
            (
                (f"substitutions[{o}].proposedQuantity", offer.proposed_quantity, NUMBERS),
                (f"substitutions[{o}].acceptedQuantity", offer.accepted_quantity, NUMBERS),
            )
        )
    return line


def _offers(line: PromiseLine) -> Sequence[Substitution]:
    offers: Sequence[Substitution] | UnsetType = line.offers
    return () if isinstance(offers, UnsetType) else offers


class LineIds(msgspec.Struct, frozen=True, gc=False):
    """As much of a record as tells which line it is about."""

    order: Id
    line: Id
    id: Any = None  # Any: it may be what is wrong with the record

    @property
    def address(self) -> LineAddress:
        """The line."""
        return (self.order, self.line)

    @property
    def record(self) -> str:
        """The OMS's own name for the record."""
        return self.id if isinstance(self.id, str) else ""
