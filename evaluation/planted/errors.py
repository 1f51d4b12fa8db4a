"""One error planted into a right drawn report, by kind.

A kind is a function from a film to the two texts, or null where the film offers no place for it. What is grave and what
explains a diagnosis is written down here again: the check's own tables must not judge themselves.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from evaluation.planted.wordings import TUNING, Wordings
from serve_app.domain.conversation import FinishReason
from serve_app.domain.facts import Fact, Finding, Severity, Side
from serve_app.domain.report import ConcernCode, SectionName
from training.phantoms.report import findings_text, impression_text, merge_sides
from training.phantoms.wording import Style, draw_style, state

T = TypeVar("T")
_F = Finding
_WRITE = {SectionName.FINDINGS: findings_text, SectionName.IMPRESSION: impression_text}
_LUNGS_AND_PLEURA = (
    *(_F.CONSOLIDATION, _F.NODULE, _F.MASS, _F.CAVITY, _F.ATELECTASIS, _F.FIBROSIS),
    *(_F.EFFUSION, _F.PNEUMOTHORAX, _F.PLEURAL_THICKENING),
)
# No impression may leave these out.
_GRAVE = frozenset(
    {*_LUNGS_AND_PLEURA, _F.EDEMA, _F.EMPHYSEMA, _F.CARDIOMEGALY, _F.AORTIC_ENLARGEMENT, _F.MEDIASTINAL_SHIFT}
    | {_F.ELEVATED_DIAPHRAGM, _F.RIB_FRACTURE}
) - {_F.PLEURAL_THICKENING}
_SIDED = frozenset({*_LUNGS_AND_PLEURA, _F.ELEVATED_DIAPHRAGM, _F.RIB_FRACTURE, _F.MEDIASTINAL_SHIFT, _F.CHEST_TUBE})
_INVENTED = (
    Fact(_F.PNEUMOTHORAX, side=Side.RIGHT, severity=Severity.SEVERE),
    Fact(_F.EFFUSION, side=Side.LEFT, severity=Severity.MODERATE),
    Fact(_F.MASS, side=Side.LEFT),
    Fact(_F.CONSOLIDATION, side=Side.RIGHT),
    Fact(_F.RIB_FRACTURE, side=Side.LEFT),
    Fact(_F.CARDIOMEGALY),
    Fact(_F.EDEMA),
)
# With one of these on the film, somebody might defend the diagnosis.
_EXPLAINS = {
    _F.PNEUMONIA: frozenset({_F.CONSOLIDATION, _F.CAVITY, _F.EDEMA, _F.ATELECTASIS, _F.NODULE, _F.MASS}),
    _F.TUBERCULOSIS: frozenset({*_LUNGS_AND_PLEURA, _F.CALCIFICATION}),
    _F.LUNG_TUMOR: frozenset({*_LUNGS_AND_PLEURA, _F.ELEVATED_DIAPHRAGM, _F.CALCIFICATION}),
    _F.HEART_FAILURE: frozenset({_F.CARDIOMEGALY, _F.EDEMA, _F.EFFUSION}),
    _F.COPD: frozenset({_F.EMPHYSEMA}),
}
# What turned findings into their opposite while all else stays.
_AFFIRMED = (
    Fact(_F.PNEUMOTHORAX, side=Side.LEFT, severity=Severity.MILD),
    Fact(_F.EFFUSION, side=Side.RIGHT, severity=Severity.SEVERE),
    Fact(_F.CARDIOMEGALY, severity=Severity.MILD),
    Fact(_F.MEDIASTINAL_SHIFT, side=Side.RIGHT),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """Both sections as a model would have written them, and how each ended."""

    findings: str
    impression: str
    findings_ended: FinishReason = FinishReason.STOP
    impression_ended: FinishReason = FinishReason.STOP

    def text(self, name: SectionName) -> str:
        """The text of one section."""
        return self.findings if name is SectionName.FINDINGS else self.impression

    def rewritten(self, name: SectionName, text: str, ended: FinishReason = FinishReason.STOP) -> "Draft":
        """Replace one section."""
        if name is SectionName.FINDINGS:
            return replace(self, findings=text, findings_ended=ended)
        return replace(self, impression=text, impression_ended=ended)


@dataclass(frozen=True, slots=True)
class Film:
    """A drawn film to plant an error in; `seed` gives the manner of its report, `rng` what is planted and where."""

    facts: Collection[Fact]
    seed: int
    rng: np.random.Generator
    wordings: Wordings = TUNING

    @property
    def merged(self) -> list[Fact]:
        """The facts as reports state them, in a fixed order."""
        return sorted(merge_sides(self.facts), key=str)

    @property
    def right(self) -> Draft:
        """The report without an error."""
        return Draft(self.section(SectionName.FINDINGS, self.facts), self.section(SectionName.IMPRESSION, self.facts))

    def section(self, name: SectionName, facts: Collection[Fact]) -> str:
        """Write a section of other facts in the manner of this report."""
        return _WRITE[name](facts, np.random.default_rng(self.seed))

    def changed(self, name: SectionName, fact: Fact, *others: Fact) -> Draft:
        """Write one section as if the film showed the others in place of the fact."""
        return self.right.rewritten(name, self.section(name, {*self.merged, *others} - ({fact} - {*others})))

    def with_line(self, text: str, words: str) -> str:
        """Put a statement into a text, at any line."""
        line = draw_style(np.random.default_rng(self.seed)).sentence(words.rstrip("."))
        lines = text.splitlines()
        lines.insert(int(self.rng.integers(len(lines) + 1)), f"- {line}")
        return "\n".join(lines)

    def denial(self, fact: Fact) -> str:
        """Deny a fact in words."""
        if fact.finding in self.wordings.denials:
            return self.choose(self.wordings.denials[fact.finding])
        return f"{self.choose(self.wordings.negations)} {state(replace(fact, severity=None), Style())}"

    def name(self) -> SectionName:
        """Choose a section."""
        return self.choose(tuple(SectionName))

    def pick(self, items: Sequence[T]) -> T | None:
        """Choose one; null of none."""
        return self.choose(items) if items else None

    def choose(self, items: Sequence[T]) -> T:
        """Choose one of at least one."""
        return items[int(self.rng.integers(len(items)))]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error: how it is planted, and the concerns that name it rightly."""

    plant: Callable[[Film], Draft | None]
    fitting: frozenset[ConcernCode]


