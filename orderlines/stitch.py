"""Stitching: the facets of several systems become one full order line.

`materialise` is the only maker of `OrderLine`. It copies: for an answer of which
a few fields are read, the lazy `StitchedLine` is enough.
"""

from typing import TypeVar

from orderlines.discrepancy import Discrepancy, DiscrepancyError
from orderlines.errors import GatewayError
from orderlines.order_line import OrderLine, Requested
from orderlines.quantity import Quantity
from orderlines.reconcile import reconcile
from orderlines.stitched_line import AnySection, StitchedLine

T = TypeVar("T")


def materialise(line: StitchedLine) -> tuple[OrderLine, tuple[Discrepancy, ...]]:
    """Make the full order line, with everything that did not reconcile.

    Raises:
        GatewayError: The header, item, promise or fulfilment of the line was not
            read, or could not be: a whole line cannot be made of parts. Master
            data that was read and is no good leaves the line in its own units.
    """
    if not isinstance(line.item, DiscrepancyError):
        _read(line.item)
    header, requested, cancelled = _read(line.header), _read(line.requested), _read(line.cancelled)
    promised, allocated, shipped = _read(line.promised), _read(line.allocated), _read(line.shipped)
    substitutions = line.substitutions
    item = line.known_item
    as_ordered, quantity = requested.as_ordered, requested.measured
    sections: dict[str, AnySection] = {
        "requested": requested,
        "promised": promised,
        "allocated": allocated,
        "shipped": shipped,
        "cancelled": cancelled,
    }
    made = OrderLine(
        key=line.key,
        root_line_number=header.root_line_number,
        customer_po=header.customer_po,
        sku=header.sku,
        customer_item=header.customer_item,
        sold_to=header.sold_to,
        ship_to=header.ship_to,
        channel=header.channel,
        channel_code=header.channel_code,
        owner_node=header.owner_node,
        ordered_on=header.ordered_on,
        unit=header.unit if item is None else item.base_unit,
        decimals=0 if item is None else item.decimals,
        units_per_case=None if item is None else item.units_per_case,
        requested=(
            Requested(
                quantity,
                as_ordered,
                requested.ship_on,
                requested.delivery_on,
                requested.unit_price,
                requested.currency,
            )
            if isinstance(quantity, Quantity) and as_ordered is not None
            else None
        ),
        promises=promised.versions,
        allocations=allocated.by_node,
        shipments=shipped.shipments,
        cancellations=cancelled.records,
        # Offers that cannot be mapped are told among the discrepancies.
        substitutions=() if isinstance(substitutions, GatewayError) else substitutions,
        quantities=line.quantities,
        absences=tuple(
            (name, section.absence)
            for name, section in sections.items()
            if section.absence is not None
        ),
        over_delivery_tolerance=header.over_delivery_tolerance,
        is_drop_ship=header.is_drop_ship,
        hold_reason=header.hold_reason,
    )
    return made, reconcile(line).discrepancies


def _read(part: T | GatewayError) -> T:
    """Give a part that was read, or raise why it was not."""
    if isinstance(part, GatewayError):
        # One error may stand in many lines: it must not gather a traceback from each.
        raise part.with_traceback(None)
    return part
