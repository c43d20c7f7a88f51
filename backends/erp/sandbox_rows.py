"""What the sandbox's ERP sends, and how it reads as headers of order lines.

A struct's fields are the ERP's; those that need no reading carry the house's name at
once. Texts of numbers and dates are checked when a row is decoded and read when
somebody asks. The empty text stands for no value.

An item points to its order, which is decoded once for all of them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from backends.numbers import NUMBERS, Parsed, check_texts
from backends.odata import INSTANTS, Results, parse_date
from backends.rows import Id
from backends.wanted import UNASKED
from orderlines.quantity import Number
from orderlines.stated import CancelledBy, Channel, StatedCancellation

OTHER_ORDER: Final = "Expected the number of the item's own order - at `$.SalesOrder`"

SENTINEL_DATES: Final = frozenset({date(9999, 12, 31)})
"""What an ERP of this family writes for "no date"."""

CHANNELS: Final[Mapping[str, Channel]] = {
    "10": Channel.ECOMMERCE,
    "20": Channel.EDI,
    "30": Channel.MARKETPLACE,
    "40": Channel.FIELD_SALES,
    "50": Channel.B2B_PORTAL,
}
CHANNEL_CODES: Final[Mapping[str, str]] = {one.name: code for code, one in CHANNELS.items()}
"""The code of each channel that has one; any other code is another channel."""


def _date(text: str) -> date | None:
    day = parse_date(text)
    return None if day in SENTINEL_DATES else day


def _share(text: str) -> Number:
    """Read a percentage as a share."""
    percent = NUMBERS[text]
    if percent < 0:
        msg = "Expected a percentage of 0 or more"
        raise ValueError(msg)
    return Decimal(percent).scaleb(-2) if percent else 0


DATES: Final = Parsed(_date)
_SHARES: Final = Parsed(_share)


TEXTS: Final[Mapping[str, Parsed[Any]]] = {  # Any: numbers and dates
    "requested_quantity": NUMBERS,
    "overdelivery_tolerance_pct": _SHARES,
    "net_price_amount": NUMBERS,
    "delivered_quantity": NUMBERS,
    "requested_ship_date": DATES,
    "requested_delivery_date": DATES,
}
"""The fields of an item that are read as something else than text."""
ORDER_TEXTS: Final[Mapping[str, Parsed[Any]]] = {
    "sales_order_date": DATES,
    "last_change_date_time": INSTANTS,
}
"""Those of an order."""


class Cancellation(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """A part of an item that will not be delivered."""

    quantity: str
    cancelled_by: Literal["CUSTOMER", "SUPPLIER"]
    reason: str
    cancelled_at: str

    def __post_init__(self) -> None:
        check_texts(
            (("Quantity", self.quantity, NUMBERS), ("CancelledAt", self.cancelled_at, INSTANTS))
        )


class Order(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="pascal"):
    """What all items of an order have in common."""

    number: Id = msgspec.field(name="SalesOrder")
    sold_to_party: str
    ship_to_party: str = UNASKED
    distribution_channel: str
    purchase_order_by_customer: str = UNASKED
    sales_order_date: str | None = UNASKED
    transaction_currency: str = UNASKED
    last_change_date_time: str = UNASKED

    def check(self, above: str = "") -> None:
        """Check its texts.

        Args:
            above: The path that leads to the order, with a dot behind it.

        Raises:
            ValueError: One is bad; says which.
        """
        check_texts(
            (above + _NATIVE_OF_ORDER[name], getattr(self, name), parsed)
            for name, parsed in ORDER_TEXTS.items()
        )


_NATIVE_OF_ORDER: Final = {one.name: one.encode_name for one in msgspec.structs.fields(Order)}
_NO_ORDER: Final = Order(number="", sold_to_party="", distribution_channel="")


class Item(msgspec.Struct, kw_only=True, gc=False, rename="pascal"):
    """An item of an order: the line as ordered. It is a `HeaderFacet`.

    Not frozen, because its order is put beside it after both are decoded.
    """

    # In the order in which the ERP writes them: then each is found at the first look.
    order_number: Id = msgspec.field(name="SalesOrder")
    line_number: Id = msgspec.field(name="SalesOrderItem")
    higher_level_item: str = UNASKED
    sku: str = msgspec.field(name="Material")
    material_by_customer: str = UNASKED
    requested_quantity: str = UNASKED
    unit: str = msgspec.field(name="RequestedQuantityUnit")
    requested_ship_date: str | None = UNASKED
    requested_delivery_date: str | None = UNASKED
    plant: str = UNASKED
    net_price_amount: str | None = UNASKED
    cancelled: Results[Cancellation] = msgspec.field(name="Cancellations", default=UNASKED)
    is_drop_ship: bool = msgspec.field(name="DropShipment", default=UNASKED)
    delivery_hold_reason: str = UNASKED
    overdelivery_tolerance_pct: str = UNASKED
    delivered_quantity: str | None = UNASKED
    order: Order = _NO_ORDER

    def completed_by(self, order: Order) -> "Item":
        """Put an order that was checked beside the item, and check the item's own texts.

        Raises:
            ValueError: A text is bad; or the item names another order. Who may see
                a line is decided by its order, so that must not be left open.
        """
        if self.order_number != order.number:
            raise ValueError(OTHER_ORDER)
        check_texts((_NATIVE[name], getattr(self, name), parsed) for name, parsed in TEXTS.items())
        self.order = order
        return self

    @property
    def record(self) -> str:
        """Order and item number."""
        return f"{self.order_number}/{self.line_number}"

    @property
    def changed_at(self) -> datetime:
        """The ERP stamps whole orders only."""
        return INSTANTS[self.order.last_change_date_time]

    @property
    def root_line_number(self) -> str | None:
        """The item this one was split from."""
        return self.higher_level_item or None

    @property
    def customer_po(self) -> str | None:
        """The customer's own order number."""
        return self.order.purchase_order_by_customer or None

    @property
    def customer_item(self) -> str | None:
        """The customer's number for the item."""
        return self.material_by_customer or None

    @property
    def sold_to(self) -> str | None:
        """The customer who ordered."""
        return self.order.sold_to_party or None

    @property
    def ship_to(self) -> str | None:
        """The party that receives."""
        return self.order.ship_to_party or None

    @property
    def channel(self) -> Channel:
        """Where the order came in; OTHER for a code that is not known."""
        return CHANNELS.get(self.order.distribution_channel, Channel.OTHER)

    @property
    def channel_code(self) -> str | None:
        """The ERP's own code."""
        return self.order.distribution_channel or None

    @property
    def owner_node(self) -> str | None:
        """The plant the line was ordered from."""
        return self.plant or None

    @property
    def ordered_on(self) -> date | None:
        """Date of the order."""
        return DATES.maybe(self.order.sales_order_date)

    @property
    def requested(self) -> Number:
        """Ordered quantity."""
        return NUMBERS[self.requested_quantity]

    @property
    def requested_ship_on(self) -> date | None:
        """Requested ship date."""
        return DATES.maybe(self.requested_ship_date)

    @property
    def requested_delivery_on(self) -> date | None:
        """Requested delivery date."""
        return DATES.maybe(self.requested_delivery_date)

    @property
    def unit_price(self) -> Number | None:
        """Net price of one ordered unit."""
        return NUMBERS.maybe(self.net_price_amount)

    @property
    def currency(self) -> str | None:
        """Of the price."""
        return self.order.transaction_currency or None

    @property
    def cancellations(self) -> tuple[StatedCancellation, ...]:
        """All cancellations so far."""
        if not self.cancelled.results:
            return ()
        return tuple(
            StatedCancellation(
                NUMBERS[one.quantity],
                CancelledBy[one.cancelled_by],
                one.reason or None,
                INSTANTS[one.cancelled_at],
            )
            for one in self.cancelled.results
        )

    @property
    def hold_reason(self) -> str | None:
        """Why the line is held."""
        return self.delivery_hold_reason or None

    @property
    def over_delivery_tolerance(self) -> Number:
        """Share of the request that may be shipped on top."""
        return _SHARES[self.overdelivery_tolerance_pct]

    @property
    def posted_shipped(self) -> Number | None:
        """What was posted as delivered."""
        return NUMBERS.maybe(self.delivered_quantity)


_NATIVE: Final = {one.name: one.encode_name for one in msgspec.structs.fields(Item)}


class ItemOfOrder(Item, kw_only=True, gc=False, rename="pascal"):
    """An item that was asked for by itself, and brings its order along."""

    order: Order


class OrderWithItems(Order, frozen=True, gc=False, kw_only=True, rename="pascal"):
    """An order that was asked for whole."""

    items: Results[Item]

    def take_items(self) -> Sequence[Item]:
        """Give the items, without their order, and hold them no longer.

        An order and its items would hold each other, and neither is seen by the garbage
        collector.
        """
        items = self.items.results
        msgspec.structs.force_setattr(self, "items", _NO_ITEMS)
        return items


_NO_ITEMS: Final = Results[Item](())
