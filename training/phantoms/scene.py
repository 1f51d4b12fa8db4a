"""One film before it is drawn: its technique and its signs, each the sign of one fact."""

from dataclasses import dataclass

from serve_app.domain.facts import Fact, Side
from training.phantoms.technique import Technique


@dataclass(frozen=True, slots=True)
class Sign:
    """The four free numbers, 0 to 1, of the sign of one fact: place, size and shape within what the fact allows."""

    fact: Fact
    x: float
    y: float
    size: float
    variation: float

    @property
    def direction(self) -> int:
        """Which way from the midline its side lies on the image: -1 for the patient's right, 1 for the left."""
        return -1 if self.fact.side is Side.RIGHT else 1


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
