"""The sandbox's OMS, spoken to: what was promised and offered instead, by GraphQL.

One constant query; what is asked for travels in its variables, in exactly one of
three lists: orders, lines, or the customer's own order numbers. Several orders may
share one of those, so what comes back is taken by order and line number only.

The OMS refuses inside an answer of HTTP 200: `Refused` with a code.

A caller's visibility is not sent: the query has no argument for it.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from backends import graphql
from backends.capabilities import (
    AskBy,
    Basis,
    Capabilities,
    DeltaLevel,
    Evidence,
    NumberType,
    PageStyle,
    QuantityName,
    Throttling,
)
from backends.observe import ObservedTransport
from backends.oms.sandbox_rows import LineIds, PromiseLine, check_lines, checked
from backends.outcomes import invalid, unavailable
from backends.pages import SealedPages, by_cursor, fetch
from backends.ports import Refs, Sealed
from backends.reasons import Reason
from backends.rows import UNREADABLE, Asked, Rows, sort_out
from backends.transport import Request
from orderlines.deadline import Deadline
from orderlines.facets import PromiseFacet, Section
from orderlines.identity import CUSTOMER
from orderlines.visibility import Visibility

R = TypeVar("R")
T = TypeVar("T")

CAPABILITIES: Final = Capabilities(
    sections=frozenset({Section.PROMISE}),
    quantities=MappingProxyType(
        {QuantityName.PROMISED: Basis.TOTAL, QuantityName.SUBSTITUTED: Basis.TOTAL}
    ),
    ask_by=AskBy.ORDER_NUMBER,
    calls=1,
    max_batch=200,
    page_style=PageStyle.CURSOR,
    page_rows=1000,
    delta=DeltaLevel.LINE,
    throttling=Throttling.IN_BODY,
    numbers=NumberType.DECIMAL_STRING,
    evidence=Evidence.DOCUMENTED,
)


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line asked for by itself."""

    order: str
    line: str


class Variables(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What changes from question to question; one of the first three is given."""

    orders: list[str] | None = None
    lines: list[Line] | None = None
    customer_orders: list[str] | None = None
    first: int | None = None
    after: str | None = None


# The cursor comes last, where it is found without decoding the lines.
QUERY: Final = graphql.Query(
    "/graphql",
    """
    query Promises(
      $orders: [String!], $lines: [LineInput!], $customerOrders: [String!],
      $first: Int, $after: String
    ) {
      promiseLines(
        orders: $orders, lines: $lines, customerOrders: $customerOrders,
        first: $first, after: $after
      ) {
        __typename
        ... on PromiseLinePage {
          lines {
            id order line unit updatedAt
            promise {
              __typename
              ... on PromiseSchedule {
                versions { version madeAt basis slices { quantity date confidence } }
              }
            }
            substitutions {
              forSku bySku ratioNumerator ratioDenominator
              proposedQuantity acceptedQuantity status reason
            }
          }
          nextCursor
        }
        ... on Refused { code }
      }
    }
    """,
    Variables,
)


class PromiseLinePage(
    msgspec.Struct,
    Generic[R],
    frozen=True,
    gc=False,
    rename="camel",
    tag_field="__typename",
    tag="PromiseLinePage",
):
    """Lines, and where to go on."""

    lines: list[R]
    next_cursor: str | None


class Refused(msgspec.Struct, frozen=True, gc=False, tag_field="__typename", tag="Refused"):
    """No, and why."""

    code: str


class Data(msgspec.Struct, Generic[R], frozen=True, gc=False, rename="camel"):
    """The answer to the one query."""

    promise_lines: PromiseLinePage[R] | Refused


class OmsSandbox:
    """A `PromiseSource`.

    Args:
        transport: Leads to the system.
        ask_by: ORDER_NUMBER, or CUSTOMER_PO for an OMS that knows orders by the
            customer's number only. Lines whose number is not known are then not
            asked for.
    """

    def __init__(self, transport: ObservedTransport, *, ask_by: AskBy = AskBy.ORDER_NUMBER) -> None:
        self.name = transport.system
        self.capabilities = replace(CAPABILITIES, ask_by=ask_by)
        self._transport = transport
        self._look = by_cursor(
            self.name,
            b'"nextCursor"',
            self._cursor_of,
            _following,
            # It says so inside a 200, if at all.
            is_throttled=lambda _: False,
        )

    async def read_promises(
        self,
        refs: Refs,
        *,
        visibility: Visibility,  # noqa: ARG002 - see the module: cannot be sent
        deadline: Deadline,
    ) -> Sealed[PromiseFacet]:
        """Read the promises of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked = Asked.of(refs)
        questions = [QUERY.question(variables) for variables in self._variables(refs, asked)]
        reading, bodies = await fetch(self._transport, questions, self._look, deadline=deadline)
        return SealedPages(reading, asked, bodies, self._take, self._transport)

    def _variables(self, refs: Refs, asked: Asked) -> list[Variables]:
        most, first = self.capabilities.max_batch, self.capabilities.page_rows
        if self.capabilities.ask_by is AskBy.CUSTOMER_PO:
            known = (ref.known_as(CUSTOMER) for ref in refs)
            numbers = list(dict.fromkeys(xref.document for xref in known if xref is not None))
            return [Variables(customer_orders=some, first=first) for some in _cut(numbers, most)]
        if asked.orders:
            return [Variables(orders=some, first=first) for some in _cut(list(asked.orders), most)]
        lines = [Line(order, line) for order, line in asked.lines]
        return [Variables(lines=some, first=first) for some in _cut(lines, most)]

    def _cursor_of(self, body: bytes) -> str | None:
        return self._page(_ENVELOPE.decode(body)).next_cursor

    def _take(self, body: bytes) -> Rows[PromiseLine]:
        """Take the lines out of a page."""
        try:
            lines = self._page(_PAGE.decode(body)).lines
            check_lines(lines)
            return Rows(lines)
        except UNREADABLE:
            raws = self._page(_ENVELOPE.decode(body)).lines
            return sort_out(raws, lambda raw: checked(_LINE.decode(raw)), _LINE_IDS.decode)

    def _page(self, answer: graphql.Answer[Data[R]]) -> PromiseLinePage[R]:
        """Give the page of an answer, or raise what the answer says instead."""
        if answer.errors or answer.data is None:
            said = b" ".join(bytes(one) for one in answer.errors or ()).decode(errors="replace")
            raise invalid(self.name, said, Reason.REFUSED)
        result = answer.data.promise_lines
        if isinstance(result, PromiseLinePage):
            return result
        reason = Reason.THROTTLED if result.code == "THROTTLED" else Reason.REFUSED
        raise unavailable(self.name, reason, result.code)


_ENVELOPE: Final = msgspec.json.Decoder(graphql.Answer[Data[msgspec.Raw]])
_PAGE: Final = msgspec.json.Decoder(graphql.Answer[Data[PromiseLine]])
_LINE: Final = msgspec.json.Decoder(PromiseLine)
_LINE_IDS: Final = msgspec.json.Decoder(LineIds)


def _following(asked: Request, cursor: str) -> Request:
    return QUERY.question(msgspec.structs.replace(QUERY.variables_of(asked), after=cursor))


def _cut(keys: list[T], most: int) -> list[list[T]]:
    return [keys[start : start + most] for start in range(0, len(keys), most)]
