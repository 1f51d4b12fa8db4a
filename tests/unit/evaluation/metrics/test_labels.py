"""Facts become the labels that other data sets have, by their own rules for what is uncertain."""

import pytest

from evaluation.metrics.labels import NO_FINDING, chexpert_labels, vindr_labels
from serve_app.domain.facts import Fact, Finding, Polarity

PNEUMONIA = Fact(Finding.PNEUMONIA)
SUSPECTED = Fact(Finding.PNEUMONIA, Polarity.UNCERTAIN)


@pytest.mark.parametrize(
    ("facts", "vindr", "chexpert"),
    [
        ({Fact(Finding.NODULE)}, {"Nodule/Mass"}, {"Lung Lesion"}),
        ({Fact(Finding.FIBROSIS)}, {"Pulmonary fibrosis"}, {"Pleural Other"}),
        ({Fact(Finding.HEART_FAILURE)}, {NO_FINDING}, {"Edema"}),
        ({PNEUMONIA}, {"Pneumonia"}, {"Pneumonia"}),
        # VinDr-CXR's diagnoses are suspicions; CheXpert marks them uncertain, and then the film is not without finding.
        ({SUSPECTED}, {"Pneumonia"}, set()),
        ({Fact(Finding.EFFUSION, Polarity.UNCERTAIN)}, {NO_FINDING}, set()),
        ({Fact(Finding.EFFUSION, Polarity.ABSENT)}, {NO_FINDING}, {NO_FINDING}),
        ({Fact(Finding.PACEMAKER)}, {NO_FINDING}, {"Support Devices", NO_FINDING}),
        (set(), {NO_FINDING}, {NO_FINDING}),
    ],
)
def test_a_report_has_the_labels_of_its_facts(facts: set[Fact], vindr: set[str], chexpert: set[str]) -> None:
    assert vindr_labels(facts) == vindr
    assert chexpert_labels(facts) == chexpert
