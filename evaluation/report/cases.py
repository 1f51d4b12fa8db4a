"""Finds the worst drafts, with their references: contradictions first, then the lowest scores."""

import base64
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PIL import Image

from evaluation.columns import read, read_both
from evaluation.metrics.facts import Strictness, contradictions, count, present
from evaluation.predictions import Prediction, Text
from serve_app.domain.errors import ClaraError
from serve_app.domain.facts import Fact
from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings

_SHOWN_PX = 640


@dataclass(frozen=True, slots=True)
class Case:
    """One study: both reports, and the present facts that differ."""

    study_id: str
    reference: Text
    draft: Text
    f1: float
    num_contradictions: int
    missed: tuple[str, ...]
    invented: tuple[str, ...]


def worst_cases(predictions: Sequence[Prediction], num: int) -> list[Case]:
    """Choose the worst drafts. Drafts without any difference are left out."""
    cases = [_case(one, one.draft) for one in predictions if one.draft is not None]
    cases.sort(key=lambda case: (-case.num_contradictions, case.f1, case.study_id))
    return [case for case in cases if case.f1 < 1 or case.num_contradictions][:num]


def image_data_url(image: bytes) -> str | None:
    """Encode any readable image as a small PNG data URL, or return None if it cannot be read."""
    try:
        film = decode(image, PreprocessorSettings())
    except ClaraError:
        return None
    small = Image.fromarray(film.pixels)
    small.thumbnail((_SHOWN_PX, _SHOWN_PX))
    file = io.BytesIO()
    small.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def say(fact: Fact) -> str:
    """Return a short text for a fact."""
    return " ".join(part for part in (fact.finding, fact.side, fact.location, fact.severity) if part is not None)


def _case(prediction: Prediction, draft: Text) -> Case:
    reference, candidate = read_both(prediction.reference), read_both(draft)
    seen, told = present(reference), present(candidate)
    return Case(
        study_id=prediction.study_id,
        reference=prediction.reference,
        draft=draft,
        f1=count(seen, told, Strictness.SIDE).f1,
        num_contradictions=contradictions(reference, read(draft.findings), read(draft.impression)).num_all,
        missed=_not_in(seen, told),
        invented=_not_in(told, seen),
    )


def _not_in(facts: Collection[Fact], others: Collection[Fact]) -> tuple[str, ...]:
    matched = {(other.finding, other.side) for other in others}
    return tuple(sorted(say(fact) for fact in facts if (fact.finding, fact.side) not in matched))
