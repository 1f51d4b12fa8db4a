"""A film before it is drawn: its technique and its signs, one per fact."""

from dataclasses import dataclass

from serve_app.domain.facts import Fact, Side
from training.phantoms.technique import Technique


@dataclass(frozen=True, slots=True)
class Sign:
    """The sign of one fact. Four parameters from 0 to 1 set place, size and shape within the fact's limits."""

    fact: Fact
    x: float
    y: float
    size: float
    variation: float

    @property
    def direction(self) -> int:
        """The direction of its side from the midline on the image: -1 for the patient's right, 1 for the left."""
        return -1 if self.fact.side is Side.RIGHT else 1


@dataclass(frozen=True, slots=True)
class Scene:
    """How one film was taken and what it shows."""

    technique: Technique
    signs: tuple[Sign, ...] = ()

    @property
    def facts(self) -> frozenset[Fact]:
        """The true facts of this film."""
        return frozenset(sign.fact for sign in self.signs)


def without(scene: Scene, fact: Fact) -> Scene:
    """Return the scene without one fact, otherwise unchanged."""
    return Scene(scene.technique, tuple(sign for sign in scene.signs if sign.fact != fact))
