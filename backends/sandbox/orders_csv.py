"""Order lines of your own: a CSV file in place of the simulated orders.

What a file does not say is not invented: a quantity without a column is not tracked,
an empty cell is "not yet". What has to be assumed is said in `notes`; a row that
cannot be used is left out and named in `problems`. The columns are in `csv_cells`.

Every line keeps its own unit in all three systems: the unit an item is first seen in
is its base unit, and `units_per_case` gives the item a pack `CS`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from backends.sandbox.csv_cells import NAMES, BadCellError, Cells, Columns
from backends.sandbox.csv_lines import ASSUMED_UNIT, LineMaker
from backends.sandbox.csv_table import OrdersFileError, Row, RowProblem, read_table, unreadable
from backends.sandbox.world import TODAY, Line, Order, World, now_on
from orderlines.item import CASE, Item
from orderlines.quantity import Number, Ratio

_WITHOUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "line number": "lines are numbered 1, 2, 3 within their order",
        "unit": f"{ASSUMED_UNIT} is assumed",
        "channel": "OTHER is assumed",
        "customer": "the lines belong to no customer",
        "warehouse": "the lines belong to no warehouse",
        "price": "there are no prices",
        "currency": "prices have no currency",
        "promised": "promises are not tracked",
        "allocated": "allocations are not tracked",
    }
)
"""What follows where a file has no column for a field."""


@dataclass(frozen=True, slots=True)
class LoadedOrders:
    """What a file held.

    Attributes:
        world: The orders, and the items they name.
        problems: Rows that were left out, in the order of the file.
        notes: What was assumed, one sentence each.
    """

    world: World
    problems: tuple[RowProblem, ...]
    notes: tuple[str, ...]

    @property
    def orders(self) -> Mapping[str, Order]:
        """The orders by number, in the order of the file."""
        return self.world.orders

    @property
    def line_count(self) -> int:
        """How many order lines were loaded."""
        return self.world.line_count


def load_orders(path: Path, *, today: date = TODAY) -> LoadedOrders:
    """Load a file of order lines.

    Args:
        path: The file; up to about a million rows.
        today: The business day on which the systems learn of them.

    Raises:
        OrdersFileError: The file cannot be read, is empty, or lacks a column
            that is needed.
    """
    rows = read_table(path, NAMES)
    header = next(rows, None)
    if header is None:
        msg = "The file is empty."
        raise OrdersFileError(msg)
    if isinstance(header, RowProblem):
        msg = f"The header cannot be read. {header.reason}"
        raise OrdersFileError(msg)
    loader = _Loader(Columns.of(header[1]), today)
    problems = [
        problem
        for row in rows
        if (problem := row if isinstance(row, RowProblem) else loader.add(row)) is not None
    ]
    return LoadedOrders(loader.world(), tuple(problems), tuple(loader.notes()))


@dataclass(slots=True)
class _Goods:
    """An item, as far as the file has told.

    Attributes:
        unit: The first it was seen in.
        case: Units in a case, where a row says so.
        has_more_units: Whether a later row has a unit nothing converts.
    """

    unit: str
    decimals: int = 0
    case: Number | None = None
    has_more_units: bool = False

    def item(self, sku: str) -> Item:
        """Make the master data."""
        packs = {}
        if self.case is not None and self.unit != CASE:
            packs[CASE] = Ratio(*self.case.as_integer_ratio())
        return Item(sku, self.unit, self.decimals, MappingProxyType(packs))


class _Loader:
    """Rows in, orders out. A row is taken whole or not at all."""

    def __init__(self, columns: Columns, today: date) -> None:
        self._columns = columns
        self._today = today
        self._maker = LineMaker(now_on(today))
        self._orders: dict[str, Order] = {}
        self._lines: dict[str, dict[str, Line]] = {}
        self._rows_of: Counter[str] = Counter()
        self._goods: dict[str, _Goods] = {}

    def add(self, row: Row) -> RowProblem | None:
        """Take a row, or say why not."""
        line, texts = row
        found = unreadable(texts)
        if found is not None:
            return RowProblem(line, self._columns.titles[found[0]], found[1])
        try:
            self._add(Cells(self._columns, texts))
        except BadCellError as error:
            return RowProblem(line, error.column, error.reason)
        return None

    def _add(self, cells: Cells) -> None:
        number = self._maker.same(cells.name("order number"))
        # Counted before anything can fail: a bad row keeps its place in the numbering.
        self._rows_of[number] += 1
        line_number = self._maker.same(cells.name("line number", str(self._rows_of[number])))
        lines = self._lines.get(number, {})
        if line_number in lines:
            where = "line number" if self._columns.has("line number") else "order number"
            cells.refuse(where, f"Order {number} already has a line {line_number}.")
        order = self._order(cells, number, lines)
        case = self._units_per_case(cells)
        line = self._maker.line(cells, number, line_number)
        # Nothing can fail any more.
        lines[line_number] = line
        self._lines[number] = lines
        self._orders[number] = order
        self._note_item(line, case)

    def _order(self, cells: Cells, number: str, lines: dict[str, Line]) -> Order:
        """Make the order of a row, or find it and see that the row does not contradict it.

        A row may leave out what its order has said before.
        """
        made = Order(
            number,
            customer=self._maker.same(cells.name("customer", "")),
            ship_to="",
            channel=cells.channel(),
            purchase_order="",
            ordered_on=cells.day("order date"),
            currency=self._maker.same(cells.name("currency", "")),
            lines=lines,
        )
        order = self._orders.get(number, made)
        for field, before, now in (
            ("customer", order.customer, made.customer),
            ("channel", order.channel, made.channel),
            ("order date", order.ordered_on, made.ordered_on),
            ("currency", order.currency, made.currency),
        ):
            if now != before and cells.text(field):
                cells.refuse(field, f"An earlier line of order {number} says otherwise.")
        return order

    def _units_per_case(self, cells: Cells) -> Number | None:
        """Read how many a case of the item holds: above zero, and one number an item."""
        stated = cells.number("units per case")
        if stated == 0:
            cells.refuse("units per case", "It is zero.")
        sku = cells.name("item")
        goods = self._goods.get(sku)
        if stated is not None and goods is not None and goods.case not in {None, stated}:
            cells.refuse("units per case", f"An earlier line of item {sku} says otherwise.")
        return stated

    def _note_item(self, line: Line, case: Number | None) -> None:
        goods = self._goods.setdefault(line.sku, _Goods(line.unit))
        goods.has_more_units |= line.unit not in {goods.unit, CASE}
        goods.case = goods.case or case
        goods.decimals = max(goods.decimals, line.wms[0].decimals)

    def world(self) -> World:
        """Give everything taken so far."""
        items = {sku: goods.item(sku) for sku, goods in self._goods.items()}
        return World(self._orders, items, self._today)

    def notes(self) -> Iterator[str]:
        """Say what was assumed."""
        has, title = self._columns.has, self._columns.title
        for field, consequence in _WITHOUT.items():
            if not has(field):
                yield f"There is no column {title(field)}: {consequence}."
        if not has("shipped") and not has("ship date"):
            yield "There is no column shipped or shipped_on: shipments are not tracked."
        if has("unit") and self._maker.without_unit:
            yield f"{self._maker.without_unit} rows name no unit: {ASSUMED_UNIT} is assumed."
        if has("requested date"):
            yield f"{title('requested date')} is read as the requested ship date."
        if has("ship date"):
            yield f"{title('ship date')} has no time of day: noon in Europe/Berlin is assumed."
        if self._maker.shipped_whole:
            yield (
                f"{self._maker.shipped_whole} rows have a ship date and no shipped quantity: "
                "the whole quantity counts as shipped."
            )
        mixed = sum(goods.has_more_units for goods in self._goods.values())
        if mixed:
            yield f"{mixed} items come in several units: the first one is taken as the base unit."
        if self._columns.unread:
            yield f"Columns that are not read: {', '.join(self._columns.unread)}."
