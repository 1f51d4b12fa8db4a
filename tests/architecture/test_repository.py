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
    ".ci", "charts", "evaluation", "k8s", "loadtests", "monitoring", "requirements", "serve_app", "tests", "training",
}  # fmt: skip
PACKAGES = ("charts", "evaluation", "loadtests", "monitoring", "serve_app", "training")
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


def readme_tree() -> list[Path]:
    """Read the paths of the block under `## Tree`: one a line, indented under its folder, then what it is."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Tree\n")[2]
    block = re.search(r"^```\w*\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert block, "README.md has no block under `## Tree`"
    paths: list[Path] = []
    folders: list[tuple[int, Path]] = []
    for line in block[1].splitlines():
        plain = re.sub("[│├└─]", " ", line)
        if not plain.strip():
            continue
        indent, name = len(plain) - len(plain.lstrip()), plain.split()[0]
        folders = [(depth, folder) for depth, folder in folders if depth < indent]
        path = folders[-1][1] / name if folders else Path(name)
        paths.append(path)
        if name.endswith("/"):
            folders.append((indent, path))
    return paths


def test_every_path_of_the_readme_tree_exists() -> None:
    assert [str(path) for path in readme_tree() if not (ROOT / path).exists()] == []


def test_every_module_is_in_the_readme_tree(files: list[Path]) -> None:
    modules = {file.relative_to(ROOT) for file in files if file.suffix == ".py" and file.name != "__init__.py"}
    tree = set(readme_tree())
    assert [str(module) for module in sorted(modules) if module.parts[0] in PACKAGES and module not in tree] == []
