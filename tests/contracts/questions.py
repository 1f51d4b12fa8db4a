"""Conversations about drawn films, as the reporter would ask them."""

from collections.abc import Iterable

import numpy as np

from serve_app.domain.conversation import Role, Turn
from serve_app.domain.facts import Fact, Finding, Polarity, Side
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.domain.study import Age, Patient, Sex, View
from serve_app.imaging.normalize import digest, normalize
from serve_app.reasoning.prompts import PROMPTS
from serve_app.settings import Settings
from training.phantoms import Scene, draw, sample

# Films of pairs, apart from the seeds of every drawn data set.
PAIR_STREAM = 31


def radiograph(scene: Scene) -> Radiograph:
    """Draw and prepare one scene."""
    film = draw(scene)
    pixels = normalize(film, Settings().preprocessor.max_visual_tokens)
    return Radiograph(
        pixels,
        digest(pixels),
        Source("PNG", film.shape[1], film.shape[0], 8),
        GateVerdict(GateOutcome.PASS, 1.0, "drawn"),
    )


def ask(scene: Scene) -> Turn:
    """Ask turn 1 about one scene, as the reporter does."""
    return about(radiograph(scene))


def about(film: Radiograph) -> Turn:
    """Ask turn 1 about one prepared film."""
    return Turn(Role.USER, PROMPTS["clara-vi-1"].findings_question(Patient(Sex.MALE, Age(63)), [View.PA]), (film,))


def question(seed: int = 1) -> Turn:
    """Ask turn 1 about the phantom of one seed."""
    return ask(sample(np.random.default_rng(seed)))


def seen(facts: Iterable[Fact]) -> frozenset[tuple[Finding, Side | None]]:
    """What is told present, on each side by itself: a model may tell two sides in one line or in two."""
    both = (Side.RIGHT, Side.LEFT)
    return frozenset(
        (fact.finding, side)
        for fact in facts
        if fact.polarity is Polarity.PRESENT
        for side in (both if fact.side is Side.BILATERAL else (fact.side,))
    )
