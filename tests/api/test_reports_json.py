"""POST /v1/reports, one JSON answer."""

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.access.local import LOCAL
from serve_app.api.bodies import report_body
from serve_app.domain.errors import EngineGone
from serve_app.domain.radiograph import Correction, GateOutcome, GateVerdict
from serve_app.domain.report import DISCLAIMER, Report, Section, SectionStatus
from serve_app.domain.study import Age, ImageRole, Patient, Sex, StudyImage, View
from serve_app.settings import DEMO_SHA256
from tests.api.conftest import FILM, Door, ScriptedReporter, example_report, open_door

GATE = {
    "outcome": "pass",
    "score": 0.97,
    "reason": "looks-like-a-chest-x-ray",
    "overridden": False,
    "corrections": [],
    "remedy": None,
}
IMAGE = {
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "format": "PNG",
    "width_px": 2500,
    "height_px": 3050,
    "bits_stored": 8,
}
DRAFT = {
    "id": "rpt_5b3a1f0c9d8e47f6a2b1c0d9e8f7a6b5",
    "created": "2026-01-01T00:00:00Z",
    "status": "draft",
    "patient": {
        "sex": "male",
        "age_years": 63,
        "view": "PA",
        "origins": {"sex": "form", "age": "form", "view": "form"},
    },
    "findings": {
        "text": "- Bóng tim to.\n- Mờ góc sườn hoành trái.",
        "items": ["Bóng tim to.", "Mờ góc sườn hoành trái."],
        "status": "complete",
    },
    "impression": {
        "text": "- Tràn dịch màng phổi trái.",
        "items": ["Tràn dịch màng phổi trái."],
        "status": "complete",
    },
    "disclaimer": DISCLAIMER,
}
ORIGIN = {
    "turns": [
        {
            "section": "findings",
            "question": ("Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam, 63 tuổi. Cho biết bệnh nhân bị gì?"),
            "prompt_tokens": 92,
            "completion_tokens": 14,
            "cached_tokens": 0,
            "first_token_s": 0.41,
            "duration_s": 0.83,
        },
        {
            "section": "impression",
            "question": "Kết luận từ thông tin trên bệnh nhân bị gì?",
            "prompt_tokens": 124,
            "completion_tokens": 9,
            "cached_tokens": 96,
            "first_token_s": 0.12,
            "duration_s": 0.35,
        },
    ],
    "timings": {"preparation_s": 0.09, "duration_s": 1.29},
    "model": "clara-demo",
    "model_digest": DEMO_SHA256,
    "prompt_version": "clara-vi-1",
    "trained_on": {"views": ["frontal"], "num_images": 1},
}
STUDY = {
    "gate": GATE,
    "image": IMAGE,
    "images": [IMAGE | {"view": "PA", "view_origin": "form", "role": "current", "gate": GATE}],
}
CHECK = {
    "concerns": [
        {
            "code": "dropped",
            "severity": "medium",
            "place": {"section": "findings", "start": 2, "end": 13},
            "other": None,
        }
    ],
}


async def test_a_report_is_one_json_document(door: Door) -> None:
    response = await door.post(sex="nam", age="63", view="PA")

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert door.outcomes == ["ok"]


@pytest.mark.parametrize(
    "part",
    [DRAFT, ORIGIN, STUDY, CHECK],
    ids=["two sections about a patient", "how it was made", "its images and the gate's verdicts", "what to look at"],
)
async def test_a_report_has(part: dict[str, Any], door: Door) -> None:
    answer = (await door.post(sex="nam", age="63", view="PA")).json()

    assert {name: answer[name] for name in part} == part


async def test_a_report_has_nothing_else(door: Door) -> None:
    answer = (await door.post(sex="nam", age="63", view="PA")).json()

    assert set(answer) == set(DRAFT | ORIGIN | STUDY | CHECK)


async def test_the_reporter_gets_the_bytes_the_patient_and_the_principal(door: Door) -> None:
    await door.post(sex="Nữ", age=" 75 ", view="ap")

    [(call, study, _)] = door.reporter.asked
    assert study.images == (StudyImage(FILM, View.AP, ImageRole.CURRENT, is_confirmed=False),)
    assert study.patient == Patient(Sex.FEMALE, Age(75))
    assert call.principal == LOCAL


