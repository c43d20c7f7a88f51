"""The GraphQL types of an order line: what is beside its sections, and the line itself.

The shapes are declared here; the values are the ledger's, read by attribute or by
one small function, never copied. Nullability: a section that a system fills, and
all that derives from more than one system, is nullable, because a system can be
down; ids, line numbers and the members of a value are not.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

import strawberry

from orderlines.discrepancy import Discrepancy
from orderlines.errors import GatewayError
from orderlines.facets import HeaderFacet
from orderlines.invariants import InvariantCheck
from orderlines.item import Item
from orderlines.quantity import plain
from orderlines.reconcile import Reconciliation, reconcile
from orderlines.stitched_line import StitchedLine
from resolvers.batches import Key, column, computed, field
from resolvers.enums import (
    ChannelType,
    DiscrepancyKindType,
    FreshnessType,
    InvariantType,
    OrderLineStateType,
    ReconciliationStatusType,
    SectionType,
    SeverityType,
)
from resolvers.needs import (
    CANCELLATIONS,
    EVERYTHING,
    PROMISES,
    QUANTITIES,
    REFERENCES,
    REQUEST,
    TERMS,
)
from resolvers.sections import (
    AllocatedType,
    CancelledType,
    PromisedType,
    QuantityType,
    RatioType,
    RequestedType,
    ShippedType,
    SubstitutionType,
)
from resolvers.views import (
    CustomerView,
    OrderedItem,
    OrderSummaryView,
    PackView,
    SourceReadingView,
    sources_of,
)

T = TypeVar("T")


@strawberry.type(name="Pack", description="A unit the item may be ordered in.")
class PackType:
    """`resolvers.views.PackView`."""

    unit: str = field("Unit code.")
    ratio: RatioType = field("Base units in one of it.")


@strawberry.type(name="Item", description="The ordered item, with its master data.")
class ItemType:
    """`resolvers.views.OrderedItem`."""

    sku: str = field("The distributor's number.")
    customer_item: str | None = field(
        "The customer's number, as written on the order.", needs=REFERENCES
    )

    @computed(str | None, "Name in the master data.")
    def name(item: strawberry.Parent[OrderedItem]) -> str | GatewayError | None:
        return item.of_master(lambda master: master.name)

    @computed(str | None, "Item group.")
    def group(item: strawberry.Parent[OrderedItem]) -> str | GatewayError | None:
        return item.of_master(lambda master: master.group)

    @computed(str | None, "The unit all line quantities of the item are given in.")
    def base_unit(item: strawberry.Parent[OrderedItem]) -> str | GatewayError | None:
        return item.of_master(lambda master: master.base_unit)

    @computed(int | None, "Decimals of the base unit.")
    def decimals(item: strawberry.Parent[OrderedItem]) -> int | GatewayError | None:
        return item.of_master(lambda master: master.decimals)

    @computed(list[PackType] | None, "Further units it may be ordered in, by code.")
    def packs(item: strawberry.Parent[OrderedItem]) -> list[PackView] | GatewayError | None:
        return item.of_master(_packs)


def _packs(master: Item) -> list[PackView]:
    return [PackView(unit, ratio) for unit, ratio in sorted(master.packs.items())]


@strawberry.type(name="Customer", description="The parties of an order.")
class CustomerType:
    """`resolvers.views.CustomerView`."""

    sold_to: str | None = field("Who ordered; row rules speak of this party.")
    ship_to: str | None = field("Who receives.", needs=REFERENCES)


@strawberry.type(
    name="OrderSummary",
    description="The order of a line. Its number is always known, the rest is from its header.",
)
class OrderSummaryType:
    """`resolvers.views.OrderSummaryView`."""

    id: strawberry.ID = field("Opaque and stable.")
    number: str = field("The order source's number.")
    source: str = field("Configured name of the order source.")
    ordered_on: date | None = field("Date of the customer's order.", needs=REFERENCES)
    customer_po: str | None = field(
        "The customer's own order number.", needs=REFERENCES, name="customerOrderNumber"
    )


@strawberry.type(
    name="Discrepancy",
    description="Something that did not reconcile: shown instead of silence or a zero.",
)
class DiscrepancyType:
    """`orderlines.discrepancy.Discrepancy`."""

    kind: DiscrepancyKindType = field("Why.")
    system: str = field("Configured name of the system whose statement it is about.")
    record: str = field("That system's name for the record; empty if it cannot be read.")
    message: str = field("One sentence.")

    @computed(
        str, "The field, in that system's spelling; empty for the whole record.", name="field"
    )
    def field_(found: strawberry.Parent[Discrepancy]) -> str:
        return found.field


@strawberry.type(name="InvariantCheck", description="One law, looked at for one line.")
class InvariantCheckType:
    """`orderlines.invariants.InvariantCheck`."""

    invariant: InvariantType = field("Which law.")
    severity: SeverityType = field("What it means if it is broken.")
    holds: bool | None = field("Null where a quantity it speaks of is not known.")
    is_tolerated: bool = field(
        "Broken, and within the line's over-delivery tolerance.", name="tolerated"
    )

    @computed(Decimal | None, "By how much it is broken, in the base unit.")
    def delta(check: strawberry.Parent[InvariantCheck]) -> str | None:
        return None if check.delta is None else plain(check.delta)


@strawberry.type(
    name="Reconciliation", description="Which laws hold for a line, and what could not be mapped."
)
class ReconciliationType:
    """`orderlines.reconcile.Reconciliation`."""

    status: ReconciliationStatusType = field("The short answer.")
    checks: list[InvariantCheckType] = field("Every law, with its delta.")
    discrepancies: list[DiscrepancyType] = field("What could not be mapped.")


@strawberry.type(
    name="SourceReading", description="One look at one system that this answer rests on."
)
class SourceReadingType:
    """`resolvers.views.SourceReadingView`."""

    section: SectionType = field("What was read.")
    system: str | None = field("Configured name of the system.")
    records: list[str] = field("The system's names for the records; empty if it has none.")
    as_of: datetime | None = field("When its answer was complete; null if there was none.")
    freshness: FreshnessType | None = field("Where it was read; null if it was not.")
    stale: bool = field("Whether a fresher reading was wanted and could not be had.")
    error: str | None = field("Code of the failure; null if it was read.")


@strawberry.type(
    name="OrderLine",
    directives=[Key(fields="id")],
    description=(
        "One order line as all systems together tell it. "
        "Quantities are in the item's base unit; `requested.asOrdered` is what the customer wrote."
    ),
)
class OrderLineType:
    """`orderlines.stitched_line.StitchedLine`."""

    id: strawberry.ID = field("Opaque and stable.")
    line_number: str = field("The order source's line number.")
    requested: RequestedType | None = field("What the customer asked for.", needs=REQUEST)
    promised: PromisedType | None = field("When how much will leave.", needs=PROMISES)
    allocated: AllocatedType | None = field("Stock reserved for the line.", needs=QUANTITIES)
    shipped: ShippedType | None = field("What left the dock.", needs=QUANTITIES)
    cancelled: CancelledType | None = field("What will not be delivered.", needs=CANCELLATIONS)
    substitutions: list[SubstitutionType] | None = field(
        "Every substitute offered.", needs=EVERYTHING
    )
    open: QuantityType | None = field(
        "Still to ship; null where a quantity it rests on is not provided by its system.",
        needs=EVERYTHING,
    )
    backordered: QuantityType | None = field(
        "Covered by no stock and no promise; null before a first promise was given.",
        needs=EVERYTHING,
    )
    state: OrderLineStateType | None = field(
        "Derived from the quantities, never stored.", needs=EVERYTHING
    )

    @computed(OrderSummaryType, "The order it belongs to.")
    def order(line: strawberry.Parent[StitchedLine]) -> OrderSummaryView:
        return OrderSummaryView(line.key.source, line.key.order_number, line.header)

    @computed(
        str | None,
        "The line this one was split from; null for a line of its own.",
        needs=REFERENCES,
    )
    def root_line_number(line: strawberry.Parent[StitchedLine]) -> str | GatewayError | None:
        return _of_header(line, lambda header: header.root_line_number)

    @column(ItemType | None, "What was ordered.")
    def item(lines: Sequence[StitchedLine]) -> list[OrderedItem | GatewayError]:
        return [
            header if isinstance(header, GatewayError) else OrderedItem(header, item)
            for header, item in [(line.header, line.item) for line in lines]
        ]

    @computed(ChannelType | None, "Where the order came in.")
    def channel(line: strawberry.Parent[StitchedLine]) -> object:
        return _of_header(line, lambda header: header.channel)

    @computed(str | None, "The channel in the order source's own code.")
    def channel_code(line: strawberry.Parent[StitchedLine]) -> object:
        return _of_header(line, lambda header: header.channel_code)

    @computed(CustomerType | None, "Who ordered and who receives.")
    def customer(line: strawberry.Parent[StitchedLine]) -> object:
        return _of_header(line, lambda header: CustomerView(header.sold_to, header.ship_to))

    @computed(str | None, "The plant or warehouse the line was ordered from.")
    def owner_warehouse(line: strawberry.Parent[StitchedLine]) -> object:
        return _of_header(line, lambda header: header.owner_node)

    @computed(bool | None, "Whether a supplier ships directly.", needs=TERMS)
    def drop_ship(line: strawberry.Parent[StitchedLine]) -> object:
        return _of_header(line, lambda header: header.is_drop_ship)

    @computed(
        str | None,
        "Why the line is held, in the order source's word; null if it is not.",
        needs=TERMS,
    )
    def hold_reason(line: strawberry.Parent[StitchedLine]) -> object:
        return _of_header(line, lambda header: header.hold_reason)

    @computed(
        ReconciliationType | None,
        "Which laws hold for the line, with deltas, and what could not be mapped.",
        needs=EVERYTHING,
    )
    def reconciliation(line: strawberry.Parent[StitchedLine]) -> Reconciliation:
        return reconcile(line)

    @computed(
        list[SourceReadingType],
        "The looks at systems this answer rests on: one for each section the selection needed.",
    )
    def sources(line: strawberry.Parent[StitchedLine]) -> Sequence[SourceReadingView]:
        return sources_of(line)


def _of_header(line: StitchedLine, value: Callable[[HeaderFacet], T]) -> T | GatewayError:
    header = line.header
    return header if isinstance(header, GatewayError) else value(header)
