"""The clinical part of the check, as data: what supports what, what may go unmentioned, what has a side or a degree.

A reason in brackets names where it was read. One without is common knowledge of the field, not yet confirmed by a
radiologist.
"""

from dataclasses import dataclass

from serve_app.domain.facts import BONES, DEVICES, LUNG_DISEASES, LUNG_SIGNS, Finding

F = Finding


@dataclass(frozen=True, slots=True)
class Support:
    """What a statement of an impression may be drawn from.

    One of `signs` is enough to draw it. `accompaniments` need no mention of their own beside it, but alone do not
    support it.
    """

    signs: frozenset[Finding]
    reason: str
    accompaniments: frozenset[Finding] = frozenset()


SUPPORT = {
    F.PNEUMONIA: Support(
        frozenset({F.CONSOLIDATION, F.OPACITY, F.INFILTRATE, F.INTERSTITIAL_DISEASE, F.CAVITY}),
        "Its diagnosis asks for a shadow on the film: lobar, interstitial or with cavities (UpToDate, topic 7032).",
        frozenset({F.HILAR_ENLARGEMENT, F.BRONCHIAL_THICKENING}),
    ),
    F.TUBERCULOSIS: Support(
        frozenset({F.CAVITY, F.FIBROSIS, F.INFILTRATE, F.NODULE, F.OPACITY, F.CONSOLIDATION})
        | {F.CALCIFICATION, F.EFFUSION, F.HILAR_ENLARGEMENT, F.LYMPHADENOPATHY},
        "Infiltrates, hilar nodes, cavities, nodules, effusion (WikiDoc, Tuberculosis chest x ray); scars once healed.",
        frozenset({F.PLEURAL_THICKENING, F.BRONCHIECTASIS}),
    ),
    F.LUNG_TUMOR: Support(
        frozenset({F.MASS, F.NODULE, F.OPACITY, F.ATELECTASIS, F.HILAR_ENLARGEMENT, F.CAVITY, F.CONSOLIDATION})
        | {F.LYMPHADENOPATHY, F.MALIGNANCY},
        "Nodule, mass, infiltrate, collapse, a large hilum (Medscape, Non-small cell lung cancer, 2020); cavities.",
    ),
    F.MALIGNANCY: Support(
        frozenset({F.MASS, F.NODULE, F.OPACITY, F.LUNG_LESION, F.LUNG_TUMOR, F.LYMPHADENOPATHY, F.BONE_LESION}),
        "Suspected of what is seen to grow or to destroy.",
        frozenset({F.EFFUSION}),
    ),
    F.HEART_FAILURE: Support(
        frozenset({F.EDEMA, F.CARDIOMEGALY, F.EFFUSION, F.INTERSTITIAL_DISEASE}),
        "A large heart, interstitial and alveolar fluid and effusion (table 5-6 in PMC8139021).",
        frozenset({F.HILAR_ENLARGEMENT, F.PULMONARY_ARTERY_ENLARGEMENT}),
    ),
    F.COPD: Support(
        frozenset({F.EMPHYSEMA, F.BRONCHIAL_THICKENING}),
        "A disease of the bronchi, the alveoli or both (GOLD 2023, executive summary: the definition).",
        frozenset({F.HILAR_ENLARGEMENT, F.CYST, F.PULMONARY_ARTERY_ENLARGEMENT}),
    ),
    F.BRONCHITIS: Support(
        frozenset({F.BRONCHIAL_THICKENING, F.INTERSTITIAL_DISEASE, F.BRONCHIECTASIS, F.HILAR_ENLARGEMENT}),
        "Thick walls of bronchi and dense hila are what Vietnamese reports draw it from.",
    ),
    F.EDEMA: Support(
        frozenset({F.INTERSTITIAL_DISEASE, F.OPACITY, F.HILAR_ENLARGEMENT}),
        "Septal lines, then fluid in the alveoli (table 5-6 in PMC8139021).",
    ),
    F.OPACITY: Support(
        frozenset({F.CONSOLIDATION, F.INFILTRATE, F.NODULE, F.MASS, F.ATELECTASIS, F.CONTUSION}),
        "The wider name of each of these.",
    ),
    F.INFILTRATE: Support(frozenset({F.OPACITY, F.CONSOLIDATION}), "Names of one shadow that readers exchange."),
    F.CONSOLIDATION: Support(frozenset({F.OPACITY, F.INFILTRATE}), "Names of one shadow that readers exchange."),
    F.NODULE: Support(frozenset({F.OPACITY, F.CALCIFICATION}), "The narrower name of a shadow; it may be calcified."),
    F.MASS: Support(frozenset({F.OPACITY}), "The narrower name of a shadow."),
    F.ATELECTASIS: Support(frozenset({F.OPACITY}), "The narrower name of a shadow."),
    F.CONTUSION: Support(frozenset({F.OPACITY, F.CONSOLIDATION}), "The narrower name of a shadow after an accident."),
    F.LYMPHADENOPATHY: Support(
        frozenset({F.HILAR_ENLARGEMENT, F.MEDIASTINAL_WIDENING}), "What makes these large may be nodes."
    ),
    F.FIBROSIS: Support(
        frozenset({F.INTERSTITIAL_DISEASE}), "A honeycomb is fibrosis with cysts (Farlex Partner Medical Dictionary)."
    ),
    F.INTERSTITIAL_DISEASE: Support(
        frozenset({F.FIBROSIS, F.OPACITY, F.INFILTRATE}), "The name of the disease whose signs these may be."
    ),
    F.EMPHYSEMA: Support(frozenset({F.CYST}), "Bullae are emphysema."),
    F.AORTIC_ENLARGEMENT: Support(
        frozenset(),
        "Seen itself; it widens the mediastinum.",
        frozenset({F.MEDIASTINAL_WIDENING}),
    ),
    F.LUNG_LESION: Support(LUNG_SIGNS | LUNG_DISEASES, "The widest name."),
    F.BONE_LESION: Support(BONES, "The widest name."),
    F.ABNORMALITY: Support(frozenset(F) - DEVICES, "The widest name."),
    F.DEVICE: Support(DEVICES, "The widest name."),
}
"""What an impression may be drawn from, besides the finding of its own name."""

