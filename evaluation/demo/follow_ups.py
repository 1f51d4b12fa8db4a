"""Asks a model follow-up questions about drawn films, and judges each answer by the film's facts.

Run it as `python -m evaluation.demo.follow_ups --data DATA --model CHECKPOINT`. Every question directly follows the
model's own report.
"""

import argparse
import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.asyncio import tqdm

from evaluation.in_process import make_vllm
from evaluation.metrics.intervals import intervals, ratio_of
from evaluation.provenance import commit
from serve_app.domain.conversation import FinishReason, GenerationRequest, Role, Sampling, TokenDelta, Turn
from serve_app.domain.facts import Polarity
from serve_app.domain.report import SectionName
from serve_app.domain.study import StudyImage
from serve_app.engines.checkpoint import checkpoint_sha256
from serve_app.facts import extract
from serve_app.imaging.preparer import LocalPreparer
from serve_app.ports import Engine, ImagePreparer
from serve_app.reasoning.local import local_call
from serve_app.reasoning.prompts import PROMPTS
from serve_app.reasoning.script import questions, turns
from serve_app.settings import OrchestratorSettings, Settings
from training.data import ReportedStudy, read_studies
from training.phantoms.questions import FollowUp, follow_ups

NAME = "follow_ups.json"
_TENANT = "evaluation"
_TIMEOUT_S = 600.0
# A doctor's question is answered in one sentence; what runs longer is a miss.
_ANSWER_TOKENS = 256
_NUM_MISSES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about one patient's film, and the model's answer; `is_whole` unless it was truncated."""

    patient_id: str
    pair: FollowUp
    answer: str
    is_whole: bool

    @property
    def is_right(self) -> bool:
        return self.is_whole and self.pair.is_answered_by(extract(self.answer))

    @property
    def is_present(self) -> bool:
        """Whether the right answer states a finding, rather than its absence."""
        return any(fact.polarity is Polarity.PRESENT for fact in self.pair.facts)


class Interviewer:
    """Has a model report on films and then asks questions, with at most `num_at_once` films in progress."""

    def __init__(
        self, preparer: ImagePreparer, engine: Engine, settings: OrchestratorSettings, num_at_once: int = 4
    ) -> None:
        self._preparer = preparer
        self._engine = engine
        self._prompts = PROMPTS[settings.prompt_version]
        self._max_tokens = {
            SectionName.FINDINGS: settings.max_findings_tokens,
            SectionName.IMPRESSION: settings.max_impression_tokens,
        }
        self._slots = asyncio.Semaphore(num_at_once)

    async def ask(self, study: ReportedStudy, pairs: Sequence[FollowUp]) -> list[Asked]:
        """Ask every question about one study."""
        async with self._slots:
            return await self._ask(study, pairs)

    async def _ask(self, study: ReportedStudy, pairs: Sequence[FollowUp]) -> list[Asked]:
        image = await self._preparer.prepare(local_call(_TENANT, _TIMEOUT_S), StudyImage(study.image, study.view))
        asked = questions(self._prompts, study.patient, [study.view])
        said: list[str] = []
        for question in asked:
            name, max_tokens = f"{study.study_id}-{question.section}", self._max_tokens[question.section]
            text, _ = await self._answer(name, turns(asked, (image,), said), max_tokens)
            said.append(text)
        reported = turns(asked, (image,), said)
        answers = await asyncio.gather(
            *(
                self._answer(f"{study.study_id}-q{number}", (*reported, Turn(Role.USER, pair.question)), _ANSWER_TOKENS)
                for number, pair in enumerate(pairs)
            )
        )
        return [Asked(study.patient_id, pair, *answer) for pair, answer in zip(pairs, answers, strict=True)]

    async def _answer(self, name: str, conversation: tuple[Turn, ...], max_tokens: int) -> tuple[str, bool]:
        request = GenerationRequest(name, conversation, Sampling(max_tokens=max_tokens))
        events = [event async for event in self._engine.generate(local_call(_TENANT, _TIMEOUT_S), request)]
        text = "".join(event.text for event in events if isinstance(event, TokenDelta))
        return text, getattr(events[-1], "reason", None) is FinishReason.STOP


def questions_about(study: ReportedStudy, num_max: int, seed: int) -> tuple[FollowUp, ...]:
    """Choose the questions about a drawn film, the same for every model."""
    rng = np.random.default_rng([seed, *study.study_id.encode()])
    return follow_ups(study.facts or (), rng)[:num_max]


def summarise(asked: Sequence[Asked]) -> dict[str, Any]:
    """Compute the share of right answers with intervals over patients, beside a baseline that denies everything."""
    marks = np.array([[one.is_right, one.is_right and one.is_present, one.is_present, 1] for one in asked], dtype=float)
    table = np.column_stack([marks, marks[:, 0] - marks[:, 1], 1 - marks[:, 2]])
    figures = {
        "right_ratio": lambda sums: ratio_of(sums[:, [0, 3]]),
        "right_ratio_where_present": lambda sums: ratio_of(sums[:, [1, 2]]),
        "right_ratio_where_absent": lambda sums: ratio_of(sums[:, [4, 5]]),
        "always_denied_right_ratio": lambda sums: ratio_of(sums[:, [5, 3]]),
    }
    found = intervals([one.patient_id for one in asked], table, figures)
    return {
        "num_questions": len(asked),
        "num_patients": len({one.patient_id for one in asked}),
        "scores": {name: asdict(one) for name, one in found.items()},
        "misses": [
            {"question": one.pair.question, "right": one.pair.answer, "told": one.answer}
            for one in asked
            if not one.is_right
        ][:_NUM_MISSES_SHOWN],
    }


async def interview(
    studies: Iterable[ReportedStudy],
    preparer: ImagePreparer,
    engine: Engine,
    settings: OrchestratorSettings,
    num_questions: int,
    seed: int,
) -> list[Asked]:
    """Ask the questions of every study, several studies at a time."""
    interviewer = Interviewer(preparer, engine, settings)
    tasks = [interviewer.ask(study, questions_about(study, num_questions, seed)) for study in studies]
    return [one for answers in await tqdm.gather(*tasks, desc="ask", unit="film") for one in answers]


async def _run(data: Path, model: Path, num_films: int, num_questions: int, seed: int) -> dict[str, Any]:
    settings = Settings.model_validate({"model": {"source": str(model)}})
    studies = [study for study, _ in zip(read_studies(data, lambda row: None), range(num_films), strict=False)]
    engine = make_vllm(settings)
    try:
        await engine.start()
        preparer = LocalPreparer(settings.preprocessor)
        asked = await interview(studies, preparer, engine, settings.orchestrator, num_questions, seed)
        card = await engine.describe()
    finally:
        await engine.stop()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "engine": f"{card.engine} {card.engine_version}",
        **summarise(asked),
    }


def main() -> None:
    """Ask a checkpoint follow-up questions about drawn films and write the share of right answers."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.follow_ups", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="drawn studies, with facts")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation") / NAME, help="the JSON file to write")
    parser.add_argument("--films", type=int, default=300)
    parser.add_argument("--questions", type=int, default=6, help="maximum per film")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    result = {
        "checkpoint_sha256": checkpoint_sha256(given.model),
        **asyncio.run(_run(given.data, given.model, given.films, given.questions, given.seed)),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result["scores"], indent=2))


if __name__ == "__main__":
    main()
