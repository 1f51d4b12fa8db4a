"""What is counted of one draft beside its reference: numbers that add up over reports."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from functools import cache

from evaluation.metrics.attributes import degree_errors, place_errors
from evaluation.metrics.drafts import concerns, num_incomplete, num_sentences
from evaluation.metrics.facts import (
    Counts,
    Pair,
    Strictness,
    contradictions,
    count,
    denials,
    denies_outright,
    overlap,
    present,
    undisputed,
)
from evaluation.metrics.labels import chexpert_labels, vindr_labels
from evaluation.metrics.significance import CRITICAL, Significance, significance, significance_score, stated
from evaluation.predictions import Text
from serve_app.domain.facts import LUNG_DISEASES, Fact, Finding, Polarity
from serve_app.domain.report import ConcernSeverity
from serve_app.facts import located_facts

_DIAGNOSES = LUNG_DISEASES | {Finding.HEART_FAILURE}
_located = cache(located_facts)
"""The facts of a text, cached, because every figure and both baselines use the same texts."""


@dataclass(frozen=True, slots=True)
class ScoredText:
    """The reference and the candidate of one study. `truth` are the true facts of a drawn film."""

    patient_id: str
    reference: Text
    candidate: Text
    truth: frozenset[Fact] | None = None

    @property
    def facts(self) -> Pair:
        return read_both(self.reference), read_both(self.candidate)


@cache
def read(text: str) -> frozenset[Fact]:
    """Read the facts of a section."""
    return frozenset(located.fact for located in _located(text))


def read_both(text: Text) -> frozenset[Fact]:
    """Read the facts of both sections."""
    return read(text.findings) | read(text.impression)


def columns_of(text: ScoredText) -> dict[str, float]:
    """Count one report: everything but its words."""
    triples = {**_fact_counts(text), **_section_counts(text), **_counts_by_name(text)}
    return {
        "reports": 1.0,
        **{f"{name}:{part}": number for name, counts in triples.items() for part, number in _parts(counts)},
        **_contradictions(text),
        **_safety(text),
        **_attributes(text),
        **_about_the_draft(text.candidate),
        **_sentences("reference_", text.reference),
    }


def _parts(counts: Counts) -> tuple[tuple[str, int], ...]:
    return ("matched", counts.num_matched), ("told", counts.num_told), ("true", counts.num_true)


def _fact_counts(text: ScoredText) -> dict[str, Counts]:
    reference, candidate = text.facts
    seen, told = present(reference), present(candidate)
    return {
        **{f"present_{strictness}": count(seen, told, strictness) for strictness in Strictness},
        "all_side": count(reference, candidate, Strictness.SIDE),
        "truth_side": count(present(text.truth or ()), told, Strictness.SIDE),
        "critical_side": count(_critical(seen), _critical(told), Strictness.SIDE),
    }


def _critical(facts: Collection[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.finding in CRITICAL]


def _section_counts(text: ScoredText) -> dict[str, Counts]:
    pairs = {
        "findings": (text.reference.findings, text.candidate.findings),
        "impression": (text.reference.impression, text.candidate.impression),
    }
    return {
        f"{name}_side": count(present(read(true)), present(read(told)), Strictness.SIDE)
        for name, (true, told) in pairs.items()
    }


def _counts_by_name(text: ScoredText) -> dict[str, Counts]:
    return {
        name: overlap(*(names_of(facts) for facts in text.facts))
        for name, names_of in (
            ("diagnosis", _diagnoses),
            ("uncertain", _uncertain),
            ("vindr", vindr_labels),
            ("chexpert", chexpert_labels),
        )
    }


def _diagnoses(facts: Collection[Fact]) -> frozenset[Hashable]:
    return frozenset(fact.finding for fact in stated(facts) if fact.finding in _DIAGNOSES)


def _uncertain(facts: Collection[Fact]) -> frozenset[Hashable]:
    return frozenset(fact.finding for fact in facts if fact.polarity is Polarity.UNCERTAIN)


def _contradictions(text: ScoredText) -> dict[str, float]:
    reference, _ = text.facts
    against = contradictions(reference, read(text.candidate.findings), read(text.candidate.impression))
    return {
        "facts": len(reference),
        "polarity_flips": against.num_polarity,
        "side_flips": against.num_side,
        "contradicted": against.num_all > 0,
    }


def _safety(text: ScoredText) -> dict[str, float]:
    reference, candidate = text.facts
    treated = [fact for fact in undisputed(reference) if significance(fact).value >= Significance.ACTIONABLE.value]
    return {
        "sick": bool(treated),
        "reassured": bool(treated) and (_is_quiet(text.candidate) or _is_denied(treated, text.candidate)),
        "significance": significance_score(reference, candidate),
    }


def _is_quiet(draft: Text) -> bool:
    """Whether the impression names nothing that a doctor would note."""
    return not any(significance(fact).value for fact in stated(read(draft.impression)))


def _is_denied(facts: Collection[Fact], draft: Text) -> bool:
    return any(
        denies_outright(denial, fact, section)
        for section in (read(draft.findings), read(draft.impression))
        for denial in denials(section)
        for fact in facts
    )


def _attributes(text: ScoredText) -> dict[str, float]:
    num_degrees_wrong, num_degrees = degree_errors(*text.facts)
    num_places_wrong, num_places = place_errors(*text.facts)
    return {
        "degrees_wrong": num_degrees_wrong,
        "degrees": num_degrees,
        "places_wrong": num_places_wrong,
        "places": num_places,
    }


def _about_the_draft(draft: Text) -> dict[str, float]:
    severities = {concern.severity for concern in concerns(draft)}
    return {
        **{f"{severity}_concern": severity in severities for severity in ConcernSeverity},
        "incomplete_sections": num_incomplete(draft),
        "sections": 2,
        **_sentences("", draft),
    }


def _sentences(prefix: str, text: Text) -> dict[str, float]:
    numbers = [num_sentences(section, _located(section)) for section in (text.findings, text.impression)]
    num_unread, num_all = (sum(column) for column in zip(*numbers, strict=True))
    return {f"{prefix}unread_sentences": num_unread, f"{prefix}sentences": num_all}
