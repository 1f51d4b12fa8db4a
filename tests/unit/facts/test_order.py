"""Nothing hangs on the order of an enum: with its members reversed, the extractor reads the same facts."""

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import serve_app
from serve_app import facts
from serve_app.domain import facts as domain
from serve_app.facts import cues
from tests.unit.facts.test_extract import SENTENCES

ENUMS = {
    name
    for name, kind in [*vars(domain).items(), *vars(cues).items()]
    if inspect.isclass(kind) and issubclass(kind, Enum)
}
SOURCES = sorted(Path(facts.__file__).parent.glob("*.py"))
Extract = Callable[[str], frozenset[Any]]


class _Reversed(ast.NodeTransformer):
    """Reverses the members of every enum in a module."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        members = iter([each for each in reversed(node.body) if isinstance(each, ast.Assign)])
        node.body = [next(members) if isinstance(each, ast.Assign) else each for each in node.body]
        return node


def _reversed_domain() -> ModuleType:
    module = ModuleType(domain.__name__)
    tree = _Reversed().visit(ast.parse(inspect.getsource(domain)))
    sys.modules[domain.__name__] = module
    exec(compile(tree, domain.__file__, "exec"), vars(module))
    return module


@pytest.fixture
def extract_by_reversed_enums(monkeypatch: pytest.MonkeyPatch) -> Iterator[Extract]:
    monkeypatch.setattr(serve_app, "facts", facts)
    monkeypatch.setitem(sys.modules, domain.__name__, domain)
    for name in [name for name in sys.modules if name.split(".")[:2] == ["serve_app", "facts"]]:
        monkeypatch.delitem(sys.modules, name)
    assert list(_reversed_domain().Finding) == list(domain.Finding)[::-1]
    yield importlib.import_module("serve_app.facts").extract
    for name in [name for name in sys.modules if name.split(".")[:2] == ["serve_app", "facts"]]:
        del sys.modules[name]


def _stated(extract: Extract, text: str) -> list[str]:
    return sorted(f"{f.finding} {f.polarity} {f.side} {f.location} {f.severity}" for f in extract(text))


def test_reversed_enums_give_the_same_facts(extract_by_reversed_enums: Extract) -> None:
    assert extract_by_reversed_enums is not facts.extract
    for text in SENTENCES:
        assert _stated(extract_by_reversed_enums, text) == _stated(facts.extract, text), text


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_module_lists_or_compares_the_members_of_an_enum(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        parts = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        parts += node.args if isinstance(node, ast.Call) and ast.unparse(node.func) != "isinstance" else []
        parts += [node.left, *node.comparators] if isinstance(node, ast.Compare) and _is_ordering(node) else []
        names = {each.id for part in parts for each in _names(part)}
        assert not names & ENUMS, (
            f"{source.name}:{getattr(node, 'lineno', '?')} depends on the order of {names & ENUMS}"
        )
        assert not (isinstance(node, ast.Attribute) and node.attr == "__members__")


def _is_ordering(node: ast.Compare) -> bool:
    return any(isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for operator in node.ops)


def _names(part: ast.expr) -> list[ast.Name]:
    """List the bare names of an expression: `list(Finding)` has one, `frozenset({Finding.MASS})` has none."""
    if isinstance(part, ast.Starred):
        return _names(part.value)
    return [part] if isinstance(part, ast.Name) else []
