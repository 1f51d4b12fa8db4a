"""Errors as problem documents: every class of ours has a status, and nothing else gets out."""

import logging
import pickle
from collections.abc import Iterator

import httpx
import pytest
from ray.exceptions import RayTaskError

from serve_app.api.door.problems import (
    CONFIRMATION_HINT,
    CORRECTION_HINT,
    INTERNAL_DETAIL,
    STATUS,
    clara_error,
    failure_of,
    nearest,
)
from serve_app.api.door.vietnamese import TITLES
from serve_app.domain import errors
from serve_app.domain.errors import ClaraError
from tests.api.conftest import FILM, Door, ScriptedReporter, open_door

EXPECTED = {
    errors.Unauthenticated: (401, "denied"),
    errors.Forbidden: (403, "denied"),
    errors.NotFound: (404, "bad_request"),
    errors.QuotaExceeded: (429, "limited"),
    errors.BadRequest: (400, "bad_request"),
    errors.InvalidPatient: (422, "bad_request"),
    errors.EmptyUpload: (400, "bad_request"),
    errors.InvalidStudy: (422, "bad_request"),
    errors.UnsupportedStudy: (422, "bad_request"),
    errors.ContradictoryStudy: (400, "bad_request"),
    errors.NotAnImage: (415, "bad_request"),
    errors.CorruptImage: (422, "bad_request"),
    errors.UnsupportedImage: (415, "bad_request"),
    errors.UnsupportedTransferSyntax: (415, "bad_request"),
    errors.UploadTooLarge: (413, "bad_request"),
    errors.KeyReused: (422, "bad_request"),
    errors.Refused: (422, "refused"),
    errors.NotAChestXray: (422, "refused"),
    errors.NeedsConfirmation: (409, "refused"),
    errors.Unavailable: (503, "unavailable"),
    errors.EngineGone: (503, "unavailable"),
    errors.Overloaded: (503, "unavailable"),
    errors.DeadlineExceeded: (504, "unavailable"),
    errors.IncompleteReport: (502, "error"),
}


def descendants(kind: type[ClaraError]) -> Iterator[type[ClaraError]]:
    for child in kind.__subclasses__():
        # Ray makes a class of its own for every error that crosses a handle.
        if child.__module__ == errors.__name__:
            yield child
            yield from descendants(child)


