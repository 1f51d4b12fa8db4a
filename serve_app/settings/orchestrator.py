from typing import Literal

from pydantic import Field

from serve_app.settings.step import Scaling, Step


class OrchestratorSettings(Step):
    """The two-turn chain of thought."""

    placement: Literal["gateway", "separate"] = "gateway"
    """Where reasoning runs: `gateway` uses the gateway's replicas and saves a hop; `separate` uses replicas of its own,
    which scale by themselves."""
    scaling: Scaling = Scaling(max_ongoing_requests=64, target_ongoing_requests=16)
    prompt_version: str = "clara-vi-1"
    """Version of the registered prompts."""
    max_findings_tokens: int = Field(256, ge=1)
    """Most tokens in the answer of turn 1, the findings; the answer is cut there."""
    max_impression_tokens: int = Field(128, ge=1)
    """Most tokens in the answer of turn 2, the impression; the answer is cut there."""
    findings_adapter: str = Field("none", min_length=1)
    """Name in `model.adapters` of the adapter that answers turn 1; "none" asks the base model."""
    impression_adapter: str = Field("none", min_length=1)
    """Name in `model.adapters` of the adapter that answers turn 2; "none" asks the base model. If it differs from turn
    1's, turn 2 cannot reuse turn 1's prompt from the cache."""

    @property
    def adapters(self) -> frozenset[str]:
        """Names of the adapters that answer a turn."""
        return frozenset({self.findings_adapter, self.impression_adapter} - {"none"})
