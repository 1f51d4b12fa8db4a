"""Rewrites the text of a draft: words by other words, and statements by what the extractor reads in them."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from evaluation.columns import read
from evaluation.predictions import Text
from serve_app.domain.facts import Fact
from serve_app.reasoning.parse import split_items

Rewrite = Callable[[str], str]
Holds = Callable[[Fact], bool]


def both(text: Text, rewrite: Rewrite) -> Text:
    """Rewrite both sections."""
    return replace(text, findings=rewrite(text.findings), impression=rewrite(text.impression))


def reworded(words: Mapping[str, str]) -> Rewrite:
    """Replace whole words in one pass, keeping capitals; the longest match wins."""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: _like(found[0], words[found[0].casefold()]), text)


def exchanged(*pairs: tuple[str, str]) -> Rewrite:
    """Replace each word of a pair by the other."""
    return reworded({**dict(pairs), **{other: one for one, other in pairs}})


def without(holds: Holds) -> Rewrite:
    """Leave out every statement that states such a fact."""
    return lambda text: listed(item for item in split_items(text) if not _any(item, holds))


def without_clauses(holds: Holds) -> Rewrite:
    """Leave out every part between commas that states such a fact."""

    def rewrite(text: str) -> str:
        items = (item.split(", ") for item in split_items(text))
        kept = (", ".join(part for part in parts if not _any(part, holds)) for parts in items)
        return listed(item for item in kept if item)

    return rewrite


def instead_of(holds: Holds, words: str) -> Rewrite:
    """Write other words for every statement that states such a fact; `{}` stands for the statement."""
    return lambda text: listed(
        words.format(item[:1].lower() + item[1:]) if _any(item, holds) else item for item in split_items(text)
    )


def with_statement(words: str) -> Rewrite:
    """Add a statement at the end."""
    return lambda text: listed([*split_items(text), words])


def listed(items: Iterable[str]) -> str:
    """Write statements as a list."""
    return "\n".join(f"- {item}" for item in items)


def _any(words: str, holds: Holds) -> bool:
    facts: Collection[Fact] = read(words)
    return any(map(holds, facts))


def _like(found: str, words: str) -> str:
    if found.isupper() and len(found.strip("()")) > 1:
        return words.upper()
    return words[:1].upper() + words[1:] if found[:1].isupper() else words
