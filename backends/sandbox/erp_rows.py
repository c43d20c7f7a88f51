"""The rows of the ERP, as they stand in its answers, and how they are made of the truth.

Quantities and prices are decimal text: three decimals for a quantity, two for a
price, more only where the number has more. A date is midnight UTC of its day.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from backends.sandbox.world import Line, Order
from orderlines.item import Item
from orderlines.quantity import Number, plain
from orderlines.stated import Channel

CHANNEL_CODES: Final[Mapping[Channel, str]] = {
    Channel.ECOMMERCE: "10",
    Channel.EDI: "20",
    Channel.MARKETPLACE: "30",
    Channel.FIELD_SALES: "40",
    Channel.B2B_PORTAL: "50",
    Channel.OTHER: "90",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Navigation: TypeAlias = dict[str, Any]  # Any: rows of another set, or where to find them


class SalesOrder(msgspec.Struct, rename="pascal"):
    """A row of `SalesOrders`; without `Items` where an item expands it."""

    sales_order: str
    sold_to_party: str
    ship_to_party: str
    distribution_channel: str
    purchase_order_by_customer: str
    sales_order_date: str | None
    transaction_currency: str
    last_change_date_time: str
    items: Navigation | UnsetType = UNSET


class Cancellation(msgspec.Struct, rename="pascal"):
    """A part of an item that will not be delivered."""

    quantity: str
    cancelled_by: str
    reason: str
    cancelled_at: str


class SalesOrderItem(msgspec.Struct, rename="pascal"):
    """A row of `SalesOrderItems`; without `Order` where an order expands it."""

    sales_order: str
    sales_order_item: str
    higher_level_item: str
    material: str
    material_by_customer: str
    requested_quantity: str
    requested_quantity_unit: str
    requested_ship_date: str | None
    requested_delivery_date: str | None
    plant: str
    net_price_amount: str | None
    cancellations: dict[str, list[Cancellation]]
    drop_shipment: bool
    delivery_hold_reason: str
    overdelivery_tolerance_pct: str
    delivered_quantity: str | None
    order: SalesOrder | Navigation | UnsetType = UNSET


class Product(msgspec.Struct, rename="pascal"):
    """A row of `Products`."""

    product: str
    product_name: str
    product_group: str
    base_unit: str
    decimal_places: str
    units: Navigation


class Unit(msgspec.Struct, rename="pascal"):
    """A pack of a product: so many base units, as a ratio of whole numbers."""

    alternative_unit: str
    quantity_numerator: str
    quantity_denominator: str


def order_row(order: Order, changed_at: datetime) -> SalesOrder:
    """Tell of an order, without its items."""
    return SalesOrder(
        sales_order=order.number,
        sold_to_party=order.customer,
        ship_to_party=order.ship_to,
        distribution_channel=CHANNEL_CODES[order.channel],
        purchase_order_by_customer=order.purchase_order,
        sales_order_date=_date(order.ordered_on),
        transaction_currency=order.currency,
        last_change_date_time=_instant(changed_at),
    )


def item_row(order: Order, line: Line) -> SalesOrderItem:
    """Tell of an item, without its order."""
    booking = line.erp
    return SalesOrderItem(
        sales_order=order.number,
        sales_order_item=line.number,
        higher_level_item="",
        material=line.sku,
        material_by_customer=line.customer_item,
        requested_quantity=_decimal(line.requested, 3),
        requested_quantity_unit=line.unit,
        requested_ship_date=_date(line.ship_on),
        requested_delivery_date=_date(line.delivery_on),
        plant=line.plant,
        net_price_amount=None if line.price is None else _decimal(line.price, 2),
        cancellations={
            "results": [
                Cancellation(_decimal(one.count, 3), one.by, one.reason, _instant(one.at))
                for one in booking.cancellations
            ]
        },
        drop_shipment=booking.is_drop_shipment,
        delivery_hold_reason=booking.hold_reason,
        overdelivery_tolerance_pct=_decimal(booking.tolerance_pct, 1),
        delivered_quantity=None if booking.delivered is None else _decimal(booking.delivered, 3),
    )


def product_row(item: Item, units: Navigation | None = None) -> Product:
    """Tell of a product; its packs are listed unless something else is given for them."""
    packs = [
        Unit(unit, str(ratio.numerator), str(ratio.denominator))
        for unit, ratio in item.packs.items()
    ]
    return Product(
        product=item.sku,
        product_name=item.name or "",
        product_group=item.group or "",
        base_unit=item.base_unit,
        decimal_places=str(item.decimals),
        units={"results": packs} if units is None else units,
    )


def _decimal(value: Number, places: int) -> str:
    whole, _, decimals = plain(value).partition(".")
    return f"{whole}.{decimals.ljust(places, '0')}"


def _date(day: date | None) -> str | None:
    return None if day is None else f"/Date({_ms(datetime.combine(day, time(), UTC))})/"


def _instant(at: datetime) -> str:
    return f"/Date({_ms(at)}+0000)/"


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)
