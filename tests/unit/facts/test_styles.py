"""Reading the styles of several hospitals: abbreviations, templates, lists, long sentences, devices, comparisons."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.facts import extract
from tests.unit.facts.test_extract import told


def _sentences() -> Iterator[tuple[str, str, str]]:
    kind = ""
    for line in Path(__file__).with_name("styles.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            text, _, expected = line.rpartition(" =")
            yield kind, text.replace("\\n", "\n"), expected.strip()


SENTENCES = [pytest.param(text, expected, id=f"{kind}: {text}") for kind, text, expected in _sentences()]


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_a_sentence_in_any_style_states_its_facts(text: str, expected: str) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_decomposed_letters_state_the_same(text: str, expected: str) -> None:
    assert extract(unicodedata.normalize("NFD", text)) == extract(text)
