"""The first request to an engine. It runs everything once that a report needs."""

import math

import numpy as np

from serve_app.domain.call import Call, Principal
from serve_app.domain.conversation import GenerationRequest, Role, Sampling, Turn
from serve_app.domain.radiograph import PATCH_UNIT_PX, GateOutcome, GateVerdict, Radiograph, Source


def warm_up_request(name: str = "warm-up", *, has_image: bool = True) -> GenerationRequest:
    """Request one token about a black image, or without an image."""
    black = np.zeros((2 * PATCH_UNIT_PX, 2 * PATCH_UNIT_PX, 3), dtype=np.uint8)
    image = Radiograph(black, "warm-up", Source("PNG", 56, 56, 8), GateVerdict(GateOutcome.PASS, 0.0, "warm-up"))
    turn = Turn(Role.USER, "", (image,) if has_image else ())
    return GenerationRequest(name, (turn,), Sampling(max_tokens=1))


def warm_up_call() -> Call:
    """Return a call without a client or a deadline, because the first request may take long."""
    return Call("warm-up", Principal("warm-up", "warm-up", frozenset()), math.inf, priority=0, trace_context={})
