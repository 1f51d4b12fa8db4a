"""The places of an engine: taken and left early, counted by its own word, and gone with it."""

import asyncio

import psutil

from serve_app.domain.conversation import GenerationRequest, Sampling
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.engines.transformers_engine import TransformersEngine
from serve_app.ports import Engine
from tests.calls import call
from tests.contracts.questions import question


async def begun_and_left(engine: Engine, name: str) -> None:
    """Ask four times at once, and leave when each answer has begun."""
    streams = [
        engine.generate(call(), GenerationRequest(f"{name}-{number}", (question(number),), Sampling(max_tokens=256)))
        for number in range(4)
    ]
    await asyncio.gather(*(anext(stream) for stream in streams))
    await asyncio.gather(*(stream.aclose() for stream in streams))


def num_in_progress(engine: Engine) -> int:
    """Count what an engine has in progress: as of its last step where it counts by steps."""
    if isinstance(engine, ScriptedEngine):
        return engine.num_running
    if isinstance(engine, TransformersEngine):
        assert engine._runner
        return len(engine._runner._batch.sequences)
    from tests.contracts.scheduler_counts import SchedulerCounts

    return SchedulerCounts.num_running


async def none_in_progress(engine: Engine) -> bool:
    """Whether all places come free: a batch lets its last sequence go a moment after that one's last token is out."""
    for _ in range(500):
        if num_in_progress(engine) == 0:
            return True
        await asyncio.sleep(0.01)
    return False


def kill(engine: Engine) -> None:
    """End what generates, as memory that runs out does."""
    if isinstance(engine, TransformersEngine):
        # A thread of this process: nothing can kill it but its own work.
        assert engine._runner
        engine._runner._batch.step = lambda: 1 // 0  # type: ignore[method-assign]
        return
    family = psutil.Process().children(recursive=True)
    children = [one for one in family if one.status() != psutil.STATUS_ZOMBIE]
    generating = ("VLLM::EngineCore", "triton_python_backend_stub")
    doomed = [one for one in children if any(name in " ".join(one.cmdline()) for name in generating)]
    assert len(doomed) == 1
    doomed[0].kill()
