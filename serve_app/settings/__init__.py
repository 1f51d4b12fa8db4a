"""Every tunable of the platform: default, unit, bounds. The chart's `app:` block is this model.

The defaults are the embedded demo: the bundled model on vLLM's CPU backend, on a machine of two cores.
"""

from pydantic import model_validator

from serve_app.settings.access import AccessSettings as AccessSettings
from serve_app.settings.admission import AdmissionSettings as AdmissionSettings
from serve_app.settings.admission import Quota as Quota
from serve_app.settings.admission import TenantSettings as TenantSettings
from serve_app.settings.engine import AffinitySettings as AffinitySettings
from serve_app.settings.engine import Backend as Backend
from serve_app.settings.engine import EngineSettings as EngineSettings
from serve_app.settings.engine import OpenAISettings as OpenAISettings
from serve_app.settings.engine import ScriptedSettings as ScriptedSettings
from serve_app.settings.engine import TritonSettings as TritonSettings
from serve_app.settings.gateway import GatewaySettings as GatewaySettings
from serve_app.settings.language import prefers_vietnamese as prefers_vietnamese
from serve_app.settings.model import DEMO_CHECKPOINT as DEMO_CHECKPOINT
from serve_app.settings.model import ModelSettings as ModelSettings
from serve_app.settings.orchestrator import OrchestratorSettings as OrchestratorSettings
from serve_app.settings.preprocessor import PreprocessorSettings as PreprocessorSettings
from serve_app.settings.preprocessor import ScreenSettings as ScreenSettings
from serve_app.settings.records import RecordsSettings as RecordsSettings
from serve_app.settings.step import Scaling as Scaling
from serve_app.settings.step import Step as Step
from serve_app.settings.step import or_none as or_none
from serve_app.settings.telemetry import TelemetrySettings as TelemetrySettings


class Settings(Step):
    """The whole platform, one group a step."""

    model: ModelSettings = ModelSettings()
    gateway: GatewaySettings = GatewaySettings()
    orchestrator: OrchestratorSettings = OrchestratorSettings()
    preprocessor: PreprocessorSettings = PreprocessorSettings()
    engine: EngineSettings = EngineSettings()
    access: AccessSettings = AccessSettings()
    admission: AdmissionSettings = AdmissionSettings()
    records: RecordsSettings = RecordsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @model_validator(mode="after")
    def _require_shared_encryption_key(self) -> "Settings":
        """Reject a key that each machine would make for itself where several share a database."""
        if self.access.mode == "required" and self.records.is_shared and self.records.encryption_key_file == "auto":
            raise ValueError("records.encryption_key_file must name the keys that all replicas share")
        return self

    @model_validator(mode="after")
    def _require_adapters(self) -> "Settings":
        """Reject adapters that no engine serves; `openai` checks them against its server's list when it starts."""
        wanted, backend = self.orchestrator.adapters, self.engine.backend
        if wanted and backend not in ("vllm", "openai"):
            raise ValueError(f"orchestrator names adapters, but {backend} serves none: use the backend vllm or openai")
        if backend == "vllm" and (missing := wanted - set(self.model.adapters)):
            raise ValueError(f"orchestrator names adapters that model.adapters lacks: {', '.join(sorted(missing))}")
        return self
