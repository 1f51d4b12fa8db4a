"""What is sent to an OpenAI-compatible server, and what its answers and refusals become."""

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationRequest,
    Role,
    Sampling,
    TokenDelta,
    Turn,
    Usage,
)
from serve_app.domain.errors import BadRequest, ClaraError, EngineGone, Overloaded, Unavailable
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.engines.openai_engine import OpenAIEngine
from serve_app.settings import OpenAISettings
from tests.calls import call

PIXELS = np.random.default_rng(0).integers(0, 256, (56, 84, 3), dtype=np.uint8)
FILM = Radiograph(PIXELS, "digest", Source("PNG", 84, 56, 8), GateVerdict(GateOutcome.PASS, 1.0, "drawn"))
QUESTION = Turn(Role.USER, "Cho biết bệnh nhân bị gì?", (FILM,))
CONVERSATION = (QUESTION, Turn(Role.ASSISTANT, "- Bóng tim to."), Turn(Role.USER, "Kết luận?"))
Answer = Callable[[dict[str, Any]], httpx.Response]


def chunk(content: str | None = None, finish_reason: str | None = None, usage: dict[str, Any] | None = None) -> str:
    choices = [] if usage else [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}]
    return f"data: {json.dumps({'choices': choices, 'usage': usage})}\n\n"


def streamed(*chunks: str) -> httpx.Response:
    body = "".join((*chunks, "data: [DONE]\n\n"))
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=body.encode())


def spoken(payload: dict[str, Any]) -> httpx.Response:
    """Say two words; the prompt is longer with an image, as a server's that looks at it."""
    num_images = sum(part["type"] == "image_url" for message in payload["messages"] for part in message["content"])
    usage = {
        "prompt_tokens": 10 + 6 * num_images,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    return streamed(chunk("Tim "), chunk("to."), chunk(finish_reason="stop"), chunk(usage=usage))


class Server:
    """Answers as it is told to, and keeps what it was asked."""

    def __init__(
        self, answer: Answer = spoken, models: tuple[str, ...] = ("Qwen/clara",), adapters: tuple[str, ...] = ()
    ) -> None:
        self.answer = answer
        self.models = models
        self.adapters = adapters
        self.is_gone = False
        self.payloads: list[dict[str, Any]] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        if request.url.path == "/v1/models":
            if self.is_gone:
                return httpx.Response(502)
            return httpx.Response(200, json={"data": [{"id": name} for name in (*self.models, *self.adapters)]})
        assert request.url.path == "/v1/chat/completions"
        self.payloads.append(json.loads(request.content))
        return self.answer(self.payloads[-1])


def engine_of(server: Server, adapters: tuple[str, ...] = (), **settings: Any) -> OpenAIEngine:
    return OpenAIEngine(OpenAISettings(**settings), adapters=adapters, transport=httpx.MockTransport(server))


async def ask(
    server: Server, request: GenerationRequest | None = None, asking: Call | None = None, **settings: Any
) -> list[Any]:
    engine = engine_of(server, **{"model": "clara", **settings})
    return [
        event async for event in engine.generate(asking or call(), request or GenerationRequest("one", CONVERSATION))
    ]


def refusal(status: int, headers: dict[str, str] | None = None) -> Answer:
    return lambda payload: httpx.Response(status, headers=headers, json={"error": f"echo {payload['messages']}"})


async def test_an_answer_is_its_words_and_one_end_with_the_usage() -> None:
    assert await ask(Server()) == [
        TokenDelta("Tim "),
        TokenDelta("to."),
        Finished(FinishReason.STOP, Usage(16, 2, 4)),
    ]


async def test_no_more_is_cached_than_was_asked() -> None:
    """A server that rounds up to whole blocks says otherwise."""
    usage = {"prompt_tokens": 100, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 128}}
    server = Server(lambda payload: streamed(chunk("Tim"), chunk(finish_reason="stop"), chunk(usage=usage)))
    assert (await ask(server))[-1] == Finished(FinishReason.STOP, Usage(100, 2, 100))


