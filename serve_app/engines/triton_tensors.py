"""Converts generation requests and events to Triton's tensors and back, for both the engine and the served model.

`k8s/triton/models/clara/config.pbtxt` declares the same names. One request is one conversation; Triton forms batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Role,
    Sampling,
    TokenDelta,
    Turn,
    Usage,
)
from serve_app.domain.errors import BadRequest
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.engines.lossless import pixels, png

Tensors = Mapping[str, NDArray[np.generic]]
"""Tensors by name. Each has a leading batch axis of length 1. Texts are bytes in object arrays."""

_PREPARED = GateVerdict(GateOutcome.PASS, 1.0, "prepared-elsewhere")


@dataclass(frozen=True, slots=True)
class _Message:
    role: Role
    text: str
    num_images: int = 0


_MESSAGES = TypeAdapter(list[_Message])
_SAMPLING = TypeAdapter(Sampling)
_LOGPROBS = TypeAdapter(dict[int, float])


def request_tensors(request: GenerationRequest) -> dict[str, NDArray[np.generic]]:
    """Encode a request. `images` holds PNG files in the order of the turns; it is absent if there are none."""
    messages = [_Message(turn.role, turn.text, len(turn.images)) for turn in request.turns]
    images = [png(image.pixels) for image in request.images]
    tensors: dict[str, NDArray[np.generic]] = {
        "messages": _texts([_MESSAGES.dump_json(messages)]),
        "sampling": _texts([_SAMPLING.dump_json(request.sampling)]),
    }
    if images:
        tensors["images"] = _texts(images)
    return tensors


def request_of(tensors: Tensors, request_id: str) -> GenerationRequest:
    """Decode a request.

    Raises:
        BadRequest: not exactly one conversation, images that no message has, or malformed images.
    """
    try:
        messages = _MESSAGES.validate_json(_only(tensors["messages"]))
        sampling = _SAMPLING.validate_json(_only(tensors["sampling"]))
    except (KeyError, ValidationError) as error:
        raise BadRequest("the conversation or its sampling cannot be read") from error
    files = _row(tensors["images"]) if "images" in tensors else []
    if len(files) != sum(message.num_images for message in messages):
        raise BadRequest("the messages and the images do not match")
    waiting = iter([_radiograph(file) for file in files])
    turns = [
        Turn(message.role, message.text, tuple(next(waiting) for _ in range(message.num_images)))
        for message in messages
    ]
    return GenerationRequest(request_id, tuple(turns), sampling)


def event_tensors(event: GenerationEvent) -> dict[str, NDArray[np.generic]]:
    """Encode one event: a delta has `text_output`, the end of a sample has `finish_reason`."""
    index = {"index": _numbers([event.index])}
    if isinstance(event, Finished):
        usage = [event.usage.prompt_tokens, event.usage.completion_tokens, event.usage.cached_tokens]
        return {**index, "finish_reason": _texts([event.reason.value.encode()]), "usage": _numbers(usage)}
    delta = {**index, "text_output": _texts([event.text.encode()]), "token_ids": _numbers(event.token_ids)}
    if event.logprobs is None:
        return delta
    return {**delta, "logprobs": _texts([_LOGPROBS.dump_json(dict(place)) for place in event.logprobs])}


def event_of(tensors: Tensors) -> GenerationEvent:
    """Decode an event.

    Raises:
        KeyError, ValueError: these are not the tensors of an event.
    """
    index = int(tensors["index"].flat[0])
    if "finish_reason" in tensors:
        prompt, completion, cached = (int(number) for number in tensors["usage"].flat)
        return Finished(
            FinishReason(_only(tensors["finish_reason"]).decode()), Usage(prompt, completion, cached), index
        )
    logprobs = None
    if "logprobs" in tensors:
        logprobs = tuple(_LOGPROBS.validate_json(place) for place in _row(tensors["logprobs"]))
    tokens = tuple(int(token) for token in tensors["token_ids"].flat)
    return TokenDelta(_only(tensors["text_output"]).decode(), tokens, logprobs, index)


def _radiograph(file: bytes) -> Radiograph:
    image = pixels(file)
    return Radiograph(image, "", Source("PNG", image.shape[1], image.shape[0], 8), _PREPARED)


def _texts(texts: list[bytes]) -> NDArray[np.object_]:
    return np.array([texts], dtype=np.object_)


def _numbers(numbers: list[int] | tuple[int, ...]) -> NDArray[np.int32]:
    return np.array([numbers], dtype=np.int32)


def _row(tensor: NDArray[np.generic]) -> list[bytes]:
    if tensor.ndim != 2 or len(tensor) != 1:
        raise BadRequest("a request must have one conversation: send several requests, and the server batches them")
    return [bytes(text) for text in tensor[0]]


def _only(tensor: NDArray[np.generic]) -> bytes:
    texts = _row(tensor)
    if len(texts) != 1:
        raise BadRequest("this tensor must have exactly one text")
    return texts[0]
