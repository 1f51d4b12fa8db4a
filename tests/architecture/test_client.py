"""The client is published by itself: it imports three libraries, the standard one, and its own modules relatively."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "serve_app" / "client"
LIBRARIES = {"httpx", "httpx_sse", "pydantic"}


def absolute_imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_the_client_imports_no_more_than_its_distribution_declares() -> None:
    imported = {name for module in CLIENT.rglob("*.py") for name in absolute_imports(module)}
    assert imported - sys.stdlib_module_names <= LIBRARIES


def test_the_clients_relative_imports_stay_inside() -> None:
    nodes = (node for module in CLIENT.glob("*.py") for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
    assert all(node.level <= 1 for node in nodes if isinstance(node, ast.ImportFrom))
