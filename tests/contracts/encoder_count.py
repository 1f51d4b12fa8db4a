"""vLLM's own count of the images that its vision encoder computed."""

from typing import Any, ClassVar

from vllm.config import VllmConfig
from vllm.v1.metrics.loggers import StatLoggerBase
from vllm.v1.metrics.stats import IterationStats, SchedulerStats


class EncoderCount(StatLoggerBase):
    """Adds up the scheduler's `num_encoder_inputs` over all engines of this process."""

    num_images: ClassVar[int] = 0

    def __init__(self, vllm_config: VllmConfig, engine_index: int = 0) -> None:
        pass

    def record(
        self, scheduler_stats: SchedulerStats | None, iteration_stats: IterationStats | None, *args: Any, **kwargs: Any
    ) -> None:
        if scheduler_stats is not None and scheduler_stats.iteration_details is not None:
            EncoderCount.num_images += scheduler_stats.iteration_details.num_encoder_inputs

    def log_engine_initialized(self) -> None:
        pass
