"""HTTP-1, HTTP-2: every audit of GraphQL over HTTP, against the running gateway.

Needs node and npm, and the packages of `package.json` beside this file. Where they
cannot be had the proof is skipped and says why.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.npm import installed, run_node
from tests.scenarios.demo import Demo, running_demo

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Start the demo once."""
    with running_demo("--lines", "40") as running:
        yield running


@pytest.mark.parametrize(("test_id", "key"), [("HTTP-1", "operator"), ("HTTP-2", "partner")])
def test_every_audit_is_passed(
    test_id: str, key: str, demo: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 61 by an operator; a partner, who may not look at the schema, fails none either."""
    folder = installed(HERE / "package.json")
    results = run_node(HERE / "audits.mjs", {"url": demo.url, "key": demo.keys[key]}, folder)
    counts = Counter(one["status"] for one in results)
    with capsys.disabled():
        print(f"\nRAN {test_id}: {dict(counts)} ", end="")  # noqa: T201 - asked for

    assert [one for one in results if one["status"] in ("error", "warn")] == []
    assert len(results) == 61
    if key == "operator":
        assert counts["ok"] == 61
    else:
        assert counts["notice"] <= 3
