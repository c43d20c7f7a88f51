"""The world the sandbox starts with: every named state once, then as many as wanted.

`SO-1001` holds the rows of `SCENARIOS` in their order: line 10 is fully shipped, line
20 partly, and so on. It is the same for every seed. The orders after it are drawn
from the seed: several customers, channels and warehouses, one to eight lines each.
One seed gives one world, in every process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from random import Random
from typing import ClassVar, Final, TypeAlias, TypeVar

from backends.sandbox.drafts import Draft
from backends.sandbox.items import ITEMS, PRICES
from backends.sandbox.stories import STORIES, State
from backends.sandbox.world import TODAY, Line, Order, World, at, workdays_after, workdays_before
from orderlines.errors import GatewayError
from orderlines.quantity import round_half_up
from orderlines.stated import Channel

DEFAULT_SEED: Final = 7
DEFAULT_LINES: Final = 240
MAX_LINES: Final = 1_000_000
FIRST_NUMBER: Final = 1001
FIRST_ORDER: Final = f"SO-{FIRST_NUMBER}"


class SandboxSizeError(GatewayError):
    """So many order lines are not to be had."""

    code: ClassVar[str] = "SANDBOX_SIZE"


Goods: TypeAlias = tuple[tuple[str, str], ...]
"""Items with the unit they are ordered in; `SO-1001` shows the first."""

_VALVES: Final[Goods] = (("BV-015", "CS"), ("BV-020", "CS"), ("GV-050", "EA"), ("GR-400", "KG"))
_BRASS: Final[Goods] = (("BV-020", "CS"), ("TE-015", "CS"), ("GR-400", "KG"))
_FITTINGS: Final[Goods] = (("EL-015", "CS"), ("TE-015", "CS"), ("BV-015", "CS"))
_PALLETS: Final[Goods] = (("BV-015", "PAL"), ("BV-020", "CS"), ("EL-015", "CS"))
_POUNDS: Final[Goods] = (("GR-400", "LB"), ("TE-015", "CS"), ("GV-050", "CS"))
_EACHES: Final[Goods] = (("GV-050", "EA"), ("PU-900", "EA"))
_REPLACEABLE: Final[Goods] = (("SE-1000", "CS"), ("BV-020", "CS"))
_SUPPLIERS: Final[Goods] = (("PU-900", "EA"),)
_BOXES: Final[Goods] = (("FL-200", "BX"),)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: a state, and of what it is told.

    Attributes:
        line: Number of the line in `SO-1001`.
        count: Ordered there, in the unit of the first of `goods`.
        share: How often the other orders draw it, relative to the rest.
        goods: What they draw it for.
    """

    line: int
    state: State
    count: int
    share: int
    goods: Goods


