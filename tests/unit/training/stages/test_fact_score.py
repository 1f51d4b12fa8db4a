"""Generated validation answers are scored by the facts of the learned answer, once each, however they are spread."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoImageProcessor, PreTrainedTokenizerBase

from serve_app.domain.facts import Fact, Finding, Severity, Side
from training.data.store import FEATURES
from training.stages.collate import Collator
from training.stages.config import StageConfig
from training.stages.fact_score import FactScorer, f1
from training.stages.lessons import lessons_of

EFFUSION = Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MILD)
STUDIES = ((EFFUSION,), (Fact(Finding.CARDIOMEGALY),), (), (EFFUSION, Fact(Finding.PACEMAKER, side=Side.LEFT)), ())


class ScriptedModel:
    """Answers every question with the same words."""

    device = torch.device("cpu")

    def __init__(self, tokenizer: PreTrainedTokenizerBase, answer: str) -> None:
        self.answer = torch.tensor(tokenizer(answer + "<|im_end|>").input_ids)
        self.asked: list[dict[str, torch.Tensor]] = []

    def generate(self, **inputs: Any) -> torch.Tensor:
        self.asked.append(inputs)
        ids = inputs["input_ids"]
        return torch.cat([ids, self.answer.expand(len(ids), -1)], dim=1)


@pytest.fixture
def scorer(
    base: Path, tokenizer: PreTrainedTokenizerBase, config: Callable[..., StageConfig], row: Callable[..., Any]
) -> Callable[[str], FactScorer]:
    def make(stage: str) -> FactScorer:
        sizes = ((84, 56), (56, 84), (56, 56), (84, 56), (84, 84))
        rows = [row(*facts, size_px=size) for facts, size in zip(STUDIES, sizes, strict=True)]
        lessons, _ = lessons_of(Dataset.from_list(rows, features=FEATURES), config(stage), tokenizer)
        return FactScorer(lessons, Collator(AutoImageProcessor.from_pretrained(base), tokenizer, "left"), tokenizer)

    return make


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ("- Tràn dịch màng phổi trái lượng ít.", [2, 5, 4]),
        ("- Tràn dịch màng phổi phải lượng ít.", [0, 5, 4]),
        ("- Không tràn dịch màng phổi trái.", [0, 0, 4]),
    ],
)
@pytest.mark.parametrize("stage", ["findings", "impression", "chat"])
def test_an_answer_is_scored_by_its_present_facts_and_their_sides(
    stage: str, answer: str, counts: list[int], scorer: Callable[[str], FactScorer], tokenizer: PreTrainedTokenizerBase
) -> None:
    assert scorer(stage).counts(ScriptedModel(tokenizer, answer), 0, 1) == counts


@pytest.mark.parametrize("num_processes", [2, 3, 7])
def test_processes_share_the_lessons_and_generate_equally_often(
    num_processes: int, scorer: Callable[[str], FactScorer], tokenizer: PreTrainedTokenizerBase
) -> None:
    models = [ScriptedModel(tokenizer, "- Bóng tim to.") for _ in range(num_processes)]
    shares = [scorer("findings").counts(model, process, num_processes) for process, model in enumerate(models)]
    assert [sum(share) for share in zip(*shares, strict=True)] == [1, 5, 4]
    assert len({len(model.asked) for model in models}) == 1


def test_a_question_is_the_served_one_and_ends_where_the_answer_begins(
    scorer: Callable[[str], FactScorer], tokenizer: PreTrainedTokenizerBase
) -> None:
    model = ScriptedModel(tokenizer, "")
    scorer("findings").counts(model, 0, 1)
    for asked in model.asked:
        assert asked["attention_mask"][:, -1].all()
        assert asked["attention_mask"].sum() < asked["attention_mask"].numel() or len(asked["attention_mask"]) == 1
        for text in tokenizer.batch_decode(asked["input_ids"]):
            assert text.endswith("<|im_start|>assistant\n")


def test_nothing_said_of_healthy_patients_is_right() -> None:
    assert (f1(0, 0, 0), f1(0, 3, 0), f1(1, 2, 2)) == (1.0, 0.0, 0.5)
