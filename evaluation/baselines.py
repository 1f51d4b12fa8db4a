"""The baselines that any model must beat: an always-normal report, and the reference of another patient."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evaluation.columns import ScoredText
from evaluation.predictions import Text

NORMAL_REPORT = Text(
    "Bóng tim không to. Hai phế trường sáng, không thấy tổn thương nhu mô. Góc sườn hoành hai bên nhọn. "
    "Không tràn dịch, tràn khí màng phổi. Khung xương lồng ngực không thấy bất thường.",
    "Tim phổi trong giới hạn bình thường.",
)


def always_normal(texts: Sequence[ScoredText]) -> list[ScoredText]:
    """Replace every candidate by the normal report."""
    return [replace(text, candidate=NORMAL_REPORT) for text in texts]


def of_another_patient(texts: Sequence[ScoredText], seed: int = 0) -> list[ScoredText] | None:
    """Replace every candidate by another patient's reference. None if there is only one patient."""
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    others: dict[int, Text] = {}
    for place, index in enumerate(order):
        following = (texts[other] for other in order[place + 1 :] + order[:place])
        other = next((text for text in following if text.patient_id != texts[index].patient_id), None)
        if other is None:
            return None
        others[index] = other.reference
    return [replace(text, candidate=others[index]) for index, text in enumerate(texts)]
