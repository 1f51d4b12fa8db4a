"""The seams of the platform: real, remote and scripted implementations meet here."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from serve_app.domain.conversation import Dialogue, GenerationEvent, GenerationRequest, Principal
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportEvent, ReportRequest


class ImagePreparer(Protocol):
    """Bytes in, model input out."""

    async def prepare(self, data: bytes, *, has_override: bool = False) -> Radiograph:
        """Decode, gate and normalise one image.

        Raises:
            BadRequest: unreadable, too large or of an unsupported kind.
            Refused: not a chest X-ray, and not overridden.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What an engine serves: a name for reports and the backend behind it."""

    model: str
    engine: str
    engine_version: str


class Engine(Protocol):
    """A backend that runs a model and continues conversations."""

    async def start(self) -> None:
        """Load the model and generate once for real; return when the engine can serve.

        Raises:
            Unavailable: the model cannot be loaded or does not answer.
        """
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer: any number of `TokenDelta`, then one `Finished` per sample.

        Closing the iterator early frees everything the request held.

        Raises:
            DeadlineExceeded: at `request.deadline_unix_s`.
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

    def converse(self, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        """Say who answers, then stream the answers one after another, each as `Engine.generate` does.

        Closing the iterator early frees everything the dialogue held.

        Raises:
            ClaraError: whatever `Engine.generate` raises; the questions after it are not asked.
        """
        ...


class Reporter(Protocol):
    """An image and a patient in, a two-turn draft report out."""

    def report(self, request: ReportRequest, principal: Principal) -> AsyncGenerator[ReportEvent]:
        """Stream a report: `Prepared`, then deltas and `SectionDone` of findings and impression, last the `Report`.

        Raises:
            ClaraError: any of the tree; nothing is yielded after it.
        """
        ...
