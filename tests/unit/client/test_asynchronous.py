"""The asynchronous client against the real door over a scripted reporter."""

import io
import pickle
from pathlib import Path

import httpx
import pytest

from serve_app.api.bodies import named_event
from serve_app.api.door.problems import CONFIRMATION_HINT
from serve_app.api.examples import EVENTS, NOT_READY, report_example
from serve_app.client import (
    AsyncClient,
    ClientError,
    Image,
    IncompleteAnswer,
    Prepared,
    Problem,
    ProblemError,
    ReportBody,
    ReportDone,
    SectionDelta,
    SectionDone,
    Sex,
    UnexpectedAnswer,
    Unreachable,
    View,
)
from serve_app.client.events import Event
from serve_app.domain import study
from serve_app.domain.errors import EngineGone, NotAChestXray, Overloaded
from serve_app.domain.service import Readiness
from tests.api.conftest import FILM, Door, ScriptedReporter, open_door

REPORT = ReportBody.model_validate(report_example())


def asking(door: Door) -> AsyncClient:
    return AsyncClient("http://clara", transport=httpx.ASGITransport(door.app), max_retries=0)


async def test_a_report_is_what_the_door_answers(door: Door) -> None:
    async with asking(door) as client:
        assert await client.report(FILM) == REPORT


@pytest.mark.parametrize(
    ("sex", "view"), [(Sex.FEMALE, View.LATERAL), ("nữ", "nghiêng"), (study.Sex.FEMALE, study.View.LATERAL)]
)
async def test_the_reporter_gets_what_was_said(door: Door, sex: Sex | str, view: View | str) -> None:
    async with asking(door) as client:
        await client.report(FILM, sex=sex, age=63, view=view, confirm=True)

    assert asked(door) == study.Study(
        (study.StudyImage(FILM, study.View.LATERAL, is_confirmed=True),), study.Patient(study.Sex.FEMALE, study.Age(63))
    )


async def test_several_images_go_with_their_views(door: Door) -> None:
    async with asking(door) as client:
        await client.report(images=[Image(FILM, View.PA), Image(io.BytesIO(b"two"), "nghiêng"), Image(b"three")])

    assert [(image.data, image.view) for image in asked(door).images] == [
        (FILM, study.View.PA),
        (b"two", study.View.LATERAL),
        (b"three", None),
    ]


async def test_a_list_of_one_image_is_one_image(door: Door) -> None:
    async with asking(door) as client:
        await client.report(images=[Image(FILM, View.AP)])
    assert asked(door).images == (study.StudyImage(FILM, study.View.AP),)


async def test_what_was_not_said_stays_unknown(door: Door) -> None:
    async with asking(door) as client:
        await client.report(FILM)
        await client.report(FILM, sex=None, age="", view=None, confirm=False)

    assert [sent for _, sent, _ in door.reporter.asked] == [study.Study((study.StudyImage(FILM),))] * 2


async def test_an_age_of_zero_is_an_age(door: Door) -> None:
    async with asking(door) as client:
        await client.report(FILM, age=0)
    assert asked(door).patient.age_years == 0


async def test_an_image_may_be_a_path_bytes_or_an_open_file(door: Door, tmp_path: Path) -> None:
    path = tmp_path / "NGUYEN VAN A.png"
    path.write_bytes(FILM)
    async with asking(door) as client:
        for image in (path, str(path), FILM, io.BytesIO(FILM)):
            await client.report(image)
    assert [sent.images[0].data for _, sent, _ in door.reporter.asked] == [FILM] * 4


async def test_the_stream_has_the_doors_events(door: Door) -> None:
    async with asking(door) as client:
        events = [event async for event in client.stream(FILM)]
    assert [body_of(event) for event in events] == [named_event(event)[1].model_dump(mode="json") for event in EVENTS]


def body_of(event: Event) -> object:
    match event:
        case Prepared(body) | SectionDone(_, body) | ReportDone(body):
            return body.model_dump(mode="json")
        case SectionDelta(_, text):
            return {"text": text}


