"""`make bench`: every workload, every server that can run here, one run, in turn."""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import executor, results, start
from bench.load import ask, calls, load, upstream_alone
from bench.node_peers import SUBGRAPHS
from bench.questions import COLD, QUESTIONS
from bench.recording import record, subgraphs
from bench.running import LOAD_CORE, Running, UnavailableError, free_port, process, wait_for
from bench.servers import HOT_ANSWER, SYSTEMS, serving

SERVERS: Final = (
    "gateway",
    "unguarded",
    "handwritten",
    "grafbase",
    "mercurius",
    "yoga",
    "hive",
    "stock",
    "constant",
)
FEDERATED: Final = ("grafbase", "hive")
PEERS: Final = {
    "W1": tuple(one for one in SERVERS if one != "constant"),
    "W2": ("gateway", "constant"),
    "W4": tuple(one for one in SERVERS if one != "constant"),
    "W3": ("gateway", "handwritten"),
}
WORKLOADS: Final = (*PEERS, "W7", "W8", "executor")
FAIR: Final = 1.5
WARM_UP_S: Final = 2
EXPECTED_CALLS: Final = {"erp": 1, "oms": 1, "wms": 1}


def main() -> int:
    """Measure, show, compare, and write the results."""
    options = _options()
    found: dict[str, Any] = {"ratios": {}}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports, servers, how = start_servers(stack, folder, options)
        if "W8" in options.only:  # first, while nobody else asks
            found["W8"] = _count_calls(servers, ports)
        alone = {
            workload: upstream_alone(ports["erp"], QUESTIONS[workload][2])
            for workload in COLD
            if workload in options.only
        }
        for server in servers.values():
            server.rest()
        for workload in (one for one in PEERS if one in options.only):
            some = {name: servers[name] for name in PEERS[workload] if name in servers}
            found[workload] = _measure(workload, some, options)
            found["ratios"][workload] = results.ratios(found[workload])
        found["upstream"] = {
            workload: {"alone": round(per_second), "asked": round(_most_calls(found[workload]))}
            for workload, per_second in alone.items()
        }
        if "W7" in options.only:
            _say("W7: starting and idling")
            found["W7"] = start.measure(folder, [str(ports[one]) for one in SYSTEMS])
    if "executor" in options.only:
        _say("W3, the executor alone")
        ratio, ours, theirs = executor.ratio()
        found["ratios"]["executor"] = {"graphql-core": round(ratio, 2)}
        found["executor"] = {
            "gateway": {"median": round(ours, 3), "unit": "ms CPU"},
            "graphql-core": {"median": round(theirs, 3), "unit": "ms CPU"},
        }
    found["peers"] = how
    found["machine"] = {"cores": os.cpu_count(), "python": platform.python_version()}
    _show(found)
    if set(WORKLOADS) <= set(options.only) and set(SERVERS) <= set(options.peers):
        results.FILE.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        _say(f"written to {results.FILE.name}")
    return 0


def start_servers(
    stack: contextlib.ExitStack, folder: Path, options: argparse.Namespace
) -> tuple[dict[str, int], dict[str, Running], dict[str, str]]:
    """Start the systems and every server that can run here."""
    _say("recording the sandbox's answers")
    bodies = asyncio.run(record())
    ports = {name: free_port() for name in SYSTEMS}
    _upstream(stack, folder, "systems", ports, bodies)
    servers: dict[str, Running] = {}
    how: dict[str, str] = {}
    for name in SERVERS:
        if name not in options.peers:
            continue
        if name in FEDERATED and not ports.keys() >= set(SUBGRAPHS):
            graphs = {one: free_port() for one in SUBGRAPHS}
            told = {
                digit: subgraphs(digit, ask(servers["gateway"], workload, 0))
                for workload, (_, _, digit) in QUESTIONS.items()
                if workload in COLD
            }
            _upstream(stack, folder, "subgraphs", graphs, told)
            ports |= graphs
        if name == "constant":
            answer = json.dumps(ask(servers["gateway"], "W2"), separators=(",", ":"))
            (folder / HOT_ANSWER).write_text(answer)
        _say(f"starting {name}")
        try:
            servers[name] = stack.enter_context(serving(name, ports, folder, keys=options.keys))
            how[name] = servers[name].how
        except UnavailableError as error:
            how[name] = f"SKIPPED: {error}"
            _say(f"{name} SKIPPED: {error}")
    return ports, servers, how


def _upstream(
    stack: contextlib.ExitStack,
    folder: Path,
    name: str,
    ports: Mapping[str, int],
    bodies: Mapping[str, Mapping[str, bytes]],
) -> None:
    file, log = folder / f"{name}.bodies", folder / f"{name}.log"
    file.write_bytes(msgspec.msgpack.encode({"ports": ports, "bodies": bodies}))
    out = stack.enter_context(log.open("wb"))
    command = [sys.executable, "-m", "bench.upstream", str(file), str(LOAD_CORE)]
    stack.enter_context(process(command, core=LOAD_CORE, log=out))
    for port in ports.values():
        wait_for(port, name, log)


