"""vLLM's own counts: the images that its vision encoder computed, and the answers in progress."""

from typing import Any, ClassVar

from vllm.config import VllmConfig
from vllm.v1.metrics.loggers import StatLoggerBase
from vllm.v1.metrics.stats import IterationStats, SchedulerStats


class SchedulerCounts(StatLoggerBase):
    """Adds up the scheduler's `num_encoder_inputs`, and keeps its last `num_running_reqs`."""

    num_images: ClassVar[int] = 0
    num_running: ClassVar[int] = 0

    def __init__(self, vllm_config: VllmConfig, engine_index: int = 0) -> None:
        pass

    def record(
        self, scheduler_stats: SchedulerStats | None, iteration_stats: IterationStats | None, *args: Any, **kwargs: Any
    ) -> None:
        if scheduler_stats is not None:
            SchedulerCounts.num_running = scheduler_stats.num_running_reqs
        if scheduler_stats is not None and scheduler_stats.iteration_details is not None:
            SchedulerCounts.num_images += scheduler_stats.iteration_details.num_encoder_inputs

    def log_engine_initialized(self) -> None:
        pass
