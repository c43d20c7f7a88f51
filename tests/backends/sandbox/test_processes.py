"""The sandbox as processes: it says when it is ready, it stops, and it leaves nothing behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from backends.sandbox import processes
from backends.sandbox.__main__ import main
from backends.sandbox.processes import SYSTEMS, SandboxStartError, launch
from backends.sandbox.server import Ready, SandboxAddressError, listen, origin, print_ready
from tests.backends.sandbox.conftest import WriteOrders

COMMAND = (sys.executable, "-m", "backends.sandbox")
PROMISES = """
query($o: [String!]) { promiseLines(orders: $o) { ... on PromiseLinePage { lines { order } } } }
"""
PARENT = """
import asyncio, sys
from backends.sandbox.processes import launch

async def run():
    async with launch(lines=20) as systems:
        print(*(one.pid for one in systems.values()), flush=True)
        await asyncio.sleep(60)

asyncio.run(run())
"""


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """Start a system and read its ready line; it is killed if the test leaves it running."""
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - our own command
                [*COMMAND, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no such file system here
        return True


def gone_within(seconds: float, *pids: int) -> bool:
    """Wait until none of the processes is there any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


async def test_three_systems_start_together_and_tell_of_one_world() -> None:
    """Each has a port of its own, and the lines are the same in all of them."""
    async with launch(seed=3, lines=30) as systems, httpx2.AsyncClient() as client:
        health = [
            (await client.get(f"{one.url}/_sandbox/health")).json() for one in systems.values()
        ]
        faults = [(await client.get(one.fault)).json()["mode"] for one in systems.values()]
        page = await client.get(f"{systems['erp'].url}/odata/v2/SalesOrders")
        orders = [row["SalesOrder"] for row in page.json()["d"]["results"]]
        rows = await client.get(f"{systems['wms'].url}/v2/outbound-lines?orders={','.join(orders)}")
        promises = await client.post(
            f"{systems['oms'].url}/graphql", json={"query": PROMISES, "variables": {"o": orders}}
        )
        pids = [one.pid for one in systems.values()]

    assert list(systems) == list(SYSTEMS)
    assert [(one.system, one.fault) for one in systems.values()] == [
        (name, f"{systems[name].url}/_sandbox/fault") for name in SYSTEMS
    ]
    assert health == [{"system": name, "lines": 30} for name in SYSTEMS]
    assert faults == ["none"] * 3
    lines = promises.json()["data"]["promiseLines"]["lines"]
    assert (len(lines), {line["order"] for line in lines}) == (30, set(orders))
    assert {row["order_ref"] for row in rows.json()["data"]} <= set(orders)
    assert not any(is_alive(pid) for pid in pids)


async def test_they_stop_in_reverse(monkeypatch: pytest.MonkeyPatch) -> None:
    """As resources do: the last one opened is the first one closed."""
    stopped: list[int] = []
    stop = processes._stop  # noqa: SLF001 - watched, not replaced

    async def watch(process: asyncio.subprocess.Process) -> None:
        stopped.append(process.pid)
        await stop(process)

    monkeypatch.setattr(processes, "_stop", watch)
    async with launch(["wms", "erp"], lines=1) as systems:
        pids = [one.pid for one in systems.values()]

    assert list(systems) == ["wms", "erp"]
    assert stopped == pids[::-1]


async def test_an_order_file_is_loaded_by_all(write_orders: WriteOrders) -> None:
    """In place of the simulated orders."""
    path = write_orders("order_number,sku,quantity", "A,S,1", "A,S,2", "B,S,bad")
    async with launch(orders=path) as systems, httpx2.AsyncClient() as client:
        lines = [
            (await client.get(f"{one.url}/_sandbox/health")).json()["lines"]
            for one in systems.values()
        ]

    assert lines == [2, 2, 2]


async def test_a_system_that_does_not_start_says_why(write_orders: WriteOrders) -> None:
    """What it wrote to standard error is in the message, and the others are stopped."""
    with pytest.raises(SandboxStartError) as refused:
        async with launch(["wms"], orders=write_orders("nonsense")):
            pass

    assert refused.value.message.startswith(
        "The sandbox's wms did not start. The header lacks columns that are needed (order number:"
    )


async def test_a_system_that_takes_too_long_is_not_waited_for() -> None:
    """All of them together have one deadline, and none of them stays."""
    with pytest.raises(SandboxStartError, match=r"^The sandbox's erp was not ready in time\."):
        async with launch(["erp"], ready_timeout_s=0.0):
            pass


