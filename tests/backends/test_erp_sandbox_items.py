"""The sandbox's ERP, asked for master data: packs are ratios, and a bad product is one product."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import pytest

from backends.erp.sandbox import ErpSandbox
from backends.ports import ItemReadings
from backends.transport import Response
from orderlines.discrepancy import DiscrepancyKind
from orderlines.item import Item
from orderlines.order_line import Reading
from orderlines.quantity import Ratio
from tests.backends.kit import EVERYTHING, NOW, answering, observed, soon
from tests.backends.native import odata_page


def product(sku: str, *units: tuple[str, str, str], **changes: object) -> dict[str, Any]:
    """Write a product as the ERP does."""
    packs = [
        {"AlternativeUnit": unit, "QuantityNumerator": over, "QuantityDenominator": under}
        for unit, over, under in units
    ]
    return {
        "Product": sku,
        "ProductName": "Ball valve",
        "ProductGroup": "VALVES",
        "BaseUnit": "EA",
        "DecimalPlaces": "0",
        "Units": {"results": packs},
    } | changes


async def read(told: Response, *skus: str) -> ItemReadings:
    """Read these items from an ERP that tells this."""
    erp = ErpSandbox(observed(answering(told), "erp"))
    return await erp.read_items(skus, visibility=EVERYTHING, deadline=soon())


def packs(**ratios: Ratio) -> Mapping[str, Ratio]:
    """Name packs."""
    return MappingProxyType(ratios)


async def test_products_read_as_items() -> None:
    """Exact ratios, decimals for printing, and no text where there is none."""
    told = odata_page(
        product("A", ("CS", "12", "1"), ("EA", "1", "1")),
        product(
            "B",
            ("LB", "45359237", "100000000"),
            BaseUnit="KG",
            DecimalPlaces="3",
            ProductName="",
            ProductGroup="",
        ),
    )

    assert await read(told, "A", "B", "C") == ItemReadings(
        Reading("erp", NOW),
        {
            "A": Item("A", "EA", 0, packs(CS=Ratio(12)), "Ball valve", "VALVES"),
            "B": Item("B", "KG", 3, packs(LB=Ratio(45_359_237, 100_000_000))),
        },
    )


async def test_items_are_asked_for_once_each_and_fifty_a_call() -> None:
    """A number is one literal here too."""
    inner = answering(odata_page())
    erp = ErpSandbox(observed(inner, "erp"))
    await erp.read_items(
        ["A'B", "A'B", *(f"SKU-{number}" for number in range(50))],
        visibility=EVERYTHING,
        deadline=soon(),
    )
    targets = [unquote(request.target) for request in inner.requests]

    assert [target.count(" eq ") for target in targets] == [50, 1]
    assert targets[1] == (
        "/odata/v2/Products?$filter=Product eq 'SKU-49'&$expand=Units&$format=json"
    )
    assert targets[0].startswith("/odata/v2/Products?$filter=Product eq 'A''B' or ")


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (product("B", DecimalPlaces="three"), "DecimalPlaces"),
        (product("B", DecimalPlaces="10"), "DecimalPlaces"),
        (product("B", BaseUnit=""), "BaseUnit"),
        (product("B", ("CS", "0", "1")), "Units.results[0].QuantityNumerator"),
        (product("B", ("CS", "12", "-1")), "Units.results[0].QuantityDenominator"),
        (product("B", ("CS", "12.0", "1")), "Units.results[0].QuantityNumerator"),
        (product("B", ("CS", "1" * 16, "1")), "Units.results[0].QuantityNumerator"),
        (product("B", Units={"__deferred": {}}), "Units.results"),
    ],
)
async def test_a_bad_product_is_one_product(bad: dict[str, Any], field: str) -> None:
    """The others stand, and what is wrong is told by its field."""
    readings = await read(odata_page(product("A"), bad, product("D")), "A", "B", "C")
    told = readings.failed["B"]

    assert (set(readings.items), set(readings.failed)) == ({"A"}, {"B"})
    assert (told.kind, told.system, told.record, told.field) == (
        DiscrepancyKind.FAILED_MAPPING,
        "erp",
        "B",
        field,
    )


async def test_a_product_that_has_no_name_may_be_any_that_is_missing() -> None:
    """Then "there is none" would be a guess, so the missing ones fail."""
    readings = await read(odata_page(product("A"), product("B") | {"Product": 7}), "A", "B", "C")

    assert (set(readings.items), set(readings.failed)) == ({"A"}, {"B", "C"})
    assert readings.failed["C"].field == "Product"


async def test_a_product_stated_twice_is_a_duplicate() -> None:
    """Two pack tables for one item: neither is believed."""
    readings = await read(odata_page(product("A"), product("A", ("CS", "6", "1"))), "A")

    assert readings.failed["A"].kind is DiscrepancyKind.DUPLICATE
