"""Pages as the three systems write them, usual and odd, and questions about them.

A page is one order: what ERP, OMS and WMS say of its lines, and the master data of its
items. The real adapters read it, behind a transport that answers with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, parse, validate

from backends.capabilities import AskBy
from backends.erp.sandbox import ErpSandbox
from backends.items import ItemCatalogue
from backends.observe import ObservedTransport
from backends.oms.sandbox import OmsSandbox
from backends.registry import Systems
from backends.transport import Request, Response, Transport
from backends.wms.sandbox import WmsSandbox
from gateway.execution import Executed, Executor
from orderlines.visibility import Visibility
from policies.principal import Credential, Principal
from resolvers.batches import field_plans
from resolvers.context import Context, make_context
from resolvers.scalars import PLAIN_TEXTS, WRITERS
from resolvers.schema import build_schema
from tests.backends.kit import EVERYTHING, NOW, FakeTransport, soon
from tests.backends.native import Row, by_itself, odata_page, promise_page, rest_page
from tests.backends.native import order as order_row

NUMBER: Final = "SO-1"
DOWN: Final = Response(500, (), b"")


@dataclass(slots=True)
class Page:
    """What the systems say of one order.

    Attributes:
        head: What is said of the order itself, beside what is usual.
        down: Names of systems that answer nothing usable.
    """

    items: list[Row] = field(default_factory=list)
    promises: list[Row] = field(default_factory=list)
    outbound: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    head: Mapping[str, Any] = field(default_factory=dict)  # Any: as in Row
    down: frozenset[str] = frozenset()

    def rows_of(self, system: str) -> list[Row]:
        """Give what a system says of lines, or the ERP of their items."""
        return {
            "erp": self.items,
            "oms": self.promises,
            "wms": self.outbound,
            "items": self.products,
        }[system]

    def answer(self, system: str, request: Request) -> Response:
        """Answer as a system does."""
        if "/Products" in request.target:
            return DOWN if "items" in self.down else odata_page(*self.products)
        if system in self.down:
            return DOWN
        if "/SalesOrderItems" in request.target:
            return odata_page(*[by_itself(one, **self.head) for one in self.items])
        if system == "erp":
            return odata_page(order_row(NUMBER, *self.items, **self.head))
        return promise_page(*self.promises) if system == "oms" else rest_page(*self.outbound)


@dataclass(slots=True)
class Desk:
    """Three systems behind real adapters."""

    erp: ObservedTransport
    oms: ObservedTransport
    wms: ObservedTransport
    systems: Systems

    def context(self, visibility: Visibility = EVERYTHING) -> Context:
        """Make the context of one question."""
        principal = Principal(
            id="key:test",
            name="test",
            credential=Credential.API_KEY,
            scopes=frozenset({"orders:read"}),
            visibility=visibility,
            expires_at=None,
        )
        return make_context(
            principal, deadline=soon(), correlation_id="test-0001", systems=self.systems
        )


def desk(make: Callable[[str], Transport], ask_by: AskBy = AskBy.ORDER_NUMBER) -> Desk:
    """Put adapters before transports, which are made by the names of their systems."""
    erp, oms, wms = (
        ObservedTransport(make(name), name, lambda: NOW) for name in ("erp", "oms", "wms")
    )
    source = ErpSandbox(erp)
    systems = Systems(
        orders={"erp": source},
        promises=OmsSandbox(oms, ask_by=ask_by),
        fulfilments=WmsSandbox(wms),
        items=ItemCatalogue(source),
        backends=(),
    )
    return Desk(erp, oms, wms, systems)


def desk_of(page: Page) -> Desk:
    """Put adapters before systems that say this."""
    return desk(lambda name: FakeTransport(partial(page.answer, name)))


@cache
def the_schema() -> GraphQLSchema:
    """Build the schema once."""
    return build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it


def executor(readers: Mapping[str, Any] | None) -> Executor:
    """Make an executor as the gateway does; Any: what makes readers."""
    schema = the_schema()
    return Executor(
        schema, field_plans(schema), leaves=WRITERS, plain_texts=PLAIN_TEXTS, readers=readers
    )


@cache
def parsed(text: str) -> tuple[DocumentNode, OperationDefinitionNode]:
    """Parse a document of one operation, which must be valid."""
    document = parse(text)
    assert validate(the_schema(), document) == []
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return document, operation


async def ask(ours: Executor, text: str, context: Context) -> Executed:
    """Ask a question that takes no variables."""
    document, operation = parsed(text)
    return await ours.execute(document, operation, {}, context, known_as=text)


def shown(executed: Executed) -> tuple[object, ...]:
    """Give everything an answer says: its bytes, its errors, and what it counted."""
    return (
        executed.json,
        [(one.path, one.message, repr(one.original_error)) for one in executed.errors],
        executed.executed,
        {(one.parent.name, one.key): count for one, count in executed.counts.items()},
    )
