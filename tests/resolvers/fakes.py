"""Systems behind the ports, held in memory: what they know, how slow they are, how they fail."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

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
from backends.items import ItemCatalogue
from backends.ports import ItemReadings, LineAddress, Readings, Refs
from backends.registry import Systems
from orderlines.deadline import Deadline
from orderlines.discrepancy import Discrepancy
from orderlines.facets import (
    EVERYTHING,
    Facet,
    Facts,
    FulfilmentFacet,
    HeaderFacet,
    PromiseFacet,
    Section,
)
from orderlines.identity import CUSTOMER, LineRef, OrderRef
from orderlines.item import Item
from orderlines.order_line import Reading
from orderlines.visibility import Visibility
from policies.principal import Credential, Principal
from resolvers.context import Context, make_context

READ_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

F = TypeVar("F", bound=Facet)


def capabilities(section: Section, ask_by: AskBy = AskBy.ORDER_NUMBER) -> Capabilities:
    """Make a table in which only what the desk asks of it matters."""
    return Capabilities(
        sections=frozenset({section}),
        quantities={QuantityName.REQUESTED: Basis.TOTAL},
        ask_by=ask_by,
        calls=1,
        max_batch=100,
        page_style=PageStyle.CURSOR,
        page_rows=1000,
        delta=DeltaLevel.NONE,
        throttling=Throttling.STATUS_429,
        numbers=NumberType.INTEGER,
        evidence=Evidence.DOCUMENTED,
    )


@dataclass(slots=True)
class Asked:
    """One question a fake was asked."""

    refs: Refs
    visibility: Visibility
    deadline: Deadline
    facts: Facts
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class FakeSealed(Generic[F]):
    """An answer that keeps a note of having been opened."""

    readings: Readings[F]
    opened: list[Collection[LineAddress] | None]
    failure: Exception | None

    @property
    def reading(self) -> Reading:
        """The look at the system."""
        return self.readings.reading

    def open(
        self,
        admitted: Collection[LineAddress] | None,
        *,
        expected: Collection[LineAddress] = (),
    ) -> Readings[F]:
        """Open it for these lines."""
        del expected
        if self.failure is not None:
            raise self.failure
        self.opened.append(None if admitted is None else set(admitted))
        if admitted is None:
            return self.readings
        return Readings(
            self.readings.reading,
            {key: rows for key, rows in self.readings.by_line.items() if key in admitted},
            {key: one for key, one in self.readings.failed.items() if key in admitted},
            self.readings.unplaced,
        )


@dataclass(slots=True)
class FakeSystem(Generic[F]):
    """One system: its rows, and how it behaves.

    Attributes:
        delay_s: How long it thinks; it ends when its deadline does.
        failure: Raised instead of an answer.
        opening_failure: Raised when its answer is opened.
        opened: What each answer was opened for.
    """

    name: str
    section: Section
    rows: Sequence[F] = ()
    ask_by: AskBy = AskBy.ORDER_NUMBER
    delay_s: float = 0.0
    failure: Exception | None = None
    opening_failure: Exception | None = None
    failed: Mapping[LineAddress, Discrepancy] = field(default_factory=dict)
    unplaced: Sequence[Discrepancy] = ()
    asked: list[Asked] = field(default_factory=list)
    opened: list[Collection[LineAddress] | None] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        """Its table."""
        return capabilities(self.section, self.ask_by)

    async def read(self, asked: Asked) -> Readings[F]:
        """Answer with the rows that are asked for."""
        self.asked.append(asked)
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure
        by_line: dict[LineAddress, list[F]] = {}
        for row in self.rows:
            if any(_is_asked(row, ref) for ref in asked.refs):
                by_line.setdefault((row.order_number, row.line_number), []).append(row)
        return Readings(Reading(self.name, READ_AT), by_line, self.failed, self.unplaced)

    def seal(self, readings: Readings[F]) -> FakeSealed[F]:
        """Give an answer unopened."""
        return FakeSealed(readings, self.opened, self.opening_failure)


class FakeOrders(FakeSystem[HeaderFacet]):
    """An order source."""

    async def read_headers(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> Readings[HeaderFacet]:
        """Answer at once, opened."""
        return await self.read(Asked(refs, visibility, deadline, facts, wanted))


class FakePromises(FakeSystem[PromiseFacet]):
    """A promise source."""

    async def read_promises(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> FakeSealed[PromiseFacet]:
        """Answer sealed."""
        return self.seal(await self.read(Asked(refs, visibility, deadline, facts, wanted)))


class FakeFulfilments(FakeSystem[FulfilmentFacet]):
    """A fulfilment source."""

    async def read_fulfilments(
        self,
        refs: Refs,
        *,
        visibility: Visibility,
        deadline: Deadline,
        facts: Facts = EVERYTHING,
        wanted: Wanted = LIVE,
    ) -> FakeSealed[FulfilmentFacet]:
        """Answer sealed."""
        return self.seal(await self.read(Asked(refs, visibility, deadline, facts, wanted)))


@dataclass(slots=True)
class FakeItems:
    """An item source."""

    items: Mapping[str, Item]
    name: str = "erp"
    failure: Exception | None = None
    asked: list[Sequence[str]] = field(default_factory=list)

    async def read_items(
        self, skus: Sequence[str], *, visibility: Visibility, deadline: Deadline
    ) -> ItemReadings:
        """Answer with the items it has."""
        del visibility, deadline
        self.asked.append(skus)
        if self.failure is not None:
            raise self.failure
        return ItemReadings(
            Reading(self.name, READ_AT),
            {sku: self.items[sku] for sku in skus if sku in self.items},
        )


@dataclass(slots=True)
class House:
    """Three systems and an item source, and questions to them."""

    erp: FakeOrders
    oms: FakePromises
    wms: FakeFulfilments
    items: FakeItems
    catalogue: ItemCatalogue

    def context(self, visibility: Visibility | None = None, *, within_s: float = 2.0) -> Context:
        """Make the context of one question."""
        principal = Principal(
            id="key:test",
            name="test",
            credential=Credential.API_KEY,
            scopes=frozenset({"orders:read"}),
            visibility=visibility or Visibility.everything(),
            expires_at=None,
        )
        systems = Systems(
            orders={self.erp.name: self.erp},
            promises=self.oms,
            fulfilments=self.wms,
            items=self.catalogue,
            backends=(),
        )
        return make_context(
            principal,
            deadline=Deadline.after(within_s),
            correlation_id="test-0001",
            systems=systems,
        )


def house(
    headers: Sequence[HeaderFacet] = (),
    promises: Sequence[PromiseFacet] = (),
    fulfilments: Sequence[FulfilmentFacet] = (),
    items: Sequence[Item] = (),
) -> House:
    """Make a house whose systems know these rows."""
    item_source = FakeItems({item.sku: item for item in items})
    return House(
        FakeOrders("erp", Section.HEADER, headers),
        FakePromises("oms", Section.PROMISE, promises),
        FakeFulfilments("wms", Section.FULFILMENT, fulfilments),
        item_source,
        ItemCatalogue(item_source),
    )


def _is_asked(row: Facet, ref: OrderRef | LineRef) -> bool:
    if isinstance(ref, OrderRef):
        return row.order_number == ref.key.order_number
    by_customer = ref.known_as(CUSTOMER)
    if by_customer is not None and getattr(row, "customer_po", None) == by_customer.document:
        return True
    return (row.order_number, row.line_number) == (ref.key.order_number, ref.key.line_number)
