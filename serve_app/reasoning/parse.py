"""A model's answer, split into items and judged for completeness; its text is never changed."""

import re

from serve_app.domain.conversation import FinishReason
from serve_app.domain.report import Section, SectionStatus

_BULLET = re.compile(r"^\s*(?:[-–—•*+]|\d{1,2}[.)])\s+")
# A sentence ends at a full stop before a blank, but not inside "1.5 cm".
_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+(?=\D)")
# Greedy decoding that has lost its way repeats itself to the token limit. A report may say one thing twice, not thrice.
_MAX_REPEATS = 3
# Of a few words a list may be made: these are said four times before it is a loop.
_SHORT_PHRASE_WORDS = 8


def parse_section(text: str, reason: FinishReason) -> Section:
    """Split an answer into items and say whether it can be read as whole.

    Bulleted and numbered lines are one item each; a paragraph is cut at its sentences.
    """
    items = split_items(text)
    return Section(text=text, items=items, status=_status(text, items, reason))


def split_items(text: str) -> tuple[str, ...]:
    """Cut a text into its statements, without bullets or blank ones."""
    items: list[str] = []
    for line in text.splitlines():
        bare, num_bullets = _BULLET.subn("", line)
        parts = [bare] if num_bullets else _SENTENCE_END.split(bare)
        items += [part.strip() for part in parts if re.search(r"\w", part)]
    return tuple(items)


def _status(text: str, items: tuple[str, ...], reason: FinishReason) -> SectionStatus:
    if not items:
        return SectionStatus.EMPTY
    if _is_looping(text, items):
        return SectionStatus.LOOPING
    return SectionStatus.TRUNCATED if reason is FinishReason.LENGTH else SectionStatus.COMPLETE


def _is_looping(text: str, items: tuple[str, ...]) -> bool:
    folded = [item.casefold().rstrip(".") for item in items]
    if max(folded.count(item) for item in set(folded)) >= _MAX_REPEATS:
        return True
    words = text.casefold().split()
    return any(_repeats(words, period, 4 if period <= _SHORT_PHRASE_WORDS else 3) for period in range(1, len(words)))


def _repeats(words: list[str], period: int, times: int) -> bool:
    """Whether one phrase of `period` words stands so many times in a row anywhere in the text.

    So many equal words in a row cover one of the places that are looked at, from where they are followed both ways.
    """
    num_equal = (times - 1) * period
    for place in range(num_equal - 1, len(words) - period, num_equal):
        first = after = place
        while first >= 0 and words[first] == words[first + period]:
            first -= 1
        while after + period < len(words) and words[after] == words[after + period]:
            after += 1
        if after - first > num_equal:
            return True
    return False
