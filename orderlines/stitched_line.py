"""The stitched line: what several systems said of one line, as one line.

One small object that holds the facets as they came. Sections and derived
quantities are worked out when somebody asks, so a line of which two numbers are
read costs two numbers. Nothing here depends on the order in which systems
answered.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

from orderlines.derive import Parts, derive, state_of
from orderlines.discrepancy import Discrepancy, DiscrepancyError
from orderlines.errors import GatewayError
from orderlines.facets import (
    Facet,
    FulfilmentFacet,
    HeaderFacet,
    PromiseFacet,
    Section,
)
from orderlines.fulfilment_sections import AllocatedSection, ShippedSection
from orderlines.identity import OrderLineKey
from orderlines.item import UNCONVERTED, Item
from orderlines.measure import Measured, sum_of
from orderlines.order_line import (
    Known,
    OrderLineState,
    Quantities,
    Reading,
    Substitution,
)
from orderlines.promised_section import PromisedSection
from orderlines.quantity import Exact, Quantity, total
from orderlines.sections import CancelledSection, RequestedSection
from orderlines.stated import Absence, StatedSubstitution
from orderlines.substitutions import substitutions_of

F = TypeVar("F", bound=Facet)
Told: TypeAlias = Sequence[F] | GatewayError
AnySection: TypeAlias = (
    RequestedSection | CancelledSection | PromisedSection | AllocatedSection | ShippedSection
)


class SectionNotReadError(GatewayError):
    """A section was asked of a line for which nobody read it: a fault of the gateway."""


NOT_READ = SectionNotReadError("This part of the order line was not read.")


class StitchedLine:
    """One order line as all systems together tell it.

    Attributes:
        source: Configured name of the order source.
        order_number: As that system writes it.
        line_number: As that system writes it.
        header: What the order source says, or why that could not be read.
        item: The item's master data; None where it has none, or why it could not
            be read.
        promise: What the promising system says, by record, or why that could not
            be read.
        fulfilment: What the warehouse system says, by record, or why that could
            not be read.
        measures: What numbers are in the item's base unit, as far as that is known.
        readings: The looks at systems this line rests on, by section.
    """

    __slots__ = (
        "_quantities",
        "fulfilment",
        "header",
        "item",
        "line_number",
        "measures",
        "order_number",
        "promise",
        "readings",
        "source",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each thing a line is stitched from; many are made
        self,
        source: str,
        order_number: str,
        line_number: str,
        readings: Mapping[Section, Reading],
        header: HeaderFacet | GatewayError,
        item: Item | GatewayError | None,
        promise: Told[PromiseFacet] = NOT_READ,
        fulfilment: Told[FulfilmentFacet] = NOT_READ,
    ) -> None:
        self.source = source
        self.order_number = order_number
        self.line_number = line_number
        self.readings = readings
        self.header = header
        self.item = item
        self.measures = item.measures if type(item) is Item else UNCONVERTED
        # Most lines have one record of each system, and then there is nothing to sort.
        if type(promise) is not tuple or len(promise) > 1:
            promise = _by_record(promise)
        if type(fulfilment) is not tuple or len(fulfilment) > 1:
            fulfilment = _by_record(fulfilment)
        self.promise = promise
        self.fulfilment = fulfilment
        self._quantities: Quantities | None = None

    @property
    def key(self) -> OrderLineKey:
        """Its identity."""
        return OrderLineKey(self.source, self.order_number, self.line_number)

    @property
    def id(self) -> str:
        """The public id."""
        return self.key.id

    @property
    def known_item(self) -> Item | None:
        """The item, where its master data could be read."""
        item = self.item
        return item if isinstance(item, Item) else None

    @property
    def requested(self) -> RequestedSection | GatewayError:
        """What the customer asked for."""
        header = self.header
        if isinstance(header, GatewayError):
            return header
        return RequestedSection((header,), self.known_item, self.readings[Section.HEADER])

    @property
    def cancelled(self) -> CancelledSection | GatewayError:
        """What will not be delivered."""
        if isinstance(self.header, GatewayError):
            return self.header
        return CancelledSection((self.header,), self.known_item, self.readings[Section.HEADER])

    @property
    def promised(self) -> PromisedSection | GatewayError:
        """When how much will leave."""
        promise = self.promise
        if isinstance(promise, GatewayError):
            return promise
        return PromisedSection(promise, self.known_item, self.readings[Section.PROMISE])

    @property
    def allocated(self) -> AllocatedSection | GatewayError:
        """Stock reserved and not yet shipped."""
        fulfilment = self.fulfilment
        if isinstance(fulfilment, GatewayError):
            return fulfilment
        return AllocatedSection(fulfilment, self.known_item, self.readings[Section.FULFILMENT])

    @property
    def shipped(self) -> ShippedSection | GatewayError:
        """What left the dock."""
        fulfilment = self.fulfilment
        if isinstance(fulfilment, GatewayError):
            return fulfilment
        return ShippedSection(fulfilment, self.known_item, self.readings[Section.FULFILMENT])

    @property
    def substitutions(self) -> tuple[Substitution, ...] | GatewayError:
        """Every substitute offered, by item, with what was shipped of it."""
        if isinstance(self.promise, GatewayError):
            return self.promise
        offers: list[StatedSubstitution] = []
        for facet in self.promise:
            stated = facet.substitutions
            if isinstance(stated, Discrepancy):
                return DiscrepancyError(stated)
            offers += stated
        shipped = self.shipped_substitutes() if offers else None
        return substitutions_of(
            offers, None if isinstance(shipped, GatewayError) else shipped, self.known_item
        )

    @property
    def quantities(self) -> Quantities:
        """The derived block; worked out once."""
        if self._quantities is None:
            self._quantities = derive(self._parts())
        return self._quantities

    @property
    def open(self) -> Quantity | GatewayError | None:
        """What is still to ship; None where a quantity it rests on is not known."""
        return self._as_quantity(self.quantities.open)

    @property
    def backordered(self) -> Quantity | GatewayError | None:
        """What neither stock nor a promise covers; None where that is not known."""
        return self._as_quantity(self.quantities.backordered)

    @property
    def state(self) -> OrderLineState | GatewayError | None:
        """The display state, derived from the quantities."""
        is_on_hold = (
            not isinstance(self.header, GatewayError) and self.header.hold_reason is not None
        )
        return state_of(self.quantities, is_on_hold=is_on_hold)

    def _as_quantity(self, value: Known) -> Quantity | GatewayError | None:
        if isinstance(value, GatewayError):
            return value
        item = self.known_item
        if value is None or item is None:
            return None
        return Quantity(value, item.base_unit, item.decimals)

    def in_base(self, quantity: Quantity | None) -> Exact | None:
        """Take a number only if it is in the base unit; nothing else may be added up."""
        item = self.known_item
        if quantity is None or item is None or quantity.unit != item.base_unit:
            return None
        return quantity.value

    def _known(self, told: Measured | GatewayError | None) -> Known:
        """Take a number that may be added up, or the reason why there is none."""
        if isinstance(told, Quantity):
            item = self.item
            if isinstance(item, Item):
                return told.value if told.unit == item.base_unit else None
            return item
        if isinstance(told, Absence):
            return None if told is Absence.NOT_PROVIDED else 0
        return DiscrepancyError(told) if isinstance(told, Discrepancy) else told

    def _parts(self) -> Parts:
        promised, shipped = self.promised, self.shipped
        by_customer, by_supplier = self._cancelled()
        return Parts(
            requested=self._known(_measured(self.requested)),
            cancelled_by_customer=by_customer,
            cancelled_by_supplier=by_supplier,
            promised=self._known(_measured(promised)),
            has_promise=(
                not isinstance(promised, GatewayError) and promised.absence is not Absence.NOT_YET
            ),
            allocated=self._known(_measured(self.allocated)),
            shipped=self._known(_measured(shipped)),
            substituted=self._substituted(),
            returned=self._known(
                shipped if isinstance(shipped, GatewayError) else shipped.returned
            ),
            picked=self._known(shipped if isinstance(shipped, GatewayError) else shipped.picked),
        )

    def _cancelled(self) -> tuple[Known, Known]:
        """By the customer, and by anybody else."""
        section = self.cancelled
        if isinstance(section, GatewayError):
            return section, section
        by_customer, by_supplier = section.by_customer, section.by_supplier
        if by_customer is None or by_supplier is None:
            reason = self._known(section.measured)
            return reason, reason
        return self._known(by_customer), self._known(by_supplier)

    def shipped_substitutes(self) -> dict[str, Exact] | GatewayError:
        """Units shipped of items other than the ordered one, by item."""
        if isinstance(self.header, GatewayError):
            return self.header
        if isinstance(self.fulfilment, GatewayError):
            return self.fulfilment
        parts: dict[str, list[Quantity]] = {}
        for facet in self.fulfilment:
            stated = facet.shipments
            if isinstance(stated, Discrepancy):
                return DiscrepancyError(stated)
            for one in stated:
                if one.sku != self.header.sku:
                    parts.setdefault(one.sku, []).append(Quantity(one.value, facet.unit))
        units: dict[str, Exact] = {}
        for sku, shipped in parts.items():
            summed = sum_of(shipped, self.fulfilment[0], self.readings[Section.FULFILMENT].system)
            if isinstance(summed, Discrepancy):
                return DiscrepancyError(summed)
            units[sku] = summed.value
        return units

    def _substituted(self) -> Known:
        """Accepted substitute units, in units of the ordered item.

        Without a shipped substitute nothing need be known of offers: a line can
        be judged while the promising system is down.
        """
        shipped = self.shipped_substitutes()
        if isinstance(shipped, GatewayError):
            return shipped
        if not shipped:
            return 0
        if not isinstance(self.item, Item):
            return self.item
        offers = self.substitutions
        if isinstance(offers, GatewayError):
            return offers
        return total(one.counts_for.value for one in offers if one.counts_for is not None)


def _measured(section: AnySection | GatewayError) -> Measured | GatewayError:
    return section if isinstance(section, GatewayError) else section.measured


def _by_record(told: Told[F]) -> Told[F]:
    """Put records in one order, whichever came first; most lines have one."""
    if isinstance(told, GatewayError) or len(told) <= 1:
        return told
    return sorted(told, key=lambda facet: facet.record)