# fmt: off
SCENARIOS: Final = (
    Scenario(10,  State.FULLY_SHIPPED,                  10, 30, _VALVES),
    Scenario(20,  State.PARTLY_SHIPPED_WITH_BACKORDER,  10,  8, _BRASS),
    Scenario(30,  State.ALLOCATED,                       2, 10, _PALLETS),
    Scenario(40,  State.WAITING,                         6,  5, _FITTINGS),
    Scenario(50,  State.PROMISED,                       20,  8, _POUNDS),
    Scenario(60,  State.CANCELLED_BY_CUSTOMER,           6,  3, _EACHES),
    Scenario(70,  State.CANCELLED_BY_SUPPLIER,           6,  3, _FITTINGS),
    Scenario(80,  State.SUBSTITUTED_ACCEPTED,            4,  3, _REPLACEABLE),
    Scenario(90,  State.SUBSTITUTED_PROPOSED,            4,  2, _REPLACEABLE),
    Scenario(100, State.SUBSTITUTED_UNACCEPTED_SHIPPED,  2,  1, _REPLACEABLE),
    Scenario(110, State.SPLIT_OVER_WAREHOUSES,          10,  5, _FITTINGS),
    Scenario(120, State.DROP_SHIPPED,                    2,  3, _SUPPLIERS),
    Scenario(130, State.OVER_SHIPPED,                   20,  2, _FITTINGS),
    Scenario(140, State.RE_PROMISED,                     8,  5, _FITTINGS),
    Scenario(150, State.RETURNED_LATER,                  5,  2, _FITTINGS),
    Scenario(160, State.ON_HOLD,                         3,  2, _EACHES),
    Scenario(170, State.MISSING_PACK_FACTOR,             3,  1, _BOXES),
    Scenario(180, State.CONTRADICTORY,                   5,  1, _FITTINGS),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Customer:
    """Who orders, where the orders come in, and how its own item numbers begin."""

    number: str
    channels: tuple[Channel, ...]
    item_prefix: str = ""


CUSTOMERS: Final = (
    Customer("C-100", (Channel.B2B_PORTAL, Channel.ECOMMERCE), "KN-"),
    Customer("C-101", (Channel.EDI,), "4012-"),
    Customer("C-102", (Channel.MARKETPLACE,)),
    Customer("C-103", (Channel.FIELD_SALES, Channel.B2B_PORTAL)),
    Customer("C-104", (Channel.EDI, Channel.B2B_PORTAL), "T/"),
    Customer("C-105", (Channel.ECOMMERCE,)),
    Customer("C-106", (Channel.OTHER,)),
)
PLANTS: Final = ("W1", "W2", "W3")

T = TypeVar("T")


def build_world(seed: int = DEFAULT_SEED, lines: int = DEFAULT_LINES, today: date = TODAY) -> World:
    """Build the world of a seed.

    Args:
        seed: Decides every order after the first.
        lines: Order lines in all, 1 to 1,000,000; the first 18 are `SO-1001`.
        today: The business day everything happens on or before.

    Raises:
        SandboxSizeError: There cannot be so many lines.
    """
    if not 1 <= lines <= MAX_LINES:
        msg = f"A sandbox holds 1 to {MAX_LINES:,} order lines."
        raise SandboxSizeError(msg, detail=str(lines))
    return World({order.number: order for order in _orders(seed, lines, today)}, ITEMS, today)


@dataclass(frozen=True, slots=True)
class _Header:
    """An order as it came in, `age` working days ago; it was to ship four days later."""

    number: str
    customer: Customer
    channel: Channel
    plant: str
    purchase_order: str
    age: int


_Wanted: TypeAlias = tuple[Scenario, str, str, int]
"""What is to become of a line, and its item, unit and count."""


def _orders(seed: int, lines: int, today: date) -> Iterator[Order]:
    shown = [(row, *row.goods[0], row.count) for row in SCENARIOS[:lines]]
    first = _Header(FIRST_ORDER, CUSTOMERS[0], Channel.B2B_PORTAL, "W1", "PO-4711", 6)
    yield _order(first, shown, 0, today)
    rng = Random(seed)  # noqa: S311 - a simulation that must be repeatable, not a secret
    drawn = [row for row in SCENARIOS for _ in range(row.share)]
    serial, number = len(shown), FIRST_NUMBER + 1
    while serial < lines:
        customer = _pick(rng, CUSTOMERS)
        header = _Header(
            f"SO-{number}",
            customer,
            _pick(rng, customer.channels),
            _pick(rng, PLANTS),
            f"PO-{_between(rng, 10_000, 99_999)}",
            _between(rng, 6, 45),
        )
        count = min(_between(rng, 1, 8), lines - serial)
        wanted = [_want(rng, _pick(rng, drawn)) for _ in range(count)]
        yield _order(header, wanted, serial, today)
        serial, number = serial + count, number + 1


def _want(rng: Random, row: Scenario) -> _Wanted:
    return (row, *_pick(rng, row.goods), _between(rng, 2, 12))


def _order(header: _Header, wanted: Sequence[_Wanted], serial: int, today: date) -> Order:
    ordered_on = workdays_before(today, header.age)
    entered_at, ship_on = at(ordered_on, 7, 12), workdays_after(ordered_on, 4)
    lines = {}
    for position, (row, sku, unit, count) in enumerate(wanted):
        draft = Draft(
            ITEMS[sku], unit, count, header.plant, serial + position, entered_at, ship_on, today
        )
        number = str(10 * (position + 1))
        lines[number] = _line(number, row.state, draft, header.customer.item_prefix)
    return Order(
        number=header.number,
        customer=header.customer.number,
        ship_to=f"{header.customer.number}-1",
        channel=header.channel,
        purchase_order=header.purchase_order,
        ordered_on=ordered_on,
        currency="EUR",
        lines=lines,
    )


def _line(number: str, state: State, draft: Draft, item_prefix: str) -> Line:
    story = STORIES[state](draft)
    sku = draft.item.sku
    return Line(
        number=number,
        state=state,
        sku=sku,
        unit=draft.unit,
        requested=draft.count,
        ship_on=draft.ship_on,
        delivery_on=workdays_after(draft.ship_on, 2),
        plant=draft.plant,
        price=round_half_up(draft.pack.as_fraction * Fraction(PRICES[sku]), 2),
        customer_item=item_prefix + sku if item_prefix else "",
        erp=story.erp,
        oms=story.oms,
        wms=story.wms,
    )


def _pick(rng: Random, choices: Sequence[T]) -> T:
    return choices[int(rng.random() * len(choices))]


def _between(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))
