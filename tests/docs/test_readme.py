"""The README stays short, and its tree lists the folders that are there."""

import re
import subprocess
from pathlib import Path

from tests.docs.pages import ROOT

README = ROOT / "README.md"
MAX_BYTES = 18_000
PACKAGES = ("charts", "clients", "evaluation", "loadtests", "monitoring", "serve_app", "training")


def tree() -> list[Path]:
    """Read the paths of the block under `## Tree`: one a line, indented under its folder, then what it is."""
    section = README.read_text(encoding="utf-8").partition("\n## Tree\n")[2]
    block = re.search(r"^```\w*\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert block, "README.md has no block under `## Tree`"
    paths: list[Path] = []
    folders: list[tuple[int, Path]] = []
    for line in filter(str.strip, block[1].splitlines()):
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        folders = [(depth, folder) for depth, folder in folders if depth < indent]
        paths.append(folders[-1][1] / name if folders else Path(name))
        folders.append((indent, paths[-1]))
    return paths


def folders_with_modules(depth: int) -> set[Path]:
    """Name the folders of the packages that hold Python modules, down to a depth."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z", "--", *PACKAGES]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [Path(name) for name in names if name.endswith(".py") and (ROOT / name).is_file()]
    return {Path(*file.parts[:depth]) for file in files if len(file.parts) > depth}


def test_the_readme_is_short() -> None:
    assert README.stat().st_size <= MAX_BYTES


def test_the_tree_lists_folders_that_exist() -> None:
    assert [str(path) for path in tree() if not (ROOT / path).is_dir()] == []


def test_the_tree_lists_every_folder_of_modules() -> None:
    assert (folders_with_modules(1) | folders_with_modules(2)) - set(tree()) == set()
