"""Peers that run on node: installed once, at pinned versions, into a folder git ignores."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.running import ROOT, UnavailableError

HERE: Final = ROOT / "bench" / "peers" / "node"
TOOLS: Final = ROOT / ".bench" / "node-peers"
GRAFBASE_TOOLS: Final = ROOT / ".bench" / "node"
GRAFBASE: Final = "@grafbase/cli-x86_64-unknown-linux-musl"
GRAFBASE_VERSION: Final = "0.103.0"
INSTALL_S: Final = 300.0

SUBGRAPHS: Final = ("orders", "promises", "fulfilments")
HOW: Final = {
    "mercurius": "one process, fastify, JIT, its loaders, undici",
    "yoga": "one process, node's http server, a DataLoader a system, undici",
    "hive": "Hive Gateway, one process, its Rust query planner; three federated subgraphs",
    "grafbase": f"grafbase dev {GRAFBASE_VERSION}: a development mode, the only one its package "
    "has; three federated subgraphs",
}


def command_of(name: str, port: int, ports: dict[str, int], folder: Path) -> list[str]:
    """Install a peer if it is not there, and tell how it is started.

    Raises:
        UnavailableError: It cannot run here.
    """
    if name == "grafbase":
        return _grafbase(port, ports, folder)
    node = shutil.which("node")
    if node is None:
        msg = "there is no node to run it with"
        raise UnavailableError(msg)
    _install_peers()
    if name == "hive":
        return _hive(node, port, ports, folder)
    systems = [str(ports[one]) for one in ("erp", "oms", "wms")]
    return [node, str(TOOLS / f"{name}.mjs"), str(port), *systems]


def schema_of(subgraph: str) -> Path:
    """Give the file of a subgraph's schema."""
    return ROOT / "bench" / "subgraphs" / f"{subgraph}.graphql"


def _hive(node: str, port: int, ports: dict[str, int], folder: Path) -> list[str]:
    supergraph = folder / "supergraph.graphql"
    named = [
        f"{name}=http://127.0.0.1:{ports[name]}/graphql={schema_of(name)}" for name in SUBGRAPHS
    ]
    done = subprocess.run(
        [node, "compose.mjs", str(supergraph), *named],
        cwd=TOOLS,
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        msg = f"its supergraph does not compose: {done.stderr.decode(errors='replace')[-300:]}"
        raise UnavailableError(msg)
    return [
        str(TOOLS / "node_modules" / ".bin" / "hive-gateway"),
        "supergraph",
        str(supergraph),
        "--hive-router-runtime",
        *("--host", "127.0.0.1"),
        *("--port", str(port)),
        *("--fork", "1"),
    ]


def _grafbase(port: int, ports: dict[str, int], folder: Path) -> list[str]:
    binary = GRAFBASE_TOOLS / "node_modules" / GRAFBASE / "grafbase"
    if not binary.exists():
        GRAFBASE_TOOLS.mkdir(parents=True, exist_ok=True)
        why = _npm(GRAFBASE_TOOLS, f"{GRAFBASE}@{GRAFBASE_VERSION}")
        if not binary.exists():
            msg = f"npm could not install it: {why}"
            raise UnavailableError(msg)
    config = folder / "grafbase.toml"
    config.write_text(
        "".join(
            f'[subgraphs.{name}]\nurl = "http://127.0.0.1:{ports[name]}/graphql"\n'
            f'schema_path = "{schema_of(name)}"\n'
            for name in SUBGRAPHS
        ),
        "utf-8",
    )
    return [str(binary), "dev", "-c", str(config), "-p", str(port)]


def _install_peers() -> None:
    TOOLS.mkdir(parents=True, exist_ok=True)
    for file in HERE.iterdir():
        if file.name != "package.json":
            shutil.copy(file, TOOLS)
    wanted, stamp = (HERE / "package.json").read_text("utf-8"), TOOLS / "installed.json"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    shutil.copy(HERE / "package.json", TOOLS)
    why = _npm(TOOLS)
    if not (TOOLS / "node_modules" / "mercurius").exists():
        msg = f"npm could not install it: {why}"
        raise UnavailableError(msg)
    stamp.write_text(wanted, "utf-8")


def _npm(folder: Path, *packages: str) -> str:
    """Install packages; give what npm complained of."""
    npm = shutil.which("npm")
    if npm is None:
        msg = "there is no npm to install it with"
        raise UnavailableError(msg)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, check=False, timeout=INSTALL_S
        )
    except subprocess.TimeoutExpired:
        return f"it did not finish within {INSTALL_S:.0f} s"
    return done.stderr.decode(errors="replace")[-200:]
