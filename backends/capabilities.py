"""What a system can do, as a table: the one place where systems differ.

Every adapter declares one. The desk asks it what may be asked at once and how;
the schema shows it; tests hold the number of calls on the wire against it. No
code asks which vendor it is talking to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from orderlines.facets import Section


class QuantityName(Enum):
    """The quantities a system may know."""

    REQUESTED = "requested"
    CANCELLED = "cancelled"
    PROMISED = "promised"
    ALLOCATED = "allocated"
    PICKED = "picked"
    SHIPPED = "shipped"
    RETURNED = "returned"
    SUBSTITUTED = "substituted"


class Basis(Enum):
    """How a system states a quantity; never both at once, or it would be added twice."""

    TOTAL = "One number, as it stands now"
    EVENTS = "A list of dated parts that add up"


class AskBy(Enum):
    """By what a system can be asked."""

    ORDER_NUMBER = "The order source's order and line numbers"
    CUSTOMER_PO = "The customer's own order number"
    OWN_ID = "The system's own id of the record"


class PageStyle(Enum):
    """How a long answer continues."""

    LINK = "A link to the next page, followed only on the same host"
    CURSOR = "A cursor to send with the same question"


class DeltaLevel(Enum):
    """What a system can tell has changed."""

    DOCUMENT = "Whole documents"
    LINE = "Single lines"
    NONE = "Nothing"


class Throttling(Enum):
    """How a system says that it is asked too much."""

    STATUS_429 = "HTTP 429"
    STATUS_403 = "HTTP 403 with a word in the body"
    IN_BODY = "HTTP 200 with a refusal in the body"


class NumberType(Enum):
    """How quantities are written."""

    DECIMAL_STRING = "Decimal text"
    INTEGER = "Whole numbers"


class Evidence(Enum):
    """What the adapter was built against."""

    RECORDED = "Recorded from a running system"
    DOCUMENTED = "Built from documentation"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One system's table.

    Attributes:
        sections: What it can read.
        quantities: The quantities it knows, each with its one basis.
        ask_by: By what a look-up asks.
        calls: Calls one batch takes.
        max_batch: Most keys in one batch. A key is an order where orders are
            read whole, else a line.
        page_style: How an answer longer than `page_rows` continues; each further
            page is one more call.
        page_rows: Most rows of one answer.
        zone: IANA zone of naive stamps.
        sentinel_dates: Dates that mean "no date".
    """

    sections: frozenset[Section]
    quantities: Mapping[QuantityName, Basis]
    ask_by: AskBy
    calls: int
    max_batch: int
    page_style: PageStyle
    page_rows: int
    delta: DeltaLevel
    throttling: Throttling
    numbers: NumberType
    evidence: Evidence
    zone: str = "UTC"
    sentinel_dates: frozenset[date] = field(default_factory=frozenset)

    def calls_for(self, keys: int) -> int:
        """Count the calls that reading so many keys costs, answers in one page each."""
        return self.calls * -(-keys // self.max_batch)
