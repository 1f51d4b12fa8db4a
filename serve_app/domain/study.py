"""A study: the patient, the images and what the client knows of them."""

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from serve_app.domain.errors import InvalidPatient, InvalidStudy

MAX_AGE_YEARS = 120

T = TypeVar("T")


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class View(StrEnum):
    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"


class ImageRole(StrEnum):
    """Whether the report is about an image, or compares with it."""

    CURRENT = "current"
    PRIOR = "prior"


class Origin(StrEnum):
    """Who said something about the patient or an image: the client in its form, or the file itself."""

    FORM = "form"
    FILE = "file"


# What clients write, composed (NFC) and casefolded; the Vietnamese words are those of the first version's clients.
_SEX_WORDS = {
    "nam": Sex.MALE,
    "male": Sex.MALE,
    "m": Sex.MALE,
    "nữ": Sex.FEMALE,
    "nu": Sex.FEMALE,
    "female": Sex.FEMALE,
    "f": Sex.FEMALE,
}
_VIEW_WORDS = {"pa": View.PA, "ap": View.AP, "lateral": View.LATERAL, "ll": View.LATERAL, "nghiêng": View.LATERAL}


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the patient; null where nothing is.

    Raises:
        InvalidPatient: age outside 0 to 120 years.
    """

    sex: Sex | None = None
    age_years: int | None = None

    def __post_init__(self) -> None:
        if self.age_years is not None and not 0 <= self.age_years <= MAX_AGE_YEARS:
            raise InvalidPatient(f"age must be a whole number of years from 0 to {MAX_AGE_YEARS}")


@dataclass(frozen=True, slots=True)
class StudyImage:
    """One image as it was sent; `is_confirmed`: the client says that it is a chest X-ray, whatever the gate decides."""

    data: bytes = field(repr=False)
    view: View | None = None
    role: ImageRole = ImageRole.CURRENT
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """What a report is made from. `prior_report` and `indication` are free text by the client, null where not given.

    Raises:
        InvalidStudy: no image is of the current examination.
    """

    images: tuple[StudyImage, ...]
    patient: Patient = Patient()
    prior_report: str | None = field(default=None, repr=False)
    indication: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if all(image.role is ImageRole.PRIOR for image in self.images):
            raise InvalidStudy("a study needs an image of the current examination")

    @property
    def has_prior(self) -> bool:
        """Whether there is anything to compare with."""
        return self.prior_report is not None or any(image.role is ImageRole.PRIOR for image in self.images)


def parse_patient(sex: str | None, age: str | None) -> Patient:
    """Read a patient from the words of a form; blank means unknown.

    Raises:
        InvalidPatient: a word outside the accepted vocabulary. The word itself is not repeated.
    """
    return Patient(sex=_one_of(_SEX_WORDS, sex, "sex"), age_years=_whole_years(age))


def parse_view(view: str | None) -> View | None:
    """Read a projection from the word of a form; blank means unknown.

    Raises:
        InvalidPatient: a word outside the accepted vocabulary. The word itself is not repeated.
    """
    return _one_of(_VIEW_WORDS, view, "view")


def _one_of(words: dict[str, T], text: str | None, field: str) -> T | None:
    if text is None or not text.strip():
        return None
    word = unicodedata.normalize("NFC", text.strip()).casefold()
    if word not in words:
        raise InvalidPatient(f"{field} must be one of: {', '.join(words)}")
    return words[word]


def _whole_years(text: str | None) -> int | None:
    if text is None or not text.strip():
        return None
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3):
        raise InvalidPatient(f"age must be a whole number of years from 0 to {MAX_AGE_YEARS}")
    return int(digits)
