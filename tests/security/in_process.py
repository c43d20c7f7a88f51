"""The whole gateway in one process: the real application, before systems without sockets.

What a system answers to a question is asked of the sandbox once and given again, so that
a million questions can be asked; every byte goes through the real adapters.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from backends.cache import ReadingCache
from backends.registry import open_systems
from backends.sandbox.__main__ import create
from backends.sandbox.scenarios import build_world
from backends.sandbox.world import World
from backends.settings import BackendSettings, Kind
from backends.store.memory import MemoryKeyStore
from backends.transport import Request, Response, Transport
from gateway.app import Application, create_app
from gateway.callers import Keyring
from gateway.cli.personas import EVERYTHING
from gateway.settings import GatewaySettings, Settings
from orderlines.deadline import Deadline
from orderlines.visibility import ALL, Visibility
from policies.api_keys import Grant, mint
from policies.settings import Quota, ThrottleSettings
from tests.gateway.door import PEPPER, living

KINDS = {"erp": Kind.SANDBOX_ERP, "oms": Kind.SANDBOX_OMS, "wms": Kind.SANDBOX_WMS}
PLENTY = Quota(points=1_000_000_000, window_s=1)


@dataclass
class Memory:
    """A transport that asks an application once, and remembers.

    Attributes:
        takes_s: How long an answer takes, on average.
    """

    application: Any
    takes_s: float = 0.0
    pad_to: int = 0
    known: dict[tuple[str, str, bytes], Response] = field(default_factory=dict)
    calls: int = 0

    async def send(self, request: Request, *, deadline: Deadline) -> Response:
        """Give what the application says to this question."""
        del deadline
        self.calls += 1
        if self.takes_s:
            await asyncio.sleep(random.random() * 2 * self.takes_s)  # noqa: S311 - no secret
        name = (request.method, request.target, request.body)
        found = self.known.get(name)
        if found is None:
            transport = httpx2.ASGITransport(self.application)
            async with httpx2.AsyncClient(transport=transport, base_url="http://system") as client:
                told = await client.request(
                    request.method,
                    request.target,
                    content=request.body,
                    headers=[(key.decode(), value.decode()) for key, value in request.headers],
                )
            body = told.content
            body += b" " * max(self.pad_to - len(body), 0)
            found = self.known[name] = Response(told.status_code, (), body)
        return found

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Asker:
    """A caller: its key, and what it may see."""

    key: str
    visibility: Visibility


@dataclass
class House:
    """The application, its callers, and the world it tells of."""

    application: Application
    askers: Sequence[Asker]
    world: World
    systems: Mapping[str, Memory]

    async def ask(self, asker: Asker, query: str, **variables: object) -> tuple[int, Any]:
        """Ask, as a server would hand the question on; gives the status and the JSON."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": [
                (b"host", b"gateway.test"),
                (b"content-type", b"application/json"),
                (b"authorization", f"Bearer {asker.key}".encode()),
            ],
        }
        sent: list[MutableMapping[str, Any]] = []
        waiting = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not waiting.is_set():
                waiting.set()
                return {"type": "http.request", "body": body, "more_body": False}
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])


@asynccontextmanager
async def house(
    folder: Path,
    visibilities: Sequence[Visibility],
    *,
    world: World | None = None,
    takes_s: float = 0.0,
    pad_to: int = 0,
) -> AsyncIterator[House]:
    """Open a gateway for callers with these rows."""
    world = build_world(lines=300) if world is None else world
    memories = {name: Memory(create(name, world), takes_s, pad_to) for name in KINDS}
    store, askers = MemoryKeyStore(), []
    for number, visibility in enumerate(visibilities):
        minted = mint(Grant(f"{number}", EVERYTHING, visibility), PEPPER, datetime.now(UTC))
        await store.put(minted.record.id, minted.record.encode())
        askers.append(Asker(minted.text, visibility))

    def connect(name: str, _: BackendSettings) -> Transport:
        return memories[name]

    settings = Settings(
        gateway=GatewaySettings(
            log_file=str(folder / "log"), log_level="error", max_in_progress=10_000, deadline_s=30
        ),
        throttle=ThrottleSettings(key=PLENTY, system=PLENTY),
    )
    backends = {
        name: BackendSettings(kind=kind, url="http://127.0.0.1:1") for name, kind in KINDS.items()
    }
    cache = ReadingCache(8 * 1024 * 1024)
    async with open_systems(backends, connect=connect, cache=cache) as systems:
        application = create_app(settings, systems=systems, keys=Keyring(store, PEPPER))
        async with living(application):
            yield House(application, askers, world, memories)
        await cache.aclose()


def many_visibilities(count: int) -> list[Visibility]:
    """Give callers with rows that overlap in every way."""
    customers = [f"C-{100 + n}" for n in range(7)]
    channels = ["ECOMMERCE", "EDI", "MARKETPLACE", "FIELD_SALES", "B2B_PORTAL", "OTHER"]
    plants = ["W1", "W2", "W3"]
    pick = random.Random(20_261_124)  # noqa: S311 - no secret
    found: list[Visibility] = []
    while len(found) < count:
        one = Visibility(
            pick.choice([ALL, frozenset(pick.sample(customers, pick.randint(0, 3)))]),
            pick.choice([ALL, ALL, frozenset(pick.sample(channels, pick.randint(1, 3)))]),
            pick.choice([ALL, ALL, frozenset(pick.sample(plants, pick.randint(1, 2)))]),
        )
        if one not in found:
            found.append(one)
    return found
