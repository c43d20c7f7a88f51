"""What the README says is what a stranger gets."""

import json
import re
from pathlib import Path

from tests.scenarios.demo import Demo
from tests.scenarios.page import settled

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_query_of_the_readme_gets_its_answer(demo: Demo) -> None:
    """A fenced block that runs as it stands, and the answer beside it."""
    assert settled(demo.ask(_block("graphql"))) == settled(json.loads(_block("json")))


def test_the_demo_prints_the_query_of_the_readme() -> None:
    """One text in two places."""
    welcome = ROOT / "gateway" / "cli" / "welcome.graphql"

    assert _block("graphql") == welcome.read_text(encoding="utf-8")


def test_query_and_answer_stand_within_the_first_thirty_lines() -> None:
    """Nobody scrolls to find out what this is."""
    answer_ends = README.index("```\n", README.index("```json"))

    assert README[:answer_ends].count("\n") < 30


def test_every_target_the_readme_names_exists() -> None:
    """A command in a document is a promise."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))

    assert {"demo", "test", "help"} <= named
    assert all(f"\n{target}:" in makefile for target in named)


def test_every_link_leads_somewhere() -> None:
    """A dead link in a README is the first impression."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    documents = list((ROOT / "docs").rglob("*.md"))
    missing = [link for link in links if not (ROOT / link).exists()]
    for document in documents:
        missing += [
            f"{document.name}: {link}"
            for link in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text(encoding="utf-8"))
            if not (document.parent / link).exists()
        ]

    assert missing == []


def test_every_file_the_request_path_names_exists() -> None:
    """The map must not lead into walls."""
    path = (ROOT / "docs" / "request-path.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:gateway|resolvers|policies|backends|orderlines)/[\w/.]*)`", path))

    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
