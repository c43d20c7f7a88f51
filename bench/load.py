"""Asking a server for some seconds, from another core, by wrk."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.questions import ORDERS, QUESTIONS, number
from bench.running import LOAD_CORE, Running, UnavailableError

SCRIPT: Final = Path(__file__).with_name("load.lua")
CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one turn."""

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
    wrk = shutil.which("wrk")
    if wrk is None:
        msg = "wrk is needed to measure (Debian: apt-get install wrk)"
        raise UnavailableError(msg)
    name, query, digit = QUESTIONS[workload]
    head, tail = json.dumps(
        {"operationName": name, "query": query, "variables": {"number": "\0"}}
    ).split("\\u0000")
    done = subprocess.run(
        [
            "taskset",
            "-c",
            str(LOAD_CORE),
            wrk,
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "--timeout",
            "10s",
            "-s",
            str(SCRIPT),
            f"http://127.0.0.1:{server.port}/graphql",
        ],
        env={
            **os.environ,
            "BENCH_HEAD": head,
            "BENCH_TAIL": tail,
            "BENCH_DIGIT": digit,
            "BENCH_ORDERS": str(ORDERS),
            "BENCH_KEYS": str(server.keys or ""),
        },
        capture_output=True,
        check=True,
        timeout=seconds + 30,
    )
    line = next(one for one in done.stdout.decode().splitlines() if one.startswith("BENCH "))
    requests, micros, errors, p99 = (int(part) for part in line.split()[1:])
    if errors:
        msg = f"{server.name}: {errors} of {requests} answers to {workload} were no success"
        raise RuntimeError(msg)
    return Measured(requests / (micros / 1e6), p99 / 1_000)


def upstream_alone(port: int, digit: str, seconds: int = 2) -> float:
    """Ask a system itself, as often as it answers; give answers a second."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return 0.0
    url = f"http://127.0.0.1:{port}/odata/v2/SalesOrders?{number(digit, 7)}"
    command = [
        "taskset",
        "-c",
        str(LOAD_CORE),
        wrk,
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        url,
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 30)
    found = re.search(rb"Requests/sec: *([0-9.]+)", done.stdout)
    return 0.0 if found is None else float(found[1])


def calls(port: int) -> dict[str, int]:
    """Read, and forget, how often each system was asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_calls", timeout=5) as response:
        told: dict[str, int] = json.load(response)
        return told


def _key(server: Running) -> dict[str, str]:
    if server.keys is None:
        return {}
    return {"authorization": f"Bearer {server.keys.read_text('ascii').splitlines()[0]}"}
