"""Any OpenAI-compatible chat endpoint behind the Engine port: somebody else's vLLM, SGLang, NIM or a hosted model.

Sends images as lossless PNG in data URLs, and refuses a server that does not look at images: at the start, and again
after a failure, when another one may have taken its place.
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
_TAKES_NO_MORE = "the model server's queue is full"
_GIVEN_UP = "the model server aborted this report"


class OpenAIEngine:
    """Implements the `Engine` port over HTTP.

    `name` is what reports call the model, absent the server's own name; `adapters` are those that will be asked for.
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
        self._model = or_none(settings.model) or ""
        self._adapters = frozenset(adapters)
        self._trained_views = trained_views
        # Of what is asked for, what the server listed at the start: some take names that they do not list.
        self._listed: frozenset[str] = frozenset()
        self._is_in_doubt = False
        self._proving = asyncio.Lock()
        self._client = httpx.AsyncClient(
            base_url=f"{settings.base_url.rstrip('/')}/",
            headers=_authorization(or_none(settings.api_key_file)),
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s),
            transport=transport,
            # A proxy of the environment is nowhere that films may go.
            trust_env=False,
        )

    async def start(self) -> None:
        """Find the model and its adapters, and see that it looks at images; see `ports.Engine`."""
        with self._asking():
            names = await self._models()
            self._model = self._model or _only(names - self._adapters)
            if missing := self._adapters - names:
                raise Unavailable(f"the model server does not list {', '.join(sorted(missing))}")
            self._listed = names & {self._model, *self._adapters}
            await self._verify_image_used()
        self._is_in_doubt = False

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer; see `ports.Engine`."""
        payload = self._payload(call, request)
        with self._asking():
            async with contextlib.aclosing(self._after_doubt(payload)) as chunks:
                async for event in _events(until(chunks, call.deadline_unix_s)):
                    yield event

    async def check_health(self) -> None:
        """Always well: another replica here would not mend a server elsewhere."""

    async def describe(self) -> ModelCard:
        """Name the model, if the server answers and still has it; after a failure, if it looks at images.

        Raises:
            EngineGone: it doesn't, or says that its model is dead.
        """
        with self._asking():
            if self._settings.is_vllm:
                await self._require_living_core()
            if not self._listed <= await self._models():
                raise EngineGone("the model server does not have the model any more")
            try:
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    await self._settle_doubt()
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
        """Ask vLLM beside its OpenAI routes: with a dead core it lists its models all the same, till it ends itself."""
        health = self._client.base_url.join("../health")
        response = await self._client.get(health, timeout=self._settings.connect_timeout_s)
        # What stands in front of a server may let only its OpenAI routes through.
        if response.status_code not in (httpx.codes.OK, httpx.codes.NOT_FOUND):
            raise EngineGone("the model server reports that its model is dead")

    async def _models(self) -> frozenset[str]:
        response = await self._client.get("models", timeout=self._settings.connect_timeout_s)
        _require_ok(response.status_code, response.headers)
        try:
            return frozenset(str(model["id"]) for model in response.json()["data"])
        except (ValueError, KeyError, TypeError):
            raise Unavailable("the model server does not list its models as OpenAI's API does") from None

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Translate what goes wrong, and doubt that it is the server of the start; one that counts its requests is."""
        try:
            with _translated():
                yield
        except _TooManyRequests as refusal:
            raise Overloaded(_TAKES_NO_MORE, refusal.retry_after_s) from None
        except ClaraError:
            self._is_in_doubt = True
            raise

    async def _settle_doubt(self) -> None:
        async with self._proving:
            if self._is_in_doubt:
                await self._verify_image_used()
                self._is_in_doubt = False

    async def _verify_image_used(self) -> None:
        seen, blind = [await self._num_prompt_tokens(has_image) for has_image in (True, False)]
        if seen <= blind:
            raise Unavailable(f"{self._model} ignores images: its prompt has as many tokens without one")

    async def _num_prompt_tokens(self, has_image: bool) -> int:
        request = warm_up_request(f"warm-up-{'image' if has_image else 'text'}", has_image=has_image)
        events = _events(self._chunks(self._payload(warm_up_call(), request)))
        (finished,) = [event async for event in events if isinstance(event, Finished)]
        return finished.usage.prompt_tokens

    async def _after_doubt(self, payload: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        await self._settle_doubt()
        async with contextlib.aclosing(self._chunks(payload)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _payload(self, call: Call, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        if sampling.num_samples != 1 or sampling.num_logprobs is not None:
            raise BadRequest("this backend supports one sample, without log-probabilities")
        return {
            # Servers with adapters know each by a name of its own.
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
        """What vLLM takes beyond OpenAI's API; others refuse fields that they do not know."""
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
        """Stream the server's JSON chunks; leaving early closes the connection, by which the server knows."""
        async with aconnect_sse(self._client, "POST", "chat/completions", json=payload) as source:
            _require_ok(source.response.status_code, source.response.headers)
            async for event in source.aiter_sse():
                if event.data == _DONE:
                    return
                yield _chunk(event.data)


class _TooManyRequests(Exception):
    """The server counts what it is asked."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s


def _only(names: Collection[str]) -> str:
    if len(names) != 1:
        raise Unavailable(f"the model server has {len(names)} models: name one in engine.openai.model")
    return next(iter(names))


async def _events(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[GenerationEvent]:
    """Translate chunks; `Finished` is emitted once the usage is known, which comes after the last word."""
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
        raise EngineGone("the model server ended its answer without a finish reason" if reason is None else _GIVEN_UP)
    if usage is None:
        raise Unavailable("the model server reported no token usage, so we cannot verify that it saw the image")
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
    """Turn a refusal into our errors; the server's own words may repeat the prompt and go no further."""
    if status == httpx.codes.OK:
        return
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Unavailable("the model server does not accept our key")
    if status == httpx.codes.NOT_FOUND:
        raise Unavailable("the model server does not know this model")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise _TooManyRequests(_retry_after_s(headers))
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        raise Overloaded(_TAKES_NO_MORE, _retry_after_s(headers))
    if httpx.codes.is_client_error(status):
        raise BadRequest("the conversation does not fit the model")
    raise EngineGone("the model server failed")


def _retry_after_s(headers: httpx.Headers) -> int:
    reported = headers.get("Retry-After", "")
    return int(reported) if reported.isascii() and reported.isdigit() else _DEFAULT_RETRY_AFTER_S


@contextlib.contextmanager
def _translated() -> Any:
    """Turn what a connection can suffer into our errors."""
    try:
        yield
    except ClaraError:
        raise
    except httpx.ConnectError as error:
        raise EngineGone("the model server does not answer") from error
    except (httpx.TransportError, SSEError, ValueError, KeyError, TypeError) as error:
        raise EngineGone("the model server stopped while it worked on this report") from error
