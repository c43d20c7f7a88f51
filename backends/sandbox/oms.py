"""The OMS of the sandbox: what was promised, and what was offered instead, in GraphQL.

    POST /graphql   {"query": "…", "variables": {…}, "operationName": null}

The schema is `SDL` below; it can only be read from. One field answers everything:

    promiseLines(orders: ["SO-1001"])                        whole orders
    promiseLines(lines: [{order: "SO-1001", line: "10"}])    single lines
    promiseLines(customerOrders: ["PO-4711"])                by the customer's number

It takes exactly one of the three, at most 500 keys, and gives `first` lines (1 to
1000) from `after` on. A promise is a schedule with every version made so far, the
last in force; or pending; or not tracked. Quantities are decimal text: of a promise
in the order's unit, of a substitution in the substitute's base unit. Stamps are UTC.

What the business refuses is data, with HTTP 200: `Refused` with the code `THROTTLED`
(and `retryAfterMs`) when asked too much, `TOO_MANY_KEYS`, or `BAD_REQUEST`. A query
the schema does not know is 200 with `errors`; a body that is no GraphQL request is
400; a broken system is 502.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeAlias
from zlib import crc32

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backends.sandbox.control import create_app, json_response
from backends.sandbox.faults import Manners, Mode
from backends.sandbox.oms_rows import Told, instant, line_row
from backends.sandbox.snapshot import one_change_ago
from backends.sandbox.world import Line, Order, World

MAX_KEYS: Final = 500
MAX_ROWS: Final = 1000
MAX_TOKENS: Final = 20_000
KEYS: Final = ("orders", "lines", "customerOrders")

SDL: Final = '''
"""What the OMS promised. Read-only."""
type Query {
  promiseLines(
    orders: [String!], lines: [LineInput!], customerOrders: [String!],
    first: Int = 1000, after: String
  ): PromiseLinesResult!
}
input LineInput { order: String! line: String! }
union PromiseLinesResult = PromiseLinePage | Refused
type PromiseLinePage { lines: [PromiseLine!]! nextCursor: String asOf: String! }
type Refused { code: String! message: String! retryAfterMs: Int }
type PromiseLine {
  id: ID!
  order: String!
  line: String!
  customerOrder: String
  unit: String!
  requested: String!
  promise: Promise!
  substitutions: [Substitution!]!
  updatedAt: String!
}
union Promise = PromiseSchedule | PromisePending | PromiseNotTracked
"""Every version made so far, oldest first; the last is in force."""
type PromiseSchedule { versions: [PromiseVersion!]! }
"""`basis` is ATP, SCHEDULE, MANUAL or EDI_ACK."""
type PromiseVersion { version: Int! madeAt: String! basis: String! slices: [Slice!]! }
"""`confidence` is FIRM or LOW; without a date the schedule is pending."""
type Slice { quantity: String! date: String confidence: String! }
type PromisePending { reason: String! }
type PromiseNotTracked { reason: String! }
"""The ratio is substitute units per ordered unit, in base units."""
type Substitution {
  forSku: String!
  bySku: String!
  ratioNumerator: Int!
  ratioDenominator: Int!
  proposedQuantity: String!
  acceptedQuantity: String!
  status: String!
  reason: String
}
'''
_SCHEMA: Final = build_schema(SDL)

Found: TypeAlias = Iterator[tuple[Order, Line]]


class GraphQLRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of a request."""

    query: str
    variables: dict[str, Any] | None = None  # Any: whatever the query's variables are
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None  # Any: not looked at


def create_oms(world: World) -> Starlette:
    """Make the OMS of a world."""
    by_customer_order: dict[str, list[Order]] = {}
    for order in world.orders.values():
        if order.purchase_order:
            by_customer_order.setdefault(order.purchase_order, []).append(order)

    async def answer(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=GraphQLRequest)
        except msgspec.DecodeError as error:
            return _errors([{"message": str(error)}], 400)
        document = _document(asked.query)
        if not isinstance(document, DocumentNode):
            return _errors([error.formatted for error in document])
        catalogue = Catalogue(world, by_customer_order, request.scope["fault"].mode)
        root: Told = {"promiseLines": catalogue.promise_lines}
        result = execute_sync(
            _SCHEMA,
            document,
            root_value=root,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
        )
        return json_response(result.formatted)

    return create_app(
        "oms",
        world,
        [Route("/graphql", answer, methods=["POST"])],
        Manners(
            refuse=lambda status, _, message: _errors([{"message": message}], status),
            failed=_errors([{"message": "Bad gateway"}], 502),
            throttled=None,
            spoil=_spoil,
        ),
    )


