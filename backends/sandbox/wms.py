"""The WMS of the sandbox: what was allocated and shipped, in a REST dialect.

    GET /v2/outbound-lines?orders=SO-1001,SO-1002&limit=500
    GET /v2/outbound-lines?lines=SO-1001:10,SO-1001:20&limit=500&cursor=…
    → {"data": [ROW…], "next_cursor": null, "generated_at": "2026-11-20T15:04:05"}

A row is one warehouse's part of an order line, so a line may have several rows, or
none. All its quantities are whole numbers of 10^-`decimals` of its `uom`, which is
the item's base unit. `units_allocated` is what is set aside and has not left;
`units_shipped` is what left of the ordered item, and what came back is not taken
off. A shipment names its own `sku`: a substitute's is another. Null is "not yet"; a
quantity the warehouse does not track has no key. Stamps have no zone and are the
local time of Europe/Berlin.

`fields=id,order_ref,…` asks for these keys of a row and no others.

At most 200 references a request, separated by commas; `limit` is 1 to 1000 and 500
where it is left out. The text is cut at `,` and `:` *before* it is decoded: encode
each order and line number by itself, and both may hold any character. One that is
encoded twice is understood too. A cursor belongs to the question that gave it.

An error is `{"error", "message"}`: 400 `bad_request`, 403 `rate_limited` when asked
too much, 500 `internal` when broken.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote
from zlib import crc32

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backends.sandbox.control import create_app, json_response
from backends.sandbox.faults import Manners
from backends.sandbox.refusal import RefusedError
from backends.sandbox.snapshot import one_change_ago
from backends.sandbox.world import BERLIN, Line, Order, Tracked, WarehouseRow, World

MAX_REFERENCES: Final = 200
MAX_ROWS: Final = 1000
DEFAULT_ROWS: Final = 500
PARAMETERS: Final = frozenset({"orders", "lines", "limit", "cursor", "fields"})


class Allocation(msgspec.Struct):
    """Stock set aside."""

    warehouse: str
    units: int
    lot: str | None
    allocated_at: str


class Shipment(msgspec.Struct):
    """Goods that left."""

    shipment: str
    warehouse: str
    sku: str
    units: int
    shipped_at: str
    delivered_at: str | None
    carrier: str


class OutboundLine(msgspec.Struct):
    """One warehouse's part of an order line."""

    id: int
    order_ref: str
    order_line_ref: str
    sku: str
    warehouse: str
    uom: str
    decimals: int
    units_ordered: int
    units_allocated: Tracked
    units_picked: Tracked
    units_shipped: Tracked
    units_returned: int
    mode: str
    allocations: list[Allocation]
    shipments: list[Shipment]
    updated_at: str


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a request, understood.

    Attributes:
        references: Still encoded: an order, or an order and a line.
        fields: The keys of a row that are wanted; None for all.
        stamp: Of the question, to know its cursors by.
        is_stale: Whether to answer from the older snapshot.
    """

    references: tuple[tuple[str, ...], ...]
    fields: frozenset[str] | None
    limit: int
    skip: int
    stamp: str
    is_stale: bool


def create_wms(world: World) -> Starlette:
    """Make the WMS of a world."""

    async def read(request: Request) -> Response:
        try:
            question = _understand(request)
        except RefusedError as error:
            return _error(400, "bad_request", str(error))
        return _page(question, outbound_lines(world, question), world.now)

    return create_app(
        "wms",
        world,
        [Route("/v2/outbound-lines", read, methods=["GET"])],
        Manners(
            refuse=_error,
            failed=_error(500, "internal", "Something broke."),
            throttled=_error(403, "rate_limited", "Too many requests in a row."),
            spoil=_spoil,
        ),
    )


def outbound_lines(world: World, question: Question) -> Iterator[OutboundLine]:
    """Tell of every row that is meant, in the order asked; of no row twice."""
    told: set[tuple[str, str]] = set()
    for reference in question.references:
        for order, line in _meant(world, reference):
            if (order.number, line.number) not in told:
                told.add((order.number, line.number))
                known = one_change_ago(line) if question.is_stale else line
                yield from (_row(order, known, row) for row in known.wms)


def _meant(world: World, reference: tuple[str, ...]) -> Iterator[tuple[Order, Line]]:
    """Find what a reference names: decoded once, or twice where that names nothing."""
    once = tuple(unquote(part) for part in reference)
    for number, *line_number in (once, tuple(unquote(part) for part in once)):
        order = world.orders.get(number)
        if order is None:
            continue
        if not line_number:
            yield from ((order, line) for line in order.lines.values())
            return
        if line_number[0] in order.lines:
            yield order, order.lines[line_number[0]]
            return


def _understand(request: Request) -> Question:
    parameters = _parameters(request.scope["query_string"].decode("latin-1"))
    asked = [name for name in ("orders", "lines") if name in parameters]
    if len(asked) != 1:
        msg = "Give either orders or lines."
        raise RefusedError(msg)
    text = parameters[asked[0]]
    parts = 1 if asked == ["orders"] else 2
    references = tuple(tuple(part.split(":")) if parts > 1 else (part,) for part in text.split(","))
    if len(references) > MAX_REFERENCES:
        msg = f"At most {MAX_REFERENCES} references a request."
        raise RefusedError(msg)
    if any(len(reference) != parts or not all(reference) for reference in references):
        msg = f"A reference in {asked[0]} is empty or has the wrong number of parts."
        raise RefusedError(msg)
    stamp = f"{crc32(f'{asked[0]}={text}'.encode()):08x}"
    return Question(
        references,
        fields=_fields(parameters.get("fields")),
        limit=_limit(parameters),
        skip=_position(parameters.get("cursor"), stamp),
        stamp=stamp,
        is_stale=request.scope["fault"].mode == "stale",
    )


def _parameters(query: str) -> dict[str, str]:
    """Cut the query into parameters; their values stay encoded."""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    parameters = {unquote(name): value for name, _, value in pairs}
    unknown = [name for name in parameters if name not in PARAMETERS]
    if unknown:
        msg = f"There is no parameter '{unknown[0]}'."
        raise RefusedError(msg)
    if len(parameters) < len(pairs):
        msg = "A parameter is given more than once."
        raise RefusedError(msg)
    return parameters


def _fields(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    fields = frozenset(text.split(","))
    unknown = sorted(fields - frozenset(OutboundLine.__struct_fields__))
    if unknown:
        msg = f"A row has no field '{unknown[0]}'."
        raise RefusedError(msg)
    return fields


def _limit(parameters: Mapping[str, str]) -> int:
    text = parameters.get("limit", str(DEFAULT_ROWS))
    if re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= MAX_ROWS:
        return int(text)
    msg = f"limit is a whole number from 1 to {MAX_ROWS}."
    raise RefusedError(msg)


def _position(cursor: str | None, stamp: str) -> int:
    """Read the position out of a cursor of this very question."""
    if cursor is None:
        return 0
    found = re.fullmatch("([0-9]{1,9})-([0-9a-f]{8})", cursor)
    if found is None or found[2] != stamp:
        msg = "The cursor does not belong to this question."
        raise RefusedError(msg)
    return int(found[1])


def _page(question: Question, rows: Iterator[OutboundLine], now: datetime) -> Response:
    end = question.skip + question.limit
    data = [_told(row, question.fields) for row in islice(rows, question.skip, end)]
    has_more = next(rows, None) is not None
    return json_response(
        {
            "data": data,
            "next_cursor": f"{end}-{question.stamp}" if has_more else None,
            "generated_at": _local(now),
        }
    )


def _told(row: OutboundLine, fields: frozenset[str] | None) -> object:
    """Give what is wanted of a row."""
    if fields is None:
        return row
    whole: dict[str, object] = msgspec.to_builtins(row)
    return {name: value for name, value in whole.items() if name in fields}


def _row(order: Order, line: Line, row: WarehouseRow) -> OutboundLine:
    return OutboundLine(
        id=row.id,
        order_ref=order.number,
        order_line_ref=line.number,
        sku=line.sku,
        warehouse=row.warehouse,
        uom=row.unit,
        decimals=row.decimals,
        units_ordered=row.ordered,
        units_allocated=row.allocated,
        units_picked=row.picked,
        units_shipped=row.shipped,
        units_returned=row.returned,
        mode=row.mode,
        allocations=[
            Allocation(one.warehouse, one.units, one.lot, _local(one.at)) for one in row.allocations
        ],
        shipments=[
            Shipment(
                one.number,
                one.warehouse,
                one.sku,
                one.units,
                _local(one.shipped_at),
                None if one.delivered_at is None else _local(one.delivered_at),
                one.carrier,
            )
            for one in row.shipments
        ],
        updated_at=_local(row.changed_at),
    )


def _local(at: datetime) -> str:
    return at.astimezone(BERLIN).replace(tzinfo=None).isoformat(timespec="seconds")


def _spoil(page: Any) -> None:  # noqa: ANN401 - a decoded page
    if page.get("data"):
        page["data"][0]["units_shipped"] = "many"


def _error(status: int, word: str, message: str) -> Response:
    return json_response({"error": word.lower(), "message": message}, status)
