"""What the sandbox's WMS sends, and how it reads as fulfilments of order lines.

A row is one warehouse's part of an order line. Quantities are whole numbers of
10^-`decimals` of the row's unit, so they are exact without a decimal point. Null is
"not yet"; a quantity that is not tracked has no key.

Stamps have no zone: they are local time in `ZONE`. An hour that comes twice is taken
as its first; a time that the clocks skip is taken as if they had not been changed yet,
which is the instant that much after the gap.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from backends.ports import LineAddress
from backends.rows import Id, in_utc
from backends.wanted import FEW, UNASKED, columns_of_few
from orderlines.quantity import MAX_DECIMALS, MAX_INTEGER_DIGITS, Number
from orderlines.stated import Absence, StatedAllocation, StatedShipment
from orderlines.table import Column, Columns, Makers

ZONE: Final = "Europe/Berlin"

DECIMALS: Final = "decimals"

_LOCAL: Final = ZoneInfo(ZONE)
_LARGEST: Final = 10**MAX_INTEGER_DIGITS
_WHOLE: Final = {int}
_EXACTLY: Final = Context(prec=60)

N = TypeVar("N", bound=int)
P = TypeVar("P")

Units: TypeAlias = Annotated[int, Meta(gt=-_LARGEST, lt=_LARGEST)]
"""A number of units that is in bounds whatever the row's decimals are."""

Tracked: TypeAlias = N | UnsetType | None
Stamp: TypeAlias = Annotated[datetime, Meta(tz=False)]


