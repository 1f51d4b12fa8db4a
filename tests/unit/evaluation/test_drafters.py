"""Drafts by HTTP and in process: the same texts, and every failure by its code."""

import httpx
import pytest

from evaluation.drafters import DrafterCard, DrafterGone, DraftFailed, PlatformDrafter
from evaluation.in_process import drafting_in_process
from evaluation.predictions import Text
from serve_app.api.examples import report_example
from serve_app.client import AsyncClient
from serve_app.domain.errors import Unavailable
from serve_app.domain.study import Age, Patient, Sex, View
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.settings import PreprocessorSettings, ScreenSettings, ScriptedSettings, Settings

RECORDING = Settings(preprocessor=PreprocessorSettings(screen=ScreenSettings(policy="record")))
REPORT = report_example() | {
    "findings": {"text": "Bóng tim to.", "items": [], "status": "complete"},
    "impression": {"text": "Tim to.", "items": [], "status": "truncated"},
}
VERSION = {
    "model": "m",
    "engine": "vllm",
    "engine_version": "1",
    "prompt_version": "clara-vi-1",
    "version": "0",
    "preparation_version": "clara-prep-3",
}


def platform(answer: httpx.Response | Exception, asked: list[httpx.Request] | None = None) -> PlatformDrafter:
    def handle(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return PlatformDrafter(AsyncClient("http://there", transport=httpx.MockTransport(handle), max_retries=0))


async def test_a_report_by_http_has_texts_and_statuses() -> None:
    asked: list[httpx.Request] = []
    drafter = platform(httpx.Response(200, json=REPORT), asked)

    text = await drafter.draft(b"FILM", Patient(Sex.FEMALE, Age(63)), View.AP)

    assert text == Text("Bóng tim to.", "Tim to.", "complete", "truncated")
    body = asked[0].content
    assert asked[0].url.path == "/v1/reports"
    assert all(word in body for word in (b"FILM", b"female", b"63", b"AP"))


async def test_what_is_unknown_of_the_patient_is_not_sent() -> None:
    asked: list[httpx.Request] = []
    await platform(httpx.Response(200, json=REPORT), asked).draft(b"FILM", Patient())
    assert all(name not in asked[0].content for name in (b'name="sex"', b'name="age"', b'name="view"'))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(422, json={"code": "not-a-chest-xray"}), "not-a-chest-xray"),
        (httpx.Response(502, text="<h1>Bad gateway</h1>"), "http-502"),
        (httpx.Response(502, json=["no problem document"]), "http-502"),
        (httpx.Response(200, json={"findings": "x"}), "not-the-platform"),
        (httpx.Response(200, text="no json"), "not-the-platform"),
        (httpx.ReadTimeout("late"), "incomplete"),
    ],
)
async def test_a_failure_by_http_has_its_code(answer: httpx.Response | Exception, code: str) -> None:
    with pytest.raises(DraftFailed) as failure:
        await platform(answer).draft(b"FILM", Patient())
    assert failure.value.code == code


async def test_a_platform_that_is_down_ends_the_run() -> None:
    drafter = platform(httpx.ConnectError("refused"))
    with pytest.raises(DrafterGone, match="still up"):
        await drafter.draft(b"FILM", Patient())
    with pytest.raises(DrafterGone, match="is the platform up"):
        await drafter.describe()


async def test_a_platform_without_an_engine_is_not_told_as_one_that_is_down() -> None:
    with pytest.raises(DrafterGone, match="answers 503: is an engine up"):
        await platform(httpx.Response(503, request=httpx.Request("GET", "http://there/version"))).describe()


async def test_the_platform_says_what_it_serves() -> None:
    assert await platform(httpx.Response(200, json=VERSION)).describe() == DrafterCard("m", "vllm", "1", "clara-vi-1")
    with pytest.raises(DrafterGone, match="does not answer as"):
        await platform(httpx.Response(200, json={"hello": 1})).describe()


async def test_in_process_drafts_are_the_reporters(png: bytes) -> None:
    async with drafting_in_process(RECORDING, lambda settings: ScriptedEngine()) as drafter:
        text = await drafter.draft(png, Patient())
        card = await drafter.describe()

    assert text.findings.startswith("- Bóng tim không to.") and text.impression_status == "complete"
    assert card == DrafterCard("scripted", "scripted", "1", "clara-vi-1")


async def test_in_process_failures_have_their_code() -> None:
    async with drafting_in_process(RECORDING, lambda settings: ScriptedEngine()) as drafter:
        with pytest.raises(DraftFailed) as failure:
            await drafter.draft(b"no image", Patient())
    assert failure.value.code == "not-an-image"


async def test_an_engine_that_dies_in_process_ends_the_run(png: bytes) -> None:
    async with drafting_in_process(
        RECORDING, lambda settings: ScriptedEngine(ScriptedSettings(dies_after_tokens=2))
    ) as drafter:
        with pytest.raises(DrafterGone, match="engine stopped"):
            await drafter.draft(png, Patient())


async def test_a_model_that_cannot_be_loaded_is_said_to_be_and_stopped() -> None:
    class Unloadable(ScriptedEngine):
        is_stopped = False

        async def start(self) -> None:
            raise Unavailable("no such checkpoint")

        async def stop(self) -> None:
            self.is_stopped = True

    engine = Unloadable()
    with pytest.raises(DrafterGone, match="no such checkpoint"):
        async with drafting_in_process(RECORDING, lambda settings: engine):
            pass
    assert engine.is_stopped
