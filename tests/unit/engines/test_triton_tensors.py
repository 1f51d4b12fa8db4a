"""What goes to Triton and comes back is what was said: texts, pixels, tokens, the end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationRequest,
    Role,
    Sampling,
    TokenDelta,
    Turn,
    Usage,
)
from serve_app.domain.errors import BadRequest
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.engines.triton_tensors import Tensors, event_of, event_tensors, request_of, request_tensors


def film(seed: int, height_px: int = 56, width_px: int = 84) -> Radiograph:
    pixels = np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    return Radiograph(pixels, f"film-{seed}", Source("DICOM", 3000, 2500, 12), GateVerdict(GateOutcome.PASS, 0.9, "ok"))


texts = st.text(st.characters(exclude_categories=["Cs"]))
tokens = st.integers(0, 2**31 - 1)
counts = st.integers(0, 4096)
turns = st.builds(
    Turn, st.sampled_from(Role), texts, st.lists(st.builds(film, st.integers(0, 9)), max_size=2).map(tuple)
)
samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 512),
    temperature=st.floats(0, 2),
    top_p=st.floats(0.01, 1),
    seed=st.none() | st.integers(0, 2**31),
    num_samples=st.integers(1, 4),
    num_logprobs=st.none() | st.integers(0, 5),
)
logprobs = st.dictionaries(tokens, st.floats(-100, 0), min_size=1, max_size=3)
deltas = st.builds(
    TokenDelta, texts, st.lists(tokens).map(tuple), st.none() | st.lists(logprobs, min_size=1).map(tuple), counts
)
ends = st.builds(Finished, st.sampled_from(FinishReason), st.builds(Usage, counts, counts, counts), counts)


@given(st.lists(turns, min_size=1, max_size=4), samplings)
def test_a_request_arrives_as_it_was_sent(said: list[Turn], sampling: Sampling) -> None:
    sent = GenerationRequest("request-1", tuple(said), sampling)

    arrived = request_of(request_tensors(sent), "request-1")

    assert (arrived.request_id, arrived.sampling) == ("request-1", sampling)
    assert [(turn.role, turn.text) for turn in arrived.turns] == [(turn.role, turn.text) for turn in said]
    for there, here in zip(arrived.turns, said, strict=True):
        assert len(there.images) == len(here.images)
        for one, other in zip(there.images, here.images, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)


@given(deltas | ends)
def test_an_event_arrives_as_it_was_sent(event: TokenDelta | Finished) -> None:
    assert event_of(event_tensors(event)) == event


QUESTION = request_tensors(GenerationRequest("request-2", (Turn(Role.USER, "Hỏi", (film(1),)),)))
TEXT = {name: tensor for name, tensor in QUESTION.items() if name != "images"}


@pytest.mark.parametrize(
    "tensors",
    [
        pytest.param(TEXT, id="an image is missing"),
        pytest.param(
            {**QUESTION, "images": np.concatenate([QUESTION["images"]] * 2, axis=1)}, id="an image that nobody names"
        ),
        pytest.param(
            {name: np.concatenate([tensor] * 2) for name, tensor in QUESTION.items()}, id="a batch in one request"
        ),
        pytest.param({**QUESTION, "messages": np.array([[b"{"]], dtype=object)}, id="no JSON"),
        pytest.param({**QUESTION, "messages": np.array([[b"[]", b"[]"]], dtype=object)}, id="two conversations"),
        pytest.param({"messages": QUESTION["messages"], "images": QUESTION["images"]}, id="no sampling"),
        pytest.param({**QUESTION, "images": np.array([[b"GIF89a"]], dtype=object)}, id="no PNG"),
    ],
)
def test_what_is_no_conversation_is_refused(tensors: Tensors) -> None:
    with pytest.raises(BadRequest):
        request_of(tensors, "request-3")
