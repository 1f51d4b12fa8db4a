"""The two turns with OpenAI's client, as a simple program for a model server."""

import base64
import time
from typing import Any

from openai import AsyncOpenAI

from loadtests.bench.targets import ASKED, LIMITS_TOKENS, Sample, Target

_FINDINGS, _IMPRESSION = ASKED
MODEL = "clara-demo"


def first_question(film: bytes) -> dict[str, Any]:
    """Ask for the findings, with the unprepared image as a data URL."""
    url = f"data:image/png;base64,{base64.b64encode(film).decode()}"
    return _message("user", _FINDINGS.text, {"type": "image_url", "image_url": {"url": url}})


def second_question(first: dict[str, Any], findings: str) -> list[dict[str, Any]]:
    """Ask for the impression, given the findings."""
    return [first, _message("assistant", findings), _message("user", _IMPRESSION.text)]


def _message(role: str, text: str, *images: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}, *images]}


class ChatTarget(Target):
    """An asynchronous client of a model server."""

    def __init__(self, base_url: str) -> None:
        self._client = AsyncOpenAI(base_url=base_url, api_key="none", timeout=600, max_retries=0)

    async def report(self, number: int, film: bytes) -> Sample:
        """Request one report from the model server."""
        started = time.perf_counter()
        question = first_question(film)
        findings, first_s, num_findings = await self._ask([question], LIMITS_TOKENS[0])
        first_token_s = first_s - started
        submitted = time.perf_counter()
        impression, second_s, num_impression = await self._ask(second_question(question, findings), LIMITS_TOKENS[1])
        return Sample(
            number,
            time.perf_counter() - started,
            num_findings + num_impression,
            f"{findings}\n\n{impression}",
            first_token_s,
            (first_token_s, second_s - submitted),
        )

    async def _ask(self, messages: list[Any], max_tokens: int) -> tuple[str, float, int]:
        """Return an answer, the time of its first text (`time.perf_counter`) and its number of tokens."""
        stream = await self._client.chat.completions.create(
            model=MODEL,
            messages=messages,
            max_tokens=max_tokens,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        text, first_s, num_tokens = "", None, 0
        async for chunk in stream:
            said = chunk.choices[0].delta.content if chunk.choices else None
            if said and first_s is None:
                first_s = time.perf_counter()
            text += said or ""
            num_tokens = chunk.usage.completion_tokens if chunk.usage else num_tokens
        if first_s is None:
            raise RuntimeError("no answer")
        return text, first_s, num_tokens

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.close()
