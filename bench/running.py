"""Processes of a run: on a port of their own, pinned to a core, ended by their id.

Each is a group of its own, so that what it starts itself is stopped and ended with it.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parent.parent
START_S: Final = 60.0
END_S: Final = 5.0
SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
SETTLE_S: Final = 0.2
"""For what a server that rested has to make up for: timers that are overdue."""


class UnavailableError(Exception):
    """A peer cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that accepts connections.

    Attributes:
        group: The group of its processes.
        how: It runs.
        keys: A file of API keys, if it asks for one.
    """

    name: str
    port: int
    group: int
    how: str
    keys: Path | None = None

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Let it run until the block ends; then it rests, and takes no part of the core."""
        os.killpg(self.group, signal.SIGCONT)
        time.sleep(SETTLE_S)
        try:
            yield
        finally:
            self.rest()

    def rest(self) -> None:
        """Let it rest until it is woken, or its run ends."""
        os.killpg(self.group, signal.SIGSTOP)


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def process(command: list[str], *, core: int, log: IO[bytes], cwd: Path = ROOT) -> Iterator[int]:
    """Run a command on one core until the block ends; gives the group of its processes."""
    started = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        cwd=cwd,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NODE_ENV": "production", "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        yield started.pid
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    """End a group of processes: kindly, and after a while for good."""
    end = time.monotonic() + END_S
    # A group is gone once it can be told nothing any more.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGTERM)
        os.killpg(started.pid, signal.SIGCONT)
        while time.monotonic() < end:
            started.poll()
            os.killpg(started.pid, 0)
            time.sleep(0.02)
        os.killpg(started.pid, signal.SIGKILL)
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
