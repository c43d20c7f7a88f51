"""Who is not asked rests, and whoever rests is ended as well."""

import sys
import time
from pathlib import Path

import pytest

from bench.running import Running, process

SLEEP = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def state_of(group: int) -> set[str]:
    """Tell the states of the processes of a group, as the kernel letters them."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(") ")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(its_group) == group and state != "Z":
            found.add(state)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="SKIPPED: it reads /proc")
def test_a_server_rests_between_its_turns(tmp_path: Path) -> None:
    """All of its processes are stopped, woken for a turn, and gone in the end."""
    with (tmp_path / "log").open("wb") as log:
        with process([sys.executable, "-c", PARENT], core=0, log=log) as group:
            server = Running("one", 1, group, "")
            time.sleep(0.5)  # until its child is there
            server.rest()
            time.sleep(0.1)
            resting = state_of(group)
            with server.awake():
                awake = state_of(group)
            time.sleep(0.1)
            again = state_of(group)
        gone = state_of(group)

    assert resting == again == {"T"}
    assert "T" not in awake
    assert awake
    assert gone == set()
