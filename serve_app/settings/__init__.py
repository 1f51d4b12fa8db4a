"""Every tunable of the platform: default, unit, bounds. The chart's `app:` block is this model.

The defaults are the embedded demo: the bundled model on vLLM's CPU backend, on a machine of two cores.
"""

from pydantic import model_validator

from serve_app.settings.access import AccessSettings as AccessSettings
from serve_app.settings.access import CertificateOwner as CertificateOwner
from serve_app.settings.access import ClientCertificatesSettings as ClientCertificatesSettings
from serve_app.settings.access import IssuerKeysSettings as IssuerKeysSettings
from serve_app.settings.access import IssuerSettings as IssuerSettings
from serve_app.settings.admission import AdmissionSettings as AdmissionSettings
from serve_app.settings.admission import Quota as Quota
from serve_app.settings.admission import TenantSettings as TenantSettings
from serve_app.settings.audit import AuditSettings as AuditSettings
from serve_app.settings.engine import AffinitySettings as AffinitySettings
from serve_app.settings.engine import Backend as Backend
from serve_app.settings.engine import EngineSettings as EngineSettings
from serve_app.settings.engine import OpenAISettings as OpenAISettings
from serve_app.settings.engine import ScriptedSettings as ScriptedSettings
from serve_app.settings.engine import TritonSettings as TritonSettings
from serve_app.settings.gateway import GatewaySettings as GatewaySettings
from serve_app.settings.language import prefers_vietnamese as prefers_vietnamese
from serve_app.settings.model import DEMO_CHECKPOINT as DEMO_CHECKPOINT
from serve_app.settings.model import DEMO_SHA256 as DEMO_SHA256
from serve_app.settings.model import ModelSettings as ModelSettings
from serve_app.settings.orchestrator import OrchestratorSettings as OrchestratorSettings
from serve_app.settings.preprocessor import PreprocessorSettings as PreprocessorSettings
from serve_app.settings.preprocessor import ScreenSettings as ScreenSettings
from serve_app.settings.records import RecordsSettings as RecordsSettings
from serve_app.settings.records import data_folder as data_folder
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
    audit: AuditSettings = AuditSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def is_audited(self) -> bool:
        """Whether the platform writes an audit log."""
        mode = self.audit.mode
        return self.access.mode == "required" if mode == "as-access" else mode != "off"

    @property
    def has_records(self) -> bool:
        """Whether the platform has a database."""
        return self.access.mode == "required" or self.is_audited

    @model_validator(mode="after")
    def _require_shared_keys(self) -> "Settings":
        """Reject keys that each machine would make for itself where several share a database."""
        if not (self.has_records and self.records.is_shared):
            return self
        if self.is_audited and self.audit.key_file == "auto":
            raise ValueError("audit.key_file must name a key that all replicas share, for the database is shared")
        if self.records.encryption_key_file == "auto":
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

    @model_validator(mode="after")
    def _require_verifiable_digest(self) -> "Settings":
        """Reject a digest that nothing would verify."""
        if self.model.digest != "none" and self.engine.backend not in ("vllm", "transformers"):
            raise ValueError(f"model.digest is set, but {self.engine.backend} loads no checkpoint here: write none")
        return self

    @model_validator(mode="after")
    def _require_time_to_decode(self) -> "Settings":
        """Reject a deadline that passes first: a client whose image cannot be decoded would be asked to retry."""
        decode_timeout_s, deadline_s = self.preprocessor.decode_timeout_s, self.gateway.deadline_s
        if 2 * decode_timeout_s > deadline_s:
            raise ValueError(
                f"gateway.deadline_s ({deadline_s:g}) must be at least twice preprocessor.decode_timeout_s "
                f"({decode_timeout_s:g}): an image may wait that long before it is decoded"
            )
        return self
