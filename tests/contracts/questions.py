"""Conversations about drawn films, as the reporter would ask them."""

import numpy as np

from serve_app.domain.conversation import Role, Turn
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.imaging.normalize import digest, normalize
from serve_app.settings import Settings
from training.phantoms import draw, sample


def radiograph(seed: int) -> Radiograph:
    """Draw and prepare the phantom of one seed."""
    film = draw(sample(np.random.default_rng(seed)))
    pixels = normalize(film, Settings().preprocessor.max_visual_tokens)
    return Radiograph(
        pixels,
        digest(pixels),
        Source("PNG", film.shape[1], film.shape[0], 8),
        GateVerdict(GateOutcome.PASS, 1.0, "drawn"),
    )


def question(seed: int = 1) -> Turn:
    """Ask turn 1 about the phantom of one seed."""
    return Turn(
        Role.USER,
        "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam, 63 tuổi. Cho biết bệnh nhân bị gì?",
        (radiograph(seed),),
    )
