"""W7: how long a gateway takes from its start to its first answer, and what it holds idle."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from bench.running import SERVER_CORE, free_port, process

WITHIN_S: Final = 30.0
ROUNDS: Final = 3
QUESTION: Final = json.dumps({"query": "{ viewer { name } }"}).encode()


def measure(folder: Path, systems: list[str]) -> dict[str, Any]:
    """Start it a few times; give seconds to the first answer, and idle memory in MB."""
    starts, memory = [], []
    for _ in range(ROUNDS):
        seconds, megabytes = _once(folder, systems)
        starts.append(seconds)
        memory.append(megabytes)
    return {
        "start": {"median": round(sorted(starts)[ROUNDS // 2], 2), "unit": "s"},
        "idle": {"median": round(sorted(memory)[ROUNDS // 2], 1), "unit": "MB"},
    }


def _once(folder: Path, systems: list[str]) -> tuple[float, float]:
    port, keys = free_port(), folder / "keys.txt"
    keys.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "bench.gateway", str(port), "0", "1", str(folder), *systems,
    ]  # fmt: skip
    with (folder / "start.log").open("wb") as log:
        started = time.monotonic()
        with process(command, core=SERVER_CORE, log=log):
            while not _answers(port, keys):
                if time.monotonic() - started > WITHIN_S:
                    msg = "the gateway did not start"
                    raise SystemExit(msg)
                time.sleep(0.01)
            seconds = time.monotonic() - started
            time.sleep(1)
            return seconds, _memory(port)


def _answers(port: int, keys: Path) -> bool:
    if not keys.exists() or not (text := keys.read_text("ascii")):
        return False
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=QUESTION,
        headers={"content-type": "application/json", "authorization": f"Bearer {text}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - loopback
            return bool(response.status == 200)  # noqa: PLR2004 - HTTP's own
    except urllib.error.URLError:
        return False


def _memory(port: int) -> float:
    """Read the resident memory of whoever listens on a port of ours."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
            if b"bench.gateway" in command and str(port).encode() in command:
                found = re.search(r"VmRSS:\s+(\d+)", status.read_text())
                if found and b"taskset" not in command[0]:
                    return int(found[1]) / 1_024
        except OSError:
            continue
    return 0.0
