"""What was measured: kept as JSON, shown as a table with bars, compared with the last."""

import json
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("results.json")
MOVED: Final = 0.10
WIDTH: Final = 40


def summed_up(values: Sequence[float], unit: str) -> dict[str, Any]:
    """Sum up the rounds of one server."""
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
        "rounds": [round(value, 2) for value in values],
        "unit": unit,
    }


def ratios(workload: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Hold the gateway against each peer."""
    return {name: ratio(workload, "gateway", name) for name in workload if name != "gateway"}


def ratio(workload: Mapping[str, Mapping[str, Any]], one: str, other: str) -> float:
    """Hold one server against another, round by round; give the median.

    A slow minute of the machine slows all servers of a round, and moves no ratio of it.
    """
    rounds = zip(workload[one]["rounds"], workload[other]["rounds"], strict=True)
    middle: float = statistics.median(mine / theirs for mine, theirs in rounds)
    return round(middle, 3)


def table(name: str, workload: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Show a workload: a bar for each server, and the gateway held against it."""
    most = max(one["median"] for one in workload.values())
    against = ratios(workload) if "gateway" in workload else {}
    yield f"{name}"
    for server, one in sorted(workload.items(), key=lambda item: -item[1]["median"]):
        bar = "█" * max(1, round(WIDTH * one["median"] / most))
        beside = f"{against[server]:7.2f} ×" if server in against else ""
        spread = f"{one['min']:,.0f} - {one['max']:,.0f}"
        yield (
            f"  {server:<12} {one['median']:>9,.1f} {one['unit']:<6} {bar:<{WIDTH}} "
            f"{spread:>17} {beside}"
        )


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List the ratios that moved by more than a tenth since the last results."""
    found = []
    for workload, peers in now.get("ratios", {}).items():
        for peer, ratio in peers.items():
            old = before.get("ratios", {}).get(workload, {}).get(peer)
            if old and abs(ratio / old - 1) > MOVED:
                found.append(f"{workload} against {peer}: {old:.2f} × before, {ratio:.2f} × now")
    return found


def committed() -> dict[str, Any]:
    """Read the results that were committed last; empty if there are none."""
    shown = subprocess.run(
        ["git", "show", "HEAD:bench/results.json"],
        cwd=FILE.parent,
        capture_output=True,
        check=False,
    )
    return json.loads(shown.stdout) if shown.returncode == 0 else {}
