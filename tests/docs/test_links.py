"""No page of the repository links to a file, a heading or a value that is not there."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import ROOT, anchors, links, pages
from tests.docs.results import at


def dead(page: Path, link: str) -> str | None:
    """Say what is wrong with a link; null where it is good, or leads out of the repository."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return "no such file"
    if not parts.fragment:
        return None
    return None if has_fragment(target, unquote(parts.fragment)) else "no such place in it"


def has_fragment(target: Path, fragment: str) -> bool:
    """Whether a page has a heading, or a result a value, of this name."""
    if target.suffix == ".json":
        try:
            at(json.loads(target.read_text(encoding="utf-8")), fragment)
        except LookupError:
            return False
        return True
    return target.suffix == ".md" and fragment in anchors(target)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [f"{link}: {fault}" for link in links(page) if (fault := dead(page, link))] == []


@pytest.mark.parametrize(
    ("link", "is_dead"),
    [
        ("results.md", False),
        ("results.md#the-gate", False),
        ("results.md#no-such-heading", True),
        ("no_such_page.md", True),
        ("../../outside.md", True),
        ("../evaluation/results/demo.json#/scores/bleu", False),
        ("../evaluation/results/demo.json#/scores/no_such_score", True),
        ("https://example.org/anything", False),
    ],
)
def test_a_dead_link_is_found(link: str, is_dead: bool) -> None:
    assert (dead(ROOT / "docs" / "results.md", link) is not None) is is_dead