async def test_the_conversation_goes_out_whole_and_the_pixels_unharmed() -> None:
    server = Server()
    await ask(server, GenerationRequest("one", CONVERSATION, Sampling(max_tokens=9, temperature=0.0, seed=3)))

    (payload,) = server.payloads
    assert (payload["model"], payload["max_tokens"], payload["temperature"], payload["seed"]) == ("clara", 9, 0.0, 3)
    assert [message["role"] for message in payload["messages"]] == ["user", "assistant", "user"]
    assert [message["content"][0]["text"] for message in payload["messages"]] == [turn.text for turn in CONVERSATION]
    text, image = payload["messages"][0]["content"]
    assert text["type"] == "text", "the text comes first, as the model was trained"
    head, data = image["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), PIXELS)


async def test_only_vllm_is_sent_what_only_vllm_knows() -> None:
    plain, vllm = Server(), Server()
    await ask(plain)
    await ask(vllm, asking=call("hospital-a", priority=2), is_vllm=True)

    assert not {"cache_salt", "priority", "return_token_ids", "stream_interval"} & plain.payloads[0].keys()
    assert vllm.payloads[0]["priority"] == 2 and vllm.payloads[0]["cache_salt"]
    parts = [server.payloads[0]["messages"][0]["content"][1] for server in (plain, vllm)]
    assert "uuid" not in parts[0] and len(parts[1]["uuid"]) == 64


async def test_an_adapter_is_a_model_of_its_own() -> None:
    server = Server()
    await ask(server, GenerationRequest("one", CONVERSATION, adapter="impression"))
    assert server.payloads[0]["model"] == "impression"


async def test_the_key_comes_from_a_file_and_is_sent_as_bearer(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    server, without = Server(), Server()
    await ask(server, api_key_file=tmp_path / "key")
    await ask(without)

    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert "Authorization" not in without.headers[0]


async def test_the_start_finds_the_only_model_and_sees_that_it_looks_at_images() -> None:
    server = Server()
    engine = engine_of(server)
    await engine.start()

    assert (await engine.describe()).model == "clara"
    assert {payload["model"] for payload in server.payloads} == {"Qwen/clara"}


def blind(payload: dict[str, Any]) -> httpx.Response:
    return streamed(
        chunk("a"), chunk(finish_reason="length"), chunk(usage={"prompt_tokens": 7, "completion_tokens": 1})
    )


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server(blind), "ignores images"),
        (Server(models=("a", "b")), "2 models"),
        (Server(models=()), "0 models"),
        (Server(lambda payload: streamed(chunk("a"), chunk(finish_reason="stop"))), "no token usage"),
        (Server(models=("Qwen/clara",), adapters=("stage-1",)), "not list stage-2$"),
    ],
)
async def test_a_server_that_cannot_report_on_films_is_not_started_with(server: Server, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        await engine_of(server, adapters=("stage-1", "stage-2") if server.adapters else ()).start()


async def test_a_server_with_every_adapter_is_started_with() -> None:
    await engine_of(Server(adapters=("stage-1",)), adapters=("stage-1",)).start()


async def test_a_model_that_a_server_never_listed_is_served_all_the_same() -> None:
    engine = engine_of(Server(), model="by-another-name")
    await engine.start()

    assert (await engine.describe()).model == "by-another-name"


def fail(payload: dict[str, Any]) -> httpx.Response:
    raise httpx.ConnectError("no")


async def report_on(engine: OpenAIEngine) -> list[Any]:
    return [event async for event in engine.generate(call(), GenerationRequest("one", CONVERSATION))]


async def test_a_server_that_has_another_model_now_is_not_ready() -> None:
    server = Server()
    engine = engine_of(server)
    await engine.start()
    server.models = ("Qwen/other",)

    with pytest.raises(EngineGone, match="no longer lists"):
        await engine.describe()


@pytest.mark.parametrize("while_gone", [report_on, OpenAIEngine.describe])
async def test_a_server_that_does_not_look_at_images_does_not_take_the_place_of_one_that_did(
    while_gone: Callable[[OpenAIEngine], Awaitable[Any]],
) -> None:
    server = Server()
    engine = engine_of(server)
    await engine.start()
    server.answer, server.is_gone = fail, True
    with pytest.raises(EngineGone):
        await while_gone(engine)
    server.answer, server.is_gone = blind, False
    server.payloads.clear()

    for ask in (report_on, OpenAIEngine.describe, report_on):
        with pytest.raises(Unavailable, match="ignores images"):
            await ask(engine)
    assert "Cho biết" not in json.dumps(server.payloads, ensure_ascii=False), "a film went to it"


async def test_a_server_that_comes_back_as_it_was_is_looked_at_once() -> None:
    server = Server()
    engine = engine_of(server)
    await engine.start()
    server.answer = fail
    with pytest.raises(EngineGone):
        await report_on(engine)
    server.answer = spoken
    server.payloads.clear()

    await asyncio.gather(*(report_on(engine) for _ in range(4)))
    await engine.describe()

    assert len(server.payloads) == 2 + 4


async def test_a_server_that_counts_its_requests_is_not_asked_more_for_it() -> None:
    server = Server()
    engine = engine_of(server)
    await engine.start()
    server.answer = refusal(429)
    with pytest.raises(Overloaded):
        await report_on(engine)
    server.answer = spoken
    server.payloads.clear()

    await report_on(engine)

    assert len(server.payloads) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(400), BadRequest),
        (refusal(413), BadRequest),
        (refusal(401), Unavailable),
        (refusal(404), Unavailable),
        (refusal(429), Overloaded),
        (refusal(503), Overloaded),
        (refusal(500), EngineGone),
        (lambda payload: streamed(chunk("Tim ")), EngineGone),
        (lambda payload: streamed(chunk("Tim "), chunk(finish_reason="content_filter")), EngineGone),
        (lambda payload: streamed('data: {"error": {"message": "died"}}\n\n'), EngineGone),
        (lambda payload: streamed("data: {half\n\n"), EngineGone),
        (lambda payload: httpx.Response(200, text="<html>"), EngineGone),
    ],
)
async def test_what_goes_wrong_there_becomes_our_error_without_the_servers_words(
    answer: Answer, error: type[ClaraError]
) -> None:
    with pytest.raises(error) as caught:
        await ask(Server(answer))
    assert type(caught.value) is error
    assert "bệnh nhân" not in caught.value.message and "http" not in caught.value.message