@pytest.mark.parametrize("kind", list(descendants(ClaraError)), ids=lambda kind: kind.__name__)
async def test_every_error_of_the_tree_has_its_status(kind: type[ClaraError]) -> None:
    assert nearest(STATUS, kind) is not None, "an error without a status would be told as our mistake"
    door = open_door(ScriptedReporter([], kind("what is wrong this time")))

    response = await door.post()

    status, outcome = EXPECTED[kind]
    body = response.json()
    assert response.status_code == body["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert body["detail"].startswith("what is wrong this time")
    assert body["code"] == kind.code
    assert body["type"] == f"urn:clara:problem:{kind.code}"
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["title"] == kind.__doc__.splitlines()[0]
    assert door.outcomes == [outcome]


def test_codes_are_distinct() -> None:
    codes = [kind.code for kind in descendants(ClaraError)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", list(descendants(ClaraError)), ids=lambda kind: kind.__name__)
def test_an_error_without_words_is_told_by_its_class(kind: type[ClaraError]) -> None:
    problem = failure_of(kind(), "r").problem

    assert problem.detail.startswith(kind.__doc__.splitlines()[0].rstrip("."))


async def test_facts_are_told() -> None:
    cases = {
        errors.UnsupportedTransferSyntax("no decoder", "1.2.840.10008.1.2.4.51"): {
            "transfer_syntax": "1.2.840.10008.1.2.4.51"
        },
        errors.UploadTooLarge("too many frames", 1, "frames"): {"limit": 1, "unit": "frames"},
        errors.NotAChestXray("no", "too-colourful", 0.1): {"reason": "too-colourful", "score": 0.1},
    }
    for error, facts in cases.items():
        assert (await open_door(ScriptedReporter([], error)).post()).json()["facts"] == facts


async def test_unavailable_says_when_to_come_back() -> None:
    response = await open_door(ScriptedReporter([], errors.Overloaded("too many wait", 42))).post()

    assert response.headers["retry-after"] == "42"


async def test_the_client_is_told_how_to_confirm() -> None:
    for kind in (errors.NeedsConfirmation, errors.NotAChestXray):
        error = kind("This may not be a chest X-ray.", "unsure", 0.5)
        body = (await open_door(ScriptedReporter([], error)).post()).json()

        assert body["detail"] == f"This may not be a chest X-ray. {CONFIRMATION_HINT}"


async def test_the_client_is_told_how_to_have_a_film_corrected() -> None:
    error = errors.NeedsConfirmation("This film seems to be rotated.", "rotated", 0.5, "turned-left")
    body = (await open_door(ScriptedReporter([], error)).post()).json()

    assert body["detail"] == f"This film seems to be rotated. {CORRECTION_HINT} {CONFIRMATION_HINT}"
    assert body["facts"] == {"reason": "rotated", "score": 0.5, "remedy": "turned-left"}


def across_a_handle(error: Exception) -> Exception:
    """Make of an error what Ray makes of it when it is raised behind a handle."""
    return RayTaskError("report", "Traceback: secret /path, line 1", error, "proc", 1, "10.0.0.7").as_instanceof_cause()


@pytest.mark.parametrize("num_handles", [1, 2, 3])
async def test_an_error_that_crossed_ray_handles_is_told_like_the_original(num_handles: int) -> None:
    original = errors.UnsupportedTransferSyntax("no decoder reads this", "1.2.3")
    error: Exception = original
    for _ in range(num_handles):
        error = across_a_handle(error)
    # After the second handle it is no instance of our class any more: Ray cannot derive from its own wrapper.
    assert isinstance(error, errors.UnsupportedTransferSyntax) is (num_handles == 1)
    assert "secret" in str(error)

    response = await open_door(ScriptedReporter([], error)).post()

    body = response.json()
    assert response.status_code == 415
    assert (body["detail"], body["facts"]) == ("no decoder reads this", {"transfer_syntax": "1.2.3"})
    assert body["title"] == errors.UnsupportedTransferSyntax.__doc__
    assert "secret" not in response.text
    assert "10.0.0.7" not in response.text


async def test_an_error_that_ray_could_only_wrap_is_found_in_its_wrapper() -> None:
    wrapped = RayTaskError("report", "Traceback: secret", errors.Overloaded("too many wait", 9), "proc", 1, "10.0.0.7")

    response = await open_door(ScriptedReporter([], wrapped)).post()

    assert (response.status_code, response.headers["retry-after"]) == (503, "9")


def test_an_error_that_crossed_a_handle_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(errors.NotAChestXray("no", "too-colourful", 0.1)))

    assert clara_error(across_a_handle(error)).facts == {"reason": "too-colourful", "score": 0.1}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("secret /path"),
        KeyError("secret"),
        across_a_handle(ValueError("secret")),
        ClaraError("secret: nobody raises the root"),
        OSError(2, "No such file", "/secret"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("path", ["/v1/reports", "/predict"])
async def test_what_we_did_not_expect_is_told_by_one_fixed_sentence(
    path: str, error: Exception, replica_log: pytest.LogCaptureFixture
) -> None:
    door = open_door(ScriptedReporter([], error))

    response = await door.post(path)

    assert response.status_code == 500
    assert INTERNAL_DETAIL in response.json().values()
    assert "secret" not in response.text
    assert "secret" not in replica_log.text
    [record] = [record for record in replica_log.records if record.levelno >= logging.ERROR]
    assert record.name.startswith("serve_app.")
    assert type(error).__name__ in record.getMessage()
    assert response.headers["x-request-id"] in record.getMessage()
    assert record.exc_info is None
    assert door.outcomes == ["error"]


async def test_a_broken_form_is_a_problem_that_names_the_fields_and_no_value(door: Door) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="confirm"\r\n\r\nmaybe-secret\r\n--b--\r\n'
    async with door.client() as client:
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        response = await client.post("/v1/reports", content=form, headers=headers)

    body = response.json()
    assert response.status_code == 422
    assert (body["code"], body["facts"]) == ("invalid-form", {"confirm": "bool_parsing"})
    assert "secret" not in response.text
    assert door.outcomes == ["bad_request"]


async def test_a_form_without_an_image_is_a_problem_that_says_so(door: Door) -> None:
    async with door.client() as client:
        response = await client.post("/v1/reports", files={"sex": (None, "nam")})

    assert (response.status_code, response.json()["code"]) == (422, "invalid-form")
    assert response.json()["facts"] == {"image": "missing"}
    assert door.outcomes == ["bad_request"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not-found"), ("GET", "/v1/reports", 405, "method-not-allowed")],
)
async def test_routes_that_do_not_exist_are_problems(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    async with door.client() as client:
        response = await client.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert door.outcomes == []


async def test_a_wrong_method_says_which_is_right(door: Door) -> None:
    async with door.client() as client:
        response: httpx.Response = await client.put("/v1/reports")

    assert response.headers["allow"] == "POST"


def test_every_problem_has_a_title_in_vietnamese() -> None:
    codes = {kind.code for kind in descendants(ClaraError)} | {"internal-error", "invalid-form", "client-gone"}

    assert codes <= TITLES.keys()


@pytest.mark.parametrize(
    ("accept_language", "is_vietnamese"),
    [
        (None, False),
        ("vi", True),
        ("vi-VN,vi;q=0.9,en-US;q=0.8", True),
        ("en-US,en;q=0.9,vi;q=0.8", False),
        ("vi;q=0.5, en;q=0.7", False),
        ("vi;q=0", False),
        ("fr", False),
        ("en, vi", False),
        (";;q=x,,vi", True),
    ],
)
async def test_the_title_is_in_the_language_that_the_client_prefers(
    accept_language: str | None, is_vietnamese: bool
) -> None:
    door = open_door(ScriptedReporter([], errors.NotAnImage("no image")))
    headers = {} if accept_language is None else {"Accept-Language": accept_language}
    async with door.client() as client:
        body = (await client.post("/v1/reports", files={"image": ("f", FILM)}, headers=headers)).json()

    assert (body["title"] == TITLES["not-an-image"]) is is_vietnamese
    assert (body["code"], body["detail"]) == ("not-an-image", "no image")


async def test_an_error_event_has_its_title_in_the_clients_language() -> None:
    door = open_door(ScriptedReporter(ScriptedReporter().events[:2], errors.EngineGone("the engine stopped")))
    async with door.client() as client:
        headers = {"Accept-Language": "vi", "Accept": "text/event-stream"}
        response = await client.post("/v1/reports", files={"image": ("f", FILM)}, headers=headers)

    assert TITLES["engine-gone"] in response.text