async def test_a_process_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked; then it is made to stop."""
    monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 0.1)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\nsignal.pause()",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    await processes._stop(process)  # noqa: SLF001 - the last step of launch, by itself

    assert process.returncode == -signal.SIGKILL


async def test_a_process_that_has_already_ended_is_no_trouble() -> None:
    """Stopping is safe whatever happened before."""
    async with launch(["wms"], lines=1) as systems:
        os.kill(systems["wms"].pid, signal.SIGKILL)
        assert gone_within(2, systems["wms"].pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: signal.Signals) -> None:
    """Exit code 0, and nothing but the ready line on standard output."""
    with started("wms", "--lines", "5") as (process, ready):
        process.send_signal(number)
        out, err = process.communicate(timeout=5)

    assert ready == {
        "system": "wms",
        "url": ready["url"],
        "fault": f"{ready['url']}/_sandbox/fault",
    }
    assert ready["url"].startswith("http://127.0.0.1:")
    assert (process.returncode, out, err) == (0, b"", b"")


def test_a_slow_answer_does_not_hold_it_up() -> None:
    """With half a minute of delay in flight it still stops at once."""
    with started("wms", "--lines", "5") as (process, ready), httpx2.Client() as client:
        client.put(ready["fault"], json={"mode": "slow"}).raise_for_status()
        with pytest.raises(httpx2.ReadTimeout):
            client.get(f"{ready['url']}/v2/outbound-lines?orders=SO-1001", timeout=0.2)
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", int(ready["url"].rpartition(":")[2]))) as call:
            call.sendall(b"GET /v2/outbound-lines HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=5)

    assert process.returncode == 0
    assert time.monotonic() - began < 2


def test_a_huge_answer_ends_with_the_client() -> None:
    """Over a real socket: whoever stops reading is not written to, and others are served."""
    with started("wms", "--lines", "5") as (process, ready), httpx2.Client() as client:
        client.put(ready["fault"], json={"mode": "garbage", "kind": "huge"}).raise_for_status()
        began = time.monotonic()
        with client.stream("GET", f"{ready['url']}/v2/outbound-lines") as answer:
            start = next(answer.iter_raw())
        health = client.get(f"{ready['url']}/_sandbox/health").json()
        took = time.monotonic() - began
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)

    assert start.startswith(b'{"data":[')
    assert health == {"system": "wms", "lines": 5}
    assert took < 2


def test_the_end_of_standard_input_ends_it() -> None:
    """Whoever holds the other end need not even say goodbye."""
    with started("oms", "--lines", "1", "--until-stdin-closes") as (process, _):
        assert process.stdin is not None
        process.stdin.write(b"still here\n")
        process.stdin.flush()
        time.sleep(0.2)
        still_there = process.poll() is None
        process.stdin.close()
        code = process.wait(timeout=5)

    assert (still_there, code) == (True, 0)


def test_a_killed_parent_leaves_no_orphan() -> None:
    """Kill -9 gives the parent no chance to clean up; its children notice."""
    with subprocess.Popen(  # noqa: S603 - our own text
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        were_alive = [is_alive(pid) for pid in pids]
        parent.kill()

    assert were_alive == [True] * 3
    assert gone_within(3, *pids)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "no access control and listens on loopback only"),  # noqa: S104 - refused
        (["--host", "192.0.2.1"], "no access control and listens on loopback only"),
        (["--host", "example.org"], "no access control and listens on loopback only"),
        (["--port", "70000"], "There is no port 70000."),
        (["--lines", "0"], "A sandbox holds 1 to 1,000,000 order lines."),
        (["--orders", "nope.csv"], "The file cannot be read: No such file or directory."),
    ],
)
def test_what_it_cannot_do_it_says(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """One sentence on standard error, exit code 2, and no traceback."""
    code = main(["erp", *arguments])
    out, err = capsys.readouterr()

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_a_taken_port_is_named() -> None:
    """Two systems on one port would answer for each other."""
    with listen("localhost", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxAddressError, match=f"port {port}: Address already in use"):
            listen("127.0.0.1", port)


def test_an_address_as_a_url() -> None:
    """An IPv6 address stands in brackets."""
    assert origin("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert origin("::1", 80) == "http://[::1]:80"


@pytest.mark.parametrize("system", SYSTEMS)
def test_rows_left_out_are_told_on_standard_error(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    write_orders: WriteOrders,
    system: str,
) -> None:
    """Twenty of them by line, then how many there are; the ready line stays alone."""
    path = write_orders("order_number,sku,quantity", "A,S,1", "B,S", *["C,S,x"] * 30)

    def print_and_stop(ready: Ready) -> None:
        print_ready(ready)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("backends.sandbox.__main__.print_ready", print_and_stop)
    code = main([system, "--orders", str(path)])
    out, err = capsys.readouterr()
    told = err.splitlines()

    assert code == 0
    assert json.loads(out)["system"] == system
    assert told[:2] == [
        "line 3, row: The row has 2 cells, the header 3.",
        "line 4, quantity: It is not a number like 12 or 12.5.",
    ]
    assert (len(told), told[-1]) == (21, "31 rows were left out in all")
