"""The Engine port over any OpenAI-compatible chat endpoint: an external vLLM, SGLang, NIM or a hosted model.

Sends images as lossless PNG in data URLs. Rejects a server that ignores images: at startup, and again after a failure,
when another server may have taken its place.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import SSEError, aconnect_sse

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    TokenDelta,
    Turn,
    Usage,
)
from serve_app.domain.errors import BadRequest, ClaraError, EngineGone, Overloaded, Unavailable
from serve_app.domain.radiograph import Radiograph
from serve_app.engines.caches import cache_salt, image_id
from serve_app.engines.lossless import png
from serve_app.engines.warm_up import warm_up_call, warm_up_request
from serve_app.ports import ModelCard
from serve_app.settings import OpenAISettings, or_none
from serve_app.streams import until

_DONE = "[DONE]"
_DEFAULT_RETRY_AFTER_S = 5
_QUEUE_FULL = "the model server's queue is full"
_ABORTED = "the model server aborted this report"


class OpenAIEngine:
    """Implements the `Engine` port over HTTP.

    `name` is the model's name in reports; if null, the server's own. `adapters` are those that requests will name.
    """

    def __init__(
        self,
        settings: OpenAISettings,
        name: str | None = None,
        stream_interval_tokens: int = 1,
        adapters: Collection[str] = (),
        trained_views: tuple[str, ...] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._stream_interval_tokens = stream_interval_tokens
        self._name = name
        self._model = or_none(settings.model, "auto") or ""
        self._adapters = frozenset(adapters)
        self._trained_views = trained_views
        # The requested names that the server listed at startup. Some servers accept names that they do not list.
        self._listed: frozenset[str] = frozenset()
        self._needs_verification = False
        self._verifying = asyncio.Lock()
        self._client = httpx.AsyncClient(
            base_url=f"{settings.base_url.rstrip('/')}/",
            headers=_authorization(or_none(settings.api_key_file, "none")),
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s),
            transport=transport,
            # Images must not pass through a proxy set in the environment.
            trust_env=False,
        )

    async def start(self) -> None:
        """Find the model and its adapters, and verify that it uses images; see `ports.Engine`."""
        with self._translating_errors():
            names = await self._models()
            self._model = self._model or _only(names - self._adapters)
            if missing := self._adapters - names:
                raise Unavailable(f"the model server does not list {', '.join(sorted(missing))}")
            self._listed = names & {self._model, *self._adapters}
            await self._verify_image_used()
        self._needs_verification = False

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer; see `ports.Engine`."""
        payload = self._payload(call, request)
        with self._translating_errors():
            async with contextlib.aclosing(self._verified_chunks(payload)) as chunks:
                async for event in _events(until(chunks, call.deadline_unix_s)):
                    yield event

    async def check_health(self) -> None:
        """Do nothing: replacing this replica would not repair a remote server."""

    async def describe(self) -> ModelCard:
        """Return the model's card once the server has answered; after a failure, verify again that it uses images.

        Raises:
            EngineGone: the server does not answer, has lost the model, or reports that the model is dead.
        """
        with self._translating_errors():
            if self._settings.is_vllm:
                await self._require_living_core()
            if not self._listed <= await self._models():
                raise EngineGone("the model server no longer lists the model")
            try:
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    await self._verify_if_needed()
            except TimeoutError as error:
                raise EngineGone("the model server does not answer") from error
        return ModelCard(
            self._name or self._model.rsplit("/", 1)[-1],
            "openai",
            self._settings.base_url.rstrip("/").rsplit("/", 1)[-1],
            self._trained_views,
        )

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _require_living_core(self) -> None:
        """Query vLLM's health route: with a dead core it still lists its models until it exits."""
        health = self._client.base_url.join("../health")
        response = await self._client.get(health, timeout=self._settings.connect_timeout_s)
        # A proxy in front of the server may pass only its OpenAI routes.
        if response.status_code not in (httpx.codes.OK, httpx.codes.NOT_FOUND):
            raise EngineGone("the model server reports that its model is dead")

    async def _models(self) -> frozenset[str]:
        response = await self._client.get("models", timeout=self._settings.connect_timeout_s)
        _require_ok(response.status_code, response.headers)
        try:
            return frozenset(str(model["id"]) for model in response.json()["data"])
        except (ValueError, KeyError, TypeError):
            raise Unavailable("the model server's list of models does not follow OpenAI's API") from None

    @contextlib.contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Translate errors. After any except 429 the server may be another one: verify it before the next use."""
        try:
            with _translated():
                yield
        except _TooManyRequests as refusal:
            raise Overloaded(_QUEUE_FULL, refusal.retry_after_s) from None
        except ClaraError:
            self._needs_verification = True
            raise

    async def _verify_if_needed(self) -> None:
        async with self._verifying:
            if self._needs_verification:
                await self._verify_image_used()
                self._needs_verification = False

    async def _verify_image_used(self) -> None:
        with_image, without = [await self._num_prompt_tokens(has_image) for has_image in (True, False)]
        if with_image <= without:
            raise Unavailable(f"{self._model} ignores images: an image does not add tokens to its prompt")

    async def _num_prompt_tokens(self, has_image: bool) -> int:
        request = warm_up_request(f"warm-up-{'image' if has_image else 'text'}", has_image=has_image)
        events = _events(self._chunks(self._payload(warm_up_call(), request)))
        (finished,) = [event async for event in events if isinstance(event, Finished)]
        return finished.usage.prompt_tokens

    async def _verified_chunks(self, payload: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        await self._verify_if_needed()
        async with contextlib.aclosing(self._chunks(payload)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _payload(self, call: Call, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        if sampling.num_samples != 1 or sampling.num_logprobs is not None:
            raise BadRequest("this backend supports one sample, without log-probabilities")
        return {
            # Servers list each adapter as a model with its own name.
            "model": request.adapter or self._model,
            "messages": [self._message(turn, call.principal.tenant) for turn in request.turns],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({} if sampling.seed is None else {"seed": sampling.seed}),
            **(self._for_vllm(call) if self._settings.is_vllm else {}),
        }

    def _for_vllm(self, call: Call) -> dict[str, Any]:
        """Return vLLM's extra fields; other servers reject unknown fields."""
        return {
            "cache_salt": cache_salt(call.principal.tenant),
            "priority": call.priority,
            "return_token_ids": True,
            "stream_interval": self._stream_interval_tokens,
        }

    def _message(self, turn: Turn, tenant: str) -> dict[str, Any]:
        images = [self._image_part(image, tenant) for image in turn.images]
        return {"role": turn.role.value, "content": [{"type": "text", "text": turn.text}, *images]}

    def _image_part(self, image: Radiograph, tenant: str) -> dict[str, Any]:
        part: dict[str, Any] = {"type": "image_url", "image_url": {"url": _data_url(image)}}
        return {**part, "uuid": image_id(tenant, image.digest)} if self._settings.is_vllm else part

    async def _chunks(self, payload: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Stream the server's JSON chunks. Closing early closes the connection, which stops the server."""
        async with aconnect_sse(self._client, "POST", "chat/completions", json=payload) as source:
            _require_ok(source.response.status_code, source.response.headers)
            async for event in source.aiter_sse():
                if event.data == _DONE:
                    return
                yield _chunk(event.data)


class _TooManyRequests(Exception):
    """The server rejected a request with 429; it still works."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s


def _only(names: Collection[str]) -> str:
    if len(names) != 1:
        raise Unavailable(f"the model server has {len(names)} models: name one in engine.openai.model")
    return next(iter(names))


async def _events(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[GenerationEvent]:
    """Translate chunks. Emits `Finished` once the usage is known, which the server sends last."""
    reason: str | None = None
    usage: Usage | None = None
    async for chunk in chunks:
        usage = _usage(chunk) or usage
        for choice in chunk.get("choices") or ():
            text = (choice.get("delta") or {}).get("content") or ""
            tokens = tuple(choice.get("token_ids") or ())
            if text or tokens:
                yield TokenDelta(text, tokens)
            reason = choice.get("finish_reason") or reason
    if reason not in ("stop", "length"):
        raise EngineGone("the model server ended its answer without a finish reason" if reason is None else _ABORTED)
    if usage is None:
        raise Unavailable("the model server reported no token usage, so we cannot verify that it used the image")
    yield Finished(FinishReason(reason), usage)


def _usage(chunk: dict[str, Any]) -> Usage | None:
    reported = chunk.get("usage")
    if not reported:
        return None
    cached = (reported.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    prompt = int(reported["prompt_tokens"])
    return Usage(prompt, int(reported["completion_tokens"]), min(int(cached), prompt))


def _chunk(data: str) -> dict[str, Any]:
    chunk: Any = json.loads(data)
    if not isinstance(chunk, dict) or "error" in chunk:
        raise EngineGone("the model server stopped while it worked on this report")
    return chunk


def _data_url(image: Radiograph) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(image.pixels)).decode()}"


def _authorization(api_key_file: Path | None) -> dict[str, str]:
    if api_key_file is None:
        return {}
    return {"Authorization": f"Bearer {api_key_file.read_text(encoding='utf-8').strip()}"}


def _require_ok(status: int, headers: httpx.Headers) -> None:
    """Raise our error for a failed request. The server's own message may repeat the prompt, so it is dropped."""
    if status == httpx.codes.OK:
        return
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Unavailable("the model server rejected our API key")
    if status == httpx.codes.NOT_FOUND:
        raise Unavailable("the model server does not have this model")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise _TooManyRequests(_retry_after_s(headers))
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        raise Overloaded(_QUEUE_FULL, _retry_after_s(headers))
    if httpx.codes.is_client_error(status):
        raise BadRequest("the conversation does not fit the model")
    raise EngineGone("the model server failed")


def _retry_after_s(headers: httpx.Headers) -> int:
    reported = headers.get("Retry-After", "")
    return int(reported) if reported.isascii() and reported.isdigit() else _DEFAULT_RETRY_AFTER_S


@contextlib.contextmanager
def _translated() -> Any:
    """Translate connection errors into ours."""
    try:
        yield
    except ClaraError:
        raise
    except httpx.ConnectError as error:
        raise EngineGone("the model server does not answer") from error
    except (httpx.TransportError, SSEError, ValueError, KeyError, TypeError) as error:
        raise EngineGone("the model server stopped while it worked on this report") from error
