"""Each state as its three systems tell it, over HTTP, line by line of the first order."""

from typing import Any

import httpx2

PROMISES = """
query {
  promiseLines(orders: ["SO-1001"]) {
    ... on PromiseLinePage {
      lines {
        line
        promise {
          __typename
          ... on PromiseSchedule { versions { slices { quantity date confidence } } }
          ... on PromisePending { reason }
        }
        substitutions {
          bySku ratioNumerator ratioDenominator proposedQuantity acceptedQuantity status
        }
      }
    }
  }
}
"""

# What the ERP says of each line: ordered, posted as delivered, cancelled, and what is special.
ERP = {
    "10": ("10.000 CS BV-015", "10.000", [], ""),
    "20": ("10.000 CS BV-020", "6.000", [], ""),
    "30": ("2.000 PAL BV-015", "0.000", [], ""),
    "40": ("6.000 CS EL-015", "0.000", [], ""),
    "50": ("20.000 LB GR-400", "0.000", [], ""),
    "60": ("6.000 EA GV-050", "0.000", ["6.000 CUSTOMER NO_LONGER_NEEDED"], ""),
    "70": ("6.000 CS EL-015", "4.000", ["2.000 SUPPLIER DISCONTINUED"], ""),
    "80": ("4.000 CS SE-1000", "0.000", [], ""),
    "90": ("4.000 CS SE-1000", "0.000", [], ""),
    "100": ("2.000 CS SE-1000", "0.000", [], ""),
    "110": ("10.000 CS EL-015", "6.000", [], ""),
    "120": ("2.000 EA PU-900", "2.000", [], "drop shipment"),
    "130": ("20.000 CS EL-015", "20.800", [], ""),
    "140": ("8.000 CS EL-015", "0.000", [], ""),
    "150": ("5.000 CS EL-015", "5.000", [], ""),
    "160": ("3.000 EA GV-050", "0.000", [], "CREDIT_LIMIT"),
    "170": ("3.000 BX FL-200", "0.000", [], ""),
    "180": ("5.000 CS EL-015", "4.000", [], ""),
}

# What the OMS says: every version as its slices, and every offer.
OMS = {
    "10": (["10 2026-11-18 FIRM"], []),
    "20": (["6 2026-11-18 FIRM, 2 2026-11-24 FIRM"], []),
    "30": (["2 2026-11-24 FIRM"], []),
    "40": ("ATP_CHECK_RUNNING", []),
    "50": (["20 2026-11-27 FIRM"], []),
    "60": (["6 2026-11-18 FIRM", ""], []),
    "70": (["4 2026-11-18 FIRM"], []),
    "80": (["2 2026-11-18 FIRM, 2 2026-11-24 FIRM"], ["SE-500 2/1 48 48 ACCEPTED"]),
    "90": (["4 2026-12-04 LOW"], ["SE-500 2/1 48 0 PROPOSED"]),
    "100": (["2 2026-12-04 LOW"], ["SE-500 2/1 24 0 PROPOSED"]),
    "110": (["6 2026-11-18 FIRM, 4 2026-11-24 FIRM"], []),
    "120": (["2 2026-11-18 FIRM"], []),
    "130": (["20 2026-11-18 FIRM"], []),
    "140": (["8 2026-11-18 FIRM", "4 2026-11-24 FIRM, 4 2026-12-01 LOW"], []),
    "150": (["5 2026-11-18 FIRM"], []),
    "160": ("ORDER_ON_HOLD", []),
    "170": (["3 2026-11-24 FIRM"], []),
    "180": (["5 2026-11-18 FIRM"], []),
}

