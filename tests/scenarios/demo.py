"""The demo as a stranger starts it: one command, real processes, real sockets."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

READY_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo.

    Attributes:
        url: The GraphQL endpoint.
        keys: One API key per persona.
        backends: Per system its `url` and its `fault` address.
    """

    url: str
    keys: Mapping[str, str]
    backends: Mapping[str, Mapping[str, str]]

    def post(
        self,
        query: str,
        variables: Mapping[str, object] | None = None,
        *,
        key: str = "operator",
        accept: str = "application/graphql-response+json",
    ) -> httpx2.Response:
        """Ask the gateway, as a client would."""
        return httpx2.post(
            self.url,
            json={"query": query, "variables": dict(variables or {})},
            headers={"authorization": f"Bearer {self.keys[key]}", "accept": accept},
            timeout=10.0,
        )

    def ask(self, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask the gateway and take the answer, whatever its status."""
        answer: dict[str, Any] = self.post(query, variables).json()
        return answer

    @contextmanager
    def fault(self, system: str, **fault: object) -> Iterator[None]:
        """Let one system misbehave for a while."""
        address = self.backends[system]["fault"]
        httpx2.put(address, json=fault, timeout=5.0).raise_for_status()
        try:
            yield
        finally:
            httpx2.put(address, json={"mode": "none"}, timeout=5.0).raise_for_status()

    def calls(self, system: str) -> int:
        """Count the calls a system has seen since the last `forget_calls`."""
        total: int = httpx2.get(self._calls_of(system), timeout=5.0).json()["total"]
        return total

    def forget_calls(self) -> None:
        """Start counting anew in every system."""
        for system in self.backends:
            httpx2.delete(self._calls_of(system), timeout=5.0).raise_for_status()

    def _calls_of(self, system: str) -> str:
        return self.backends[system]["url"] + "/_sandbox/calls"


@contextmanager
def running_demo(*arguments: str) -> Iterator[Demo]:
    """Start `orderline demo --json` on free ports and stop it afterwards."""
    process = subprocess.Popen(  # noqa: S603 - our own command, in our own environment
        [sys.executable, "-m", "gateway", "demo", "--port", "0", "--json", *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        ready = json.loads(_first_line(process))
        yield Demo(ready["url"], ready["keys"], ready["backends"])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15.0)
        if process.stdout is not None:
            process.stdout.close()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        readable, _, _ = select.select([process.stdout], [], [], 0.2)
        if readable:
            return process.stdout.readline()
    msg = f"the demo was not ready within {READY_WITHIN_S:g} s (exit code {process.poll()})"
    raise AssertionError(msg)
