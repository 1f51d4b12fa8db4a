"""The atomic facts of a chest X-ray report: what it states as seen or not seen, on which side, where, how much.

The order of an enum's members carries no meaning; regions of the chest are named sets.
"""

from dataclasses import dataclass
from enum import StrEnum


class Finding(StrEnum):
    """What a fact is about."""

    OPACITY = "opacity"
    CONSOLIDATION = "consolidation"
    INFILTRATE = "infiltrate"
    NODULE = "nodule"
    MASS = "mass"
    CAVITY = "cavity"
    CYST = "cyst"
    CALCIFICATION = "calcification"
    FIBROSIS = "fibrosis"
    ATELECTASIS = "atelectasis"
    INTERSTITIAL_DISEASE = "interstitial-disease"
    EDEMA = "edema"
    EMPHYSEMA = "emphysema"
    BRONCHIAL_THICKENING = "bronchial-thickening"
    BRONCHIECTASIS = "bronchiectasis"
    HILAR_ENLARGEMENT = "hilar-enlargement"
    CONTUSION = "contusion"
    LUNG_LESION = "lung-lesion"
    PNEUMONIA = "pneumonia"
    TUBERCULOSIS = "tuberculosis"
    BRONCHITIS = "bronchitis"
    COPD = "copd"
    LUNG_TUMOR = "lung-tumor"
    MALIGNANCY = "malignancy"
    EFFUSION = "effusion"
    PNEUMOTHORAX = "pneumothorax"
    PLEURAL_THICKENING = "pleural-thickening"
    ELEVATED_DIAPHRAGM = "elevated-diaphragm"
    PNEUMOPERITONEUM = "pneumoperitoneum"
    CARDIOMEGALY = "cardiomegaly"
    HEART_FAILURE = "heart-failure"
    AORTIC_ENLARGEMENT = "aortic-enlargement"
    AORTIC_CALCIFICATION = "aortic-calcification"
    PULMONARY_ARTERY_ENLARGEMENT = "pulmonary-artery-enlargement"
    MEDIASTINAL_SHIFT = "mediastinal-shift"
    MEDIASTINAL_WIDENING = "mediastinal-widening"
    PNEUMOMEDIASTINUM = "pneumomediastinum"
    LYMPHADENOPATHY = "lymphadenopathy"
    SUBCUTANEOUS_EMPHYSEMA = "subcutaneous-emphysema"
    RIB_FRACTURE = "rib-fracture"
    CLAVICLE_FRACTURE = "clavicle-fracture"
    SCOLIOSIS = "scoliosis"
    SPINAL_DEGENERATION = "spinal-degeneration"
    BONE_LESION = "bone-lesion"
    PACEMAKER = "pacemaker"
    STERNAL_WIRES = "sternal-wires"
    PROSTHETIC_VALVE = "prosthetic-valve"
    CENTRAL_VENOUS_CATHETER = "central-venous-catheter"
    ENDOTRACHEAL_TUBE = "endotracheal-tube"
    TRACHEOSTOMY_TUBE = "tracheostomy-tube"
    NASOGASTRIC_TUBE = "nasogastric-tube"
    CHEST_TUBE = "chest-tube"
    MALPOSITIONED_TUBE = "malpositioned-tube"
    DEVICE = "device"
    ABNORMALITY = "abnormality"

    @property
    def is_device(self) -> bool:
        """Whether it was put into the patient."""
        return self in DEVICES


LUNG_SIGNS = frozenset(
    {
        Finding.OPACITY,
        Finding.CONSOLIDATION,
        Finding.INFILTRATE,
        Finding.NODULE,
        Finding.MASS,
        Finding.CAVITY,
        Finding.CYST,
        Finding.CALCIFICATION,
        Finding.FIBROSIS,
        Finding.ATELECTASIS,
        Finding.INTERSTITIAL_DISEASE,
        Finding.EDEMA,
        Finding.EMPHYSEMA,
        Finding.BRONCHIAL_THICKENING,
        Finding.BRONCHIECTASIS,
        Finding.HILAR_ENLARGEMENT,
        Finding.CONTUSION,
        Finding.LUNG_LESION,
    }
)
"""What the film shows of the lungs, before a diagnosis names its cause."""
LUNG_DISEASES = frozenset(
    {
        Finding.PNEUMONIA,
        Finding.TUBERCULOSIS,
        Finding.BRONCHITIS,
        Finding.COPD,
        Finding.LUNG_TUMOR,
        Finding.MALIGNANCY,
    }
)
LUNGS = LUNG_SIGNS | LUNG_DISEASES
PLEURA = frozenset({Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING})
DIAPHRAGM = frozenset({Finding.ELEVATED_DIAPHRAGM, Finding.PNEUMOPERITONEUM})
HEART_AND_MEDIASTINUM = frozenset(
    {
        Finding.CARDIOMEGALY,
        Finding.HEART_FAILURE,
        Finding.AORTIC_ENLARGEMENT,
        Finding.AORTIC_CALCIFICATION,
        Finding.PULMONARY_ARTERY_ENLARGEMENT,
        Finding.MEDIASTINAL_SHIFT,
        Finding.MEDIASTINAL_WIDENING,
        Finding.PNEUMOMEDIASTINUM,
        Finding.LYMPHADENOPATHY,
    }
)
CHEST_WALL = frozenset({Finding.SUBCUTANEOUS_EMPHYSEMA})
BONES = frozenset(
    {
        Finding.RIB_FRACTURE,
        Finding.CLAVICLE_FRACTURE,
        Finding.SCOLIOSIS,
        Finding.SPINAL_DEGENERATION,
        Finding.BONE_LESION,
    }
)
DEVICES = frozenset(
    {
        Finding.PACEMAKER,
        Finding.STERNAL_WIRES,
        Finding.PROSTHETIC_VALVE,
        Finding.CENTRAL_VENOUS_CATHETER,
        Finding.ENDOTRACHEAL_TUBE,
        Finding.TRACHEOSTOMY_TUBE,
        Finding.NASOGASTRIC_TUBE,
        Finding.CHEST_TUBE,
        Finding.MALPOSITIONED_TUBE,
        Finding.DEVICE,
    }
)
WHOLE_FILM = frozenset({Finding.ABNORMALITY})
REGIONS = (LUNGS, PLEURA, DIAPHRAGM, HEART_AND_MEDIASTINUM, CHEST_WALL, BONES, DEVICES, WHOLE_FILM)
"""Every finding belongs to exactly one."""


class Polarity(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


class Side(StrEnum):
    """The patient's side: the right lung lies on the image's left."""

    RIGHT = "right"
    LEFT = "left"
    BILATERAL = "bilateral"


class Location(StrEnum):
    APEX = "apex"
    UPPER = "upper"
    MIDDLE = "middle"
    LOWER = "lower"
    BASE = "base"
    HILUM = "hilum"
    PERIPHERY = "periphery"
    DIFFUSE = "diffuse"


class Severity(StrEnum):
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic fact; None: the report does not say."""

    finding: Finding
    polarity: Polarity = Polarity.PRESENT
    side: Side | None = None
    location: Location | None = None
    severity: Severity | None = None


TextRange = tuple[int, int]
"""Start and end of a passage of a text, in characters: `text[start:end]`."""


@dataclass(frozen=True, slots=True)
class LocatedFact:
    """A fact and where a text states it: the sentence, and each mention of it there, in reading order."""

    fact: Fact
    sentence: TextRange
    mentions: tuple[TextRange, ...]
