"""The sandbox's OMS, spoken to: what was promised and offered instead, by GraphQL.

One query for each choice of facts; which lines are meant travels in its variables, in
exactly one of three lists: orders, lines, or the customer's own order numbers. Several
orders may share one of those, so what comes back is taken by order and line number only.

The OMS refuses inside an answer of HTTP 200: `Refused` with a code.

A caller's visibility is not sent: the query has no argument for it.
"""

from collections.abc import Awaitable
from dataclasses import replace
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

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
from backends.freshness import LIVE, Wanted
from backends.graphql import Query
from backends.observe import ObservedTransport
from backends.oms.sandbox_query import LineInput, Variables, cursor_of, following, wanted_of
from backends.oms.sandbox_rows import Line
from backends.pages import Asking, by_cursor
from backends.ports import Refs, Sealed
from backends.rows import Asked
from backends.sealed import Seal, sealing
from backends.underway import begin, begin_one
from orderlines.deadline import Deadline
from orderlines.facets import EVERYTHING, Facts, PromiseFacet, Section
from orderlines.identity import CUSTOMER
from orderlines.visibility import Visibility

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


Way: TypeAlias = tuple[Query[Variables], Seal[Line]]
"""What is asked, and what an answer is sealed with."""


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
        self._way = lru_cache(maxsize=64)(self._made_way)
        self._look = by_cursor(
            self.name,
            b'"nextCursor"',
            partial(cursor_of, self.name),
            following,
            # It says so inside a 200, if at all.
            is_throttled=lambda _: False,
        )

    def read_promises(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Awaitable[Sealed[PromiseFacet]]:
        """Read the promises of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked, (query, seal) = Asked.of(refs), self._way(facts)
        number, table = asked.only_order, self.capabilities
        asking = Asking(visibility, deadline, wanted, asked)
        if number is not None and table.ask_by is AskBy.ORDER_NUMBER:  # as mostly
            question = query.question(Variables(orders=[number], first=table.page_rows))
            return begin_one(self._transport, question, self._look, asking, seal)
        questions = [query.question(one) for one in self._variables(refs, asked)]
        return begin(self._transport, questions, self._look, asking, seal)

    def _made_way(self, facts: Facts) -> Way:
        """Choose what to ask, and how answers are opened."""
        shape = wanted_of(facts)
        return shape.query, sealing(self._transport, partial(shape.take_lines, self.name))

    def _variables(self, refs: Refs, asked: Asked) -> list[Variables]:
        most, first = self.capabilities.max_batch, self.capabilities.page_rows
        if self.capabilities.ask_by is AskBy.CUSTOMER_PO:
            known = (ref.known_as(CUSTOMER) for ref in refs)
            numbers = list(dict.fromkeys(xref.document for xref in known if xref is not None))
            return [Variables(customer_orders=some, first=first) for some in _cut(numbers, most)]
        if asked.orders:
            return [Variables(orders=some, first=first) for some in _cut(list(asked.orders), most)]
        lines = [LineInput(order, line) for order, line in asked.lines]
        return [Variables(lines=some, first=first) for some in _cut(lines, most)]


def _cut(keys: list[T], most: int) -> list[list[T]]:
    return [keys[start : start + most] for start in range(0, len(keys), most)]
