"""Writes the pictures of docs/architecture.md that follow from the import contracts of pyproject.toml.

A generated block stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; the text around it is written by hand.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PLATFORM = ROOT / "serve_app"

Contract = dict[str, Any]


def contracts(kind: str) -> list[Contract]:
    """Read the contracts of one kind: `layers`, `forbidden` or `protected`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [contract for contract in project["tool"]["importlinter"]["contracts"] if contract["type"] == kind]


def layers_picture() -> str:
    """Draw the layers of serve_app from top to bottom; neighbours in a layer do not import each other."""
    [contract] = contracts("layers")
    layers = [layer for line in contract["layers"] if (layer := _present(line))]
    nodes = [f'    layer{i}["{"  |  ".join(layer)}"]' for i, layer in enumerate(layers)]
    chain = "    " + " --> ".join(f"layer{i}" for i in range(len(layers)))
    return "\n".join(["```mermaid", "flowchart TB", *nodes, chain, "```"])


def sights_table() -> str:
    """List what the packages around serve_app may import."""
    rows = [
        f"| {_code(contract['source_modules'])} | {_code(_targets(contract))} |"
        for contract in contracts("forbidden")
        if contract.get("ignore_imports")
    ]
    return "\n".join(["| package | may import |", "|---|---|", *rows])


def doors_table() -> str:
    """List which modules may import each big library."""
    rows = [
        f"| {_code(contract['protected_modules'])} | {_code(contract['allowed_importers'])} |"
        for contract in contracts("protected")
    ]
    return "\n".join(["| library | imported only by |", "|---|---|", *rows])


BLOCKS = {"layers": layers_picture, "sights": sights_table, "doors": doors_table}


def page(text: str) -> str:
    """Fill every block of the page anew.

    Raises:
        ValueError: a block has no place on the page.
    """
    for name, block in BLOCKS.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        filled = f"{begin}\n{block()}\n{end}"
        text, count = re.subn(f"{begin}.*?{end}", lambda _, filled=filled: filled, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name} needs one place for {name}, and has {count}")
    return text


def _present(line: str) -> list[str]:
    """Name the modules of a layer; one in parentheses may not be there yet."""
    names = [name.strip().strip("()") for name in line.split("|")]
    return [name for name in names if (PLATFORM / name).is_dir() or (PLATFORM / f"{name}.py").is_file()]


def _targets(contract: Contract) -> list[str]:
    return sorted({line.split("->")[1].strip() for line in contract["ignore_imports"]})


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(name.removesuffix(".**") for name in names))


def main() -> int:
    """Write the page, or with --check compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the page is stale")
    is_check = parser.parse_args().check
    text = PAGE.read_text(encoding="utf-8")
    if not is_check:
        PAGE.write_text(page(text), encoding="utf-8")
    elif page(text) != text:
        print(f"{PAGE.relative_to(ROOT)} is stale: run `make generate`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
