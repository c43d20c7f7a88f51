"""What one system says of one line: protocols that native records satisfy by properties.

Nothing is copied to satisfy them: an adapter's struct answers each accessor from
its own fields when somebody asks. An accessor returns a value or a `Discrepancy`
and never raises. Quantities are in the facet's own `unit`, exactly as stated.

A line may be told by several records of one system (a split over warehouses), so
promises and fulfilments come as sequences of facets, and are added up.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Final, Protocol, TypeAlias

from orderlines.discrepancy import Discrepancy
from orderlines.quantity import Number
from orderlines.stated import (
    Absence,
    Channel,
    PromiseBasis,
    Stated,
    StatedAllocation,
    StatedCancellation,
    StatedShipment,
    StatedSubstitution,
)


class Section(Enum):
    """A part of the order line that is read as one, from one kind of system."""

    HEADER = "What was ordered, by whom, and what was cancelled."
    PROMISE = "What was promised for when, and what was offered instead."
    FULFILMENT = "What is reserved in stock, and what was shipped."

    # There is one object for each member; the enum's own hash is a function of Python.
    __hash__ = object.__hash__


class Fact(Enum):
    """What of a section is wanted, beside what every record of it tells.

    That is its ids and its unit, and of a header the item, the customer and the channel.
    Other accessors of a facet are good only where their fact was asked for, so that a
    system sends, and the gateway decodes, what somebody reads.
    """

    REQUEST = Section.HEADER, "How much is requested."
    SHIP_DATE = Section.HEADER, "When it is requested to leave."
    DELIVERY_DATE = Section.HEADER, "When it is requested to arrive."
    OWNER = Section.HEADER, "The plant it was ordered from; row rules may speak of it."
    PRICE = Section.HEADER, "The price, and its currency."
    CANCELLATIONS = Section.HEADER, "What was cancelled."
    REFERENCES = Section.HEADER, "The customer's own names and dates, and who receives."
    TERMS = Section.HEADER, "Holds, tolerances, and what was posted as shipped."
    HEADER_CHANGED = Section.HEADER, "When the order was last changed."
    PROMISES = Section.PROMISE, "How much was promised for when."
    VERSIONS = Section.PROMISE, "When, on what ground and how firmly it was promised."
    SUBSTITUTIONS = Section.PROMISE, "What was offered instead."
    PROMISE_CHANGED = Section.PROMISE, "When the promise was last changed."
    QUANTITIES = Section.FULFILMENT, "How much is reserved, picked and shipped."
    RETURNS = Section.FULFILMENT, "How much came back."
    ALLOCATIONS = Section.FULFILMENT, "Where it is reserved."
    SHIPMENTS = Section.FULFILMENT, "What left when, and how."
    FULFILMENT_CHANGED = Section.FULFILMENT, "When the warehouse last changed its record."

    def __init__(self, section: Section, description: str) -> None:
        self.section = section
        self.description = description

    # As for a section.
    __hash__ = object.__hash__


Facts: TypeAlias = frozenset[Fact]

EVERYTHING: Final[Facts] = frozenset(Fact)


class Facet(Protocol):
    """What every native record can say of itself."""

    @property
    def record(self) -> str:
        """The system's own name for the record."""
        ...

    @property
    def order_number(self) -> str:
        """The order source's order number, as this record carries it."""
        ...

    @property
    def line_number(self) -> str:
        """The order source's line number, as this record carries it."""
        ...

    @property
    def unit(self) -> str:
        """The unit of all quantities of this record."""
        ...

    @property
    def changed_at(self) -> datetime | None:
        """When the system last changed the record, in UTC."""
        ...


