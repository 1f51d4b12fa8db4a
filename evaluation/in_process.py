"""Runs the platform's preparer, engine and reporter in this process: the platform's drafts without a server."""

import contextlib
from collections.abc import AsyncIterator, Callable

from evaluation.drafters import DrafterGone, ReporterDrafter
from serve_app.cluster.environment import prepare_environment
from serve_app.domain.errors import Unavailable
from serve_app.ports import Engine
from serve_app.reasoning.local import local_reporter
from serve_app.settings import Settings


@contextlib.asynccontextmanager
async def drafting_in_process(
    settings: Settings, make_engine: Callable[[Settings], Engine]
) -> AsyncIterator[ReporterDrafter]:
    """Start an engine and yield a drafter that uses it; stop the engine at the end.

    Raises:
        DrafterGone: the model cannot be loaded.
    """
    engine = make_engine(settings)
    try:
        try:
            await engine.start()
        except Unavailable as error:
            raise DrafterGone(error.message) from error
        reporter = local_reporter(settings, engine)
        yield ReporterDrafter(reporter, engine, settings.orchestrator.prompt_version)
    finally:
        await engine.stop()


def make_engine(settings: Settings) -> Engine:
    """Create the engine that the settings choose.

    Raises:
        ValueError: the engine's model is in another process.
    """
    makers = {"vllm": make_vllm, "transformers": make_transformers, "scripted": make_scripted}
    backend = settings.engine.backend
    if backend not in makers:
        raise ValueError(f"engine.backend {backend} asks a model server: start the platform with it and give --url")
    return makers[backend](settings)


def make_vllm(settings: Settings) -> Engine:
    """Create vLLM's engine. Imports vLLM only now."""
    prepare_environment(settings)
    from serve_app.engines.vllm_engine import VllmEngine

    return VllmEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)


def make_transformers(settings: Settings) -> Engine:
    """Create transformers' engine. Imports torch only now."""
    from serve_app.engines.transformers_engine import TransformersEngine

    return TransformersEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)


def make_scripted(settings: Settings) -> Engine:
    """Create the engine that recites."""
    from serve_app.engines.scripted_engine import ScriptedEngine

    return ScriptedEngine(settings.engine.scripted)
