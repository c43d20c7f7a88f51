"""The lines of the OMS, as its schema has them, and how they are made of the truth.

Quantities are decimal text without trailing zeros; dates are ISO 8601, stamps UTC with
a `Z`.
"""

from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import quote

from backends.sandbox.world import (
    Line,
    NotTracked,
    Order,
    Pending,
    PromiseVersion,
    Schedule,
    Substitution,
)
from orderlines.quantity import plain

Told: TypeAlias = dict[str, object]


def line_row(order: Order, line: Line) -> Told:
    """Tell of a line."""
    return {
        "id": f"{quote(order.number, safe='')}/{quote(line.number, safe='')}",
        "order": order.number,
        "line": line.number,
        "customerOrder": order.purchase_order or None,
        "unit": line.unit,
        "requested": plain(line.requested),
        "promise": _promise(line.oms.promise),
        "substitutions": [_substitution(one) for one in line.oms.substitutions],
        "updatedAt": instant(line.oms.changed_at),
    }


def _promise(promise: Schedule | Pending | NotTracked) -> Told:
    if isinstance(promise, Pending):
        return {"__typename": "PromisePending", "reason": promise.reason}
    if isinstance(promise, NotTracked):
        return {"__typename": "PromiseNotTracked", "reason": promise.reason}
    versions = [_version(number, one) for number, one in enumerate(promise.versions, 1)]
    return {"__typename": "PromiseSchedule", "versions": versions}


def _version(number: int, promise: PromiseVersion) -> Told:
    return {
        "version": number,
        "madeAt": instant(promise.made_at),
        "basis": promise.basis,
        "slices": [
            {
                "quantity": plain(one.count),
                "date": None if one.on is None else one.on.isoformat(),
                "confidence": one.confidence,
            }
            for one in promise.slices
        ],
    }


def _substitution(offer: Substitution) -> Told:
    return {
        "forSku": offer.for_sku,
        "bySku": offer.by_sku,
        "ratioNumerator": offer.ratio.numerator,
        "ratioDenominator": offer.ratio.denominator,
        "proposedQuantity": str(offer.proposed),
        "acceptedQuantity": str(offer.accepted),
        "status": offer.status,
        "reason": offer.reason,
    }


def instant(at: datetime) -> str:
    """Write a moment in UTC."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
