"""The Markdown pages of the repository, read: their links, headings and tables."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_NOT_IN_AN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its text without marks, and where its links go."""

    text: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, not its head."""

    page: Path
    cells: tuple[Cell, ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {' | '.join(cell.text for cell in self.cells)}"


# Filled in and written elsewhere: their links hold there.
TEMPLATES = {"evaluation/demo/card.md", "training/stages/card.md"}


@cache
def pages() -> tuple[Path, ...]:
    """Every page that is, or would be, committed, without the templates."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z", "--", "*.md"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return tuple(sorted(ROOT / name for name in {*names} - TEMPLATES if name and (ROOT / name).is_file()))


@cache
def _tokens(page: Path) -> tuple[Token, ...]:
    # A model card begins with metadata between dashes, which is no Markdown.
    text = re.sub(r"\A---\n.*?\n---\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return tuple(_MARKDOWN.parse(text))


def links(page: Path) -> Iterator[str]:
    """Find where the links and pictures of a page go."""
    for token in _tokens(page):
        yield from _links(token)


def code(page: Path) -> Iterator[str]:
    """Find the words of a page that are set as code."""
    for token in _tokens(page):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as GitHub does."""
    found: dict[str, int] = {}
    names = set()
    tokens = _tokens(page)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            name = _NOT_IN_AN_ANCHOR.sub("", _text(inline).strip().lower()).replace(" ", "-")
            found[name] = found.get(name, -1) + 1
            names.add(f"{name}-{found[name]}" if found[name] else name)
    return names


def rows(page: Path) -> Iterator[Row]:
    """Read the rows of all tables of a page."""
    cells: list[Cell] = []
    is_cell = False
    for token in _tokens(page):
        if token.type == "tr_open":
            cells = []
        elif token.type in ("td_open", "td_close"):
            is_cell = token.type == "td_open"
        elif token.type == "inline" and is_cell:
            cells.append(Cell(_text(token), tuple(_links(token))))
        elif token.type == "tr_close" and cells:
            yield Row(page, tuple(cells))


def _text(inline: Token) -> str:
    return "".join(
        child.content if child.type in ("text", "code_inline") else " " * (child.type == "softbreak")
        for child in inline.children or ()
    )


def _links(token: Token) -> Iterator[str]:
    for child in token.children or ():
        target = child.attrGet({"link_open": "href", "image": "src"}.get(child.type, ""))
        if target:
            yield str(target)
