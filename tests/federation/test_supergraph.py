"""The gateway inside a company's supergraph: composed, and asked through a real gateway.

Needs node and npm, and the packages of `package.json` beside this file; they are put
into a folder that git ignores. Where that cannot be done, the proof is skipped and says
why.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orderlines.identity import OrderLineKey
from tests.scenarios.demo import Demo, running_demo

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / ".bench" / "federation"
INSTALL_WITHIN_S = 60
RUN_WITHIN_S = 30

LINE = OrderLineKey("erp", "SO-1001", "20").id


def _npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("SKIPPED: there is no node or no npm")
    return subprocess.run(  # noqa: S603 - npm, with our own arguments
        [npm, *arguments],
        cwd=TOOLS,
        timeout=INSTALL_WITHIN_S,
        capture_output=True,
        check=False,
        text=True,
    )


@pytest.fixture(scope="module")
def tools() -> Path:
    """Install the packages, once for all runs."""
    wanted = (HERE / "package.json").read_text("utf-8")
    TOOLS.mkdir(parents=True, exist_ok=True)
    stamp = TOOLS / "installed.json"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return TOOLS
    (TOOLS / "package.json").write_text(wanted, "utf-8")
    try:
        done = _npm("install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0")
    except subprocess.TimeoutExpired:
        pytest.skip(f"SKIPPED: npm did not finish within {INSTALL_WITHIN_S} s")
    if done.returncode != 0:
        pytest.skip(f"SKIPPED: npm could not install the packages: {done.stderr[-200:]}")
    stamp.write_text(wanted, "utf-8")
    return TOOLS


def _through_a_gateway(demo: Demo, tools: Path, query: str, **variables: object) -> Any:  # noqa: ANN401 - any JSON
    service = demo.ask("{ _service { sdl } }")["data"]["_service"]
    node = shutil.which("node")
    assert node is not None
    asked = {
        "url": demo.url,
        "key": demo.keys["operator"],
        "sdl": service["sdl"],
        "flagged": LINE,
        "query": query,
        "variables": variables,
    }
    done = subprocess.run(  # noqa: S603 - node, with a script of ours
        [node, str(HERE / "supergraph.mjs"), json.dumps(asked)],
        cwd=tools,
        timeout=RUN_WITHIN_S,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_question_across_two_subgraphs_is_answered(
    tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways: from a line of another subgraph to ours, and from our lines to another."""
    with running_demo() as demo:
        alone = demo.ask(
            "query ($id: ID!) { orderLine(id: $id) { lineNumber shipped { quantity { value } } } }",
            {"id": LINE},
        )["data"]["orderLine"]
        across = _through_a_gateway(
            demo,
            tools,
            "query ($number: String!) { flagged { note lineNumber shipped { quantity { value } } }"
            " order(number: $number) { lines(first: 2) { nodes { id note } } } }",
            number="SO-1001",
        )
    with capsys.disabled():
        print("\nRAN: composed, and asked through a gateway ", end="")  # noqa: T201 - asked for

    nodes = across["data"]["order"]["lines"]["nodes"]
    assert "errors" not in across
    assert across["data"]["flagged"] == {"note": f"about {LINE}", **alone}
    assert [one["note"] for one in nodes] == [f"about {one['id']}" for one in nodes]
    assert len(nodes) == 2
