"""One film before it is drawn: its technique and its signs, each the sign of one fact."""

from dataclasses import dataclass

from serve_app.domain.facts import Fact
from training.phantoms.technique import Technique


@dataclass(frozen=True, slots=True)
class Sign:
    """The four free numbers, 0 to 1, of the sign of one fact: place, size and shape within what the fact allows."""

    fact: Fact
    x: float
    y: float
    size: float
    variation: float


@dataclass(frozen=True, slots=True)
class Scene:
    """How one film was taken and what it shows."""

    technique: Technique
    signs: tuple[Sign, ...] = ()

    @property
    def facts(self) -> frozenset[Fact]:
        """The truth about this film."""
        return frozenset(sign.fact for sign in self.signs)


def without(scene: Scene, fact: Fact) -> Scene:
    """Take one fact away and leave all else as it is."""
    return Scene(scene.technique, tuple(sign for sign in scene.signs if sign.fact != fact))
