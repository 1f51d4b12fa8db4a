"""What a drawn film can show. Sides are the patient's: the right lung lies on the image's left."""

from enum import StrEnum


class Side(StrEnum):
    RIGHT = "right"
    LEFT = "left"


class Finding(StrEnum):
    """One fact of a film, in the order in which reports tell them."""

    CONSOLIDATION_RIGHT = "consolidation-right"
    NODULE_RIGHT = "nodule-right"
    CONSOLIDATION_LEFT = "consolidation-left"
    NODULE_LEFT = "nodule-left"
    EFFUSION_RIGHT_SMALL = "effusion-right-small"
    EFFUSION_RIGHT_MODERATE = "effusion-right-moderate"
    EFFUSION_RIGHT_LARGE = "effusion-right-large"
    EFFUSION_LEFT_SMALL = "effusion-left-small"
    EFFUSION_LEFT_MODERATE = "effusion-left-moderate"
    EFFUSION_LEFT_LARGE = "effusion-left-large"
    CARDIOMEGALY = "cardiomegaly"
    PACEMAKER = "pacemaker"
    STERNAL_WIRES = "sternal-wires"
