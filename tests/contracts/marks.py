"""Which engines a test is about."""

import pytest

from tests.contracts.triton_server import needs_triton

VLLM, TRANSFORMERS = (pytest.param(name, marks=pytest.mark.engine) for name in ("vllm", "transformers"))
TRITON = pytest.param("triton", marks=[pytest.mark.engine, needs_triton])
# A second vLLM, which takes a minute and a half to start; the engine's own tests are in tests/unit.
OPENAI = pytest.param("openai", marks=[pytest.mark.engine, pytest.mark.slow])
OURS = (VLLM, TRANSFORMERS, TRITON)
"""All that run our own code around the model."""
REAL = (*OURS, OPENAI)


def _only(*engines: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("engine", engines, indirect=True)


only_vllm = _only(VLLM)
only_triton = _only(TRITON)
only_counting = _only("scripted", VLLM, TRANSFORMERS)
only_ours = _only(*OURS)
only_real = _only(*REAL)
