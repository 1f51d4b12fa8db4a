"""Every engine goes through the same suite; the real ones carry the marker `engine`."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.launch import prepare_environment
from serve_app.ports import Engine
from serve_app.settings import Settings


def _vllm() -> Engine:
    prepare_environment(Settings())
    from serve_app.engines.vllm_engine import VllmEngine
    from tests.contracts.encoder_count import EncoderCount

    settings = Settings()
    engine = VllmEngine(
        settings.model, settings.engine, settings.preprocessor.max_visual_tokens, stat_loggers=[EncoderCount]
    )
    engine._args.enable_logging_iteration_details = True
    return engine


MAKERS = {"scripted": lambda: ScriptedEngine(token_s=0.002), "vllm": _vllm}


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=["scripted", pytest.param("vllm", marks=pytest.mark.engine)]
)
async def engine(request: pytest.FixtureRequest) -> AsyncGenerator[Engine]:
    """A started engine of each kind; one at a time, since a real one fills the machine."""
    started: Engine = MAKERS[request.param]()
    await started.start()
    yield started
    await started.stop()
