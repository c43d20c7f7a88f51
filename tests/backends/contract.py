"""One way to speak to each adapter, so that the same tests hold for all of them.

An adapter is run against its system of the sandbox, over a real wire on loopback.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import httpx2
from starlette.applications import Starlette

from backends.capabilities import Capabilities
from backends.erp.sandbox import ErpSandbox
from backends.observe import ObservedTransport
from backends.oms.sandbox import OmsSandbox
from backends.ports import LineAddress, Readings, Refs
from backends.sandbox.erp import create_erp
from backends.sandbox.oms import create_oms
from backends.sandbox.wms import create_wms
from backends.sandbox.world import World
from backends.wire import Wire
from backends.wms.sandbox import WmsSandbox
from orderlines.deadline import Deadline
from orderlines.facets import (
    Facet,
    FulfilmentFacet,
    HeaderFacet,
    PromiseFacet,
)
from tests.backends.kit import EVERYTHING, observed, served, soon
from tests.backends.native import words

Adapter: TypeAlias = ErpSandbox | OmsSandbox | WmsSandbox


@dataclass(frozen=True, slots=True)
class Dialect:
    """A system of the sandbox, and who speaks to it.

    Attributes:
        spoilt: The field that the sandbox spoils under its fault `row`.
    """

    name: str
    create: Callable[[World], Starlette]
    adapt: Callable[[ObservedTransport], Adapter]
    protocol: type
    spoilt: str


DIALECTS: Final = (
    Dialect("erp", create_erp, ErpSandbox, HeaderFacet, "RequestedQuantity"),
    Dialect("oms", create_oms, OmsSandbox, PromiseFacet, "promise"),
    Dialect("wms", create_wms, WmsSandbox, FulfilmentFacet, "units_shipped"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """An adapter with its system."""

    dialect: Dialect
    adapter: Adapter
    transport: ObservedTransport
    origin: str

    @property
    def capabilities(self) -> Capabilities:
        """What the adapter says it can do."""
        return self.adapter.capabilities

    async def read(
        self,
        refs: Refs,
        admitted: Collection[LineAddress] | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> Readings[Facet]:
        """Read, and open what is sealed."""
        deadline = deadline or soon()
        adapter = self.adapter
        if isinstance(adapter, ErpSandbox):
            return await adapter.read_headers(refs, visibility=EVERYTHING, deadline=deadline)
        if isinstance(adapter, OmsSandbox):
            promises = await adapter.read_promises(refs, visibility=EVERYTHING, deadline=deadline)
            return promises.open(admitted)
        sealed = await adapter.read_fulfilments(refs, visibility=EVERYTHING, deadline=deadline)
        return sealed.open(admitted)

    async def told(self, refs: Refs) -> dict[LineAddress, list[dict[str, object]]]:
        """Read, and give every word of every record."""
        readings = await self.read(refs)
        assert (readings.failed, readings.unplaced) == ({}, ())
        return {
            address: [words(facet, self.dialect.protocol) for facet in facets]
            for address, facets in readings.by_line.items()
        }

    async def calls(self) -> int:
        """Count the calls the system has seen."""
        async with httpx2.AsyncClient(base_url=self.origin) as client:
            found: int = (await client.get("/_sandbox/calls")).json()["total"]
        return found

    async def misbehave(self, **fault: object) -> None:
        """Put a fault in force."""
        async with httpx2.AsyncClient(base_url=self.origin) as client:
            (await client.put("/_sandbox/fault", json=fault)).raise_for_status()


@asynccontextmanager
async def running(dialect: Dialect, world: World) -> AsyncIterator[Running]:
    """Run a system of this world, and an adapter that speaks to it."""
    async with served(dialect.create(world)) as origin:
        wire = Wire(origin, system=dialect.name)
        transport = observed(wire, dialect.name)
        try:
            yield Running(dialect, dialect.adapt(transport), transport, origin)
        finally:
            await wire.aclose()
