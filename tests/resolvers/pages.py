"""Generated pages: usual ones, and such as hold anything a system may say or fail to say."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from tests.backends.native import Row, item, outbound, promise_line, schedule, slices, version
from tests.backends.test_erp_sandbox_items import product
from tests.resolvers.page_kit import Page

Draw = Any  # what hypothesis hands to a composite

ODD_TEXTS: Final = (
    'say "ten"',
    "back\\slash",
    "tab\there",
    "\x07",
    "\x7f",
    "é",
    "\U0001f600",
    "\u2028",
    "\xa0",
    "<b>/&",
    "",
)
NUMBERS: Final = ("12.000", "0", "7", "2.50", "-3", "0.000000001", "999999999999999", "1000.10")
DATES: Final = ("/Date(1795046400000)/", "/Date(1795132800000+0000)/")
NO_DATES: Final = (None, "/Date(253402214400000)/")  # the second is a sentinel
PACKS: Final = (("CS", "12", "1"), ("PAL", "480", "1"), ("TR", "1", "3"))
CHANNELS: Final = ("10", "20", "50", "99", "")

ODD_ITEMS: Final[Sequence[Mapping[str, Any]]] = (
    {"RequestedQuantityUnit": "PAL"},
    {"RequestedQuantityUnit": 'E"A'},
    {"RequestedShipDate": None},
    {"RequestedQuantity": "many"},
    {"Material": ""},
    {"Material": "SE-9"},
    {"Material": 'SE-"9"'},
    {"DropShipment": True},
    {"Cancellations": None},
    *({"Plant": text} for text in ODD_TEXTS),
)
ODD_PROMISES: Final[Sequence[Mapping[str, Any]]] = (
    {"promise": {"__typename": "PromisePending"}},
    {"promise": {"__typename": "PromiseNotTracked"}},
    {"promise": schedule()},
    {"promise": schedule(version(1))},
    {"promise": schedule(version(2, slices("4")), version(1, slices("5")))},
    {"promise": schedule(version(1, slices("4"), slices("2.5", "2026-12-01")))},
    {"promise": schedule(version(1, slices("4", None)))},
    {"promise": schedule(version(1, slices("4", None), slices("1")))},
    {"promise": schedule(version(1, slices("much")))},
    {"unit": "EA"},
    {"unit": 7},
)
ODD_OUTBOUND: Final[Sequence[Mapping[str, Any]]] = (
    {"units_allocated": None},
    {"units_shipped": None},
    {"units_shipped": -4, "units_returned": -1},
    {"decimals": 3, "units_shipped": 1500, "units_allocated": 1, "units_returned": 3000},
    {"mode": "DROP_SHIP"},
    {"uom": "CS"},
    {"units_returned": "x"},
    {"without": "units_shipped"},
    {"without": "units_allocated"},
)
ODD_PRODUCTS: Final[Sequence[Mapping[str, Any]]] = (
    {"DecimalPlaces": "3"},
    {"DecimalPlaces": "none"},
    {"BaseUnit": "KG"},
    {"BaseUnit": "CS"},
)
ODD: Final = {
    "erp": ODD_ITEMS,
    "oms": ODD_PROMISES,
    "wms": ODD_OUTBOUND,
    "items": ODD_PRODUCTS,
}
"""What a row may say instead, by who says it."""


@st.composite
def pages(draw: Draw, *, oddness: int) -> Page:
    """Draw a page.

    Args:
        draw: Of hypothesis.
        oddness: Out of ten things that may be odd, how many are.
    """
    # Also as many as are read in another way than few.
    count = draw(st.integers(0 if oddness else 1, 5) | st.just(9))
    is_alike = {name: not _is_odd(draw, oddness) for name in ("sku", "unit")}
    units = [draw(st.sampled_from(("EA", "CS", "PAL"))) for _ in range(3)]
    page = Page([], [], [], _products(draw, oddness))
    for number in range(count):
        line = draw(st.sampled_from(ODD_TEXTS)) if _is_odd(draw, oddness) else "10"
        line = f"{line}{number}"
        sku = "BV-015" if is_alike["sku"] else draw(st.sampled_from(("BV-015", "BV-020", "X")))
        told = [units[0], units[1], units[2]]
        if not is_alike["unit"]:
            told = [draw(st.sampled_from(("EA", "CS"))) for _ in range(3)]
        _draw_line(draw, page, line, sku, told, oddness)
    for system, odd in ODD.items():
        if _is_odd(draw, oddness):
            _change(page, system, draw(st.sampled_from(odd)))
    if _is_odd(draw, oddness):
        page.promises = draw(st.permutations(page.promises))
        page.outbound = draw(st.permutations(page.outbound))
    page.head = {
        "DistributionChannel": draw(st.sampled_from(CHANNELS)),
        "SoldToParty": draw(st.sampled_from(ODD_TEXTS)) if _is_odd(draw, oddness) else "C-100",
    }
    if _is_odd(draw, oddness) and _is_odd(draw, oddness):
        page.down = frozenset(draw(st.sets(st.sampled_from(("erp", "oms", "wms", "items")))))
    return page


def alike(system: str, changes: Mapping[str, Any], count: int = 2) -> Page:
    """Make a page of lines that are usual, but for what one system says of all."""
    numbers = [str(10 * number) for number in range(1, count + 1)]
    page = Page(
        [item(number) for number in numbers],
        [promise_line(number) for number in numbers],
        [outbound(number) for number in numbers],
        [product("BV-015", *PACKS)],
    )
    _change(page, system, changes)
    return page


def _change(page: Page, system: str, changes: Mapping[str, Any]) -> None:
    rows = page.rows_of(system)
    rows[:] = [_changed(row, changes) for row in rows]


def _draw_line(  # noqa: PLR0913, PLR0917 - one for each thing a line is made of
    draw: Draw, page: Page, line: str, sku: str, units: Sequence[str], oddness: int
) -> None:
    numbers = st.sampled_from(NUMBERS)
    dates = st.sampled_from(DATES)
    has_dates = not _is_odd(draw, oddness)
    header = item(
        line,
        Material=sku,
        RequestedQuantity=draw(numbers),
        RequestedQuantityUnit=units[0],
        RequestedShipDate=draw(dates),
        RequestedDeliveryDate=draw(dates if has_dates else st.sampled_from(NO_DATES)),
        Plant=draw(st.sampled_from(ODD_TEXTS)) if _is_odd(draw, oddness) else "W1",
    )
    promise = promise_line(
        line,
        unit=units[1],
        promise=schedule(version(1, slices(draw(numbers), "2026-12-24"))),
    )
    whole = st.integers(-5, 10**6)
    row = outbound(
        "10",
        order_line_ref=line,
        id=len(page.outbound),
        uom=units[2],
        units_allocated=draw(whole),
        units_shipped=draw(whole),
        units_returned=draw(whole),
    )
    for system, one in (("erp", header), ("oms", promise), ("wms", row)):
        _add(draw, page.rows_of(system), one, ODD[system], oddness)


def _add(
    draw: Draw, rows: list[Row], one: Row, odd: Sequence[Mapping[str, Any]], oddness: int
) -> None:
    """Say it: as it is, in another way, twice, or not at all."""
    changed = _changed(one, draw(st.sampled_from(odd))) if _is_odd(draw, oddness) else one
    many = draw(st.sampled_from((0, 2, 2))) if _is_odd(draw, oddness) else 1
    for number in range(many):
        is_again = number and isinstance(changed.get("id"), int)
        rows.append(changed | {"id": changed["id"] + 1_000} if is_again else changed)


def _changed(row: Row, changes: Mapping[str, Any]) -> Row:
    """Say something else in a row, or leave something out."""
    changed = {**row, **changes}
    changed.pop(changed.pop("without", ""), None)
    return changed


def _products(draw: Draw, oddness: int) -> list[Row]:
    products = []
    for sku in ("BV-015", "BV-020"):
        changes = draw(st.sampled_from(ODD_PRODUCTS)) if _is_odd(draw, oddness) else {}
        if not _is_odd(draw, oddness):
            packs = PACKS[: draw(st.integers(1, 3))] if oddness else PACKS
            products.append(product(sku, *packs, **changes))
    return products


def _is_odd(draw: Draw, oddness: int) -> bool:
    return bool(oddness) and draw(st.integers(1, 10)) <= oddness
