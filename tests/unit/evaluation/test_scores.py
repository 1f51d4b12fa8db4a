"""Figures of whole runs against values counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.baselines import NORMAL_REPORT, always_normal, of_another_patient
from evaluation.columns import ScoredText, read_both
from evaluation.metrics.intervals import differences, f1_of, interval, intervals, ratio_of
from evaluation.metrics.labels import vindr_labels
from evaluation.metrics.lexical import bleu_of, lexical_counts, lexical_score, rouge_l_of
from evaluation.predictions import Text
from evaluation.scores import (
    COLUMNS,
    METRICS,
    OF_DRAFTS,
    known_metrics,
    summarise,
    summarise_findings,
    summarise_labels,
    tabulate,
)
from serve_app.domain.facts import Fact, Finding, Polarity, Side

LEFT, RIGHT, HEART = "Tràn dịch màng phổi trái.", "Tràn dịch màng phổi phải.", "Bóng tim to."
NO_EFFUSION, NO_HEART = "Không tràn dịch màng phổi.", "Bóng tim không to."


def text(patient: str, reference: str, candidate: str, truth: frozenset[Fact] | None = None) -> ScoredText:
    return ScoredText(patient, Text(reference, reference), Text(candidate, candidate), truth)


def values(texts: list[ScoredText]) -> dict[str, float]:
    return {name: found["value"] for name, found in summarise(texts, tabulate(texts)).items()}


def test_figures_pool_facts_over_reports() -> None:
    # Present: left and heart against right and heart; left against nothing. One of three matches with its side.
    found = values([text("a", f"{LEFT} {HEART}", f"{RIGHT} {HEART}"), text("b", LEFT, NO_EFFUSION)])

    assert found["fact_precision_side"] == pytest.approx(1 / 2)
    assert found["fact_recall_side"] == pytest.approx(1 / 3)
    assert found["fact_f1_side"] == pytest.approx(2 / 5)
    assert found["fact_f1_finding"] == pytest.approx(4 / 5)
    assert found["all_fact_f1_side"] == pytest.approx(2 / 6)


def test_contradictions_are_shares_of_facts_and_of_reports() -> None:
    found = values(
        [text("a", f"{LEFT} {HEART}", f"{RIGHT} {HEART}"), text("b", LEFT, NO_EFFUSION), text("c", LEFT, LEFT)]
    )

    assert found["contradiction_ratio"] == pytest.approx(2 / 4)
    assert found["polarity_flip_ratio"] == pytest.approx(1 / 4)
    assert found["side_flip_ratio"] == pytest.approx(1 / 4)
    assert found["contradicted_report_ratio"] == pytest.approx(2 / 3)


NORMAL = "Tim phổi trong giới hạn bình thường."
PNEUMOTHORAX = "Tràn khí màng phổi trái lượng nhiều."


def drafted(reference: str, findings: str, impression: str) -> ScoredText:
    return ScoredText("a", Text(reference, reference), Text(findings, impression))


@pytest.mark.parametrize(
    ("findings", "impression", "is_reassuring"),
    [
        (PNEUMOTHORAX, PNEUMOTHORAX, False),
        (PNEUMOTHORAX, NORMAL, True),
        (PNEUMOTHORAX, "Bình thường.", True),
        (PNEUMOTHORAX, "", True),
        ("Không tràn khí màng phổi.", PNEUMOTHORAX, True),
        (PNEUMOTHORAX, "Theo dõi tràn khí màng phổi trái.", False),
        ("Không tràn khí màng phổi phải.", PNEUMOTHORAX, False),
    ],
)
def test_a_sick_patient_is_reassured_by_either_section(findings: str, impression: str, is_reassuring: bool) -> None:
    found = values([drafted(PNEUMOTHORAX, findings, impression)])
    assert found["false_reassurance_ratio"] == float(is_reassuring)


def test_only_the_sick_can_be_reassured_falsely() -> None:
    texts = [drafted(NORMAL, NORMAL, NORMAL), drafted("Nốt vôi hóa phổi phải.", NORMAL, NORMAL)]
    assert values(texts)["false_reassurance_ratio"] == 0
    assert values([*texts, drafted(PNEUMOTHORAX, NORMAL, NORMAL)])["false_reassurance_ratio"] == 1


def test_critical_findings_are_scored_apart() -> None:
    found = values([text("a", f"{PNEUMOTHORAX} {HEART}", HEART), text("b", HEART, f"{PNEUMOTHORAX} {HEART}")])
    assert (found["critical_recall"], found["critical_precision"]) == (0, 0)
    assert found["fact_recall_side"] == pytest.approx(2 / 3)


def test_diagnoses_are_scored_certain_or_not_and_what_is_uncertain_apart() -> None:
    found = values([text("a", f"{HEART} Theo dõi viêm phổi.", f"{HEART} Viêm phổi.")])
    assert (found["diagnosis_f1"], found["uncertain_f1"]) == (1, 0)
    found = values([text("a", f"{HEART} Theo dõi viêm phổi.", f"{HEART} Theo dõi lao phổi.")])
    assert (found["diagnosis_f1"], found["uncertain_f1"], found["fact_f1_side"]) == (0, 0, 1)


def test_each_section_is_scored_beside_its_own() -> None:
    found = values([drafted(LEFT, LEFT, RIGHT)])
    assert (found["findings_f1_side"], found["impression_f1_side"]) == (1, 0)


def test_a_draft_at_odds_with_itself_is_counted_by_the_gravest_concern() -> None:
    found = values([drafted(LEFT, LEFT, RIGHT), drafted(LEFT, LEFT, LEFT)])
    assert found["high_concern_ratio"] == 0.5
    assert values([drafted(LEFT, f"{LEFT} Không thay đổi so với phim cũ.", LEFT)])["medium_concern_ratio"] == 1


def test_a_section_that_is_not_whole_is_counted() -> None:
    cut = ScoredText("a", Text(LEFT, LEFT), Text(LEFT, LEFT, "complete", "truncated"))
    assert values([cut, drafted(LEFT, LEFT, "")])["incomplete_section_ratio"] == 0.5


def test_sentences_in_which_nothing_is_read_are_counted() -> None:
    found = values([ScoredText("a", Text(f"{LEFT} Chụp tại giường.", LEFT), Text(f"{LEFT}\nXin chào quý vị", LEFT))])
    assert found["unread_sentence_ratio"] == found["reference_unread_sentence_ratio"] == pytest.approx(1 / 3)


def test_labels_are_scored_by_report() -> None:
    found = values([text("a", f"{LEFT} {HEART}", f"{RIGHT} Nốt mờ phổi phải.")])
    assert found["vindr_label_f1"] == found["chexpert_label_f1"] == 0.5
    labels = summarise_labels([text("a", f"{LEFT} {HEART}", RIGHT)], vindr_labels)
    assert {name: one["f1"]["value"] for name, one in labels.items()} == {"Cardiomegaly": 0, "Pleural effusion": 1}


def test_negative_facts_count_only_in_the_figure_of_all() -> None:
    found = values([text("a", f"{NO_EFFUSION} {NO_HEART} {LEFT.replace('dịch', 'khí')}", f"{NO_EFFUSION} {NO_HEART}")])
    assert found["fact_f1_side"] == 0
    assert found["all_fact_f1_side"] == pytest.approx(4 / 5)


def test_a_drawn_films_truth_is_a_figure_of_its_own() -> None:
    truth = frozenset({Fact(Finding.EFFUSION, side=Side.LEFT), Fact(Finding.CARDIOMEGALY)})
    known = [text("a", HEART, LEFT, truth)]
    assert values(known)["truth_f1_side"] == pytest.approx(2 / 3)
    assert "truth_f1_side" not in known_metrics([*known, text("b", HEART, HEART)])


def test_each_finding_has_counts_and_interval() -> None:
    found = summarise_findings([text("a", f"{LEFT} {HEART}", f"{RIGHT} {HEART}"), text("b", LEFT, LEFT)])

    assert list(found) == ["effusion", "cardiomegaly"]
    effusion = found["effusion"]
    assert (effusion["num_matched"], effusion["num_told"], effusion["num_true"]) == (1, 2, 2)
    assert effusion["f1"]["value"] == effusion["precision"] == effusion["recall"] == 0.5
    assert effusion["f1"]["low"] == 0 and effusion["f1"]["high"] == 1


def test_reports_that_tell_nothing_present_have_no_findings() -> None:
    assert summarise_findings([text("a", NO_EFFUSION, NO_HEART)]) == {}


def test_every_column_is_used_by_a_figure() -> None:
    assert {column for metric in METRICS.values() for column in metric.columns} == set(COLUMNS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([LEFT, RIGHT, HEART, NO_EFFUSION, NO_HEART]), min_size=1, max_size=4))
def test_reports_that_are_equal_are_perfect(sentences: list[str]) -> None:
    report = " ".join(dict.fromkeys(sentences))
    found = values([text("a", report, report)])
    # A report may be at odds with itself, and still equal itself.
    for name, value in ((name, value) for name, value in found.items() if name not in OF_DRAFTS):
        best = 100 if name == "bleu" else float(METRICS[name].is_higher_better)
        assert value == pytest.approx(best), name


def test_lexical_columns_add_up_to_the_corpus_figures() -> None:
    from sacrebleu.metrics.bleu import BLEU

    references, candidates = ["một hai ba bốn năm", "sáu bảy tám"], ["một hai ba bốn", "sáu tám chín mười"]
    sums = lexical_counts(references, candidates).sum(axis=0, keepdims=True)
    corpus = BLEU(tokenize="none", force=True).corpus_score(candidates, [references]).score

    assert bleu_of(sums)[0] == pytest.approx(corpus)
    assert lexical_score(references, candidates).bleu == pytest.approx(corpus)
    # LCS: 4 of (5, 4) and 2 of (3, 4).
    assert rouge_l_of(sums)[0] == pytest.approx((8 / 9 + 4 / 7) / 2)


def test_bleu_is_smoothed_as_its_signature_says() -> None:
    from sacrebleu.metrics.bleu import BLEU

    found = lexical_score(["một hai ba bốn năm"], ["một hai ba sáu bốn"])

    assert "smooth:exp" in found.bleu_signature
    assert found.bleu == pytest.approx(
        BLEU(tokenize="none", force=True).corpus_score(["một hai ba sáu bốn"], [["một hai ba bốn năm"]]).score
    )
    # Matches 4/5, 2/4, 1/3, 0/2; the zero counts as half of one match.
    assert found.bleu == pytest.approx(100 * (4 / 5 * 2 / 4 * 1 / 3 * 0.5 / 2) ** 0.25)


def test_an_empty_draft_scores_nothing_in_words() -> None:
    assert lexical_score(["một hai ba bốn"], [""]).bleu == 0
    assert lexical_score(["một hai ba bốn"], [""]).rouge_l == 0


def test_several_intervals_are_those_of_one_at_a_time() -> None:
    patients, counts = [f"p{index % 7}" for index in range(30)], np.random.default_rng(1).random((30, 3))
    together = intervals(patients, counts, {"f1": f1_of, "ratio": lambda sums: ratio_of(sums[:, :2])})
    assert together["f1"] == interval(patients, counts, f1_of)
    assert together["ratio"] == interval(patients, counts[:, :2], ratio_of)


def test_a_run_does_not_differ_from_itself() -> None:
    counts = np.random.default_rng(1).random((9, 2))
    (found,) = differences([f"p{index}" for index in range(9)], counts, counts, {"": ratio_of}).values()
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_the_normal_report_tells_only_absent_facts() -> None:
    facts = read_both(NORMAL_REPORT)
    assert {fact.polarity for fact in facts} == {Polarity.ABSENT}
    assert {Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.CARDIOMEGALY, Finding.LUNG_LESION} <= {
        fact.finding for fact in facts
    }
    assert [one.candidate for one in always_normal([text("a", LEFT, LEFT)])] == [NORMAL_REPORT]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12))
def test_another_patients_report_is_never_ones_own(patients: list[str]) -> None:
    texts = [text(patient, patient, "") for patient in patients]
    replaced = of_another_patient(texts)

    if len(set(patients)) == 1:
        assert replaced is None
    else:
        assert replaced is not None
        assert [one.reference.findings for one in replaced] == patients
        assert all(one.candidate.findings != one.patient_id for one in replaced)
