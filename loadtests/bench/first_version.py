"""CLARA's first version as a program: FastAPI in front of a model server, a blocking client in an asynchronous handler.

Run with uvicorn; `CLARA_BENCH_MODEL_SERVER` is the model server's base URL. It handles one request at a
time; the benchmark measures the effect of that.
"""

import io
import os
import time
from typing import Any

from fastapi import FastAPI, UploadFile
from openai import OpenAI
from PIL import Image

from loadtests.bench.chat import MODEL, first_question, second_question
from loadtests.bench.targets import LIMITS_TOKENS, OverHttp, Sample

MODEL_SERVER = "CLARA_BENCH_MODEL_SERVER"
# The first version's fixed size, whatever the image's shape.
_SIZE_PX = (448, 448)


def create_app() -> FastAPI:
    """Create the app; called by uvicorn."""
    app = FastAPI()
    client = OpenAI(base_url=os.environ[MODEL_SERVER], api_key="none", timeout=600)

    def ask(messages: list[Any], max_tokens: int) -> tuple[str, int]:
        answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=max_tokens, temperature=0)
        return answer.choices[0].message.content or "", answer.usage.completion_tokens if answer.usage else 0

    @app.post("/predict")
    async def predict(image: UploadFile) -> dict[str, Any]:
        picture = Image.open(io.BytesIO(await image.read())).convert("RGB").resize(_SIZE_PX)
        resized = io.BytesIO()
        picture.save(resized, "PNG")
        question = first_question(resized.getvalue())
        findings, num_findings = ask([question], LIMITS_TOKENS[0])
        impression, num_impression = ask(second_question(question, findings), LIMITS_TOKENS[1])
        return {"text": f"{findings}\n\n{impression}", "tokens": num_findings + num_impression}

    @app.get("/health")
    async def health() -> str:
        return "ok"

    return app


class FirstVersionTarget(OverHttp):
    """A client of that program, which does not stream."""

    async def report(self, number: int, film: bytes) -> Sample:
        """Request one report from the first version."""
        started = time.perf_counter()
        answer = await self._client.post("/predict", files={"image": film})
        said = answer.raise_for_status().json()
        return Sample(number, time.perf_counter() - started, said["tokens"], said["text"])
