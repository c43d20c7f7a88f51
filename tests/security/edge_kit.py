"""A gateway in a process of its own, as a stranger meets it: by address, and by key.

    python -m tests.security.edge_kit '{"limits": {"head_s": 1.0}}'

It is the real application under the real server. Beside it stand paths that a test
needs and a gateway must not have: answers that are large, or slow, or block it.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from backends.registry import open_systems
from backends.sandbox.__main__ import create
from backends.sandbox.scenarios import build_world
from backends.settings import BackendSettings
from backends.store.memory import MemoryKeyStore
from backends.store.sqlite import open_store
from gateway.answers import Receive, Scope, Send
from gateway.app import Application, create_app
from gateway.callers import Keyring
from gateway.cli.personas import EVERYTHING
from gateway.cli.server import listen, run, serve_until_told
from gateway.connection_limits import ConnectionLimits
from gateway.settings import GatewaySettings, Settings, StoreSettings
from orderlines.visibility import Visibility
from policies.api_keys import Grant, mint
from policies.settings import AuthSettings, Quota, ThrottleSettings
from tests.security.in_process import Memory

HOST: Final = "127.0.0.1"
QUESTION: Final = b'{"query": "{ __typename }"}'
# Nothing that is asked here reaches a system, and nobody listens there.
NOWHERE: Final = "http://127.0.0.1:9"
REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Gateway:
    """A gateway that serves.

    Attributes:
        key: One that it knows.
    """

    process: subprocess.Popen[str]
    port: int
    key: str

    @property
    def resident_bytes(self) -> int:
        """What it takes of the memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def open_files(self) -> int:
        """How many files and connections it holds."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208 - only counted

    def question(self, *headers: bytes, body: bytes = QUESTION) -> bytes:
        """Write a question that is answered."""
        return question(self.key, body, *headers)


def question(key: str, body: bytes, *headers: bytes) -> bytes:
    """Write a question of whoever has a key."""
    head = (
        b"POST /graphql HTTP/1.1",
        b"Host: gateway.test",
        b"Authorization: Bearer " + key.encode(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *headers,
    )
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@contextmanager
def gateway(**options: object) -> Iterator[Gateway]:
    """Start one, and see to it that it ends.

    Args:
        options: `limits`, of the connections; `store` and `pepper`, where its keys lie in
            a file; `takes_s`, where systems answer, after so long; `points`, that a key may
            spend in a second; and what `serve_until_told` takes.
    """
    command = [sys.executable, "-m", "tests.security.edge_kit", json.dumps(options)]
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield Gateway(process, ready["port"], ready["key"])
        finally:
            if process.poll() is None:
                process.kill()


async def exchange(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send parts as they are, and give all that comes back until the server closes."""
    async with connection(port) as (reader, writer):
        answer = asyncio.create_task(reader.read())
        # Refused halfway, it may not be read to its end.
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
        return await asyncio.wait_for(answer, 10)


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection, and close it whatever became of it."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        """Whether the connection is of no more use."""
        return self.headers.get("connection") == "close"


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one answer, whose length is told.

    Raises:
        asyncio.IncompleteReadError: The connection was closed instead.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(first.split(" ")[1]), headers, body)


def parse_reply(raw: bytes) -> Reply:
    """Read the one answer that came over a connection."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Reply(int(first.split(" ")[1]), headers, body)


class _WithOddPaths:
    """The application, and the paths that it does not have."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        odd = _ODD_PATHS.get(scope.get("path", ""))
        if odd is None:
            await self._application(scope, receive, send)
            return
        body = await odd(float(scope["query_string"]))
        length = b"%d" % len(body)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", length)],
            }
        )
        await send({"type": "http.response.body", "body": body})


async def _big(size: float) -> bytes:
    return secrets.token_bytes(1024) * (int(size) // 1024)


async def _slow(seconds: float) -> bytes:
    await asyncio.sleep(seconds)
    return b"slow"


async def _block(seconds: float) -> bytes:
    time.sleep(seconds)  # noqa: ASYNC251 - what is to be shown
    return b"blocked"


_ODD_PATHS: Final[Mapping[str, Callable[[float], Any]]] = {
    "/big": _big,
    "/slow": _slow,
    "/block": _block,
}


async def _serve(options: dict[str, Any]) -> None:
    pepper, path = options.pop("pepper", secrets.token_hex(32)), options.pop("store", None)
    takes_s, points = options.pop("takes_s", None), options.pop("points", None)
    grant = Grant(
        "stranger", frozenset() if takes_s is None else EVERYTHING, Visibility.everything()
    )
    minted = mint(grant, pepper.encode(), datetime.now(UTC))
    keys: Keyring | None = None
    if path is None:
        keys = Keyring(MemoryKeyStore(), pepper.encode())
        await keys.store.put(minted.record.id, minted.record.encode())
    else:
        async with open_store(Path(path)) as store:
            await store.put(minted.record.id, minted.record.encode())
    backends = {
        name: msgspec.convert({"kind": f"sandbox-{name}", "url": NOWHERE}, BackendSettings)
        for name in ("erp", "oms", "wms")
    }
    settings = Settings(
        gateway=GatewaySettings(log_file=options.pop("log_file", os.devnull)),
        auth=AuthSettings(pepper=pepper),
        store=StoreSettings(path=path or ":memory:"),
        throttle=ThrottleSettings(key=Quota(points=points, window_s=1))
        if points
        else ThrottleSettings(),
        backends=backends,
    )
    async with AsyncExitStack() as stack:
        systems = None
        if takes_s is not None:
            world = build_world(lines=60)
            memories = {name: Memory(create(name, world), takes_s) for name in backends}
            systems = await stack.enter_async_context(
                open_systems(backends, connect=lambda name, _: memories[name])
            )
        application = create_app(settings, systems=systems, keys=keys)
        listener = listen(HOST, 0)
        port = listener.getsockname()[1]

        def announce() -> None:
            print(json.dumps({"port": port, "key": minted.text}), flush=True)  # noqa: T201 - what the caller waits for

        await serve_until_told(
            _WithOddPaths(application),
            listener,
            on_ready=announce,
            on_stop=application.drain,
            limits=ConnectionLimits(**options.pop("limits", {})),
            **{"deadline_s": settings.gateway.deadline_s, **options},
        )


if __name__ == "__main__":
    run(_serve(json.loads(sys.argv[1])))
