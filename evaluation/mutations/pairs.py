"""Right drafts to make wrong: two wordings of the same facts, one as the reference and one as the draft."""

import numpy as np

from evaluation.predictions import Prediction, Text
from training.phantoms import findings_text, impression_text, sample

# Above every seed of a film that the demo model learned from or was judged by.
_FILM_SEED, _DRAFT_SEED = 1_500_000_000, 1_600_000_000
_COMPLETE = "complete"


def right_drafts(num: int, wording_seed: int = _DRAFT_SEED) -> list[Prediction]:
    """Word the facts of `num` drawn films twice; `wording_seed` chooses how the drafts are worded."""
    return [_pair(_FILM_SEED + number, wording_seed + number) for number in range(num)]


def _pair(film_seed: int, draft_seed: int) -> Prediction:
    facts = sample(np.random.default_rng(film_seed)).facts
    reference, draft = (
        (findings_text(facts, np.random.default_rng(seed)), impression_text(facts, np.random.default_rng(seed)))
        for seed in (film_seed, draft_seed)
    )
    name = str(film_seed)
    return Prediction(name, name, Text(*reference), Text(*draft, _COMPLETE, _COMPLETE))
