"""What the tests of the sandbox share: a world, and clients to its systems."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest
from starlette.applications import Starlette

from backends.sandbox.erp import create_erp
from backends.sandbox.oms import create_oms
from backends.sandbox.scenarios import build_world
from backends.sandbox.wms import create_wms
from backends.sandbox.world import World

Connect: TypeAlias = Callable[[Starlette], AbstractAsyncContextManager[httpx2.AsyncClient]]
WriteOrders: TypeAlias = Callable[..., Path]


@asynccontextmanager
async def _connect(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


@pytest.fixture(scope="session")
def world() -> World:
    """Build the default world once: nothing in it can change."""
    return build_world()


@pytest.fixture
def connect() -> Connect:
    """Open a client to a system that runs in this process."""
    return _connect


@pytest.fixture
async def erp(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """Speak to the ERP."""
    async with _connect(create_erp(world)) as client:
        yield client


@pytest.fixture
async def oms(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """Speak to the OMS."""
    async with _connect(create_oms(world)) as client:
        yield client


@pytest.fixture
async def wms(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """Speak to the WMS."""
    async with _connect(create_wms(world)) as client:
        yield client


@pytest.fixture
def client(request: pytest.FixtureRequest, system: str) -> httpx2.AsyncClient:
    """Speak to the system that the test is about."""
    found: httpx2.AsyncClient = request.getfixturevalue(system)
    return found


@pytest.fixture
def write_orders(tmp_path: Path) -> WriteOrders:
    """Write a CSV file of these lines; bytes are written as they are."""

    def write(*lines: str | bytes) -> Path:
        path = tmp_path / "orders.csv"
        path.write_bytes(
            b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
        )
        return path

    return write
