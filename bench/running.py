"""Processes of a run: on a port of their own, pinned to a core, ended by their id."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parent.parent
START_S: Final = 60.0
SERVER_CORE: Final = 0
LOAD_CORE: Final = 1


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
