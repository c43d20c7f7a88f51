"""A row of an order file as an order line, with what each system knows of it.

The file is one statement by whoever wrote it, made at the moment it is loaded: that is
the stamp of every record. Only a shipment has a day of its own; noon is assumed.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import count

from msgspec import UNSET

from backends.sandbox.csv_cells import Cells
from backends.sandbox.world import (
    BERLIN,
    Booking,
    Commitment,
    Line,
    NotTracked,
    Pending,
    PromiseVersion,
    Schedule,
    Shipment,
    Slice,
    WarehouseRow,
)
from orderlines.quantity import Number

ASSUMED_UNIT = "EA"
FROM_FILE = "FROM_FILE"


class LineMaker:
    """Makes lines out of rows, and counts what it had to assume.

    Attributes:
        without_unit: Rows that named no unit.
        shipped_whole: Rows with a ship date and no shipped quantity.
    """

    def __init__(self, loaded_at: datetime) -> None:
        self.without_unit = 0
        self.shipped_whole = 0
        self._loaded_at = loaded_at
        self._ids = count(500_001)
        self._texts: dict[str, str] = {}
        # Shared by all lines: records are frozen, and a file may have a million of them.
        self._booking = Booking(loaded_at, tolerance_pct=0, delivered=None)
        self._pending = Commitment(loaded_at, Pending("NOT_PROMISED_YET"))
        self._not_tracked = Commitment(loaded_at, NotTracked("NOT_IN_THE_FILE"))

    def same(self, text: str) -> str:
        """Give one object for equal texts."""
        return self._texts.setdefault(text, text)

    def line(self, cells: Cells, order_number: str, line_number: str) -> Line:
        """Make the line of a row.

        Raises:
            BadCellError: A cell does not say what its column is for.
        """
        requested = cells.number("quantity")
        if requested is None:
            cells.refuse("quantity", "It is empty.")
        unit = cells.name("unit", ASSUMED_UNIT)
        line = Line(
            number=line_number,
            state=FROM_FILE,
            sku=self.same(cells.name("item")),
            unit=self.same(unit),
            requested=requested,
            ship_on=cells.day("requested date"),
            delivery_on=None,
            plant=self.same(cells.name("warehouse", "")),
            price=cells.number("price"),
            customer_item="",
            erp=self._booking,
            oms=self._commitment(cells),
            wms=(),
        )
        line = replace(line, wms=(self._row(cells, f"{order_number}/{line_number}", line),))
        self.without_unit += not cells.text("unit")
        return line

    def _commitment(self, cells: Cells) -> Commitment:
        promised, promised_on = cells.number("promised"), cells.day("promised date")
        if not cells.columns.has("promised"):
            return self._not_tracked
        if promised is None:
            return self._pending
        version = PromiseVersion(self._loaded_at, (Slice(promised, promised_on),), "MANUAL")
        return Commitment(self._loaded_at, Schedule((version,)))

    def _row(self, cells: Cells, shipment: str, line: Line) -> WarehouseRow:
        allocated, shipped = cells.number("allocated"), cells.number("shipped")
        shipped_on = cells.day("ship date")
        if shipped is None and shipped_on is not None:
            shipped = line.requested
            self.shipped_whole += 1
        decimals = decimals_of(line.requested, allocated, shipped)
        units = _units(shipped, decimals)
        tracks_shipped = cells.columns.has("shipped") or cells.columns.has("ship date")
        return WarehouseRow(
            id=next(self._ids),
            warehouse=line.plant,
            unit=line.unit,
            decimals=decimals,
            ordered=_units(line.requested, decimals) or 0,
            created_at=self._loaded_at,
            allocated=_units(allocated, decimals) if cells.columns.has("allocated") else UNSET,
            picked=UNSET,
            shipped=units if tracks_shipped else UNSET,
            # A quantity without a date is no shipment anybody could be told of.
            shipments=(
                (Shipment(shipment, line.plant, line.sku, units, _noon(shipped_on)),)
                if units and shipped_on is not None
                else ()
            ),
        )


def decimals_of(*values: Number | None) -> int:
    """Count the decimals of the most precise of these numbers."""
    exponents = (value.as_tuple().exponent for value in values if isinstance(value, Decimal))
    return max((-exponent for exponent in exponents if isinstance(exponent, int)), default=0)


def _units(value: Number | None, decimals: int) -> int | None:
    """Count in the last decimal; exact, because no value has more of them."""
    return None if value is None else int(value * 10**decimals)


@lru_cache(maxsize=4096)
def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), BERLIN).astimezone(UTC)
