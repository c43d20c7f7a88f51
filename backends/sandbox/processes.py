"""The sandbox as three processes, started together and stopped in reverse.

No process outlives its parent: each watches its standard input, which ends with
whoever started it, however that came about.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Final

import msgspec

from backends.sandbox.scenarios import DEFAULT_LINES, DEFAULT_SEED
from backends.sandbox.server import Ready
from orderlines.errors import GatewayError

SYSTEMS: Final = ("erp", "oms", "wms")
STOP_TIMEOUT_S: Final = 3.0
MAX_SHOWN_CHARS: Final = 2000
_CODE_ROOT: Final = Path(__file__).resolve().parents[2]


class SandboxStartError(GatewayError):
    """A process of the sandbox did not come up; the message ends with what it said."""

    code: ClassVar[str] = "SANDBOX_START"


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A system that accepts connections.

    Attributes:
        url: Its origin, without a slash at the end.
        fault: Where its fault is set.
    """

    system: str
    url: str
    fault: str
    pid: int


@contextlib.asynccontextmanager
async def launch(
    systems: Sequence[str] = SYSTEMS,
    *,
    seed: int = DEFAULT_SEED,
    lines: int = DEFAULT_LINES,
    orders: Path | None = None,
    ready_timeout_s: float = 60.0,
) -> AsyncIterator[Mapping[str, RunningSystem]]:
    """Run systems of the sandbox, each on a free loopback port.

    Args:
        systems: Which, in the order they are given back.
        seed: Of the simulated orders.
        lines: How many of them.
        orders: A CSV file to load instead.
        ready_timeout_s: How long all of them together may take to start.

    Raises:
        SandboxStartError: One of them ended, or was not ready in time.
    """
    arguments = ["--seed", str(seed), "--lines", str(lines), "--until-stdin-closes"]
    if orders is not None:
        arguments += ["--orders", str(orders)]
    async with contextlib.AsyncExitStack() as stack:
        started = [
            (system, await stack.enter_async_context(_process(system, arguments)))
            for system in systems
        ]
        deadline = asyncio.get_running_loop().time() + ready_timeout_s
        yield {
            system: await _ready(system, process, log, deadline)
            for system, (process, log) in started
        }


@contextlib.asynccontextmanager
async def _process(
    system: str, arguments: Sequence[str]
) -> AsyncIterator[tuple[Process, IO[bytes]]]:
    """Start a process; at the end ask it to stop, and make it."""
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # The code this process runs, not what a folder of the same name has.
            "-P",
            "-m",
            "backends.sandbox",
            system,
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            env=_environment(),
            # Ctrl-C is for the parent; it stops its children in its own order.
            start_new_session=True,
        )
        try:
            yield process, log
        finally:
            await _stop(process)


async def _ready(system: str, process: Process, log: IO[bytes], deadline: float) -> RunningSystem:
    """Wait for the ready line."""
    assert process.stdout is not None  # noqa: S101 - opened as a pipe above
    try:
        async with asyncio.timeout_at(deadline):
            text = await process.stdout.readline()
        ready = msgspec.json.decode(text, type=Ready)
    except TimeoutError:
        raise _start_error(system, "was not ready in time", log) from None
    except msgspec.DecodeError as error:
        raise _start_error(system, "did not start", log) from error
    return RunningSystem(ready.system, ready.url, ready.fault, process.pid)


async def _stop(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _start_error(system: str, what: str, log: IO[bytes]) -> SandboxStartError:
    log.seek(0, os.SEEK_SET)
    said = log.read().decode(errors="replace").strip()
    return SandboxStartError(
        f"The sandbox's {system} {what}. {said[-MAX_SHOWN_CHARS:]}".strip(), detail=said
    )


def _environment() -> dict[str, str]:
    paths = [str(_CODE_ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
