"""The servers of a run, by name: how each is started, and in which words it is told of."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import node_peers
from bench.running import ROOT, SERVER_CORE, Running, free_port, process, wait_for

HOT_ANSWER: Final = "hot.json"
SYSTEMS: Final = ("erp", "oms", "wms")


@contextlib.contextmanager
def serving(name: str, ports: dict[str, int], folder: Path, *, keys: int) -> Iterator[Running]:
    """Run one of the servers under its name.

    Raises:
        UnavailableError: It cannot run here.
    """
    port = free_port()
    log, own = folder / f"{name}.log", folder / name
    own.mkdir()
    systems = [str(ports[one]) for one in SYSTEMS]
    python = [sys.executable, "-m"]
    commands = {
        "gateway": [*python, "bench.gateway", str(port), "0", str(keys), str(own), *systems],
        "unguarded": [*python, "bench.unguarded", str(port), "0", str(keys), str(own), *systems],
        "handwritten": [*python, "bench.peers.handwritten", str(port), "0", *systems],
        "stock": [*python, "bench.peers.stock", str(port), "0", *systems],
        "constant": [*python, "bench.peers.constant", str(port), "0", str(folder / HOT_ANSWER)],
    }
    how = {
        "gateway": f"uvicorn, one process, {keys:,} restricted API keys in memory, log to a file",
        "unguarded": "the gateway without its guard: keys, rows and log, no limits and no quota",
        "handwritten": "uvicorn, one process, the gateway's own wire, msgspec, no policies",
        "constant": "uvicorn, one process, the bytes of one answer, whatever is asked",
        "stock": "uvicorn, one process, strawberry, a DataLoader a system, httpx2",
    } | node_peers.HOW
    command = commands.get(name) or node_peers.command_of(name, port, ports, folder)
    keys_file = own / "keys.txt" if name in {"gateway", "unguarded"} else None
    with log.open("wb") as out, process(command, core=SERVER_CORE, log=out, cwd=ROOT) as group:
        wait_for(port, name, log)
        yield Running(name, port, group, how[name], keys_file)