class HeaderFacet(Facet, Protocol):
    """What the order source says: the line as ordered."""

    @property
    def root_line_number(self) -> str | None:
        """The line this one was split from; None for a line of its own."""
        ...

    @property
    def customer_po(self) -> str | None:
        """The customer's own order number."""
        ...

    @property
    def sku(self) -> str:
        """The ordered item."""
        ...

    @property
    def customer_item(self) -> str | None:
        """The customer's number for the item."""
        ...

    @property
    def sold_to(self) -> str | None:
        """The customer who ordered; row rules mean this party."""
        ...

    @property
    def ship_to(self) -> str | None:
        """The party that receives."""
        ...

    @property
    def channel(self) -> Channel:
        """Where the order came in."""
        ...

    @property
    def channel_code(self) -> str | None:
        """The channel in the system's own code."""
        ...

    @property
    def owner_node(self) -> str | None:
        """The plant the line was ordered from."""
        ...

    @property
    def ordered_on(self) -> date | None:
        """Date of the customer's order."""
        ...

    @property
    def requested(self) -> Stated:
        """Ordered quantity, as accepted."""
        ...

    @property
    def requested_ship_on(self) -> date | None:
        """Requested ship date, in the ship-from zone."""
        ...

    @property
    def requested_delivery_on(self) -> date | None:
        """Requested delivery date, in the ship-to zone."""
        ...

    @property
    def unit_price(self) -> Number | None:
        """Net price of one ordered unit at acceptance."""
        ...

    @property
    def currency(self) -> str | None:
        """ISO 4217 code of the price."""
        ...

    @property
    def cancellations(self) -> Sequence[StatedCancellation] | Absence | Discrepancy:
        """All cancellations so far."""
        ...

    @property
    def is_drop_ship(self) -> bool:
        """Whether a supplier ships directly."""
        ...

    @property
    def hold_reason(self) -> str | None:
        """Why the line is held; None if it is not."""
        ...

    @property
    def over_delivery_tolerance(self) -> Number:
        """Share of the request that may be shipped on top, 0 for none."""
        ...

    @property
    def posted_shipped(self) -> Number | None:
        """What the order source believes was shipped; serves reconciliation only."""
        ...


class SliceFacet(Protocol):
    """Part of a promise, in the unit of the facet it belongs to."""

    @property
    def value(self) -> Number:
        """How much."""
        ...

    @property
    def on(self) -> date | None:
        """For which ship date; None while the schedule is pending."""
        ...

    @property
    def is_firm(self) -> bool:
        """Whether the slice may serve as a deadline."""
        ...


class VersionFacet(Protocol):
    """One version of a promise: it replaces the version before as a whole."""

    @property
    def version(self) -> int:
        """Its number, counted by the promising system."""
        ...

    @property
    def made_at(self) -> datetime | None:
        """When it was given, in UTC."""
        ...

    @property
    def basis(self) -> PromiseBasis:
        """What it rests on."""
        ...

    @property
    def slices(self) -> Sequence[SliceFacet]:
        """How much by when."""
        ...


class PromiseFacet(Facet, Protocol):
    """What the promising system says: when, how much, and what instead."""

    @property
    def promises(self) -> Sequence[VersionFacet] | Absence | Discrepancy:
        """Every version, oldest first; the last is in force."""
        ...

    @property
    def substitutions(self) -> Sequence[StatedSubstitution] | Discrepancy:
        """Every substitute offered."""
        ...


class FulfilmentFacet(Facet, Protocol):
    """What the warehouse system says: reserved and shipped."""

    @property
    def allocated(self) -> Stated:
        """Reserved and not yet shipped (a level, not a sum)."""
        ...

    @property
    def allocations(self) -> Sequence[StatedAllocation] | Discrepancy:
        """The reservation by warehouse."""
        ...

    @property
    def picked(self) -> Number | None:
        """Picked so far; None where picks are not recorded."""
        ...

    @property
    def shipped(self) -> Stated:
        """Shipped of the ordered item, gross."""
        ...

    @property
    def shipments(self) -> Sequence[StatedShipment] | Discrepancy:
        """Every shipment, substitutes included."""
        ...

    @property
    def returned(self) -> Number | None:
        """Come back later; never taken off `shipped`."""
        ...
