"""The patient and the projection: the little that may be told to the model besides the image."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from serve_app.domain.errors import InvalidPatient

MAX_AGE_YEARS = 120

T = TypeVar("T")


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class View(StrEnum):
    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"


# What clients write, composed (NFC) and casefolded; the Vietnamese words are the ones the seed's clients sent.
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
    """What is known of the patient; every field may be unknown.

    Raises:
        InvalidPatient: age outside 0 to 120 years.
    """

    sex: Sex | None = None
    age_years: int | None = None
    view: View | None = None

    def __post_init__(self) -> None:
        if self.age_years is not None and not 0 <= self.age_years <= MAX_AGE_YEARS:
            raise InvalidPatient(f"age must be a whole number of years from 0 to {MAX_AGE_YEARS}")


def parse_patient(sex: str | None, age: str | None, view: str | None) -> Patient:
    """Read a patient from the words of a form; blank means unknown.

    Raises:
        InvalidPatient: a word outside the accepted vocabulary. The word itself is not repeated.
    """
    return Patient(
        sex=_one_of(_SEX_WORDS, sex, "sex"), age_years=_whole_years(age), view=_one_of(_VIEW_WORDS, view, "view")
    )


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
