"""The gateway as a server of a run: the real application, everything on, one core.

10,000 API keys lie in its store, each restricted to the customer of the orders and one
of its own. Its log goes to a file.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from backends.settings import BackendSettings
from backends.store.memory import MemoryKeyStore
from bench.questions import CUSTOMER
from bench.recording import KINDS
from gateway.app import Application, create_app
from gateway.callers import Keyring
from gateway.cli.personas import EVERYTHING
from gateway.cli.server import listen, run, serve_until_told
from gateway.settings import GatewaySettings, Settings
from orderlines.visibility import ALL, Visibility
from policies.api_keys import Grant, mint
from policies.settings import Quota, ThrottleSettings


async def make_keys(count: int) -> tuple[Keyring, str]:
    """Mint keys, and give their texts, one a line."""
    store, pepper, texts = MemoryKeyStore(), secrets.token_bytes(32), []
    now = datetime.now(UTC)
    for index in range(count):
        visibility = Visibility(frozenset({CUSTOMER, f"OWN-{index}"}), ALL, ALL)
        minted = mint(Grant(f"partner {index}", EVERYTHING, visibility), pepper, now)
        await store.put(minted.record.id, minted.record.encode())
        texts.append(minted.text)
    return Keyring(store, pepper), "\n".join(texts)


def main(make: Callable[..., Application] = create_app) -> None:
    """Serve on a port: `python -m bench.gateway PORT CORE KEYS FOLDER ERP OMS WMS`."""
    port, core, keys, folder, *ports = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    settings = Settings(
        gateway=GatewaySettings(log_file=str(Path(folder) / "gateway.log"), deadline_s=10),
        # Everything is counted; the hot workload asks a million points a second of one key.
        throttle=ThrottleSettings(key=Quota(points=100_000_000)),
        backends={
            name: BackendSettings(kind=kind, url=f"http://127.0.0.1:{at}")
            for (name, kind), at in zip(KINDS.items(), ports, strict=True)
        },
    )
    keyring, texts = asyncio.run(make_keys(int(keys)))
    (Path(folder) / "keys.txt").write_text(texts, "ascii")
    application = make(settings, keys=keyring)
    with closing(listen("127.0.0.1", int(port))) as listener:
        run(
            serve_until_told(
                application, listener, deadline_s=10, on_ready=lambda: print("ready", flush=True)
            )
        )


if __name__ == "__main__":
    main()
