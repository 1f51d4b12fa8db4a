"""What the repository holds: small files, short modules, no trace of the machine it was written on."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_BYTES = 20 * 1024**2
MAX_MODULE_LINES = 350
FOLDERS = {
    ".ci", ".github", "charts", "clients", "docs", "evaluation", "k8s", "loadtests", "monitoring", "requirements",
    "serve_app", "tests", "training",
}  # fmt: skip
# Homes and workplaces; the official Ray image has its own user in /home/ray.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:root|work|Users|workspace|home/(?!ray\b)\w+)/[\w.]")


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def texts(files: list[Path]) -> Iterator[tuple[Path, str]]:
    for file in files:
        data = file.read_bytes()
        if b"\0" not in data:
            yield file.relative_to(ROOT), data.decode("utf-8")


def test_no_file_names_a_path_of_one_machine(files: list[Path]) -> None:
    strays = [f"{file}: {found[0]}" for file, text in texts(files) for found in MACHINE_PATH.finditer(text)]
    assert strays == []


def test_files_stay_small(files: list[Path]) -> None:
    assert [file.name for file in files if file.stat().st_size > MAX_FILE_BYTES] == []


def test_modules_stay_short(files: list[Path]) -> None:
    modules = [(file, text) for file, text in texts(files) if file.suffix == ".py"]
    assert [f"{file}: {n}" for file, text in modules if (n := text.count("\n")) > MAX_MODULE_LINES] == []


def test_top_level_folders_are_the_agreed_ones(files: list[Path]) -> None:
    parts = [file.relative_to(ROOT).parts for file in files]
    assert {path[0] for path in parts if len(path) > 1} <= FOLDERS


def test_unit_tests_mirror_the_source(files: list[Path]) -> None:
    """A test of `serve_app/a/b.py` is in `tests/unit/a`, one of another package's `c/d.py` in `tests/unit/c`."""
    unit = ROOT / "tests" / "unit"
    folders = {file.parent.relative_to(unit) for file in files if file.is_relative_to(unit) and file.suffix == ".py"}
    strays = [
        str(folder) for folder in folders if not any((ROOT / top / folder).is_dir() for top in ("serve_app", "."))
    ]
    assert strays == []
