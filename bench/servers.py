"""Servers of a run: started on a port of their own, pinned to a core, ended by their id."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = ROOT / ".bench" / "node"
GRAFBASE: Final = "@grafbase/cli-x86_64-unknown-linux-musl"
GRAFBASE_VERSION: Final = "0.103.0"
START_S: Final = 60.0
SERVER_CORE: Final = 0
LOAD_CORE: Final = 1

SUBGRAPHS: Final = ("orders", "promises", "fulfilments")
SYSTEMS: Final = ("erp", "oms", "wms")


class UnavailableError(Exception):
    """A peer cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that accepts connections."""

    name: str
    port: int
    how: str
    keys: Path | None = None


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def process(command: list[str], *, core: int, log: IO[bytes], cwd: Path = ROOT) -> Iterator[None]:
    """Run a command on one core until the block ends."""
    started = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        cwd=cwd,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NODE_ENV": "production", "PYTHONPATH": str(ROOT)},
    )
    try:
        yield
    finally:
        started.terminate()
        try:
            started.wait(5)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_for(port: int, name: str, log: Path) -> None:
    """Wait until somebody accepts connections.

    Raises:
        UnavailableError: Nobody did in time.
    """
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    msg = f"{name} did not start: {log.read_text(errors='replace')[-400:]}"
    raise UnavailableError(msg)


@contextlib.contextmanager
def serving(name: str, ports: dict[str, int], folder: Path, *, keys: int) -> Iterator[Running]:
    """Run one of the servers under its name.

    Raises:
        UnavailableError: It cannot run here.
    """
    port = free_port()
    log = folder / f"{name}.log"
    systems = [str(ports[one]) for one in SYSTEMS]
    python = [sys.executable, "-m"]
    command = {
        "gateway": [*python, "bench.gateway", str(port), "0", str(keys), str(folder), *systems],
        "handwritten": [*python, "bench.peers.handwritten", str(port), "0", *systems],
        "stock": [*python, "bench.peers.stock", str(port), "0", *systems],
    }
    how = {
        "gateway": f"uvicorn, one process, {keys:,} restricted API keys in memory, log to a file",
        "handwritten": "uvicorn, one process, the gateway's own wire, msgspec, no policies",
        "stock": "uvicorn, one process, strawberry, a DataLoader a system, httpx2",
        "grafbase": f"grafbase dev {GRAFBASE_VERSION}: a development mode, the only one its "
        "package has; three federated subgraphs",
    }
    if name == "grafbase":
        command["grafbase"] = _grafbase(port, ports, folder)
    with log.open("wb") as out, process(command[name], core=SERVER_CORE, log=out, cwd=ROOT):
        wait_for(port, name, log)
        yield Running(name, port, how[name], folder / "keys.txt" if name == "gateway" else None)


def _grafbase(port: int, ports: dict[str, int], folder: Path) -> list[str]:
    """Install the binary if it is not there, and write its configuration."""
    binary = TOOLS / "node_modules" / GRAFBASE / "grafbase"
    if not binary.exists():
        npm = shutil.which("npm")
        if npm is None:
            msg = "there is no npm to install it with"
            raise UnavailableError(msg)
        TOOLS.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [
                npm,
                "install",
                "--no-audit",
                "--no-fund",
                "--prefix",
                str(TOOLS),
                f"{GRAFBASE}@{GRAFBASE_VERSION}",
            ],
            capture_output=True,
            check=False,
            timeout=180,
        )
        if not binary.exists():
            msg = f"npm could not install it: {done.stderr.decode(errors='replace')[-200:]}"
            raise UnavailableError(msg)
    config = folder / "grafbase.toml"
    config.write_text(
        "".join(
            f'[subgraphs.{name}]\nurl = "http://127.0.0.1:{ports[name]}/graphql"\n'
            f'schema_path = "{ROOT / "bench" / "subgraphs" / name}.graphql"\n'
            for name in SUBGRAPHS
        ),
        "utf-8",
    )
    return [str(binary), "dev", "-c", str(config), "-p", str(port)]
