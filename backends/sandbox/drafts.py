"""A line as ordered, before anybody did anything about it.

Stories are told with its words: so much booked as delivered, so much promised, a
row of the warehouse. It knows the days of the order, so that every system's stamps
fall into place: entered, promised within the hour, set aside two working days
later, shipped on the day asked for.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil

from backends.sandbox.items import SUBSTITUTES, UNITS_PER_UNKNOWN_PACK
from backends.sandbox.world import (
    Booking,
    Cancellation,
    Commitment,
    Pending,
    PromiseVersion,
    Reserved,
    Schedule,
    Shipment,
    Slice,
    Substitution,
    WarehouseRow,
    at,
    workdays_after,
)
from orderlines.item import Item
from orderlines.quantity import Number, Ratio, round_half_up

ERP_DECIMALS = 3
CARRIER = "Nordfracht"


@dataclass(frozen=True, slots=True)
class Draft:
    """A line as ordered.

    Attributes:
        count: In `unit`, 2 or more.
        plant: The warehouse it was ordered from.
        serial: Position in the world; document numbers are made of it.
    """

    item: Item
    unit: str
    count: int
    plant: str
    serial: int
    entered_at: datetime
    ship_on: date
    today: date

    @property
    def pack(self) -> Ratio:
        """Base units in one order unit, as the packers know it."""
        return self.item.factor(self.unit) or UNITS_PER_UNKNOWN_PACK

    @property
    def shipped_at(self) -> datetime:
        """When the goods left."""
        return at(self.ship_on, 13, 30)

    def units(self, count: int) -> int:
        """Count as the warehouse does; a started last digit counts whole."""
        whole: int = ceil(self.pack.as_fraction * count * 10**self.item.decimals)
        return whole

    def posted(self, units: int) -> Number:
        """Count as the ERP does: in order units, rounded to its three decimals."""
        count = Fraction(units, 10**self.item.decimals) / self.pack.as_fraction
        return count.numerator if count.denominator == 1 else round_half_up(count, ERP_DECIMALS)

    def soon(self, workdays: int = 2) -> date:
        """Give a day that is still to come."""
        return workdays_after(self.today, workdays)

    def booking(self, delivered: Number = 0, *cancellations: Cancellation) -> Booking:
        """Tell the ERP's part: so many order units were posted as delivered."""
        return Booking(
            self.entered_at,
            cancellations,
            delivered=delivered,
            delivered_at=self.shipped_at + timedelta(hours=3) if delivered else None,
        )

    def first_promise(self, *slices: Slice) -> PromiseVersion:
        """Make the first promise; without slices, of everything for the day asked for."""
        made_at = self.entered_at + timedelta(minutes=40)
        return PromiseVersion(made_at, slices or (Slice(self.count, self.ship_on),))

    def promised(self, *slices: Slice, offers: tuple[Substitution, ...] = ()) -> Commitment:
        """Tell the OMS's part: one promise."""
        return Commitment(self.entered_at, Schedule((self.first_promise(*slices),)), offers)

    def pending(self, reason: str) -> Commitment:
        """Tell the OMS's part: no promise yet."""
        return Commitment(self.entered_at, Pending(reason))

    def offer(self, count: int, *, is_accepted: bool) -> Substitution:
        """Offer the item's substitute for so many order units."""
        by_sku, ratio = SUBSTITUTES[self.item.sku]
        units = self.units(count) * ratio.numerator // ratio.denominator
        offered_at = self.entered_at + timedelta(hours=3)
        return Substitution(
            self.item.sku,
            by_sku,
            ratio,
            proposed=units,
            accepted=units if is_accepted else 0,
            status="ACCEPTED" if is_accepted else "PROPOSED",
            reason="OUT_OF_STOCK",
            offered_at=offered_at,
            answered_at=offered_at + timedelta(hours=2) if is_accepted else None,
        )

    def row(  # noqa: PLR0913 - the columns of a warehouse row; a story names the few it is about
        self,
        *,
        ordered: int | None = None,
        allocated: int | None = 0,
        shipped: int | None = 0,
        instead: int = 0,
        returned: int = 0,
        has_arrived: bool = False,
        warehouse: str | None = None,
        is_second: bool = False,
    ) -> WarehouseRow:
        """Tell the WMS's part: a row of one warehouse, with its reservation and shipment.

        Args:
            ordered: Units this row is about; by default all of the line's.
            allocated: Units set aside; None for not yet.
            shipped: Units that left; None for not yet.
            instead: Units of the substitute that left, in its own base unit.
            returned: Units that came back.
            has_arrived: Whether the shipment reached the customer.
            warehouse: By default the line's own plant.
            is_second: Whether the line has another row before this one.
        """
        node = self.plant if warehouse is None else warehouse
        number = 2 * self.serial + is_second
        gone = [(self.item.sku, shipped)] if shipped else []
        if instead:
            gone.append((SUBSTITUTES[self.item.sku][0], instead))
        arrived_at = at(workdays_after(self.ship_on, 1), 9)
        set_aside_at = at(workdays_after(self.entered_at.date(), 2), 8, 30)
        return WarehouseRow(
            id=500_001 + number,
            warehouse=node,
            unit=self.item.base_unit,
            decimals=self.item.decimals,
            ordered=self.units(self.count) if ordered is None else ordered,
            created_at=self.entered_at + timedelta(minutes=50),
            allocated=allocated,
            picked=shipped,
            shipped=shipped,
            returned=returned,
            returned_at=arrived_at + timedelta(days=1) if returned else None,
            allocations=(Reserved(node, allocated, set_aside_at),) if allocated else (),
            shipments=tuple(
                Shipment(
                    f"SH-{20_001 + number}",
                    node,
                    sku,
                    units,
                    self.shipped_at,
                    arrived_at if has_arrived else None,
                    CARRIER,
                )
                for sku, units in gone
            ),
        )
