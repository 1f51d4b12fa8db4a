"""Splits data by a hash of the patient's id, and finds patients, studies and images that are in two splits."""

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Literal

Kind = Literal["patient", "study", "image"]
_NUM_EXAMPLES = 5


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_WORDS = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "dev": Split.VALIDATION,
    "test": Split.TEST,
    "testing": Split.TEST,
}


@dataclass(frozen=True, slots=True)
class SplitRatios:
    """Shares of the patients, which add up to 1.

    Raises:
        ValueError: they do not add up to 1, or one is negative.
    """

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-9):
            raise ValueError(f"split ratios must be at least 0 and add up to 1, not {shares}")


@dataclass(frozen=True, slots=True)
class StudyKey:
    """The ids by which a leak is found; `digest` names the prepared image."""

    study_id: str
    patient_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A patient, study or image that is in more than one split; `name` is its id or digest."""

    kind: Kind
    name: str
    splits: tuple[str, ...]
    study_ids: tuple[str, ...]


class LeakError(ValueError):
    """Splits share patients, studies or images. `leaks` lists all; the message names the first few ids."""

    def __init__(self, leaks: list[Leak]) -> None:
        self.leaks = leaks
        counts = Counter(leak.kind for leak in leaks)
        examples = "; ".join(
            f"{leak.kind} {leak.name} in {', '.join(leak.splits)} (studies {', '.join(leak.study_ids[:_NUM_EXAMPLES])})"
            for leak in leaks[:_NUM_EXAMPLES]
        )
        super().__init__(
            f"{counts['patient']} patients, {counts['study']} studies and {counts['image']} prepared images "
            f"are in more than one split: {examples}"
        )


def split_of(patient_id: str, seed: int, ratios: SplitRatios) -> Split:
    """Choose a patient's split. It depends only on the id, the seed and the ratios."""
    place = int.from_bytes(hashlib.sha256(f"{seed}:{patient_id}".encode()).digest()[:8], "big") / 2**64
    if place < ratios.train:
        return Split.TRAIN
    return Split.VALIDATION if place < ratios.train + ratios.validation else Split.TEST


def own_split(file: str) -> Split:
    """Read a file's split from its folders (`val/…`) or the start of its name (`train-00000-of-…`).

    Raises:
        ValueError: the path names no split, or several.
    """
    path = PurePosixPath(file)
    words = [*path.parent.parts, re.split(r"[-_.]", path.name)[0]]
    named = {_WORDS[word.casefold()] for word in words if word.casefold() in _WORDS}
    if len(named) != 1:
        raise ValueError(f"{file}: its path names {'several splits' if named else 'no split'}")
    return named.pop()


def find_leaks(splits: Mapping[Split, Iterable[StudyKey]]) -> list[Leak]:
    """List the patients, then the studies, then the identical prepared images that are in more than one split."""
    patients: dict[str, list[tuple[str, str]]] = defaultdict(list)
    studies: dict[str, list[tuple[str, str]]] = defaultdict(list)
    images: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for split, keys in splits.items():
        for key in keys:
            patients[key.patient_id].append((split, key.study_id))
            studies[key.study_id].append((split, key.study_id))
            images[key.digest].append((split, key.study_id))
    return [*_shared("patient", patients), *_shared("study", studies), *_shared("image", images)]


def refuse_leaks(splits: Mapping[Split, Iterable[StudyKey]]) -> None:
    """Require that the splits share nothing.

    Raises:
        LeakError: they share patients, studies or images.
    """
    leaks = find_leaks(splits)
    if leaks:
        raise LeakError(leaks)


def _shared(kind: Kind, places: Mapping[str, list[tuple[str, str]]]) -> list[Leak]:
    return [
        Leak(kind, name, tuple(dict.fromkeys(split for split, _ in found)), tuple(study for _, study in found))
        for name, found in places.items()
        if len({split for split, _ in found}) > 1
    ]
