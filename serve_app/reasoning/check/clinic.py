"""The clinical part of the check, as data: what supports what, what may go unmentioned, what needs a side."""

from serve_app.domain.facts import BONES, DEVICES, LUNG_DISEASES, LUNG_SIGNS, Finding

F = Finding

SUPPORT = {
    # A diagnosis, and the signs on a film that it may be drawn from. Fleischner Society glossary (Hansell 2008);
    # WHO manual of the chest radiograph in tuberculosis (2021).
    F.PNEUMONIA: frozenset({F.CONSOLIDATION, F.OPACITY, F.INFILTRATE, F.INTERSTITIAL_DISEASE, F.CAVITY}),
    F.TUBERCULOSIS: frozenset(
        {F.CAVITY, F.FIBROSIS, F.INFILTRATE, F.NODULE, F.OPACITY, F.CONSOLIDATION, F.CALCIFICATION, F.EFFUSION}
    ),
    F.LUNG_TUMOR: frozenset({F.MASS, F.NODULE, F.OPACITY, F.ATELECTASIS, F.HILAR_ENLARGEMENT, F.CAVITY}),
    F.HEART_FAILURE: frozenset({F.EDEMA, F.CARDIOMEGALY, F.EFFUSION, F.INTERSTITIAL_DISEASE}),
    F.COPD: frozenset({F.EMPHYSEMA, F.BRONCHIAL_THICKENING}),
    F.BRONCHITIS: frozenset({F.BRONCHIAL_THICKENING, F.INTERSTITIAL_DISEASE, F.BRONCHIECTASIS}),
    # A sign under a wider or a narrower name.
    F.OPACITY: frozenset({F.CONSOLIDATION, F.INFILTRATE, F.NODULE, F.MASS, F.ATELECTASIS}),
    F.INFILTRATE: frozenset({F.OPACITY, F.CONSOLIDATION}),
    F.CONSOLIDATION: frozenset({F.OPACITY, F.INFILTRATE}),
    F.NODULE: frozenset({F.OPACITY, F.CALCIFICATION}),
    F.MASS: frozenset({F.OPACITY}),
    F.EDEMA: frozenset({F.INTERSTITIAL_DISEASE, F.OPACITY}),
    F.LUNG_LESION: LUNG_SIGNS | LUNG_DISEASES,
    F.ABNORMALITY: frozenset(F) - DEVICES,
    F.DEVICE: DEVICES,
}
"""What an impression may be drawn from, besides the finding of its own name."""

INCIDENTAL = frozenset(
    {
        # Old or harmless as a rule: a terse impression leaves them to the findings.
        F.CALCIFICATION,
        F.AORTIC_CALCIFICATION,
        F.PLEURAL_THICKENING,
        F.BRONCHIAL_THICKENING,
        F.SCOLIOSIS,
        F.SPINAL_DEGENERATION,
        F.ABNORMALITY,
        F.LUNG_LESION,
    }
) | (DEVICES - {F.ENDOTRACHEAL_TUBE, F.CHEST_TUBE})
"""What an impression may leave out."""

SIDED = frozenset(
    {
        F.EFFUSION,
        F.PNEUMOTHORAX,
        F.PLEURAL_THICKENING,
        F.ELEVATED_DIAPHRAGM,
        F.CONSOLIDATION,
        F.NODULE,
        F.MASS,
        F.CAVITY,
        F.ATELECTASIS,
        F.FIBROSIS,
        F.OPACITY,
        F.RIB_FRACTURE,
        F.CLAVICLE_FRACTURE,
        F.CHEST_TUBE,
    }
)
"""What lies on one side or on both, so that its side is due."""

FOCAL_LESIONS = frozenset({F.CONSOLIDATION, F.OPACITY, F.INFILTRATE, F.NODULE, F.MASS, F.CAVITY})

DENIED_BY = {
    # What a general negative covers.
    F.ABNORMALITY: frozenset(F) - DEVICES - BONES - INCIDENTAL,
    F.LUNG_LESION: FOCAL_LESIONS,
    F.DEVICE: DEVICES,
}
"""What must not be present where the general term is denied, besides what bears the same name."""
