"""The platform's own preparer, engine and reporter in this process: a draft as the platform would write it, no server.

The engine is made by a function that is passed in; the one for vLLM is here.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable

from evaluation.drafters import DrafterGone, ReporterDrafter
from serve_app.domain.errors import Unavailable
from serve_app.imaging.preparer import LocalPreparer
from serve_app.ports import Engine
from serve_app.reasoning.two_turn import TwoTurnReporter
from serve_app.settings import Settings

# vLLM and what it imports read these when they are imported: nothing phones home, nothing compiles mid-request.
_ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}


@contextlib.asynccontextmanager
async def drafting_in_process(
    settings: Settings, make_engine: Callable[[Settings], Engine]
) -> AsyncIterator[ReporterDrafter]:
    """Start an engine, and stop it at the end.

    Raises:
        DrafterGone: the model cannot be loaded.
    """
    engine = make_engine(settings)
    try:
        try:
            await engine.start()
        except Unavailable as error:
            raise DrafterGone(error.message) from error
        reporter = TwoTurnReporter(LocalPreparer(settings.preprocessor), engine, settings.orchestrator)
        yield ReporterDrafter(reporter, engine, settings.orchestrator.prompt_version)
    finally:
        await engine.stop()


def make_vllm(settings: Settings) -> Engine:
    """Make the engine that serves; vLLM is imported only now."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if settings.engine.enforce_eager:
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    from serve_app.engines.vllm_engine import VllmEngine

    return VllmEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)