class Allocation(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """Stock set aside."""

    warehouse: str
    units: N
    lot: str | None
    allocated_at: Stamp


class Shipment(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """Goods that left."""

    shipment: str
    warehouse: str
    sku: str
    units: N
    shipped_at: Stamp
    delivered_at: Stamp | None
    carrier: str


class OutboundLine(msgspec.Struct, Generic[N], frozen=True, gc=False, kw_only=True):
    """One warehouse's part of an order line. It is a `FulfilmentFacet`."""

    id: int
    order_number: Id = msgspec.field(name="order_ref")
    line_number: Id = msgspec.field(name="order_line_ref")
    unit: str = msgspec.field(name="uom")
    decimals: Annotated[int, Meta(ge=0, le=MAX_DECIMALS)]
    units_allocated: Tracked[N] = UNSET
    units_picked: Tracked[N] = UNSET
    units_shipped: Tracked[N] = UNSET
    units_returned: N = UNASKED
    mode: Literal["STOCK", "DROP_SHIP"]
    reserved: tuple[Allocation[N], ...] = msgspec.field(name="allocations", default=UNASKED)
    sent: tuple[Shipment[N], ...] = msgspec.field(name="shipments", default=UNASKED)
    updated_at: Stamp = UNASKED

    @property
    def record(self) -> str:
        """The WMS's own number of the row."""
        return str(self.id)

    @property
    def changed_at(self) -> datetime:
        """When the row was last changed."""
        return _utc(self.updated_at)

    @property
    def allocated(self) -> Number | Absence:
        """Set aside and not yet shipped."""
        units = self.units_allocated
        if isinstance(units, int) and self.mode == "STOCK" and not self.decimals:
            return units  # as mostly
        return Absence.NOT_APPLICABLE if self.mode == "DROP_SHIP" else self._tracked(units)

    @property
    def allocations(self) -> tuple[StatedAllocation, ...]:
        """The reservation by warehouse."""
        return tuple(
            StatedAllocation(
                self._scaled(one.units),
                one.warehouse or None,
                one.lot or None,
                _utc(one.allocated_at),
            )
            for one in self.reserved
        )

    @property
    def picked(self) -> Number | None:
        """Picked so far."""
        units = self.units_picked
        return None if units is None or units is UNSET else self._scaled(units)

    @property
    def shipped(self) -> Number | Absence:
        """Shipped of the ordered item, gross."""
        units = self.units_shipped
        return units if isinstance(units, int) and not self.decimals else self._tracked(units)

    @property
    def shipments(self) -> tuple[StatedShipment, ...]:
        """Every shipment, substitutes included."""
        return tuple(
            StatedShipment(
                one.shipment,
                self._scaled(one.units),
                one.sku,
                one.warehouse or None,
                _utc(one.shipped_at),
                None if one.delivered_at is None else _utc(one.delivered_at),
                one.carrier or None,
            )
            for one in self.sent
        )

    @property
    def returned(self) -> Number:
        """Come back later."""
        return self._scaled(self.units_returned) if self.decimals else self.units_returned

    def _tracked(self, units: Tracked[int]) -> Number | Absence:
        if units is UNSET:
            return Absence.NOT_PROVIDED
        return Absence.NOT_YET if units is None else self._scaled(units)

    def _scaled(self, units: int) -> Number:
        return units if self.decimals == 0 else _scaled(units, self.decimals)


def _are_whole(told: Columns) -> bool:
    """Tell whether all rows count whole units, as mostly."""
    return not any(told["decimals"])


def _allocated(told: Columns) -> Column:
    rows = told.records
    units = [one.units_allocated for one in rows]
    is_usual = {*map(type, units)} == _WHOLE and _are_whole(told)
    if is_usual and {one.mode for one in rows} == {"STOCK"}:
        return units
    return [one.allocated for one in rows]


def _shipped(told: Columns) -> Column:
    units = [one.units_shipped for one in told.records]
    if {*map(type, units)} == _WHOLE and _are_whole(told):
        return units
    return [one.shipped for one in told.records]


def _returned(told: Columns) -> Column:
    if _are_whole(told):
        return [one.units_returned for one in told.records]
    return [one.returned for one in told.records]


MAKERS: Final[Makers] = {
    "allocated": _allocated,
    "shipped": _shipped,
    "returned": _returned,
}
"""Accessors that are read faster of all rows at once."""

USUAL_TYPES: Final[Mapping[str, Any]] = {  # Any: types, at run time
    "decimals": Literal[0],
    "units_allocated": Units,
    "units_shipped": Units,
    "mode": Literal["STOCK"],
}
"""What the fields of a row hold as mostly: whole units from stock, both told."""
USUAL_MAKERS: Final[Makers] = {
    "returned": lambda told: [one.units_returned for one in told.records],
}
"""How other columns are read of rows of which each is so."""


def usual_columns(rows: Sequence[OutboundLine[int]]) -> dict[str, Column]:
    """Read what every page is asked, of rows of which each is so."""
    if rows and len(rows) < FEW:
        columns = columns_of_few(rows)
        columns["allocated"] = columns["units_allocated"]
        columns["shipped"] = columns["units_shipped"]
        return columns
    return {
        "order_number": [one.order_number for one in rows],
        "line_number": [one.line_number for one in rows],
        "unit": [one.unit for one in rows],
        "allocated": [one.units_allocated for one in rows],
        "shipped": [one.units_shipped for one in rows],
    }


def in_bounds(row: OutboundLine[int]) -> OutboundLine[int]:
    """Accept a row whose numbers of units are large only because their unit is small.

    Raises:
        ValueError: One is beyond what any stock holds.
    """
    limit: int = 10 ** (MAX_INTEGER_DIGITS + row.decimals)
    named = [
        ("units_allocated", row.units_allocated),
        ("units_picked", row.units_picked),
        ("units_shipped", row.units_shipped),
        ("units_returned", row.units_returned),
        *((f"allocations[{i}].units", one.units) for i, one in _numbered(row.reserved)),
        *((f"shipments[{i}].units", one.units) for i, one in _numbered(row.sent)),
    ]
    for name, units in named:
        if isinstance(units, int) and not -limit < units < limit:
            msg = f"Expected at most {MAX_INTEGER_DIGITS} digits before the point - at `$.{name}`"
            raise ValueError(msg)
    return row


def _numbered(parts: Sequence[P] | UnsetType) -> Iterable[tuple[int, P]]:
    return () if isinstance(parts, UnsetType) else enumerate(parts)


class RowIds(msgspec.Struct, frozen=True, gc=False):
    """As much of a row as tells which line it is about."""

    order_ref: Id
    order_line_ref: Id
    id: Any = None  # Any: it may be what is wrong with the row

    @property
    def address(self) -> LineAddress:
        """The line."""
        return (self.order_ref, self.order_line_ref)

    @property
    def record(self) -> str:
        """The WMS's own number of the row."""
        return str(self.id) if isinstance(self.id, int) else ""


def _scaled(units: int, decimals: int) -> Number:
    whole, rest = divmod(units, 10**decimals)
    return Decimal(units).scaleb(-decimals, _EXACTLY) if rest else whole


@lru_cache(maxsize=4096)
def _utc(local: datetime) -> datetime:
    return in_utc(local.replace(tzinfo=_LOCAL))
