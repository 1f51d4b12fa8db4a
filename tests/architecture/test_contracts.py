"""Who may import whom: the contracts of pyproject.toml hold, and cover every module."""

import logging
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
PYPROJECT = ROOT / "pyproject.toml"
CONTRACTS = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


@pytest.fixture
def loggers() -> Iterator[None]:
    """Switch on the loggers again that import-linter's configuration of logging switches off."""
    known = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    enabled = [logger for logger in known if not logger.disabled]
    yield
    for logger in enabled:
        logger.disabled = False


@pytest.mark.usefixtures("loggers")
@pytest.mark.parametrize("contract", [contract["id"] for contract in CONTRACTS])
def test_imports_keep_the_contract(contract: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.getbasetemp() / "import-graph"
    status = lint_imports(str(PYPROJECT), limit_to_contracts=(contract,), cache_dir=str(cache))
    assert status == EXIT_STATUS_SUCCESS


def test_each_big_library_has_one_door() -> None:
    doors = {
        name for contract in CONTRACTS if contract["type"] == "protected" for name in contract["protected_modules"]
    }
    assert {"fastapi", "pydicom", "ray", "vllm"} <= doors
