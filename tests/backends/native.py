"""Rows and pages as the systems of the sandbox write them, and adapters to read them with."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from backends.erp.sandbox import ErpSandbox
from backends.oms.sandbox import OmsSandbox
from backends.ports import LineAddress, Readings, Refs
from backends.transport import Response
from backends.wms.sandbox import WmsSandbox
from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.facets import FulfilmentFacet, HeaderFacet, PromiseFacet, VersionFacet
from orderlines.stated import StatedPromise, StatedSlice
from tests.backends.kit import (
    EVERYTHING,
    FakeTransport,
    answering,
    lines,
    observed,
    ok,
    orders,
    soon,
)

Row: TypeAlias = dict[str, Any]  # Any: a row may be wrong in every way


def order(number: str = "SO-1", /, *items: Mapping[str, Any], **changes: Any) -> Row:  # noqa: ANN401 - as in Row
    """Write an order as the ERP does."""
    return {
        "SalesOrder": number,
        "SoldToParty": "C-100",
        "ShipToParty": "C-100-1",
        "DistributionChannel": "50",
        "PurchaseOrderByCustomer": "PO-7",
        "SalesOrderDate": "/Date(1794960000000)/",
        "TransactionCurrency": "EUR",
        "LastChangeDateTime": "/Date(1795012200000+0000)/",
        "Items": {"results": list(items)},
    } | changes


def item(line: str = "10", number: str = "SO-1", **changes: Any) -> Row:  # noqa: ANN401 - as in Row
    """Write an item as the ERP does."""
    return {
        "SalesOrder": number,
        "SalesOrderItem": line,
        "HigherLevelItem": "",
        "Material": "BV-015",
        "MaterialByCustomer": "",
        "RequestedQuantity": "12.000",
        "RequestedQuantityUnit": "CS",
        "RequestedShipDate": "/Date(1795046400000)/",
        "RequestedDeliveryDate": None,
        "Plant": "W1",
        "NetPriceAmount": "12.50",
        "Cancellations": {"results": []},
        "DropShipment": False,
        "DeliveryHoldReason": "",
        "OverdeliveryTolerancePct": "5.0",
        "DeliveredQuantity": "0.000",
    } | changes


def by_itself(item_row: Row, **changes: Any) -> Row:  # noqa: ANN401 - as in Row
    """Write an item that brings its order along."""
    head = order("SO-1", **changes)
    del head["Items"]
    return item_row | {"Order": head}


def odata_page(*results: object, link: str | None = None) -> Response:
    """Write a page as the ERP does."""
    return ok({"d": {"results": results} | ({} if link is None else {"__next": link})})


def outbound(line: str = "10", number: str = "SO-1", **changes: Any) -> Row:  # noqa: ANN401 - as in Row
    """Write a row as the WMS does."""
    return {
        "id": int(line) + 500_000,
        "order_ref": number,
        "order_line_ref": line,
        "sku": "BV-015",
        "warehouse": "W1",
        "uom": "EA",
        "decimals": 0,
        "units_ordered": 120,
        "units_allocated": 40,
        "units_picked": 80,
        "units_shipped": 80,
        "units_returned": 0,
        "mode": "STOCK",
        "allocations": [],
        "shipments": [],
        "updated_at": "2026-11-18T15:30:00",
    } | changes


def rest_page(*rows: object, cursor: str | None = None) -> Response:
    """Write a page as the WMS does."""
    return ok({"data": rows, "next_cursor": cursor, "generated_at": "2026-11-20T15:04:05"})


def slices(quantity: str = "10", on: str | None = "2026-11-24", confidence: str = "FIRM") -> Row:
    """Write a part of a promise as the OMS does."""
    return {"quantity": quantity, "date": on, "confidence": confidence}


def version(number: int, *parts: Row, basis: str = "ATP") -> Row:
    """Write a version of a promise as the OMS does."""
    made_at = f"2026-11-{10 + number:02d}T08:00:00Z"
    return {"version": number, "madeAt": made_at, "basis": basis, "slices": list(parts)}


def schedule(*versions: Row) -> Row:
    """Write a promise as the OMS does."""
    return {"__typename": "PromiseSchedule", "versions": list(versions)}


def promise_line(line: str = "10", number: str = "SO-1", **changes: Any) -> Row:  # noqa: ANN401 - as in Row
    """Write a line as the OMS does."""
    return {
        "id": f"{number}/{line}",
        "order": number,
        "line": line,
        "unit": "CS",
        "updatedAt": "2026-11-18T14:30:00Z",
        "promise": schedule(version(1, slices())),
        "substitutions": [],
    } | changes


AN_OFFER: Final[Row] = {
    "forSku": "SE-1000",
    "bySku": "SE-500",
    "ratioNumerator": 2,
    "ratioDenominator": 1,
    "proposedQuantity": "48",
    "acceptedQuantity": "0",
    "status": "PROPOSED",
    "reason": None,
}


def promise_page(*rows: object, cursor: str | None = None) -> Response:
    """Write a page as the OMS does."""
    page = {"__typename": "PromiseLinePage", "lines": rows, "nextCursor": cursor}
    return ok({"data": {"promiseLines": page}})


def failing(
    system: str, record: str, field: str, expected: str, line: str = "10"
) -> dict[LineAddress, Discrepancy]:
    """Name a line of SO-1 that could not be mapped."""
    message = f"A record could not be read as its contract says: {expected}."
    told = Discrepancy(DiscrepancyKind.FAILED_MAPPING, system, record, field, message)
    return {("SO-1", line): told}


async def read_headers(
    told: FakeTransport | Response, *addresses: LineAddress
) -> Readings[HeaderFacet]:
    """Read the order SO-1, or these lines, from an ERP that tells this."""
    erp = ErpSandbox(observed(_transport(told), "erp"))
    return await erp.read_headers(_refs(addresses), visibility=EVERYTHING, deadline=soon())


async def read_fulfilments(
    told: FakeTransport | Response, *addresses: LineAddress
) -> Readings[FulfilmentFacet]:
    """Read the order SO-1, or these lines, from a WMS that tells this."""
    wms = WmsSandbox(observed(_transport(told), "wms"))
    refs = _refs(addresses)
    return (await wms.read_fulfilments(refs, visibility=EVERYTHING, deadline=soon())).open(None)


async def read_promises(
    told: FakeTransport | Response, *addresses: LineAddress
) -> Readings[PromiseFacet]:
    """Read the order SO-1, or these lines, from an OMS that tells this."""
    oms = OmsSandbox(observed(_transport(told), "oms"))
    refs = _refs(addresses)
    return (await oms.read_promises(refs, visibility=EVERYTHING, deadline=soon())).open(None)


def words(facet: object, protocol: type) -> dict[str, object]:
    """Give everything a facet says, by the words of its protocol."""
    said = {name: getattr(facet, name) for name in dir(protocol) if not name.startswith("_")}
    if protocol is PromiseFacet and isinstance(said["promises"], tuple):
        said["promises"] = tuple(_stated(version) for version in said["promises"])
    return said


def _stated(version: VersionFacet) -> StatedPromise:
    """Copy what a version says."""
    slices = tuple(StatedSlice(one.value, one.on, one.is_firm) for one in version.slices)
    return StatedPromise(version.version, version.made_at, version.basis, slices)


def _transport(told: FakeTransport | Response) -> FakeTransport:
    return told if isinstance(told, FakeTransport) else answering(told)


def _refs(addresses: tuple[LineAddress, ...]) -> Refs:
    return lines(*addresses) if addresses else orders("SO-1")
