"""The first version's routes keep their exact shapes."""

import dataclasses

import pytest

from serve_app.api.door.problems import CONFIRMATION_HINT
from serve_app.domain.errors import EngineGone, NeedsConfirmation, NotAChestXray, NotAnImage
from serve_app.domain.report import Section, SectionStatus
from tests.api.conftest import Door, ScriptedReporter, example_report, open_door


async def test_predict_answers_in_the_first_versions_shape(door: Door) -> None:
    response = await door.post("/predict", sex="Nam", age="63")

    assert response.status_code == 200
    assert response.json() == {
        "patient_info": {"sex": "Nam", "age": "63"},
        "turn1": {
            "question": "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam, 63 tuổi. Cho biết bệnh nhân bị gì?",
            "answer": "- Bóng tim to.\n- Mờ góc sườn hoành trái.",
            "latency": 0.83,
        },
        "turn2": {
            "question": "Kết luận từ thông tin trên bệnh nhân bị gì?",
            "answer": "- Tràn dịch màng phổi trái.",
            "latency": 0.35,
        },
        "total_latency": 1.29,
    }
    assert list(response.json()) == ["patient_info", "turn1", "turn2", "total_latency"]
    assert door.outcomes == ["ok"]


async def test_predict_says_in_a_header_that_the_report_is_a_draft(door: Door) -> None:
    response = await door.post("/predict")

    assert response.headers["x-clara-report"] == "draft"
    documented = door.app.openapi()["paths"]["/predict"]["post"]["responses"]["200"]["headers"]
    assert documented["X-Clara-Report"]["schema"] == {"const": "draft"}


@pytest.mark.parametrize("status", [status for status in SectionStatus if status is not SectionStatus.COMPLETE])
@pytest.mark.parametrize("name", ["findings", "impression"])
async def test_predict_hands_out_no_section_that_is_not_whole(name: str, status: SectionStatus) -> None:
    report = dataclasses.replace(example_report(), **{name: Section("- Tràn dịch màng ph", (), status)})
    door = open_door(ScriptedReporter([report]))

    response = await door.post("/predict")

    assert response.status_code == 502
    assert response.json() == {"error": f"the report is incomplete: {name} is {status}"}
    assert door.outcomes == ["error"]


async def test_predict_names_every_section_that_is_not_whole() -> None:
    part = Section("", (), SectionStatus.EMPTY)
    report = dataclasses.replace(example_report(), findings=part, impression=part)

    response = await open_door(ScriptedReporter([report])).post("/predict")

    assert response.json() == {"error": "the report is incomplete: findings is empty, impression is empty"}


async def test_predict_echoes_the_patient_as_sent_or_null(door: Door) -> None:
    assert (await door.post("/predict")).json()["patient_info"] == {"sex": None, "age": None}
    assert (await door.post("/predict", sex=" nữ")).json()["patient_info"] == {"sex": " nữ", "age": None}


async def test_predict_answers_json_whatever_is_accepted(door: Door) -> None:
    async with door.client() as client:
        response = await client.post("/predict", files={"image": b"film"}, headers={"Accept": "text/event-stream"})

    assert response.headers["content-type"] == "application/json"


async def test_predict_cannot_override_the_gate(door: Door) -> None:
    await door.post("/predict", confirm="true")

    assert not door.reporter.asked[0][1].images[0].is_confirmed


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (NotAnImage("this is no image"), 415, "this is no image"),
        (NotAChestXray("this is no chest X-ray"), 422, f"this is no chest X-ray. {CONFIRMATION_HINT}"),
        (NeedsConfirmation("this may be no chest X-ray"), 409, f"this may be no chest X-ray. {CONFIRMATION_HINT}"),
        (EngineGone("the engine stopped"), 503, "the engine stopped"),
    ],
)
async def test_predict_tells_errors_in_the_first_versions_shape(error: Exception, status: int, message: str) -> None:
    response = await open_door(ScriptedReporter([], error)).post("/predict")

    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"error": message}


async def test_predict_tells_bad_fields_in_the_first_versions_shape(door: Door) -> None:
    response = await door.post("/predict", age="very old")
    assert (response.status_code, list(response.json())) == (422, ["error"])

    async with door.client() as client:
        response = await client.post("/predict", data={"sex": "Nam"})
    assert (response.status_code, list(response.json())) == (415, ["error"])


async def test_health_is_the_first_versions(door: Door) -> None:
    async with door.client() as client:
        response = await client.get("/health")

    assert (response.status_code, response.json()) == (200, {"status": "ok", "message": "Medical VLM API is running"})
