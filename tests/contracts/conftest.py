"""Every engine goes through the same suite; the real ones carry the marker `engine`."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from loadtests.bench import engines as bench
from serve_app.cluster.environment import prepare_environment
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.ports import Engine
from serve_app.settings import ScriptedSettings, Settings
from tests.contracts.marks import REAL


@contextlib.contextmanager
def _scripted(log: Path) -> Iterator[Engine]:
    yield ScriptedEngine(ScriptedSettings(token_s=0.002))


@contextlib.contextmanager
def _vllm(log: Path) -> Iterator[Engine]:
    from serve_app.engines.vllm_engine import VllmEngine
    from tests.contracts.scheduler_counts import SchedulerCounts

    settings = Settings()
    engine = VllmEngine(
        settings.model, settings.engine, settings.preprocessor.max_visual_tokens, stat_loggers=[SchedulerCounts]
    )
    engine._args.enable_logging_iteration_details = True
    yield engine


MAKERS = {**bench.MAKERS, "scripted": _scripted, "vllm": _vllm}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["scripted", *REAL])
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Engine]:
    """A started engine of each kind; one at a time, since a real one fills the machine."""
    prepare_environment(Settings())
    with MAKERS[request.param](tmp_path_factory.mktemp(request.param) / "server.log") as made:
        await made.start()
        yield made
        await made.stop()
