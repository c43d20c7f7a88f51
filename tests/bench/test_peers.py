"""Peers are fair only if they answer the same question alike."""

import contextlib
from argparse import Namespace
from pathlib import Path

from bench.__main__ import PEERS, normal, start_servers
from bench.load import ask


def test_the_python_peers_answer_as_the_gateway_does(tmp_path: Path) -> None:
    """Real processes over the byte server, for every size of an order."""
    options = Namespace(peers=["gateway", "handwritten", "stock"], keys=2)
    with contextlib.ExitStack() as stack:
        _, servers, _ = start_servers(stack, tmp_path, options)
        answers = {
            workload: {
                name: normal(ask(servers[name], workload, index=3))
                for name in set(known) & servers.keys()
            }
            for workload, known in PEERS.items()
        }

    for workload, by_server in answers.items():
        lines = by_server["gateway"]["data"]["order"]["lines"]["nodes"]
        assert len(lines) == {"W1": 100, "W2": 100, "W4": 1, "W3": 1_000}[workload]
        assert len(by_server) == {"W1": 3, "W2": 1, "W4": 3, "W3": 2}[workload]
        assert all(answer == by_server["gateway"] for answer in by_server.values())