# What the WMS says, a row for each warehouse: ordered, allocated, shipped, returned; shipments.
WMS: dict[str, list[tuple[str, str, list[str]]]] = {
    "10": [("W1", "120 EA: 0, 120, 0", ["120 BV-015"])],
    "20": [("W1", "120 EA: 24, 72, 0", ["72 BV-020"])],
    "30": [("W1", "960 EA: 960, 0, 0", [])],
    "40": [],
    "50": [("W1", "9072 KG: None, None, 0", [])],
    "60": [("W1", "6 EA: 0, 0, 0", [])],
    "70": [("W1", "300 EA: 0, 200, 0", ["200 EL-015"])],
    "80": [("W1", "24 EA: 0, 0, 0", ["24 SE-500"])],
    "90": [("W1", "24 EA: 0, 0, 0", [])],
    "100": [("W1", "12 EA: 0, 0, 0", ["24 SE-500"])],
    "110": [("W1", "300 EA: 0, 300, 0", ["300 EL-015"]), ("W2", "200 EA: 200, 0, 0", [])],
    "120": [("DROP_SHIP", "2 EA: None, 2, 0", ["2 PU-900"])],
    "130": [("W1", "1000 EA: 0, 1040, 0", ["1040 EL-015"])],
    "140": [("W1", "400 EA: None, 0, 0", [])],
    "150": [("W1", "250 EA: 0, 250, 50", ["250 EL-015"])],
    "160": [("W1", "3 EA: None, None, 0", [])],
    "170": [("W1", "30 EA: 30, 0, 0", [])],
    "180": [("W1", "250 EA: 0, 300, 0", ["300 EL-015"])],
}


async def test_the_erp_tells_its_part_of_every_state(erp: httpx2.AsyncClient) -> None:
    """Requested and cancelled are in the customer's unit, as decimal text."""
    answer = await erp.get(
        "/odata/v2/SalesOrders", params={"$filter": "SalesOrder eq 'SO-1001'", "$expand": "Items"}
    )
    items = answer.json()["d"]["results"][0]["Items"]["results"]

    assert {item["SalesOrderItem"]: _erp_view(item) for item in items} == ERP


async def test_the_oms_tells_its_part_of_every_state(oms: httpx2.AsyncClient) -> None:
    """Promises are in the order's unit, version by version; offers in the substitute's."""
    answer = await oms.post("/graphql", json={"query": PROMISES})
    lines = answer.json()["data"]["promiseLines"]["lines"]

    assert {line["line"]: _oms_view(line) for line in lines} == OMS


async def test_the_wms_tells_its_part_of_every_state(wms: httpx2.AsyncClient) -> None:
    """Allocated and shipped are whole numbers of the last decimal of the base unit."""
    answer = await wms.get("/v2/outbound-lines?orders=SO-1001")
    seen: dict[str, list[tuple[str, str, list[str]]]] = {number: [] for number in WMS}
    for row in answer.json()["data"]:
        seen[row["order_line_ref"]].append(_wms_view(row))

    assert seen == WMS


def _erp_view(item: dict[str, Any]) -> tuple[str, str, list[str], str]:
    special = "drop shipment" if item["DropShipment"] else item["DeliveryHoldReason"]
    return (
        f"{item['RequestedQuantity']} {item['RequestedQuantityUnit']} {item['Material']}",
        item["DeliveredQuantity"],
        [
            f"{one['Quantity']} {one['CancelledBy']} {one['Reason']}"
            for one in item["Cancellations"]["results"]
        ],
        special,
    )


def _oms_view(line: dict[str, Any]) -> tuple[object, list[str]]:
    promise = line["promise"]
    told: object = promise.get("reason")
    if promise["__typename"] == "PromiseSchedule":
        told = [
            ", ".join(f"{one['quantity']} {one['date']} {one['confidence']}" for one in v["slices"])
            for v in promise["versions"]
        ]
    offers = [
        f"{one['bySku']} {one['ratioNumerator']}/{one['ratioDenominator']} "
        f"{one['proposedQuantity']} {one['acceptedQuantity']} {one['status']}"
        for one in line["substitutions"]
    ]
    return told, offers


def _wms_view(row: dict[str, Any]) -> tuple[str, str, list[str]]:
    levels = ", ".join(str(row[f"units_{level}"]) for level in ("allocated", "shipped", "returned"))
    return (
        row["warehouse"] or row["mode"],
        f"{row['units_ordered']} {row['uom']}: {levels}",
        [f"{one['units']} {one['sku']}" for one in row["shipments"]],
    )
