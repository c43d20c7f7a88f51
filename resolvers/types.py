"""The GraphQL types of an order line: what is beside its sections, and the line itself.

The shapes are declared here; the values are the ledger's, read by attribute or by
one small function, never copied. Nullability: a section that a system fills, and
all that derives from more than one system, is nullable, because a system can be
down; ids, line numbers and the members of a value are not.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Final

import strawberry

from orderlines.discrepancy import Discrepancy
from orderlines.errors import GatewayError
from orderlines.facets import Section
from orderlines.invariants import InvariantCheck
from orderlines.item import Item
from orderlines.quantity import plain
from orderlines.reconcile import Reconciliation, reconcile
from orderlines.stitched_line import StitchedLine
from resolvers.batches import Key, computed, field
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
from resolvers.governance import (
    EVERY_SECTION,
    FULFILMENT,
    RECONCILIATION,
    CacheControl,
    Owner,
    sized,
)
from resolvers.governance import PROMISES as READS_PROMISES
from resolvers.needs import (
    CANCELLATIONS,
    EVERYTHING,
    MAX_AGE_S,
    OWNER,
    PROMISES,
    QUANTITIES,
    REFERENCES,
    REQUEST,
    TERMS,
    max_age_of,
)
from resolvers.parts import line_numbers, of_masters, with_fulfilment, with_header, with_promise
from resolvers.sections import (
    AllocatedType,
    CancelledType,
    PromisedType,
    QuantityType,
    RatioType,
    RequestedType,
    ShippedType,
    SubstitutionType,
    of_header,
)
from resolvers.views import (
    OrderSummaryView,
    PackView,
    SourceReadingView,
    sources_of,
)

OF_PROMISES: Final = (
    READS_PROMISES,
    CacheControl(max_age=MAX_AGE_S[Section.PROMISE]),
    Owner(team="planning"),
)
OF_FULFILMENT: Final = (
    FULFILMENT,
    CacheControl(max_age=MAX_AGE_S[Section.FULFILMENT]),
    Owner(team="warehouse"),
)
OF_EVERYTHING: Final = (EVERY_SECTION, CacheControl(max_age=max_age_of(EVERYTHING)))


@strawberry.type(name="Pack", description="A unit the item may be ordered in.")
class PackType:
    """`resolvers.views.PackView`."""

    unit: str = field("Unit code.")
    ratio: RatioType = field("Base units in one of it.")


@strawberry.type(name="Item", description="The ordered item, with its master data.")
class ItemType:
    """`orderlines.stitched_line.StitchedLine`, of which the header was read."""

    sku: str = of_header("The distributor's number.", "sku")
    customer_item: str | None = of_header(
        "The customer's number, as written on the order.", "customer_item", needs=REFERENCES
    )
    name: str | None = field("Name in the master data.", read_by=partial(of_masters, "name"))
    group: str | None = field("Item group.", read_by=partial(of_masters, "group"))
    base_unit: str | None = field(
        "The unit all line quantities of the item are given in.",
        read_by=partial(of_masters, "base_unit"),
    )
    decimals: int | None = field(
        "Decimals of the base unit.", read_by=partial(of_masters, "decimals")
    )

    @computed(
        list[PackType] | None, "Further units it may be ordered in, by code.", policy=(sized(5),)
    )
    def packs(line: strawberry.Parent[StitchedLine]) -> list[PackView] | GatewayError | None:
        return _packs(line.item) if isinstance(line.item, Item) else line.item


def _packs(master: Item) -> list[PackView]:
    return [PackView(unit, ratio) for unit, ratio in sorted(master.packs.items())]


@strawberry.type(name="Customer", description="The parties of an order.")
class CustomerType:
    """A `StitchedLine` or `StitchedOrder` of which the header was read."""

    sold_to: str | None = of_header("Who ordered; row rules speak of this party.", "sold_to")
    ship_to: str | None = of_header("Who receives.", "ship_to", needs=REFERENCES)


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
    checks: list[InvariantCheckType] = field("Every law, with its delta.", policy=(sized(11),))
    discrepancies: list[DiscrepancyType] = field("What could not be mapped.", policy=(sized(2),))


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
    line_number: str = field("The order source's line number.", read_by=line_numbers)
    requested: RequestedType | None = field(
        "What the customer asked for.", needs=REQUEST, read_by=with_header
    )
    promised: PromisedType | None = field(
        "When how much will leave.", needs=PROMISES, read_by=with_promise, policy=OF_PROMISES
    )
    allocated: AllocatedType | None = field(
        "Stock reserved for the line.",
        needs=QUANTITIES,
        read_by=with_fulfilment,
        policy=OF_FULFILMENT,
    )
    shipped: ShippedType | None = field(
        "What left the dock.", needs=QUANTITIES, read_by=with_fulfilment, policy=OF_FULFILMENT
    )
    cancelled: CancelledType | None = field(
        "What will not be delivered.", needs=CANCELLATIONS, read_by=with_header
    )
    substitutions: list[SubstitutionType] | None = field(
        "Every substitute offered.", needs=EVERYTHING, policy=(*OF_EVERYTHING, sized(2))
    )
    open: QuantityType | None = field(
        "Still to ship; null where a quantity it rests on is not provided by its system.",
        needs=EVERYTHING,
        policy=OF_EVERYTHING,
    )
    backordered: QuantityType | None = field(
        "Covered by no stock and no promise; null before a first promise was given.",
        needs=EVERYTHING,
        policy=OF_EVERYTHING,
    )
    state: OrderLineStateType | None = field(
        "Derived from the quantities, never stored.", needs=EVERYTHING, policy=OF_EVERYTHING
    )

    root_line_number: str | None = of_header(
        "The line this one was split from; null for a line of its own.",
        "root_line_number",
        needs=REFERENCES,
    )
    item: ItemType | None = field("What was ordered.", read_by=with_header)
    channel: ChannelType | None = of_header("Where the order came in.", "channel")
    channel_code: str | None = of_header(
        "The channel in the order source's own code.", "channel_code"
    )
    customer: CustomerType | None = field("Who ordered and who receives.", read_by=with_header)
    owner_node: str | None = of_header(
        "The plant or warehouse the line was ordered from.",
        "owner_node",
        needs=OWNER,
        name="ownerWarehouse",
    )
    is_drop_ship: bool | None = of_header(
        "Whether a supplier ships directly.", "is_drop_ship", needs=TERMS, name="dropShip"
    )
    hold_reason: str | None = of_header(
        "Why the line is held, in the order source's word; null if it is not.",
        "hold_reason",
        needs=TERMS,
    )

    @computed(OrderSummaryType, "The order it belongs to.")
    def order(line: strawberry.Parent[StitchedLine]) -> OrderSummaryView:
        return OrderSummaryView(line.key.source, line.key.order_number, line.header)

    @computed(
        ReconciliationType | None,
        "Which laws hold for the line, with deltas, and what could not be mapped.",
        needs=EVERYTHING,
        policy=(RECONCILIATION, CacheControl(max_age=max_age_of(EVERYTHING))),
    )
    def reconciliation(line: strawberry.Parent[StitchedLine]) -> Reconciliation:
        return reconcile(line)

    @computed(
        list[SourceReadingType],
        "The looks at systems this answer rests on: one for each section the selection needed.",
        policy=(sized(3),),
    )
    def sources(line: strawberry.Parent[StitchedLine]) -> Sequence[SourceReadingView]:
        return sources_of(line)
