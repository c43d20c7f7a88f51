"""What is measured is kept in one form, compared with the last, and can be looked at."""

import json

import pytest

from bench import results
from bench.__main__ import PEERS, SERVERS


def server(median: float) -> dict[str, object]:
    """Make what is kept of one server."""
    return results.summed_up([median - 1, median + 1, median], "req/s")


def test_rounds_are_told_by_their_median_and_their_spread() -> None:
    """One slow round moves neither the figure nor the ratio."""
    assert results.summed_up([10.0, 400.0, 399.0], "req/s") == {
        "median": 399.0,
        "min": 10.0,
        "max": 400.0,
        "rounds": [10.0, 400.0, 399.0],
        "unit": "req/s",
    }


def test_the_gateway_is_held_against_each_peer() -> None:
    """Round by round, and not against itself: a slow minute slows all of a round."""
    workload = {"gateway": server(300), "stock": server(20), "grafbase": server(400)}
    slow = {
        "gateway": results.summed_up([100.0, 50.0, 60.0], "req/s"),
        "stock": results.summed_up([10.0, 5.0, 4.0], "req/s"),
    }

    assert results.ratios(workload) == {"stock": 15.0, "grafbase": 0.75}
    assert results.ratios(slow) == {"stock": 10.0}


def test_a_ratio_that_moved_by_more_than_a_tenth_is_told() -> None:
    """In either direction; what is new has nothing it could have moved from."""
    before = {"ratios": {"W1": {"stock": 10.0, "yoga": 2.0, "hive": 4.0}}}
    now = {"ratios": {"W1": {"stock": 8.9, "yoga": 2.1, "hive": 4.5, "mercurius": 3.0}}}

    assert results.moved(before, now) == [
        "W1 against stock: 10.00 × before, 8.90 × now",
        "W1 against hive: 4.00 × before, 4.50 × now",
    ]


def test_a_workload_is_drawn_with_the_fastest_first() -> None:
    """A bar for each server, as long as it is fast, and the ratio beside it."""
    title, first, second = results.table("W1", {"stock": server(100), "gateway": server(200)})

    assert title == "W1"
    assert first.split()[:2] == ["gateway", "200.0"]
    assert first.count("█") == 2 * second.count("█") == results.WIDTH
    assert second.split()[-2:] == ["2.00", "×"]


@pytest.mark.parametrize("workload", PEERS)
def test_the_committed_results_have_that_form(workload: str) -> None:
    """And name nobody whom this version does not know."""
    kept = json.loads(results.FILE.read_text("utf-8"))
    servers = kept[workload]

    assert {"gateway"} < servers.keys() <= set(SERVERS)
    assert all(one["min"] <= one["median"] <= one["max"] for one in servers.values())
    assert kept["ratios"][workload] == results.ratios(servers)
