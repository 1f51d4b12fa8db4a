"""Follow-up questions: asked after the model's own report, of the same film, and judged by the film's facts."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from evaluation.demo.follow_ups import Asked, interview, questions_about, summarise
from serve_app.domain.call import Call
from serve_app.domain.conversation import Finished, FinishReason, GenerationEvent, GenerationRequest, TokenDelta, Usage
from serve_app.domain.facts import Fact, Finding, Polarity, Side
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.imaging.preparer import LocalPreparer
from serve_app.settings import OrchestratorSettings, PreprocessorSettings
from training.data import ReportedStudy, read_studies
from training.data.phantom_studies import write_phantoms
from training.phantoms.questions import FollowUp

EFFUSION = Fact(Finding.EFFUSION, side=Side.LEFT)
WHICH_SIDE = FollowUp(
    "Tràn dịch màng phổi bên nào?", "Tràn dịch màng phổi trái.", frozenset({EFFUSION}), frozenset({Finding.EFFUSION})
)
NO_AIR = FollowUp(
    "Có tràn khí màng phổi không?",
    "Không có tràn khí màng phổi.",
    frozenset({Fact(Finding.PNEUMOTHORAX, Polarity.ABSENT)}),
    frozenset({Finding.PNEUMOTHORAX}),
)


class TruthfulEngine(ScriptedEngine):
    """Answers each follow-up question as the film's facts say, and anything else by reciting."""

    def __init__(self, studies: list[ReportedStudy]) -> None:
        super().__init__()
        self.right = {pair.question: pair.answer for study in studies for pair in questions_about(study, 4, seed=1)}

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        if len(request.turns) < 5:
            async for event in super().generate(call, request):
                yield event
            return
        self.requests.append(request)
        yield TokenDelta(self.right[request.turns[-1].text])
        yield Finished(FinishReason.STOP, Usage(1, 1))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> list[ReportedStudy]:
    folder = tmp_path_factory.mktemp("films")
    write_phantoms(folder, 1, seed=5, width_px=256, num_processes=1)
    return list(read_studies(folder, lambda row: None))


def test_every_question_comes_after_the_report_and_about_its_film(study: list[ReportedStudy]) -> None:
    engine = TruthfulEngine(study)
    settings = OrchestratorSettings(max_findings_tokens=77, max_impression_tokens=33)
    asked = asyncio.run(interview(study, LocalPreparer(PreprocessorSettings()), engine, settings, 4, seed=1))

    assert [one.pair for one in asked] == list(questions_about(study[0], 4, seed=1))
    assert all(one.is_right for one in asked)
    first, second, *questions = engine.requests
    reports = [first, second]
    assert [len(request.turns) for request in reports] == [1, 3]
    assert [request.sampling.max_tokens for request in reports] == [77, 33]
    for request in questions:
        assert request.turns[:3] == reports[1].turns
        assert [len(turn.images) for turn in request.turns] == [1, 0, 0, 0, 0]


def test_a_study_is_asked_the_same_each_time_and_never_too_much(study: list[ReportedStudy]) -> None:
    assert questions_about(study[0], 3, seed=1) == questions_about(study[0], 3, seed=1)
    assert len(questions_about(study[0], 3, seed=1)) == 3


@pytest.mark.parametrize(
    ("answer", "is_whole", "is_right"),
    [
        ("Tràn dịch màng phổi trái.", True, True),
        ("Tràn dịch màng phổi phải.", True, False),
        ("Không thấy tràn dịch màng phổi.", True, False),
        ("Tràn dịch màng phổi trái.", False, False),
    ],
)
def test_an_answer_is_right_when_whole_and_true(answer: str, is_whole: bool, is_right: bool) -> None:
    assert Asked("p", WHICH_SIDE, answer, is_whole).is_right is is_right


def test_shares_are_counted_apart_for_what_is_there_and_what_is_not() -> None:
    asked = [
        Asked("a", WHICH_SIDE, WHICH_SIDE.answer, True),
        Asked("b", WHICH_SIDE, "Tràn dịch màng phổi phải.", True),
        Asked("c", NO_AIR, NO_AIR.answer, True),
        Asked("d", NO_AIR, NO_AIR.answer, True),
    ]
    found = summarise(asked)
    scores = {name: score["value"] for name, score in found["scores"].items()}
    assert scores == {
        "right_ratio": 0.75,
        "right_ratio_where_present": 0.5,
        "right_ratio_where_absent": 1.0,
        "always_denied_right_ratio": 0.5,
    }
    assert found["misses"] == [
        {"question": WHICH_SIDE.question, "right": WHICH_SIDE.answer, "told": "Tràn dịch màng phổi phải."}
    ]


def test_a_drawn_films_own_answers_are_all_right(study: list[ReportedStudy], tmp_path: Path) -> None:
    asked = [Asked("p", pair, pair.answer, True) for pair in questions_about(study[0], 99, seed=1)]
    assert summarise(asked)["scores"]["right_ratio"]["value"] == 1