async def test_how_long_to_wait_is_passed_on() -> None:
    for told, waited in (("17", 17), ("soon", 5), ("", 5)):
        with pytest.raises(Overloaded) as caught:
            await ask(Server(refusal(503, {"Retry-After": told})))
        assert caught.value.retry_after_s == waited


async def test_a_server_that_is_gone_is_noticed_but_no_reason_to_replace_the_replica() -> None:
    gone = httpx.MockTransport(lambda request: httpx.Response(502))
    engine = OpenAIEngine(OpenAISettings(model="clara"), transport=gone)
    await engine.check_health()
    with pytest.raises(EngineGone):
        await engine.describe()


@pytest.mark.parametrize(("health", "is_alive"), [(200, True), (404, True), (503, False), (500, False)])
async def test_a_vllm_server_that_lists_models_over_a_dead_core_is_not_alive(health: int, is_alive: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/llm/health":
            return httpx.Response(health)
        assert request.url.path == "/llm/v1/models"
        return httpx.Response(200, json={"data": [{"id": "clara"}]})

    settings = OpenAISettings(base_url="http://server/llm/v1", model="clara", is_vllm=True)
    engine = OpenAIEngine(settings, transport=httpx.MockTransport(answer))

    with contextlib.nullcontext() if is_alive else pytest.raises(EngineGone):
        await engine.describe()


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("no"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut")]
)
async def test_a_lost_connection_is_a_lost_engine(failure: httpx.TransportError) -> None:
    def fail(payload: dict[str, Any]) -> httpx.Response:
        raise failure

    with pytest.raises(EngineGone):
        await ask(Server(fail))


async def test_several_samples_or_log_probabilities_are_not_asked_for_silently() -> None:
    for sampling in (Sampling(num_samples=2), Sampling(num_logprobs=3)):
        with pytest.raises(BadRequest):
            await ask(Server(), GenerationRequest("one", CONVERSATION, sampling))
