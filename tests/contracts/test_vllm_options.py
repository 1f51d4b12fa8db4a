"""What only a vLLM that was asked for more can show: adapters, its part of a trace, a core that is stuck."""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
import pytest_asyncio
import torch
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

from serve_app.cluster.environment import prepare_environment
from serve_app.domain.conversation import GenerationRequest, Sampling
from serve_app.domain.errors import BadRequest, EngineGone
from serve_app.ports import Engine
from serve_app.settings import DEMO_CHECKPOINT, Settings
from tests.calls import call
from tests.contracts.asking import answer
from tests.contracts.questions import question

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.engine, pytest.mark.slow]


def save_adapter(folder: Path) -> None:
    """Write a LoRA adapter of random weights, large enough to change every answer."""
    torch.manual_seed(0)
    base = AutoModelForImageTextToText.from_pretrained(DEMO_CHECKPOINT)
    # The language model only: the image is seen as before.
    targets = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|up_proj|down_proj|gate_proj)"
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=64, target_modules=targets, init_lora_weights=False))
    model.save_pretrained(folder)


class Collector(BaseHTTPRequestHandler):
    """Takes spans as an OpenTelemetry collector does, by HTTP."""

    spans: ClassVar[list[Span]] = []

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.spans.extend(
            span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def collector() -> Iterator[str]:
    """Run a collector and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    server.shutdown()
    server.server_close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory, collector: str) -> AsyncGenerator[Engine]:
    folder = tmp_path_factory.mktemp("adapter")
    save_adapter(folder)
    settings = Settings.model_validate({"model": {"adapters": {"noise": folder}}, "engine": {"stall_timeout_s": 3}})
    prepare_environment(settings)
    from serve_app.engines.vllm_engine import VllmEngine

    made = VllmEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens, otlp_endpoint=collector)
    await made.start()
    yield made
    await made.stop()


async def test_an_adapter_answers_beside_the_base_model(engine: Engine) -> None:
    sampling = Sampling(max_tokens=24)
    requests = [GenerationRequest(f"lora-{name}", (question(),), sampling, adapter=name) for name in (None, "noise")]
    base, noise = [(await answer(engine, request))[0] for request in requests]
    together = await asyncio.gather(*(answer(engine, request) for request in requests))

    assert base != noise
    assert [text for text, _, _ in together] == [base, noise]


async def test_an_unknown_adapter_is_refused(engine: Engine) -> None:
    with pytest.raises(BadRequest):
        await answer(engine, GenerationRequest("lora-unknown", (question(),), adapter="nobody"))


async def test_the_engine_s_span_belongs_to_the_report_s_trace(engine: Engine) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    request = GenerationRequest(
        "traced", (question(),), Sampling(max_tokens=4), trace_context={"traceparent": f"00-{trace}-{parent}-01"}
    )
    await answer(engine, request)

    # Spans are sent in batches, every few seconds.
    for _ in range(60):
        if ours := [span for span in Collector.spans if span.trace_id.hex() == trace]:
            break
        await asyncio.sleep(0.5)
    (span,) = ours
    assert span.parent_span_id.hex() == parent
    assert "bệnh nhân" not in str(span)


async def test_a_stuck_core_is_noticed(engine: Engine) -> None:
    """The last test. The process lives, so that vLLM's own check finds nothing."""
    family = psutil.Process().children(recursive=True)
    (core,) = [one for one in family if "VLLM::EngineCore" in " ".join(one.cmdline())]
    events = engine.generate(
        call(), GenerationRequest("stuck", (question(),), Sampling(max_tokens=900, temperature=2.0))
    )
    await anext(events)
    core.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(EngineGone):
            await asyncio.wait_for(failing_check(engine), timeout=60)
    finally:
        core.send_signal(signal.SIGCONT)
        await events.aclose()


async def failing_check(engine: Engine) -> None:
    """Check as Serve does, again and again, until it fails."""
    while True:
        await engine.check_health()
        await asyncio.sleep(0.5)
