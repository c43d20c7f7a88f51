"""A line as its systems knew it one change ago: what a stale answer is made of.

Of each record the last thing that happened is taken back and everything is an hour
older, so every stamp is earlier. That a record exists is never taken back.
"""

from dataclasses import replace
from datetime import timedelta

from backends.sandbox.world import (
    Booking,
    Commitment,
    Line,
    Pending,
    Reserved,
    Schedule,
    WarehouseRow,
)

LAG = timedelta(hours=1)


def one_change_ago(line: Line) -> Line:
    """Take back the last change of each system's record of the line."""
    return replace(
        line,
        erp=_booking(line.erp),
        oms=_commitment(line.oms),
        wms=tuple(_row(row, line.sku) for row in line.wms),
    )


def _booking(record: Booking) -> Booking:
    older = replace(record, entered_at=record.entered_at - LAG)
    last = record.changed_at
    if last == record.delivered_at:
        return replace(older, delivered=0, delivered_at=None)
    if record.cancellations and last == record.cancellations[-1].at:
        return replace(older, cancellations=record.cancellations[:-1])
    return replace(older, hold_reason="", held_at=None)


def _commitment(record: Commitment) -> Commitment:
    older = replace(record, created_at=record.created_at - LAG)
    if record.substitutions:
        # Offers follow the promise that could not be kept.
        *before, newest = record.substitutions
        if newest.answered_at is not None:
            before.append(replace(newest, status="PROPOSED", accepted=0, answered_at=None))
        return replace(older, substitutions=tuple(before))
    if isinstance(record.promise, Schedule):
        versions = record.promise.versions[:-1]
        promise = Schedule(versions) if versions else Pending("ATP_CHECK_RUNNING")
        return replace(older, promise=promise)
    return older


def _row(record: WarehouseRow, sku: str) -> WarehouseRow:
    older = replace(record, created_at=record.created_at - LAG)
    if record.returned_at is not None:
        return replace(older, returned=0, returned_at=None)
    if record.shipments:
        return _back_on_the_shelf(older, sku)
    if record.allocations:
        return replace(older, allocated=None, allocations=())
    return older


def _back_on_the_shelf(record: WarehouseRow, sku: str) -> WarehouseRow:
    """Take back the last shipment; its units are allocated again where that is tracked."""
    *before, last = record.shipments
    older = replace(record, shipments=tuple(before))
    if last.sku != sku:
        return older
    left = sum(one.units for one in before if one.sku == sku)
    picked = left if isinstance(record.picked, int) else record.picked
    older = replace(older, shipped=left, picked=picked)
    if not isinstance(record.allocated, int):
        return older
    kept = Reserved(last.warehouse, last.units, last.shipped_at - LAG)
    return replace(
        older,
        allocated=record.allocated + last.units,
        allocations=(*record.allocations, kept),
    )
