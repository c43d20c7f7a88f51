"""Tables of what systems sent: few records and many are read in two ways, and read alike."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from backends.erp.sandbox_rows import Item
from backends.erp.sandbox_select import wanted_of as erp_wanted
from backends.oms.sandbox_query import wanted_of as oms_wanted
from backends.wanted import FEW
from backends.wms.sandbox import _shape as wms_shape
from orderlines.facets import EVERYTHING, Fact, Facts
from orderlines.table import Table
from tests.backends.native import (
    by_itself,
    item,
    odata_page,
    order,
    outbound,
    promise_line,
    promise_page,
    rest_page,
    schedule,
    slices,
    version,
)

SOME: Final = frozenset({Fact.REQUEST, Fact.SHIP_DATE, Fact.PROMISES})
COUNTS: Final = (0, 1, 2, FEW - 1, FEW, FEW + 3)


def whole_orders(numbers: Sequence[str], facts: Facts) -> Sequence[Any]:
    """Take items of one order."""
    rows = [item(one, Material=f"BV-{one}", RequestedQuantity=f"{one}.000") for one in numbers]
    return erp_wanted(facts).take_orders(odata_page(order("SO-1", *rows)).body)[0].good


def single_items(numbers: Sequence[str], facts: Facts) -> Sequence[Any]:
    """Take items that bring their orders along."""
    rows = [by_itself(item(one, RequestedQuantity=f"{one}.000")) for one in numbers]
    return erp_wanted(facts).take_items(odata_page(*rows).body)[0].good


def promises(numbers: Sequence[str], facts: Facts) -> Sequence[Any]:
    """Take promises in one part each."""
    rows = [promise_line(one, promise=schedule(version(1, slices(one)))) for one in numbers]
    return oms_wanted(facts).take_lines("oms", promise_page(*rows).body).good


def outbound_lines(numbers: Sequence[str], facts: Facts) -> Sequence[Any]:
    """Take rows of the warehouse."""
    rows = [outbound(one, units_shipped=int(one)) for one in numbers]
    return wms_shape(facts).take_rows(rest_page(*rows).body).good


@pytest.mark.parametrize("facts", [SOME, EVERYTHING], ids=["some", "everything"])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("take", [whole_orders, single_items, promises, outbound_lines])
def test_each_column_is_what_the_records_say(
    take: Callable[[Sequence[str], Facts], Sequence[Any]], count: int, facts: Facts
) -> None:
    """Whatever is known of the records by now, and however many there are."""
    numbers = [str(number) for number in range(1, count + 1)]
    table = take(numbers, facts)
    assert isinstance(table, Table)
    told = {name: [*column] for name, column in table.columns.items()}
    records = [*table]

    assert [one.line_number for one in records] == numbers == [*table.columns["line_number"]]
    assert [*table.columns["order_number"]] == ["SO-1"] * count
    for name, column in told.items():
        if name.isidentifier():
            assert column == [getattr(one, name) for one in records], name


@pytest.mark.parametrize("count", COUNTS)
def test_whoever_takes_an_item_finds_its_order_beside_it(count: int) -> None:
    """One by one, some of them, or all."""
    numbers = [str(number) for number in range(1, count + 1)]
    ways: list[Callable[[Sequence[Item]], Sequence[Item]]] = [
        lambda told: [told[index] for index in range(len(told))],
        lambda told: told[:],
        lambda told: [*told],
        lambda told: told[::-1][::-1],
    ]
    for way in ways:
        table = whole_orders(numbers, SOME)
        taken = way(table)

        assert len(table) == len(taken) == count
        assert [one.sold_to for one in taken] == ["C-100"] * count
        assert [one.sold_to for one in table[1:3]] == ["C-100"] * len(numbers[1:3])


def test_an_item_of_another_order_is_in_no_table() -> None:
    """Among few and among many, of one order and of several, its line alone fails."""
    for count in (1, FEW):
        rows = [item(str(number)) for number in range(count)]
        other = item("99", "SO-2")
        for page in (
            odata_page(order("SO-1", *rows, other)),
            odata_page(order("SO-0"), order("SO-1", *rows, other)),
        ):
            told, _ = erp_wanted(SOME).take_orders(page.body)

            assert [one.line_number for one in told.good] == [one["SalesOrderItem"] for one in rows]
            assert [(one.address, one.field) for one in told.bad] == [
                (("SO-2", "99"), "SalesOrder")
            ]
