"""Asking a server for some seconds, from another core, by wrk."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.questions import COLD, HOT_ORDERS, ORDERS, QUESTIONS, number
from bench.running import LOAD_CORE, Running, UnavailableError

SCRIPT: Final = Path(__file__).with_name("load.lua")
CONNECTIONS: Final = 16
_asked: Final[Counter[str]] = Counter()
"""By server, so that all keys take their turn, whatever one turn of asking comes to."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one turn."""

    requests: int
    per_second: float
    p99_ms: float


def ask(server: Running, workload: str, index: int = 7) -> Any:  # noqa: ANN401 - a JSON answer
    """Ask one question and give the whole answer."""
    name, query, digit = QUESTIONS[workload]
    body = {"operationName": name, "query": query, "variables": {"number": number(digit, index)}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/graphql",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", "accept": "application/json", **_key(server)},
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - loopback
        return json.load(response)


def load(server: Running, workload: str, seconds: int) -> Measured:
    """Ask as often as the server answers.

    Raises:
        UnavailableError: There is no wrk.
        RuntimeError: An answer was no success.
    """
    name, query, digit = QUESTIONS[workload]
    head, tail = json.dumps(
        {"operationName": name, "query": query, "variables": {"number": "\0"}}
    ).split("\\u0000")
    environ = {
        "BENCH_HEAD": head,
        "BENCH_TAIL": tail,
        "BENCH_DIGIT": digit,
        "BENCH_ORDERS": str(ORDERS if workload in COLD else HOT_ORDERS),
        "BENCH_ONE_KEY": "" if workload in COLD else "1",
        "BENCH_KEYS": str(server.keys or ""),
        "BENCH_ASKED": str(_asked[server.name]),
    }
    url = f"http://127.0.0.1:{server.port}/graphql"
    said = _wrk(seconds, "--timeout", "10s", "-s", str(SCRIPT), url, environ=environ)
    line = next(one for one in said.splitlines() if one.startswith("BENCH "))
    requests, micros, errors, p99 = (int(part) for part in line.split()[1:])
    _asked[server.name] += requests
    if errors:
        msg = f"{server.name}: {errors} of {requests} answers to {workload} were no success"
        raise RuntimeError(msg)
    return Measured(requests, requests / (micros / 1e6), p99 / 1_000)


def upstream_alone(port: int, digit: str, seconds: int = 2) -> float:
    """Ask a system itself, as often as it answers; give answers a second."""
    url = f"http://127.0.0.1:{port}/odata/v2/SalesOrders?{number(digit, 7)}"
    found = re.search(r"Requests/sec: *([0-9.]+)", _wrk(seconds, url, environ={}))
    return 0.0 if found is None else float(found[1])


def _wrk(seconds: int, *arguments: str, environ: Mapping[str, str]) -> str:
    """Run wrk on the core of the load; give what it printed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        msg = "wrk is needed to measure (Debian: apt-get install wrk)"
        raise UnavailableError(msg)
    load_of = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    done = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *load_of, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
        timeout=seconds + 30,
    )
    return done.stdout.decode()


def calls(port: int) -> dict[str, int]:
    """Read, and forget, how often each system was asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_calls", timeout=5) as response:
        told: dict[str, int] = json.load(response)
        return told


def _key(server: Running) -> dict[str, str]:
    if server.keys is None:
        return {}
    return {"authorization": f"Bearer {server.keys.read_text('ascii').splitlines()[0]}"}
