"""The sandbox's WMS, spoken to: what was allocated and shipped, by REST.

    whole orders    /v2/outbound-lines?orders=SO-1001,SO-1002&limit=1000&fields=id,…
    single lines    /v2/outbound-lines?lines=SO-1001:10,SO-1001:20&limit=1000&fields=id,…&cursor=…

The WMS cuts its lists at `,` and `:` before it decodes them, so each number is encoded
by itself, once, and may hold any character. It throttles with HTTP 403 and a word.

A caller's visibility is not sent: a row names no customer and no channel, and its
warehouse is not the one the order was placed on.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

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
from backends.observe import ObservedTransport
from backends.pages import Asking, by_cursor, in_batches
from backends.ports import LineAddress, Refs, Sealed
from backends.rows import UNREADABLE, Asked, Rows, sort_out
from backends.sealed import Seal, sealing
from backends.transport import Headers, Request, Response
from backends.underway import begin, begin_one
from backends.wanted import requiring
from backends.wms.sandbox_rows import (
    MAKERS,
    USUAL_MAKERS,
    USUAL_TYPES,
    ZONE,
    OutboundLine,
    RowIds,
    Units,
    in_bounds,
    usual_columns,
)
from orderlines.deadline import Deadline
from orderlines.facets import EVERYTHING, Fact, Facts, FulfilmentFacet, Section
from orderlines.table import Table
from orderlines.visibility import Visibility

R = TypeVar("R")

PATH: Final = "/v2/outbound-lines"
_HEADERS: Final[Headers] = ((b"accept", b"application/json"),)

CAPABILITIES: Final = Capabilities(
    sections=frozenset({Section.FULFILMENT}),
    quantities=MappingProxyType(
        {
            QuantityName.ALLOCATED: Basis.TOTAL,
            QuantityName.PICKED: Basis.TOTAL,
            QuantityName.SHIPPED: Basis.TOTAL,
            QuantityName.RETURNED: Basis.TOTAL,
        }
    ),
    ask_by=AskBy.ORDER_NUMBER,
    calls=1,
    max_batch=100,
    page_style=PageStyle.CURSOR,
    page_rows=1000,
    delta=DeltaLevel.LINE,
    throttling=Throttling.STATUS_403,
    numbers=NumberType.INTEGER,
    evidence=Evidence.DOCUMENTED,
    zone=ZONE,
)


class Page(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """The envelope of an answer."""

    data: list[R]
    next_cursor: str | None


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The envelope of an error."""

    error: str


Way: TypeAlias = tuple[str, Seal[OutboundLine[int]]]
"""What a question ends with, and what an answer is sealed with."""


