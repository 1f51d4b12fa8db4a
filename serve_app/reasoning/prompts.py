"""Every prompt, versioned: serving and training ask in the same words.

Nothing a client wrote reaches a prompt: the words come from enums and a validated number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serve_app.domain.study import Age, AgeUnit, Patient, Sex, View

_SEX: dict[Sex | None, str] = {Sex.MALE: "Nam", Sex.FEMALE: "Nữ"}
_AGE_UNIT = {AgeUnit.YEARS: "tuổi", AgeUnit.MONTHS: "tháng tuổi", AgeUnit.WEEKS: "tuần tuổi", AgeUnit.DAYS: "ngày tuổi"}
# The first version's words, which its checkpoints learned, do not tell AP from PA.
_FRONTAL, _LATERAL = "thẳng", "nghiêng"


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The words of one version. `findings` has places for projection and patient, both may be empty.

    `num_images` is how many images a checkpoint of this version saw at a time when it was trained.
    """

    version: str
    findings: str
    impression: str
    num_images: int = 1

    def findings_question(self, patient: Patient, views: Sequence[View | None] = (None,)) -> str:
        """Ask turn 1: what do the images show? Each projection is named once."""
        projections = dict.fromkeys(_LATERAL if view is View.LATERAL else _FRONTAL for view in views)
        return self.findings.format(projection=" và ".join(projections), patient=_patient_words(patient))

    def impression_question(self) -> str:
        """Ask turn 2: what follows from the findings?"""
        return self.impression


def _patient_words(patient: Patient) -> str:
    said = (_SEX.get(patient.sex), None if patient.age is None else _age_words(patient.age))
    words = ", ".join(word for word in said if word)
    return f" bệnh nhân {words}" if words else ""


def _age_words(age: Age) -> str:
    return f"{age.number} {_AGE_UNIT[age.unit]}"


PROMPTS = {
    "clara-vi-1": PromptSet(
        version="clara-vi-1",
        findings="Ảnh chụp X-ray Chụp Xquang tim phổi {projection}{patient}. Cho biết bệnh nhân bị gì?",
        impression="Kết luận từ thông tin trên bệnh nhân bị gì?",
    ),
}
