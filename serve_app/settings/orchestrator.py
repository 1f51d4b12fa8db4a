"""The reasoning."""

from typing import Literal

from pydantic import Field

from serve_app.settings.scaling import Scaling
from serve_app.settings.step import Step


class OrchestratorSettings(Step):
    """Two-turn chain of thought."""

    placement: Literal["gateway", "separate"] = "gateway"
    """Where it runs: within the gateway's replicas, which saves a hop, or in replicas of its own, which scale apart."""
    scaling: Scaling = Scaling(max_ongoing_requests=64, target_ongoing_requests=16)
    prompt_version: str = "clara-vi-1"
    """Which registered prompts are asked."""
    max_findings_tokens: int = Field(256, ge=1)
    """Longest answer of turn 1."""
    max_impression_tokens: int = Field(128, ge=1)
    """Longest answer of turn 2."""
    findings_adapter: str | None = None
    """Which of `model.adapters` answers turn 1; none is the base model."""
    impression_adapter: str | None = None
    """Which of `model.adapters` answers turn 2; another one than turn 1's cannot reuse its prompt from the cache."""

    @property
    def adapters(self) -> frozenset[str]:
        """Those that answer a turn."""
        return frozenset(name for name in (self.findings_adapter, self.impression_adapter) if name is not None)