NO_SUPPORT = Support(frozenset(), "Drawn from itself alone.")

DIAGNOSES = LUNG_DISEASES | {F.HEART_FAILURE}

VAGUE = frozenset({F.OPACITY, F.LUNG_LESION})
"""Shadows without a kind: any narrower name in the impression stands for them."""

INCIDENTAL = {
    F.CALCIFICATION: "An old granuloma, harmless as a rule.",
    F.AORTIC_CALCIFICATION: "Usual in old age, and no reason to act by itself.",
    F.PLEURAL_THICKENING: "An old scar as a rule.",
    F.BRONCHIAL_THICKENING: "Unspecific unless it is called bronchitis.",
    F.HILAR_ENLARGEMENT: "Mostly dense vessels, which the disease that widens them stands for.",
    F.SCOLIOSIS: "Known to the patient.",
    F.SPINAL_DEGENERATION: "Usual in old age.",
    F.ABNORMALITY: "What it is has a name of its own.",
    F.LUNG_LESION: "What it is has a name of its own.",
    **dict.fromkeys(
        DEVICES - {F.ENDOTRACHEAL_TUBE, F.TRACHEOSTOMY_TUBE, F.CHEST_TUBE, F.MALPOSITIONED_TUBE},
        "The ward put it in; tubes whose place decides over breathing are not among these.",
    ),
}
"""What an impression may leave out, and why."""

SIDED = frozenset(
    {
        F.EFFUSION,
        F.PNEUMOTHORAX,
        F.PLEURAL_THICKENING,
        F.ELEVATED_DIAPHRAGM,
        F.CONSOLIDATION,
        F.CONTUSION,
        F.INFILTRATE,
        F.NODULE,
        F.MASS,
        F.CAVITY,
        F.ATELECTASIS,
        F.FIBROSIS,
        F.OPACITY,
        F.MEDIASTINAL_SHIFT,
        F.RIB_FRACTURE,
        F.CLAVICLE_FRACTURE,
        F.CHEST_TUBE,
    }
)
"""What lies on one side or on both, or is shifted to one, so that its side is due."""

GRADED = frozenset(
    {
        F.EFFUSION,
        F.PNEUMOTHORAX,
        F.PLEURAL_THICKENING,
        F.EDEMA,
        F.EMPHYSEMA,
        F.ATELECTASIS,
        F.INTERSTITIAL_DISEASE,
        F.PNEUMONIA,
        F.HEART_FAILURE,
        F.CARDIOMEGALY,
        F.AORTIC_ENLARGEMENT,
        F.MEDIASTINAL_SHIFT,
        F.ELEVATED_DIAPHRAGM,
        F.SCOLIOSIS,
    }
)
"""What has a degree. Of nodules and scars "few", "many" and "small" are number and size, and may all be true."""

FOCAL_LESIONS = frozenset({F.CONSOLIDATION, F.OPACITY, F.INFILTRATE, F.NODULE, F.MASS, F.CAVITY, F.CONTUSION})

DENIED_BY = {
    # What a general negative covers. "The bones are normal" is written of ribs and clavicles, beside a bent spine.
    F.ABNORMALITY: frozenset(F) - DEVICES - BONES - INCIDENTAL.keys(),
    F.LUNG_LESION: FOCAL_LESIONS,
    F.BONE_LESION: frozenset({F.RIB_FRACTURE, F.CLAVICLE_FRACTURE}),
    F.DEVICE: DEVICES,
}
"""What must not be present where the general term is denied, besides what bears the same name."""
