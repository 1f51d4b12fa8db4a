"""Facts as the labels of VinDr-CXR and of CheXpert, so that scores can be set beside others'.

Sources: VinDr-CXR, Nguyen et al. 2022 (Scientific Data 9:429), 22 findings and 6 diagnoses; CheXpert's labeler, read in
its code (phrases/mention, stages/aggregate.py). Our extractor reads the labels, not theirs. That our findings belong to
these labels of VinDr-CXR is our assignment; no finding of ours is its "Other lesion" or "Other diseases".
"""

from collections.abc import Collection, Mapping

from serve_app.domain.facts import DEVICES, Fact, Finding, Polarity

_F = Finding
Labels = Mapping[str, frozenset[Finding]]
NO_FINDING = "No finding"

_VINDR_FINDINGS: Labels = {
    "Aortic enlargement": frozenset({_F.AORTIC_ENLARGEMENT}),
    "Atelectasis": frozenset({_F.ATELECTASIS}),
    "Calcification": frozenset({_F.CALCIFICATION}),
    "Cardiomegaly": frozenset({_F.CARDIOMEGALY}),
    "Clavicle fracture": frozenset({_F.CLAVICLE_FRACTURE}),
    "Consolidation": frozenset({_F.CONSOLIDATION}),
    "Edema": frozenset({_F.EDEMA}),
    "Emphysema": frozenset({_F.EMPHYSEMA}),
    "Enlarged PA": frozenset({_F.PULMONARY_ARTERY_ENLARGEMENT}),
    "ILD": frozenset({_F.INTERSTITIAL_DISEASE}),
    "Infiltration": frozenset({_F.INFILTRATE}),
    "Lung Opacity": frozenset({_F.OPACITY}),
    "Lung cavity": frozenset({_F.CAVITY}),
    "Lung cyst": frozenset({_F.CYST}),
    "Mediastinal shift": frozenset({_F.MEDIASTINAL_SHIFT}),
    "Nodule/Mass": frozenset({_F.NODULE, _F.MASS}),
    "Pleural effusion": frozenset({_F.EFFUSION}),
    "Pleural thickening": frozenset({_F.PLEURAL_THICKENING}),
    "Pneumothorax": frozenset({_F.PNEUMOTHORAX}),
    "Pulmonary fibrosis": frozenset({_F.FIBROSIS}),
    "Rib fracture": frozenset({_F.RIB_FRACTURE}),
}
_VINDR_DIAGNOSES: Labels = {
    "COPD": frozenset({_F.COPD}),
    "Lung tumor": frozenset({_F.LUNG_TUMOR, _F.MALIGNANCY}),
    "Pneumonia": frozenset({_F.PNEUMONIA}),
    "Tuberculosis": frozenset({_F.TUBERCULOSIS}),
}
_CHEXPERT: Labels = {
    "Enlarged Cardiomediastinum": frozenset({_F.MEDIASTINAL_WIDENING}),
    "Cardiomegaly": frozenset({_F.CARDIOMEGALY}),
    "Lung Opacity": frozenset({_F.OPACITY, _F.INFILTRATE, _F.INTERSTITIAL_DISEASE, _F.BRONCHIAL_THICKENING}),
    "Lung Lesion": frozenset({_F.NODULE, _F.MASS, _F.CAVITY, _F.LUNG_TUMOR, _F.MALIGNANCY}),
    "Edema": frozenset({_F.EDEMA, _F.HEART_FAILURE}),
    "Consolidation": frozenset({_F.CONSOLIDATION}),
    "Pneumonia": frozenset({_F.PNEUMONIA}),
    "Atelectasis": frozenset({_F.ATELECTASIS}),
    "Pneumothorax": frozenset({_F.PNEUMOTHORAX}),
    "Pleural Effusion": frozenset({_F.EFFUSION}),
    "Pleural Other": frozenset({_F.PLEURAL_THICKENING, _F.FIBROSIS}),
    "Fracture": frozenset({_F.RIB_FRACTURE, _F.CLAVICLE_FRACTURE}),
    "Support Devices": DEVICES,
}


def vindr_labels(facts: Collection[Fact]) -> frozenset[str]:
    """Return the labels of a report: findings that are present, diagnoses also if they are only suspected."""
    found = _of(facts, _VINDR_FINDINGS, {Polarity.PRESENT})
    found |= _of(facts, _VINDR_DIAGNOSES, {Polarity.PRESENT, Polarity.UNCERTAIN})
    return found or frozenset({NO_FINDING})


def chexpert_labels(facts: Collection[Fact]) -> frozenset[str]:
    """Return the positive labels of a report. No finding: no other label, devices apart, is positive or uncertain."""
    suspected = _of(facts, _CHEXPERT, {Polarity.PRESENT, Polarity.UNCERTAIN}) - {"Support Devices"}
    return _of(facts, _CHEXPERT, {Polarity.PRESENT}) | (frozenset() if suspected else {NO_FINDING})


def _of(facts: Collection[Fact], labels: Labels, polarities: Collection[Polarity]) -> frozenset[str]:
    named = {fact.finding for fact in facts if fact.polarity in polarities}
    return frozenset(label for label, findings in labels.items() if findings & named)
