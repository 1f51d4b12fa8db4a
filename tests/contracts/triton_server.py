"""What tests of the real Triton need: to skip where there is none, and to read its statistics."""

import pytest

from loadtests.bench.servers import TRITON_VENV
from serve_app.engines.triton_engine import TritonEngine

needs_triton = pytest.mark.skipif(
    not (TRITON_VENV / "bin" / "python").exists(), reason="no tritonserver: make setup SET=triton VENV=.venv-triton"
)


async def num_batched(engine: TritonEngine) -> tuple[int, int]:
    """Tell by the server's own statistics how many requests were executed, and in how many batches."""
    (model,) = (await engine._client.get_inference_statistics("clara")).model_stats
    return model.inference_count, model.execution_count


async def num_responses(engine: TritonEngine) -> int:
    """Tell how many responses the server has sent for its model: one for each token, and one at each end."""
    (model,) = (await engine._client.get_inference_statistics("clara")).model_stats
    return sum(place.success.count for place in model.response_stats.values())
