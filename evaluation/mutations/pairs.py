"""Right drafts to make wrong: two wordings of the same facts, one as the reference and one as the draft.

Drawn films show no free air and no misplaced tube: reports of these are written out.
"""

import numpy as np

from evaluation.predictions import Prediction, Text
from training.phantoms import findings_text, impression_text, sample

# Above every seed of a film that the demo model learned from or was judged by.
_FILM_SEED, _DRAFT_SEED = 1_500_000_000, 1_600_000_000
_COMPLETE = "complete"
_WRITTEN = (
    ("Liềm hơi dưới vòm hoành phải.", "Hơi tự do dưới vòm hoành phải."),
    ("Đầu ống nội khí quản nằm trong phế quản gốc phải.", "Ống nội khí quản vào phế quản gốc phải."),
    ("Ống thông dạ dày lạc vào phế quản phải.", "Ống thông dạ dày lạc vào phế quản phải."),
    ("Tràn khí trung thất.", "Khí trung thất."),
)


def right_drafts(num: int, wording_seed: int = _DRAFT_SEED) -> list[Prediction]:
    """Word the facts of `num` drawn films twice, and add what is written out; `wording_seed` words the drafts."""
    drawn = [_pair(_FILM_SEED + number, wording_seed + number) for number in range(num)]
    written = (_prediction(reference, (reference, reference), (draft, draft)) for reference, draft in _WRITTEN)
    return [*drawn, *written]


def _pair(film_seed: int, draft_seed: int) -> Prediction:
    facts = sample(np.random.default_rng(film_seed)).facts
    reference, draft = (
        (findings_text(facts, np.random.default_rng(seed)), impression_text(facts, np.random.default_rng(seed)))
        for seed in (film_seed, draft_seed)
    )
    return _prediction(str(film_seed), reference, draft)


def _prediction(name: str, reference: tuple[str, str], draft: tuple[str, str]) -> Prediction:
    return Prediction(name, name, Text(*reference), Text(*draft, _COMPLETE, _COMPLETE))
