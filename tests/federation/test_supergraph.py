"""The gateway inside a company's supergraph: composed, and asked through a real gateway.

Needs node and npm, and the packages of `package.json` beside this file; they are put
into a folder that git ignores. Where that cannot be done, the proof is skipped and says
why.
"""

from pathlib import Path
from typing import Any

import pytest

from orderlines.identity import OrderLineKey
from tests.npm import installed, run_node
from tests.scenarios.demo import Demo, running_demo

HERE = Path(__file__).parent

LINE = OrderLineKey("erp", "SO-1001", "20").id


@pytest.fixture(scope="module")
def tools() -> Path:
    """Install the packages, once for all runs."""
    return installed(HERE / "package.json")


def _through_a_gateway(demo: Demo, tools: Path, query: str, **variables: object) -> Any:  # noqa: ANN401 - any JSON
    service = demo.ask("{ _service { sdl } }")["data"]["_service"]
    asked = {
        "url": demo.url,
        "key": demo.keys["operator"],
        "sdl": service["sdl"],
        "flagged": LINE,
        "query": query,
        "variables": variables,
    }
    return run_node(HERE / "supergraph.mjs", asked, tools)


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
