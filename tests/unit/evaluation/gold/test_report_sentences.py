"""Sentences outside the repository are scored by counts, settled ones apart."""

import json
from pathlib import Path

from evaluation.gold.report_sentences import read_sentences, summarise

ROWS = [
    {"text": "Bóng tim to.", "facts": [{"finding": "cardiomegaly"}], "debatable": ""},
    {"text": "Tràn khí dưới da.", "facts": [], "debatable": "the annotators had no label for it"},
    {"text": "Tràn dịch màng phổi trái.", "facts": [{"finding": "effusion", "side": "right"}], "debatable": ""},
]


def test_labels_that_the_annotators_did_not_have_are_not_counted_and_doubt_is_counted_apart(tmp_path: Path) -> None:
    file = tmp_path / "sentences.jsonl"
    file.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")

    summary = summarise(read_sentences(file))

    assert (summary["all"]["num_sentences"], summary["settled"]["num_sentences"]) == (3, 2)
    assert summary["all"]["f1"] == summary["settled"]["f1"] == {"finding": 1.0, "side": 0.5, "complete": 0.5}
