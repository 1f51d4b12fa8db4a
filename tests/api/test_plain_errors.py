"""What Serve's proxy says in its own words reaches clients as a problem; what the gateway says is left alone."""

from collections.abc import AsyncIterator

import httpx
import pytest
from ray.serve.exceptions import BackPressureError
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.cluster.proxy import middleware as proxy_middleware
from tests.api.conftest import Outcomes, ScriptedReporter, open_door

SECRET = "ray::ServeReplica pid=17 node=10.0.0.7 Traceback"


@pytest.fixture(autouse=True)
def proxy_outcomes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep what the proxy counts."""
    counted = Outcomes([])
    monkeypatch.setattr("serve_app.cluster.proxy.Recorder", lambda: counted)
    return counted.seen


async def ask(proxy: ASGIApp, path: str = "/v1/reports", method: str = "GET") -> httpx.Response:
    # As Serve does it: each around the ones before it.
    for middleware in proxy_middleware():
        proxy = middleware.cls(proxy, *middleware.args, **middleware.kwargs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(proxy), base_url="http://proxy") as client:
        return await client.request(method, path, headers={"X-Request-Id": "mine"})


@pytest.mark.parametrize(("status", "code"), [(503, "unavailable"), (500, "internal-server-error"), (404, "not-found")])
async def test_plain_text_becomes_a_problem_of_the_same_status(status: int, code: str) -> None:
    answer = await ask(PlainTextResponse(SECRET, status))

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine"
    assert SECRET not in answer.text


@pytest.mark.parametrize("media_type", [None, "text/html", "text/html; charset=utf-8", "application/octet-stream"])
async def test_an_error_that_is_not_ours_is_replaced_whatever_its_media_type(media_type: str | None) -> None:
    answer = await ask(Response(SECRET, 503, media_type=media_type))

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] and SECRET not in answer.text


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_what_serve_answers_within_the_gateway_is_a_problem_and_counted_as_ours(accept: str) -> None:
    door = open_door(ScriptedReporter([], BackPressureError(num_queued_requests=1, max_queued_requests=1)))
    # Serve adds this to every application that it serves.
    door.app.add_exception_handler(BackPressureError, lambda _, error: Response(error.message, error.status_code))

    answer = await door.stream(accept=accept)

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["code"] == "unavailable" and answer.headers["retry-after"]
    assert door.outcomes == ["unavailable"]


@pytest.mark.parametrize(
    ("response", "outcomes"),
    [(PlainTextResponse(SECRET, 503), ["unavailable"]), (PlainTextResponse(SECRET, 500), ["error"])],
)
async def test_the_proxy_counts_the_reports_that_it_answers(
    response: Response, outcomes: list[str], proxy_outcomes: list[str]
) -> None:
    await ask(response, method="POST")

    assert proxy_outcomes == outcomes


@pytest.mark.parametrize(
    ("response", "method", "path"),
    [
        (JSONResponse({}, 503, media_type="application/problem+json"), "POST", "/v1/reports"),
        (PlainTextResponse("fine"), "POST", "/v1/reports"),
        (PlainTextResponse(SECRET, 503), "GET", "/healthz"),
    ],
    ids=["the gateway's error", "the gateway's answer", "no report"],
)
async def test_the_proxy_counts_nothing_else(
    response: Response, method: str, path: str, proxy_outcomes: list[str]
) -> None:
    await ask(response, path, method)

    assert proxy_outcomes == []


async def test_who_is_refused_for_want_of_room_is_told_when_to_come_back() -> None:
    answer = await ask(PlainTextResponse(SECRET, 503))

    assert int(answer.headers["retry-after"]) > 0


async def test_a_proxy_that_fails_answers_all_the_same() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError(SECRET)

    answer = await ask(failing)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert answer.json()["request_id"] == "mine" and SECRET not in answer.text


@pytest.mark.parametrize("response", [PlainTextResponse("Client disconnected", 499), PlainTextResponse("an event")])
async def test_what_serve_stumbles_over_once_the_client_has_left_is_not_told_as_our_mistake(
    response: Response, replica_log: pytest.LogCaptureFixture
) -> None:
    async def stumbling(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)
        while (await receive())["type"] != "http.disconnect":
            pass
        raise RuntimeError("dictionary changed size during iteration")

    assert (await ask(stumbling)).status_code == response.status_code
    assert not [record for record in replica_log.records if record.name.startswith(("ray.serve", "serve_app"))]


async def test_no_answer_at_all_is_an_answer() -> None:
    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        """As Serve's proxy does when a gateway dies in the middle of a request."""

    answer = await ask(gone)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] and answer.headers["x-request-id"] == "mine"


async def test_a_body_in_pieces_is_replaced_whole() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield SECRET
        yield SECRET

    answer = await ask(StreamingResponse(pieces(), 500, media_type="text/plain"))

    assert SECRET not in answer.text and answer.json()["status"] == 500


@pytest.mark.parametrize(
    ("response", "path"),
    [
        (JSONResponse({"status": "not-ready"}, 503), "/readyz"),
        (PlainTextResponse("fine", 200), "/v1/reports"),
        (PlainTextResponse("DRAINING", 503), "/-/healthz"),
        (PlainTextResponse("Client for request x disconnected", 499), "/v1/reports"),
    ],
)
async def test_what_is_no_plain_error_of_a_request_passes(response: Response, path: str) -> None:
    answer = await ask(response, path)

    assert (answer.status_code, answer.content) == (response.status_code, response.body)