@pytest.mark.parametrize("way", ["report", "stream"])
async def test_a_refusal_is_a_problem_with_its_facts(way: str) -> None:
    door = open_door(ScriptedReporter([], NotAChestXray("", "too-colourful", 0.02)))
    with pytest.raises(ProblemError) as failure:
        await ask(door, way, request_id="visit-7.1")

    error = failure.value
    assert (error.code, error.problem.status, error.request_id) == ("not-a-chest-xray", 422, "visit-7.1")
    assert error.problem.facts == {"reason": "too-colourful", "score": 0.02}
    assert str(error) == error.problem.detail == f"The image does not look like a chest X-ray. {CONFIRMATION_HINT}"


async def test_a_stream_that_fails_later_ends_with_the_problem() -> None:
    door = open_door(ScriptedReporter(EVENTS[:3], EngineGone()))
    seen: list[Event] = []
    async with asking(door) as client:
        stream = client.stream(FILM)
        with pytest.raises(ProblemError) as failure:
            seen.extend([event async for event in stream])

    assert (failure.value.code, failure.value.problem.status) == ("engine-gone", 503)
    assert failure.value.request_id == stream.request_id


async def test_the_wait_that_the_server_asks_for_is_in_the_error() -> None:
    door = open_door(ScriptedReporter([], Overloaded("", 11)))
    with pytest.raises(ProblemError) as failure:
        await ask(door, "report")
    assert failure.value.retry_after_s == 11.0


async def test_the_request_id_reaches_the_server_and_is_known_beforehand(door: Door) -> None:
    sent: list[str] = []

    class Watching(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            sent.extend((request.headers["x-request-id"], response.headers["x-request-id"]))
            return response

    async with AsyncClient("http://clara", transport=Watching(door.app)) as client:
        given, fresh = client.stream(FILM, request_id="visit-7"), client.stream(FILM)
        for stream in (given, fresh):
            await anext(stream)
            await stream.aclose()

    assert given.request_id == "visit-7" != fresh.request_id
    assert sent == ["visit-7"] * 2 + [fresh.request_id] * 2


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "é", "a\nb"])
async def test_a_request_id_that_the_server_would_replace_is_refused(door: Door, request_id: str) -> None:
    async with asking(door) as client:
        with pytest.raises(ValueError, match="request id"):
            await client.report(FILM, request_id=request_id)


async def test_version_and_readiness_are_typed(door: Door) -> None:
    async with asking(door) as client:
        assert (await client.version()).model == "clara-demo"
        assert (await client.readiness()).status == "ready"


async def test_not_being_ready_is_an_answer() -> None:
    async def not_ready() -> Readiness:
        return NOT_READY

    async with asking(open_door(readiness=not_ready)) as client:
        answered = await client.readiness()
    assert (answered.status, answered.reason) == ("not-ready", "no-engine")


@pytest.mark.parametrize("given", [{}, {"image": FILM, "images": [Image(b"two")]}, {"images": []}])
async def test_exactly_one_way_to_give_images(door: Door, given: dict[str, object]) -> None:
    async with asking(door) as client:
        with pytest.raises(TypeError, match="either image or images"):
            await client.report(**given)


@pytest.mark.parametrize(
    "error",
    [
        ProblemError(Problem(type="t", title="t", status=503, detail="d", code="c", request_id="r"), 5.0),
        Unreachable("nobody", "r"),
        IncompleteAnswer("cut", "r"),
        UnexpectedAnswer("odd", "r"),
    ],
)
def test_errors_survive_pickling(error: ClientError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.code, copy.request_id) == (str(error), error.code, "r")


async def test_a_view_of_all_images_is_refused(door: Door) -> None:
    async with asking(door) as client:
        with pytest.raises(TypeError, match="each of the images its view"):
            await client.report(images=[Image(FILM), Image(FILM)], view="PA")


def asked(door: Door) -> study.Study:
    [(_, sent, _)] = door.reporter.asked
    return sent


async def ask(door: Door, way: str, **options: str) -> None:
    async with asking(door) as client:
        if way == "report":
            await client.report(FILM, **options)
        async for _ in client.stream(FILM, **options):
            pass
