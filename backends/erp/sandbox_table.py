"""A page of items of the sandbox's ERP, checked and read by column."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, overload

from backends.erp.sandbox_rows import (
    CHANNELS,
    ORDER_TEXTS,
    OTHER_ORDER,
    TEXTS,
    Item,
    Order,
    OrderWithItems,
)
from backends.wanted import FEW, columns_of_few
from orderlines.stated import Channel
from orderlines.table import Column, Columns, Makers, Table

TextColumn: TypeAlias = tuple[
    str,
    str,
    Callable[[Sequence[str | None]], Column],
    Callable[[Sequence[Item]], Sequence[str | None]],
]
"""One of `TEXTS`, the accessor it is read as, what parses many, and where items have it."""

# Named here rather than looked up by name: that takes half the time.
_TEXTS_OF: Final[Mapping[str, tuple[str, Callable[[Sequence[Item]], Sequence[str | None]]]]] = {
    "requested_quantity": ("requested", lambda items: [one.requested_quantity for one in items]),
    "overdelivery_tolerance_pct": (
        "over_delivery_tolerance",
        lambda items: [one.overdelivery_tolerance_pct for one in items],
    ),
    "net_price_amount": ("unit_price", lambda items: [one.net_price_amount for one in items]),
    "delivered_quantity": (
        "posted_shipped",
        lambda items: [one.delivered_quantity for one in items],
    ),
    "requested_ship_date": (
        "requested_ship_on",
        lambda items: [one.requested_ship_date for one in items],
    ),
    "requested_delivery_date": (
        "requested_delivery_on",
        lambda items: [one.requested_delivery_date for one in items],
    ),
}
"""What each of `TEXTS` is read as, and how it is read of many items."""


def text_columns(names: Iterable[str]) -> Sequence[TextColumn]:
    """Tell how some of `TEXTS` are read."""
    named = [(name, *_TEXTS_OF[name]) for name in names]
    return [(name, accessor, TEXTS[name].all_of, texts_of) for name, accessor, texts_of in named]


class ItemsOfOrder(Sequence[Item]):
    """The items of an order, which is put beside those that somebody takes."""

    __slots__ = ("_items", "_order")

    def __init__(self, order: Order, items: Sequence[Item]) -> None:
        self._order = order
        self._items = items

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [*self][index]
        item = self._items[index]
        item.order = self._order
        return item

    def __iter__(self) -> Iterator[Item]:
        order = self._order
        for item in self._items:
            item.order = order
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def table_of_orders(
    orders: Sequence[OrderWithItems], texts: Sequence[TextColumn], order_texts: Collection[str]
) -> Table[Item]:
    """Check the items of whole orders; see `table_of`."""
    if order_texts:
        _check_orders(orders, order_texts)
    if len(orders) == 1:  # as mostly
        (order,) = orders
        items, number = order.take_items(), order.number
        columns, count = _columns(items, texts), len(items)
        if columns["order_number"].count(number) != count:
            raise ValueError(OTHER_ORDER)
        columns["order_number"] = [number] * count  # of one text, which is compared faster
        columns["sold_to"] = [order.sold_to_party or None] * count
        if count >= FEW:
            return Table(ItemsOfOrder(order, items), columns, _MAKERS)
        for item in items:
            item.order = order
        return Table(items, columns, _MAKERS)
    every = [(order, item) for order in orders for item in ItemsOfOrder(order, order.take_items())]
    items = [item for _, item in every]
    columns = _columns(items, texts)
    if columns["order_number"] != [order.number for order, _ in every]:
        raise ValueError(OTHER_ORDER)
    columns["sold_to"] = [order.sold_to_party or None for order, _ in every]
    return Table(items, columns, _MAKERS)


def table_of(
    items: Sequence[Item], texts: Sequence[TextColumn], order_texts: Collection[str]
) -> Table[Item]:
    """Check items that have their orders beside them, column by column.

    What `completed_by` says of one, this says of many; and what it has read of all of
    them is a column of the table already.

    Args:
        items: Of a page.
        texts: Those of `TEXTS` that were asked for.
        order_texts: The names of those of `ORDER_TEXTS`.

    Raises:
        ValueError: One of them is bad; which one, nobody says.
    """
    _check_orders([item.order for item in items], order_texts)
    columns = _columns(items, texts)
    if columns["order_number"] != [item.order.number for item in items]:
        raise ValueError(OTHER_ORDER)
    return Table(items, columns, _MAKERS)


def _check_orders(orders: Sequence[Order], texts: Collection[str]) -> None:
    for name in texts:
        ORDER_TEXTS[name].all_of([getattr(one, name) for one in orders])


def _columns(items: Sequence[Item], texts: Sequence[TextColumn]) -> dict[str, Column]:
    """Read what every page is asked, and the texts."""
    if items and len(items) < FEW:
        columns = columns_of_few(items)
        del columns["order"]  # it may be put there later
        for name, accessor, parse, _ in texts:
            columns[accessor] = parse(columns[name])
        return columns
    columns = {
        "order_number": [one.order_number for one in items],
        "line_number": [one.line_number for one in items],
        "sku": [one.sku for one in items],
        "unit": [one.unit for one in items],
    }
    for _, accessor, parse, texts_of in texts:
        columns[accessor] = parse(texts_of(items))
    return columns


def _channels(told: Columns) -> Column:
    codes = [one.order.distribution_channel for one in told.records]
    known = {code: CHANNELS.get(code, Channel.OTHER) for code in {*codes}}
    return [known[code] for code in codes]


_MAKERS: Final[Makers] = {
    "sold_to": lambda told: [one.order.sold_to_party or None for one in told.records],
    "channel": _channels,
    "owner_node": lambda told: [one.plant or None for one in told.records],
    "currency": lambda told: [one.order.transaction_currency or None for one in told.records],
    "cancellations": lambda told: [
        one.cancellations if one.cancelled.results else () for one in told.records
    ],
}
"""Accessors that are read faster of all items at once."""