def _flip_polarity(film: Film) -> Draft | None:
    if (fact := film.pick([fact for fact in film.merged if not fact.finding.is_device])) is None:
        return None
    name = film.name()
    draft = film.changed(name, fact)
    return draft.rewritten(name, film.with_line(draft.text(name), film.denial(fact)))


def _call_normal(film: Film) -> Draft | None:
    is_sick = any(fact.finding in _GRAVE for fact in film.facts)
    return film.right.rewritten(SectionName.IMPRESSION, film.section(SectionName.IMPRESSION, [])) if is_sick else None


def _swap_side(film: Film) -> Draft | None:
    sided = [fact for fact in film.merged if fact.side in (Side.LEFT, Side.RIGHT)]
    # A line may cross to the other side on its way.
    if (fact := film.pick([fact for fact in sided if fact.finding is not _F.CENTRAL_VENOUS_CATHETER])) is None:
        return None
    other = Side.LEFT if fact.side is Side.RIGHT else Side.RIGHT
    return film.changed(film.name(), fact, replace(fact, side=other))


def _change_degree(film: Film) -> Draft | None:
    if (fact := film.pick([fact for fact in film.merged if fact.severity is not None])) is None:
        return None
    degree = film.choose([degree for degree in Severity if degree is not fact.severity])
    return film.changed(film.name(), fact, replace(fact, severity=degree))


def _drop(film: Film) -> Draft | None:
    fact = film.pick([fact for fact in film.merged if fact.finding in _GRAVE])
    return None if fact is None else film.changed(SectionName.IMPRESSION, fact)


def _invent_finding(film: Film) -> Draft | None:
    present = {fact.finding for fact in film.facts}
    fact = film.pick([fact for fact in _INVENTED if fact.finding not in present])
    return None if fact is None else film.changed(SectionName.IMPRESSION, fact, fact)


def _invent_diagnosis(film: Film) -> Draft | None:
    present = {fact.finding for fact in film.facts}
    finding = film.pick([diagnosis for diagnosis, signs in _EXPLAINS.items() if not signs & present])
    if finding is None:
        return None
    words = f"{film.choose(film.wordings.suspicions)} {film.choose(film.wordings.diagnoses[finding])}".strip()
    return film.right.rewritten(SectionName.IMPRESSION, film.with_line(film.right.impression, words))


