"""Packages of npm that a proof needs, installed once into a folder that git ignores."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

TOOLS = Path(__file__).parents[1] / ".bench"
INSTALL_WITHIN_S = 60
RUN_WITHIN_S = 30


def installed(package: Path) -> Path:
    """Install what a `package.json` names, unless it is there; skips where that cannot be.

    Returns:
        The folder to run node in.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("SKIPPED: there is no node or no npm")
    folder = TOOLS / package.parent.name
    wanted = package.read_text("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "installed.json"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return folder
    (folder / "package.json").write_text(wanted, "utf-8")
    arguments = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
    try:
        done = subprocess.run(  # noqa: S603 - npm, with our own arguments
            [npm, *arguments],
            cwd=folder,
            timeout=INSTALL_WITHIN_S,
            capture_output=True,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"SKIPPED: npm did not finish within {INSTALL_WITHIN_S} s")
    if done.returncode != 0:
        pytest.skip(f"SKIPPED: npm could not install the packages: {done.stderr[-200:]}")
    stamp.write_text(wanted, "utf-8")
    return folder


def run_node(script: Path, asked: object, folder: Path) -> Any:  # noqa: ANN401 - any JSON
    """Run a script of ours with one JSON argument, and read the JSON it prints."""
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(  # noqa: S603 - node, with a script of ours
        [node, str(script), json.dumps(asked)],
        cwd=folder,
        timeout=RUN_WITHIN_S,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
