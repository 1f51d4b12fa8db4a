"""A conversation with the model and the events it answers with; the vocabulary of the Engine port."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from serve_app.domain.radiograph import Radiograph


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. The text comes first, then the images, as the model was trained."""

    role: Role
    text: str
    images: tuple[Radiograph, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy, the only setting for a report of record."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    num_samples: int = 1
    num_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer wanted from the model. `request_id` names it; `adapter` names a LoRA adapter."""

    request_id: str
    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    adapter: str | None = None

    @property
    def images(self) -> tuple[Radiograph, ...]:
        """The images of all turns, in their order."""
        return tuple(image for turn in self.turns for image in turn.images)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question that is asked as soon as the answer before it is complete, whatever that answer says."""

    request_id: str
    question: str
    sampling: Sampling = Sampling()
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Several answers wanted one after another, each drawn from all that was said before it.

    Raises:
        ValueError: an answer has several samples, so that nobody knows which of them the next question is about.
    """

    opening: GenerationRequest
    follow_ups: tuple[FollowUp, ...] = ()

    def __post_init__(self) -> None:
        samplings = [self.opening.sampling, *(follow_up.sampling for follow_up in self.follow_ups)]
        if any(sampling.num_samples != 1 for sampling in samplings):
            raise ValueError("every answer of a dialogue has one sample")


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer; `cached_tokens` of the prompt were not computed again."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class TokenDelta:
    """New text of sample `index`. `text` may be empty while a character spans several tokens."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[Mapping[int, float], ...] | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of sample `index`; the last event of a stream belongs to the last sample."""

    reason: FinishReason
    usage: Usage
    index: int = 0


GenerationEvent = TokenDelta | Finished