def _remove_side(film: Film) -> Draft | None:
    sided = [fact for fact in film.merged if fact.finding in _SIDED and fact.side in (Side.LEFT, Side.RIGHT)]
    fact = film.pick(sided)
    return None if fact is None else film.changed(film.name(), fact, replace(fact, side=None))


def _deny_what_is_stated(film: Film) -> Draft | None:
    if (fact := film.pick([fact for fact in film.merged if not fact.finding.is_device])) is None:
        return None
    name = film.name()
    return film.right.rewritten(name, film.with_line(film.right.text(name), film.denial(fact)))


def _state_what_is_denied(film: Film) -> Draft | None:
    present = {fact.finding for fact in film.facts}
    if (fact := film.pick([fact for fact in _AFFIRMED if fact.finding not in present])) is None:
        return None
    text = film.with_line(film.right.findings, state(fact, Style()))
    return film.right.rewritten(SectionName.FINDINGS, text)


def _compare(film: Film) -> Draft:
    name = film.name()
    text = film.right.text(name)
    if film.rng.integers(2):
        return film.right.rewritten(name, film.with_line(text, film.choose(film.wordings.comparisons)))
    lines = text.splitlines()
    number = int(film.rng.integers(len(lines)))
    lines[number] = f"{lines[number].rstrip('.')}{film.choose(film.wordings.afterthoughts)}."
    return film.right.rewritten(name, "\n".join(lines))


def _say_something_else(film: Film) -> Draft:
    name, words = film.name(), film.choose(film.wordings.no_reports)
    text = film.right.text(name)
    return film.right.rewritten(name, film.choose((words, f"{words}\n{text}", f"{text}\n{words}")))


def _break_findings(film: Film) -> Draft:
    return _broken(film, SectionName.FINDINGS)


def _break_impression(film: Film) -> Draft:
    return _broken(film, SectionName.IMPRESSION)


def _broken(film: Film, name: SectionName) -> Draft:
    text = film.right.text(name)
    cut = text[: int(film.rng.integers(len(text) // 2, len(text)))]
    last = text.splitlines()[-1]
    return film.choose(
        (
            film.right.rewritten(name, cut, FinishReason.LENGTH),
            film.right.rewritten(name, film.choose(("", "\n", "- "))),
            film.right.rewritten(name, "\n".join([text, *[last] * 8]), FinishReason.LENGTH),
            film.right.rewritten(name, " ".join([text, *last.removeprefix("- ").split()[:4] * 9])),
        )
    )


_CODE = ConcernCode
KINDS = {
    "polarity flipped": Kind(_flip_polarity, frozenset({_CODE.POLARITY_DISAGREES})),
    # "Heart and lungs are normal" says nothing of the bones: they are dropped.
    "sick film called normal": Kind(_call_normal, frozenset({_CODE.POLARITY_DISAGREES, _CODE.DROPPED})),
    "side swapped": Kind(_swap_side, frozenset({_CODE.SIDE_DISAGREES})),
    "degree changed": Kind(_change_degree, frozenset({_CODE.DEGREE_DISAGREES})),
    # What is left of two findings of one name may lie on the other side, or elsewhere; of a single one a normal film.
    "finding dropped": Kind(
        _drop,
        frozenset({_CODE.DROPPED, _CODE.SIDE_DISAGREES, _CODE.PLACE_DISAGREES, _CODE.POLARITY_DISAGREES}),
    ),
    "finding invented": Kind(_invent_finding, frozenset({_CODE.UNSUPPORTED, _CODE.POLARITY_DISAGREES})),
    "diagnosis invented": Kind(_invent_diagnosis, frozenset({_CODE.UNSUPPORTED, _CODE.POLARITY_DISAGREES})),
    "side removed": Kind(_remove_side, frozenset({_CODE.SIDE_MISSING})),
    "stated finding denied": Kind(_deny_what_is_stated, frozenset({_CODE.CONTRADICTS_ITSELF})),
    "denied finding stated": Kind(_state_what_is_denied, frozenset({_CODE.CONTRADICTS_ITSELF})),
    "comparison with a prior": Kind(_compare, frozenset({_CODE.PRIOR_MENTIONED})),
    "not a report": Kind(_say_something_else, frozenset({_CODE.NOT_A_REPORT})),
    "findings cut, empty or looping": Kind(_break_findings, frozenset({_CODE.DRAWN_FROM_INCOMPLETE})),
    "impression cut, empty or looping": Kind(_break_impression, frozenset({_CODE.SECTION_INCOMPLETE})),
}
