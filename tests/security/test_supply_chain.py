"""SUP-1, SUP-2: what is installed is new enough, and what is written looks right."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "resolvers", "policies", "backends", "orderlines")

# The first version without a fault that would reach us, by the advisories known in 2026-11.
FLOORS = {
    "strawberry-graphql": "0.327.2",
    "graphql-core": "3.3.0",
    "starlette": "1.3.1",
    "uvicorn": "0.11.7",
    "h11": "0.16.0",
    "authlib": "1.9.0",
    "joserfc": "1.8.0",
    "redis": "4.5.4",
    "idna": "3.7",
    "httpx2": "2.16.2",
}


@pytest.mark.parametrize("name", FLOORS)
def test_sup1_what_is_installed_is_above_its_floor(name: str) -> None:
    """A lock that was taken back would be seen here."""
    assert Version(version(name)) >= Version(FLOORS[name])


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_sup1_everything_is_locked_with_hashes(lock: str) -> None:
    """And no lock names where it was taken from."""
    text = (ROOT / lock).read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==[^ ]+(?: ;[^\\]*)? \\$", text, re.MULTILINE)

    assert len(pinned) > 30
    assert len(pinned) == len(re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE))
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text


def test_sup2_bandit_finds_nothing_high() -> None:
    """In the rooms; tests are allowed to misbehave."""
    done = subprocess.run(  # noqa: S603 - our own tool
        [sys.executable, "-m", "bandit", "-q", "-r", "-f", "json", "-lll", *ROOMS],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    found = json.loads(done.stdout)["results"]

    assert [(one["filename"], one["line_number"], one["test_id"]) for one in found] == []


@pytest.mark.parametrize(
    "pattern",
    [r"verify\s*=\s*False", r"(?:secret|digest|checksum\(body\))\s*==\s", r"\bpickle\b(?! )"],
)
def test_sup2_nothing_is_compared_or_trusted_that_must_not_be(pattern: str) -> None:
    """Secrets by their bytes in constant time, certificates always, pickles never."""
    found = [
        str(path)
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if re.search(pattern, re.sub(r'""".*?"""', "", path.read_text("utf-8"), flags=re.DOTALL))
    ]

    assert found == []


def test_no_library_of_the_kind_that_loses_connections_is_used() -> None:
    """The wire is ours; httpx2 is the other client."""
    locked = (ROOT / "requirements.lock").read_text("utf-8")

    assert not re.search(
        r"^(?:httpx|httpcore|aiohttp|requests|python-multipart)==", locked, re.MULTILINE
    )