@lru_cache(maxsize=64)
def _document(query: str) -> DocumentNode | tuple[GraphQLError, ...]:
    """Parse and validate a query, once per text."""
    try:
        document = parse(query, max_tokens=MAX_TOKENS)
        return tuple(validate(_SCHEMA, document)) or document
    except GraphQLError as error:
        return (error,)


class Catalogue:
    """The one field of the query: finds the lines and tells of them."""

    def __init__(
        self, world: World, by_customer_order: Mapping[str, list[Order]], fault: Mode
    ) -> None:
        self._world = world
        self._by_customer_order = by_customer_order
        self._fault = fault

    def promise_lines(self, _info: GraphQLResolveInfo[None], **asked: Any) -> Told:  # noqa: ANN401 - checked by the schema
        """Answer with a page of lines, or with a refusal."""
        if self._fault == "throttle":
            return _refused("THROTTLED", "Too many requests.", 1000)
        given = [name for name in KEYS if asked.get(name) is not None]
        if len(given) != 1:
            return _refused("BAD_REQUEST", f"Give exactly one of {', '.join(KEYS)}.")
        keys = asked[given[0]]
        if len(keys) > MAX_KEYS:
            return _refused("TOO_MANY_KEYS", f"At most {MAX_KEYS} keys a question.")
        first = MAX_ROWS if asked.get("first") is None else asked["first"]
        if not 1 <= first <= MAX_ROWS:
            return _refused("BAD_REQUEST", f"first is 1 to {MAX_ROWS}.")
        stamp = f"{crc32(repr((given, keys)).encode()):08x}"
        cursor = f"0-{stamp}" if asked.get("after") is None else asked["after"]
        position = re.fullmatch(f"([0-9]{{1,9}})-{stamp}", cursor)
        if position is None:
            return _refused("BAD_REQUEST", "The cursor does not belong to this question.")
        return self._page(self._found(given[0], keys), int(position[1]), first, stamp)

    def _found(self, by: str, keys: list[Any]) -> Found:  # Any: as the schema has them
        """Find the lines, in the order asked; no line twice."""
        orders = self._world.orders
        if by == "lines":
            for order, line in dict.fromkeys((key["order"], key["line"]) for key in keys):
                if order in orders and line in orders[order].lines:
                    yield orders[order], orders[order].lines[line]
            return
        for key in dict.fromkeys(keys):
            named = [orders[key]] if by == "orders" and key in orders else []
            for order in self._by_customer_order.get(key, []) if by == "customerOrders" else named:
                yield from ((order, line) for line in order.lines.values())

    def _page(self, found: Found, skip: int, first: int, stamp: str) -> Told:
        lines = [
            line_row(order, one_change_ago(line) if self._fault == "stale" else line)
            for order, line in islice(found, skip, skip + first)
        ]
        has_more = next(found, None) is not None
        return {
            "__typename": "PromiseLinePage",
            "lines": lines,
            "nextCursor": f"{skip + first}-{stamp}" if has_more else None,
            "asOf": instant(self._world.now),
        }


def _refused(code: str, message: str, retry_after_ms: int | None = None) -> Told:
    return {
        "__typename": "Refused",
        "code": code,
        "message": message,
        "retryAfterMs": retry_after_ms,
    }


def _spoil(page: Any) -> None:  # noqa: ANN401 - a decoded page
    """Spoil the promise of the first line of the first page, whatever the client calls them."""
    for told in (page.get("data") or {}).values():
        for rows in told.values() if isinstance(told, dict) else ():
            if isinstance(rows, list) and rows:
                rows[0]["promise" if "promise" in rows[0] else next(iter(rows[0]))] = ["soon"]
                return


def _errors(errors: Sequence[Mapping[str, object]], status: int = 200) -> Response:
    return json_response({"errors": errors, "data": None}, status)