def _measure(
    workload: str, servers: Mapping[str, Running], options: argparse.Namespace
) -> dict[str, Any]:
    """Ask all servers in turn, round by round, once they are known to answer alike.

    Who is not asked rests, so that a turn is a server's own.
    """
    expected: Any = None
    for name, server in servers.items():  # the gateway is the first of them
        with server.awake():
            answer = normal(ask(server, workload))
            expected = answer if expected is None else expected
            if answer != expected:
                msg = f"{name} answers {workload} in another way: {str(answer)[:300]}"
                raise SystemExit(msg)
            _warm_up(server, workload, options.keys)
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(options.rounds):
        for name, server in servers.items():
            with server.awake():
                told = load(server, workload, options.seconds)
            taken[name].append(told.per_second)
            _say(
                f"{workload} round {number + 1}/{options.rounds} {name:<12}"
                f" {told.per_second:>9,.1f} req/s   p99 {told.p99_ms:.1f} ms"
            )
    return {name: results.summed_up(values, "req/s") for name, values in taken.items()}


def _warm_up(server: Running, workload: str, keys: int) -> None:
    """Ask for a while; where callers take turns, until each of them was there once."""
    left = keys if server.keys is not None and workload in COLD else 1
    while left > 0:
        left -= load(server, workload, WARM_UP_S).requests


def _count_calls(servers: Mapping[str, Running], ports: Mapping[str, int]) -> dict[str, Any]:
    """Count upstream calls of one question of each size, with items known."""
    port = ports["erp"]
    found: dict[str, Any] = {}
    for workload in COLD:
        ask(servers["gateway"], workload)
        calls(port)
        ask(servers["gateway"], workload)
        found[workload] = calls(port)
        _say(f"W8 {workload}: {found[workload]} calls a question")
        if found[workload] != EXPECTED_CALLS:
            msg = f"{workload} takes {found[workload]} calls, not {EXPECTED_CALLS}"
            raise SystemExit(msg)
    return found


def normal(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Take a decimal text and the same number as equal."""
    if isinstance(value, dict):
        return {key: normal(one) for key, one in value.items() if key != "extensions"}
    if isinstance(value, list):
        return [normal(one) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _most_calls(workload: Mapping[str, Any]) -> float:
    """Tell how many calls a second the fastest server makes to all systems."""
    fastest = max(one["median"] for one in workload.values())
    return float(fastest * len(EXPECTED_CALLS))


def _show(found: Mapping[str, Any]) -> None:
    for workload in PEERS:
        if workload in found:
            print()
            for line in results.table(workload, found[workload]):
                print(line)
            _show_guard(found[workload])
    if "W7" in found:
        start_s, idle = found["W7"]["start"], found["W7"]["idle"]
        print(f"\nW7: first answer after {start_s['median']} s, idle {idle['median']} MB")
    if "executor" in found["ratios"]:
        ratio = found["ratios"]["executor"]["graphql-core"]
        print(f"\nW3, the executor alone: {ratio:.1f} × graphql-core")
    for name, text in found["peers"].items():
        print(f"\n{name}: {text}" if text.startswith("SKIPPED") else f"{name}: {text}")
    for workload, one in found.get("upstream", {}).items():
        print(
            f"{workload}: the systems give {one['alone']:,} answers a second, beside the load;"
            f" the fastest server asks for {one['asked']:,}"
        )
    _show_fairness(found.get("W1", {}))
    for line in results.moved(results.committed(), found):
        print(f"moved: {line}")


def _show_guard(workload: Mapping[str, Any]) -> None:
    """Say what the guard costs, and what is left without it."""
    if workload.keys() >= {"unguarded", "handwritten"}:
        without = results.ratio(workload, "unguarded", "handwritten")
        print(f"  without its guard the gateway is {without:.2f} × handwritten")


def _show_fairness(page: Mapping[str, Any]) -> None:
    """Say so where a run does not count."""
    if "grafbase" in page and "handwritten" in page:
        fairness = results.ratio(page, "handwritten", "grafbase")
        if fairness < FAIR:
            print(
                f"\nThis run does not count for W1 against grafbase: the hand-written peer is"
                f" {fairness:.2f} × grafbase in it, and {FAIR} × is asked for."
            )


def _say(text: str) -> None:
    """Tell where the run is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", default=",".join(WORKLOADS), help="workloads, by comma: %(default)s"
    )
    parser.add_argument("--peers", default=",".join(SERVERS), help="servers, by comma: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each server: %(default)s")
    parser.add_argument("--seconds", type=int, default=4, help="of each turn: %(default)s")
    parser.add_argument("--keys", type=int, default=10_000, help="API keys: %(default)s")
    options = parser.parse_args()
    options.only, options.peers = options.only.split(","), options.peers.split(",")
    unknown = (set(options.only) - set(WORKLOADS)) | (set(options.peers) - set(SERVERS))
    if unknown:
        parser.error(f"nobody knows {', '.join(sorted(unknown))}")
    if "gateway" not in options.peers:
        parser.error("every peer is held against the gateway, which must be one of them")
    return options


if __name__ == "__main__":
    sys.exit(main())
