"""The truth of the simulated distributor: orders, and what each system knows of a line.

A `Line` holds what was ordered and three separate records: the ERP's `Booking`, the
OMS's `Commitment` and the WMS's `WarehouseRow`s. They are not derived from each
other, so they can disagree. Whoever speaks a dialect reads its own record only.

A record's stamp is that of the last thing that happened to it. Instants are aware
and in UTC; counts are in the order's unit, `units` are whole numbers of the last
decimal the warehouse counts in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import UnsetType

from orderlines.item import Item
from orderlines.quantity import Number, Ratio
from orderlines.stated import Channel

TODAY: Final = date(2026, 11, 20)
BERLIN: Final = ZoneInfo("Europe/Berlin")
_SATURDAY: Final = 5

Tracked: TypeAlias = int | UnsetType | None
"""A number of units; None for not yet, UNSET where it is not tracked at all."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """So much of the order that will not be delivered."""

    count: Number
    by: Literal["CUSTOMER", "SUPPLIER"]
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Booking:
    """What the ERP knows of a line.

    Attributes:
        delivered: Posted as delivered; None where the ERP cannot know.
    """

    entered_at: datetime
    cancellations: tuple[Cancellation, ...] = ()
    is_drop_shipment: bool = False
    hold_reason: str = ""
    held_at: datetime | None = None
    tolerance_pct: Number = 5
    delivered: Number | None = 0
    delivered_at: datetime | None = None

    @property
    def changed_at(self) -> datetime:
        """Stamp of the last thing that happened."""
        return _last(
            self.entered_at,
            self.held_at,
            self.delivered_at,
            *(one.at for one in self.cancellations),
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a promise: so much, on that day; None while no day is known."""

    count: Number
    on: date | None
    confidence: Literal["FIRM", "LOW"] = "FIRM"


@dataclass(frozen=True, slots=True)
class PromiseVersion:
    """One promise for the whole line; the next one replaces it."""

    made_at: datetime
    slices: tuple[Slice, ...]
    basis: Literal["ATP", "SCHEDULE", "MANUAL", "EDI_ACK"] = "ATP"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every promise made so far, oldest first."""

    versions: tuple[PromiseVersion, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """No promise yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotTracked:
    """Nobody promises lines like this one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Substitution:
    """Another item, offered instead; counts are in the substitute's base unit."""

    for_sku: str
    by_sku: str
    ratio: Ratio
    proposed: int
    accepted: int
    status: Literal["PROPOSED", "ACCEPTED", "REJECTED", "SHIPPED"]
    reason: str
    offered_at: datetime
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the OMS knows of a line."""

    created_at: datetime
    promise: Schedule | Pending | NotTracked
    substitutions: tuple[Substitution, ...] = ()

    @property
    def changed_at(self) -> datetime:
        """Stamp of the last thing that happened."""
        versions = self.promise.versions if isinstance(self.promise, Schedule) else ()
        return _last(
            self.created_at,
            *(version.made_at for version in versions),
            *(one.answered_at or one.offered_at for one in self.substitutions),
        )


@dataclass(frozen=True, slots=True)
class Reserved:
    """Stock set aside in a warehouse and not yet shipped."""

    warehouse: str
    units: int
    at: datetime
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods that left; `sku` is the ordered item or a substitute."""

    number: str
    warehouse: str
    sku: str
    units: int
    shipped_at: datetime
    delivered_at: datetime | None = None
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class WarehouseRow:
    """What the WMS knows of a line, or of one warehouse's part of it."""

    id: int
    warehouse: str
    unit: str
    decimals: int
    ordered: int
    created_at: datetime
    allocated: Tracked
    picked: Tracked
    shipped: Tracked
    returned: int = 0
    returned_at: datetime | None = None
    mode: Literal["STOCK", "DROP_SHIP"] = "STOCK"
    allocations: tuple[Reserved, ...] = ()
    shipments: tuple[Shipment, ...] = ()

    @property
    def changed_at(self) -> datetime:
        """Stamp of the last thing that happened."""
        return _last(
            self.created_at,
            self.returned_at,
            *(one.at for one in self.allocations),
            *(one.delivered_at or one.shipped_at for one in self.shipments),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One order line: what was ordered, and what each system knows of it."""

    number: str
    state: str
    sku: str
    unit: str
    requested: Number
    ship_on: date | None
    delivery_on: date | None
    plant: str
    price: Number | None
    customer_item: str
    erp: Booking
    oms: Commitment
    wms: tuple[WarehouseRow, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One order and its lines, by line number."""

    number: str
    customer: str
    ship_to: str
    channel: Channel
    purchase_order: str
    ordered_on: date | None
    currency: str
    lines: Mapping[str, Line]


@dataclass(frozen=True)
class World:
    """Everything there is, at one moment of one business day."""

    orders: Mapping[str, Order]
    items: Mapping[str, Item]
    today: date = TODAY

    @property
    def now(self) -> datetime:
        """The moment all systems answer from: 15:04:05 local time."""
        return now_on(self.today)

    @cached_property
    def line_count(self) -> int:
        """How many order lines there are."""
        return sum(len(order.lines) for order in self.orders.values())


def now_on(today: date) -> datetime:
    """Give the moment of a business day at which the systems stand still."""
    return datetime.combine(today, time(15, 4, 5), BERLIN).astimezone(UTC)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Give a moment of a day, in UTC."""
    return datetime.combine(day, time(hour, minute), UTC)


def workdays_after(day: date, count: int) -> date:
    """Count Monday to Friday; 0 gives the day itself, or the Monday after a weekend."""
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    for _ in range(count):
        day += timedelta(days=3 if day.weekday() == _SATURDAY - 1 else 1)
    return day


def workdays_before(day: date, count: int) -> date:
    """Count Monday to Friday backwards; 0 gives the day itself, or the Friday before."""
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
    for _ in range(count):
        day -= timedelta(days=3 if day.weekday() == 0 else 1)
    return day


def _last(first: datetime, *others: datetime | None) -> datetime:
    return max((first, *(other for other in others if other is not None)))
