"""The extractor reads the gold well enough to be trusted with scores, and what is published is what it reads."""

import json

import pytest

from evaluation.gold.score import FILES, FOLDER, RESULT, read_gold, score


def test_the_extractor_reads_fact_and_side() -> None:
    assert score(read_gold(FOLDER / "sentences.jsonl"))["scores"]["side"]["f1"] >= 0.95


@pytest.mark.parametrize("name", FILES)
def test_the_published_result_is_this_extractors(name: str) -> None:
    published = json.loads(RESULT.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(score(read_gold(FOLDER / f"{name}.jsonl")))) == published[name]
