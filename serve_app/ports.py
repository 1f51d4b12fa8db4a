"""The seams of the platform: real, remote and scripted implementations meet here."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from serve_app.domain.access import ApiKey, Credentials
from serve_app.domain.answer import Claim
from serve_app.domain.audit import AuditEntry, AuditEvent
from serve_app.domain.call import Call, Principal
from serve_app.domain.conversation import Dialogue, GenerationEvent, GenerationRequest
from serve_app.domain.errors import DraftingStopped
from serve_app.domain.metric import Metric
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import Report, ReportEvent
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.domain.stop import Stop
from serve_app.domain.study import Study, StudyImage


class ImagePreparer(Protocol):
    """Bytes in, model input out."""

    async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
        """Decode, gate and normalise one image.

        Raises:
            BadRequest: unreadable, too large or of an unsupported kind.
            Refused: not a chest X-ray, and not confirmed to be one.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What an engine serves: a name for reports and the backend behind it.

    `trained_views` are the views that the model was trained on, `frontal` and `lateral`. `digest` is the SHA-256 of the
    checkpoint's files, null where the backend does not read them.
    """

    model: str
    engine: str
    engine_version: str
    trained_views: tuple[str, ...] = ()
    digest: str | None = None


class Engine(Protocol):
    """A backend that runs a model and continues conversations."""

    async def start(self) -> None:
        """Load the model and generate once for real; return when the engine can serve.

        Raises:
            Unavailable: the model cannot be loaded or does not answer.
        """
        ...

    def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer: any number of `TokenDelta`, then one `Finished` per sample.

        Closing the iterator early frees everything the request held.

        Raises:
            DeadlineExceeded: at `call.deadline_unix_s`.
            EngineGone: the engine died.
            Overloaded: the engine takes no more.
            BadRequest: the conversation does not fit the model.
        """
        ...

    async def check_health(self) -> None:
        """Return if the engine can generate.

        Raises:
            EngineGone: it can't, and must be replaced.
        """
        ...

    async def describe(self) -> ModelCard:
        """Say which model is served."""
        ...

    async def stop(self) -> None:
        """Release the model; safe to call twice."""
        ...


DialogueEvent = ModelCard | GenerationEvent


class ChatModel(Protocol):
    """A model in conversation: what reasoning asks, without knowing which engine answers or where it runs."""

    def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        """Say who answers, then stream the answers one after another, each as `Engine.generate` does.

        Closing the iterator early frees everything the dialogue held.

        Raises:
            ClaraError: whatever `Engine.generate` raises; the questions after it are not asked.
        """
        ...


class Reporter(Protocol):
    """A study in, a two-turn draft report out."""

    def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Stream a report: `Prepared`, then deltas and `SectionDone` of findings and impression, last the `Report`.

        Raises:
            ClaraError: any of the tree; nothing is yielded after it.
        """
        ...


class Service(Protocol):
    """What the service says about itself."""

    async def readiness(self) -> Readiness:
        """Ask the engines whether a report sent now would be worked on.

        Raises:
            Unavailable: nobody can say.
        """
        ...

    async def describe(self) -> ServiceVersion:
        """Name our release, the model, its engine, the prompts and the image preparation.

        Raises:
            Unavailable: no engine answers.
        """
        ...


class MetricSink(Protocol):
    """Where measurements go; label values come from closed sets, never from a request."""

    def count(self, metric: Metric, number: int = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add a value to a histogram, in the unit that ends its name."""
        ...


class Authenticator(Protocol):
    """Who asks."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Name the caller.

        Raises:
            Unauthenticated: the credentials are missing, forged, expired or revoked.
            Unavailable: they cannot be verified now.
        """
        ...


class KeyStore(Protocol):
    """Where API keys are kept; each method raises `Unavailable` if the store does not answer."""

    async def find(self, key_id: str) -> ApiKey | None:
        """Read one key."""
        ...

    async def list_keys(self, tenant: str | None = None) -> list[ApiKey]:
        """Read the keys of a tenant, or all, oldest first."""
        ...

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    async def revoke(self, key_id: str, unix_s: float) -> None:
        """Revoke a key, unless it is revoked already."""
        ...

    async def expire(self, key_id: str, unix_s: float) -> None:
        """Let a key end at that time, unless it ends sooner."""
        ...

    async def note_use(self, key_id: str, unix_s: float) -> None:
        """Keep when a key was last used."""
        ...


class AnswerStore(Protocol):
    """Where answers are kept for clients that ask again; each method raises `Unavailable` if it does not answer."""

    async def claim(self, claim: Claim) -> Report | Literal["ours", "running"]:
        """Take a key for work that begins now, for a short while (`renew`); or find its answer, or that others work.

        Raises:
            KeyReused: the key was used for something else.
        """
        ...

    async def renew(self, claim: Claim) -> None:
        """Keep a key for a while longer."""
        ...

    async def keep(self, claim: Claim, report: Report) -> None:
        """Keep the answer; once this returns it is on disk.

        Raises:
            Unavailable: others took the key meanwhile.
        """
        ...

    async def drop(self, claim: Claim) -> None:
        """Give a key back without an answer, unless there is one."""
        ...


class AuditLog(Protocol):
    """Where it is written who did what; nothing in it is ever changed."""

    async def append(self, event: AuditEvent) -> None:
        """Write an entry; once this returns it is on disk. Safe to call from many tasks and processes at once.

        Raises:
            AuditUnavailable: it cannot be written, or nobody knows whether it was.
        """
        ...


class AuditReading(Protocol):
    """What administrators read of the audit log; raises `Unavailable` if it does not answer."""

    async def page(self, tenant: str, after: int, limit: int, since_unix_ms: int = 0) -> list[AuditEntry]:
        """Read up to `limit` entries of a tenant whose sequence is above `after`, in their order."""
        ...


class StopStore(Protocol):
    """Where stops of drafting are kept; each method raises `Unavailable` if the store does not answer."""

    async def list_stops(self) -> list[Stop]:
        """Read every stop in effect."""
        ...

    async def put(self, stop: Stop) -> None:
        """Keep a stop; it takes the place of an earlier one of the same."""
        ...

    async def lift(self, stop_id: str) -> None:
        """Remove a stop, if it is there."""
        ...


class StopSwitch(Protocol):
    """Whether drafting is stopped now, for whom and why."""

    async def require_drafting(self, tenant: str, models: frozenset[str] = frozenset()) -> None:
        """Return if drafts may be made for a tenant, by these models.

        Raises:
            DraftingStopped: an operator stopped it.
            Unavailable: nobody can say.
        """
        ...

    async def stopped(self, tenant: str, models: frozenset[str] = frozenset()) -> DraftingStopped:
        """Wait until drafting is stopped for a tenant or one of these models, and return why."""
        ...

    async def readiness(self, otherwise: Readiness) -> Readiness:
        """Say that everything is stopped, or that something is; otherwise what was given."""
        ...


@dataclass(frozen=True, slots=True)
class Oversight:
    """What a platform with a database is watched and stopped by; `log` is null where the audit log is off."""

    log: AuditLog | None
    entries: AuditReading
    stops: StopStore
    switch: StopSwitch