class WmsSandbox:
    """A `FulfilmentSource`."""

    def __init__(self, transport: ObservedTransport) -> None:
        self.name = transport.system
        self.capabilities = CAPABILITIES
        self._transport = transport
        self._way = lru_cache(maxsize=64)(self._made_way)
        self._look = by_cursor(self.name, b'"next_cursor"', _cursor_of, _following, _is_throttled)

    def read_fulfilments(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Awaitable[Sealed[FulfilmentFacet]]:
        """Read allocations and shipments of whole orders or of single lines.

        Raises:
            BackendError: The system gave no usable answer.
        """
        asked, (rest, seal) = Asked.of(refs), self._way(facts)
        number, asking = asked.only_order, Asking(visibility, deadline, wanted, asked)
        if number is not None:  # as mostly
            question = _question(f"{PATH}?orders={_encoded(number)}{rest}")
            return begin_one(self._transport, question, self._look, asking, seal)
        return begin(self._transport, self._questions(asked, rest), self._look, asking, seal)

    def _made_way(self, facts: Facts) -> Way:
        """Choose what to ask for, and how answers are opened."""
        shape = _shape(facts)
        rest = f"&limit={self.capabilities.page_rows}{shape.fields}"
        return rest, sealing(self._transport, shape.take_rows, may_split=True)

    def _questions(self, asked: Asked, rest: str) -> list[Request]:
        name, references = (
            ("orders", map(_encoded, asked.orders))
            if asked.orders
            else ("lines", map(_line_reference, asked.lines))
        )
        return [
            _question(f"{PATH}?{name}={','.join(batch)}{rest}")
            for batch in in_batches(references, self.capabilities.max_batch)
        ]


_ENVELOPE: Final = msgspec.json.Decoder(Page[msgspec.Raw])
_ROW_IDS: Final = msgspec.json.Decoder(RowIds)
_REFUSAL: Final = msgspec.json.Decoder(Refusal)

# A quantity without a key is one that is not tracked, so these are always asked for.
_FIELDS: Final[Mapping[str, Fact | None]] = {
    "id": None,
    "order_ref": None,
    "order_line_ref": None,
    "uom": None,
    "decimals": None,
    "units_allocated": None,
    "units_picked": None,
    "units_shipped": None,
    "units_returned": Fact.RETURNS,
    "mode": None,
    "allocations": Fact.ALLOCATIONS,
    "shipments": Fact.SHIPMENTS,
    "updated_at": Fact.FULFILMENT_CHANGED,
}
_OPTIONAL: Final = {
    Fact.RETURNS: "units_returned",
    Fact.ALLOCATIONS: "reserved",
    Fact.SHIPMENTS: "sent",
    Fact.FULFILMENT_CHANGED: "updated_at",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked for of a row, and how a page of such rows is read.

    Attributes:
        fields: The parameter; empty where all of a row is wanted.
        usual: Reads a page of rows that are all as mostly: of them nothing need be checked.
        page: Reads one of rows that are good.
        row: Reads one row, if not all are.
    """

    fields: str
    usual: msgspec.json.Decoder[Page[OutboundLine[Units]]]
    page: msgspec.json.Decoder[Page[OutboundLine[Units]]]
    row: msgspec.json.Decoder[OutboundLine[int]]

    def take_rows(self, body: bytes) -> Rows[OutboundLine[int]]:
        """Take the rows out of a page."""
        try:
            rows = self.usual.decode(body).data
        except UNREADABLE:
            return self._take_unusual(body)
        return Rows(Table(rows, usual_columns(rows), USUAL_MAKERS))

    def _take_unusual(self, body: bytes) -> Rows[OutboundLine[int]]:
        try:
            rows = self.page.decode(body).data
            return Rows(Table(rows, makers=MAKERS))
        except UNREADABLE:
            raws: Sequence[msgspec.Raw] = _ENVELOPE.decode(body).data
            return sort_out(raws, lambda raw: in_bounds(self.row.decode(raw)), _ROW_IDS.decode)


@lru_cache(maxsize=64)
def _shape(facts: Facts) -> Shape:
    fields = [name for name, fact in _FIELDS.items() if fact is None or fact in facts]
    required = [name for fact, name in _OPTIONAL.items() if fact in facts]
    usual: Any = Page[requiring(OutboundLine[Units], required, types=USUAL_TYPES)]  # type: ignore[misc]  # a type, at run time
    page: Any = Page[requiring(OutboundLine[Units], required)]  # type: ignore[misc]  # as above
    return Shape(
        "" if len(fields) == len(_FIELDS) else f"&fields={','.join(fields)}",
        msgspec.json.Decoder(usual),
        msgspec.json.Decoder(page),
        msgspec.json.Decoder(requiring(OutboundLine[int], required)),
    )


def _cursor_of(body: bytes) -> str | None:
    return _ENVELOPE.decode(body).next_cursor


def _following(asked: Request, cursor: str) -> Request:
    first = asked.target.partition("&cursor=")[0]
    return _question(f"{first}&cursor={_encoded(cursor)}")


def _is_throttled(response: Response) -> bool:
    if response.status != HTTPStatus.FORBIDDEN:
        return False
    try:
        return _REFUSAL.decode(response.body).error == "rate_limited"
    except UNREADABLE:
        return False


def _question(target: str) -> Request:
    return Request("GET", target, _HEADERS)


@lru_cache(maxsize=4_096)
def _encoded(text: str) -> str:
    return quote(text, safe="")


def _line_reference(address: LineAddress) -> str:
    order, line = address
    return f"{_encoded(order)}:{_encoded(line)}"
