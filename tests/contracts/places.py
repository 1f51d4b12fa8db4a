"""How many answers an engine works on, by its own word."""

from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.engines.transformers_engine import TransformersEngine
from serve_app.ports import Engine


def num_in_progress(engine: Engine) -> int:
    """Count what an engine has in progress: as of its last step where it counts by steps."""
    if isinstance(engine, ScriptedEngine):
        return engine.num_running
    if isinstance(engine, TransformersEngine):
        assert engine._runner
        return len(engine._runner._batch.sequences)
    from tests.contracts.scheduler_counts import SchedulerCounts

    return SchedulerCounts.num_running
