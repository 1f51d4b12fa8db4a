"""Environment variables are read in settings alone; the launcher sets them for the libraries it starts."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "serve_app"
READERS = {"settings"}
WRITERS = {"cluster/environment.py", "cluster/haproxy.py", "imaging/sandbox.py"}
WRITES = {"setdefault", "update", "pop"}


def touches(tree: ast.AST) -> Iterator[tuple[int, bool]]:
    """Find each use of the environment: its line, and whether it only writes."""
    for parent in ast.walk(tree):
        if isinstance(parent, ast.ImportFrom) and parent.module == "os":
            names = {alias.name for alias in parent.names}
            yield from ((parent.lineno, False) for _ in names & {"environ", "environb", "getenv", "putenv"})
        for child in ast.iter_child_nodes(parent):
            if isinstance(child, ast.Attribute) and ast.unparse(child) in {"os.environ", "os.environb"}:
                is_stored = isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load)
                # Joined to other variables it is what a child process gets.
                is_handed_on = isinstance(parent, ast.BinOp)
                is_changed = isinstance(parent, ast.Attribute) and parent.attr in WRITES
                yield child.lineno, is_stored or is_handed_on or is_changed
            elif isinstance(child, ast.Attribute) and ast.unparse(child) in {"os.getenv", "os.putenv"}:
                yield child.lineno, child.attr == "putenv"


@pytest.mark.parametrize(
    ("code", "is_write"),
    [
        ("os.environ['A']", False),
        ("os.environ.get('A')", False),
        ("os.getenv('A')", False),
        ("from os import environ", False),
        ("'A' in os.environ", False),
        ("os.environ['A'] = 'b'", True),
        ("start(env=os.environ | {'A': 'b'})", True),
        ("os.environ.setdefault('A', 'b')", True),
    ],
)
def test_reading_and_setting_are_told_apart(code: str, is_write: bool) -> None:
    assert list(touches(ast.parse(code))) == [(1, is_write)]


def test_only_settings_read_the_environment_and_only_the_launcher_sets_it() -> None:
    strays = [
        f"{module.relative_to(PACKAGE)}:{line}"
        for module in sorted(PACKAGE.rglob("*.py"))
        if module.relative_to(PACKAGE).parts[0] not in READERS
        for line, is_write in touches(ast.parse(module.read_text(encoding="utf-8")))
        if not (is_write and str(module.relative_to(PACKAGE)) in WRITERS)
    ]
    assert strays == []
