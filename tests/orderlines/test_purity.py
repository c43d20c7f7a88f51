"""The ledger stands alone: it can be read and proved without any other room."""

import ast
import sys
from pathlib import Path

import orderlines

MODULES = sorted(Path(orderlines.__path__[0]).rglob("*.py"))


def test_the_ledger_imports_the_standard_library_only() -> None:
    """Every import of every module is of the ledger itself or of Python's own library."""
    foreign = {
        (module.name, name)
        for module in MODULES
        for name in _imported(module)
        if name != "orderlines" and name not in sys.stdlib_module_names
    }

    assert MODULES
    assert foreign == set()


def _imported(module: Path) -> set[str]:
    """Top-level names a module imports; a relative import would show as an empty one."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found