async def test_every_patient_field_may_be_absent_or_blank(door: Door) -> None:
    await door.post()
    await door.post(sex="", age="", view="")

    assert [(study.patient, study.images[0].view) for _, study, _ in door.reporter.asked] == [(Patient(), None)] * 2


async def test_report_ids_are_fresh(door: Door) -> None:
    await door.post()
    await door.post()

    ids = [report_id for _, _, report_id in door.reporter.asked]
    assert len(set(ids)) == 2
    assert all(re.fullmatch(r"rpt_[0-9a-f]{32}", report_id) for report_id in ids)


def with_gate(report: Report, gate: GateVerdict) -> Report:
    (image,) = report.images
    return dataclasses.replace(report, images=(dataclasses.replace(image, gate=gate),))


async def test_correct_lets_a_film_be_turned(door: Door) -> None:
    await door.post(correct="true")
    assert door.reporter.asked[0][1].images[0].is_correctable
    assert not door.reporter.asked[0][1].images[0].is_confirmed


async def test_confirm_overrides_the_gate_and_the_answer_says_so() -> None:
    gate = GateVerdict(GateOutcome.CONFIRM, 0.5, "unsure", is_confirmed=True, corrections=(Correction.BORDERS_CROPPED,))
    door = open_door(ScriptedReporter([with_gate(example_report(), gate)]))

    response = await door.post(confirm="true")

    assert door.reporter.asked[0][1].images[0].is_confirmed
    assert response.json()["gate"] == {
        "outcome": "confirm",
        "score": 0.5,
        "reason": "unsure",
        "overridden": True,
        "corrections": ["borders-cropped"],
        "remedy": None,
    }


@pytest.mark.parametrize("status", list(SectionStatus))
async def test_a_section_that_is_not_whole_is_said_to_be_so(status: SectionStatus) -> None:
    report = dataclasses.replace(example_report(), findings=Section("…", (), status))
    response = await open_door(ScriptedReporter([report])).post()

    assert response.json()["findings"] == {"text": "…", "items": [], "status": status.value}


async def test_an_error_in_the_middle_of_a_report_is_no_report() -> None:
    door = open_door(ScriptedReporter(example_events()[:3], EngineGone("the engine stopped")))

    response = await door.post()

    assert response.status_code == 503
    assert response.json()["code"] == "engine-gone"
    assert door.reporter.closed.is_set()
    assert door.outcomes == ["unavailable"]


async def test_a_reporter_that_ends_without_a_report_is_our_mistake() -> None:
    for events in ([], example_events()[:-1]):
        response = await open_door(ScriptedReporter(events)).post()
        assert response.status_code == 500
        assert response.json()["code"] == "internal-error"


def example_events() -> list:
    return list(ScriptedReporter().events)


async def test_the_reporter_is_closed_after_a_whole_report(door: Door) -> None:
    await door.post()

    assert door.reporter.closed.is_set()


async def test_created_is_in_utc() -> None:
    body = report_body(example_report())

    assert body.created.utcoffset().total_seconds() == 0


SENTINEL = "zq" * 8
WORDS = st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: SENTINEL + text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(["sex", "age", "view", "confirm"]), WORDS, min_size=1))
async def test_no_word_in_a_field_is_our_mistake_or_is_echoed(door: Door, fields: dict[str, str]) -> None:
    response = await door.post(**fields)

    assert response.status_code in {400, 422}
    assert SENTINEL not in response.text
    assert SENTINEL not in str(response.headers)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sex=st.one_of(st.sampled_from(["nam", "NỮ", "m", "f"]), st.text(max_size=8)),
    age=st.one_of(st.integers(-5, 999).map(str), st.text(max_size=8)),
)
async def test_any_form_is_answered_with_a_report_or_a_problem(door: Door, sex: str, age: str) -> None:
    response = await door.post(sex=sex, age=age)

    assert response.status_code in {200, 400, 422}
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
