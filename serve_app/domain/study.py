"""A study: the patient, the images and what the client knows of them; one parser for the words of forms and tables."""

import re
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
    OTHER = "other"


class View(StrEnum):
    """The projection; FRONTAL where it is not said which of PA and AP."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"
    FRONTAL = "FRONTAL"


class AgeUnit(StrEnum):
    """The unit of an age, by its letter in DICOM's age string."""

    YEARS = "Y"
    MONTHS = "M"
    WEEKS = "W"
    DAYS = "D"


class ImageRole(StrEnum):
    """Whether the report is about an image, or compares with it."""

    CURRENT = "current"
    PRIOR = "prior"


class Origin(StrEnum):
    """Who said something about the patient or an image: the client in its form, or the file itself."""

    FORM = "form"
    FILE = "file"


_DAYS = {AgeUnit.YEARS: 365.25, AgeUnit.MONTHS: 365.25 / 12, AgeUnit.WEEKS: 7.0, AgeUnit.DAYS: 1.0}
_AGE_RULE = f"age must be years, months, weeks or days, such as 63, 6 tháng or 003D, from 0 to {MAX_AGE_YEARS} years"
# What clients and tables write, composed (NFC), casefolded and with single spaces.
_UNKNOWN_WORDS = frozenset({"", "nan", "none", "null", "na", "n/a", "unknown", "không rõ"})
_SEX_WORDS = {
    "nam": Sex.MALE,
    "male": Sex.MALE,
    "m": Sex.MALE,
    "nữ": Sex.FEMALE,
    "nu": Sex.FEMALE,
    "female": Sex.FEMALE,
    "f": Sex.FEMALE,
    "khác": Sex.OTHER,
    "khac": Sex.OTHER,
    "other": Sex.OTHER,
}
_VIEW_WORDS = {
    "pa": View.PA,
    "sau trước": View.PA,
    "ap": View.AP,
    "trước sau": View.AP,
    "lateral": View.LATERAL,
    "ll": View.LATERAL,
    "nghiêng": View.LATERAL,
    "nghieng": View.LATERAL,
    "frontal": View.FRONTAL,
    "thẳng": View.FRONTAL,
    "thang": View.FRONTAL,
}
# A group's name is the unit; years have no group. "84M" may be a man of 84: a lone letter needs DICOM's three digits.
_AGE = re.compile(
    r"(\d{1,3})(?:[.,]0+)?\s*"
    r"(?:(?P<MONTHS>months?|tháng|thang)|(?P<WEEKS>weeks?|tuần|tuan)|(?P<DAYS>days?|ngày|ngay)"
    r"|years?|yrs?|yo|y/o|y|năm|t)?(?:\s*(?:tuổi|tuoi|old))?\.?",
    re.ASCII,
)
_AGE_STRING = re.compile(r"(\d{3})(?:(?P<MONTHS>m)|(?P<WEEKS>w)|(?P<DAYS>d)|y)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Age:
    """An age as it was stated: completed years, months, weeks or days. As text it is DICOM's age string.

    Raises:
        InvalidPatient: outside 0 to 120 years.
    """

    number: int
    unit: AgeUnit = AgeUnit.YEARS

    def __post_init__(self) -> None:
        if self.number < 0 or self.years > MAX_AGE_YEARS:
            raise InvalidPatient(_AGE_RULE)

    def __str__(self) -> str:
        return f"{self.number:03}{self.unit}"

    @property
    def years(self) -> int:
        """Completed years."""
        return int(self.number * _DAYS[self.unit] / _DAYS[AgeUnit.YEARS])

    def narrowed(self, other: "Age") -> "Age | None":
        """Return the more exact of two statements about one age; null where both cannot be true."""
        finer, coarser = sorted((self, other), key=lambda age: _DAYS[age.unit])
        (first, end), (coarse_first, coarse_end) = finer._range_days, coarser._range_days
        return finer if first < coarse_end and coarse_first < end else None

    @property
    def _range_days(self) -> tuple[float, float]:
        return self.number * _DAYS[self.unit], (self.number + 1) * _DAYS[self.unit]


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the patient; null where nothing is."""

    sex: Sex | None = None
    age: Age | None = None

    @property
    def age_years(self) -> int | None:
        """Completed years."""
        return None if self.age is None else self.age.years


@dataclass(frozen=True, slots=True)
class StudyImage:
    """One image as it was sent. `is_confirmed`: the client says that it is a chest X-ray, whatever the gate decides.

    `is_correctable`: the client lets a film that is inverted or rotated be mended.
    """

    data: bytes = field(repr=False)
    view: View | None = None
    role: ImageRole = ImageRole.CURRENT
    is_confirmed: bool = False
    is_correctable: bool = False


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
    return Patient(parse_sex(sex), parse_age(age))


def parse_sex(sex: str | None) -> Sex | None:
    """Read a sex from the word of a form or table; blank, or a word for it, means unknown.

    Raises:
        InvalidPatient: a word outside the accepted vocabulary. The word itself is not repeated.
    """
    return _one_of(_SEX_WORDS, sex, "sex")


def parse_view(view: str | None) -> View | None:
    """Read a projection from the word of a form or table; blank, or a word for it, means unknown.

    Raises:
        InvalidPatient: a word outside the accepted vocabulary. The word itself is not repeated.
    """
    return _one_of(_VIEW_WORDS, view, "view")


def parse_age(age: str | None) -> Age | None:
    """Read an age: 84, 84.0, 84 tuổi, 6 tháng, 3 ngày tuổi, 063Y, 006M; blank, or a word for it, means unknown.

    Raises:
        InvalidPatient: anything else, or an age out of range. What was sent is not repeated.
    """
    word = _known_word(age)
    if word is None:
        return None
    found = _AGE_STRING.fullmatch(word) or _AGE.fullmatch(word)
    if found is None:
        raise InvalidPatient(_AGE_RULE)
    return Age(int(found[1]), AgeUnit[found.lastgroup or "YEARS"])


def _one_of(words: dict[str, T], text: str | None, field: str) -> T | None:
    word = _known_word(text)
    if word is None:
        return None
    if word not in words:
        raise InvalidPatient(f"{field} must be one of: {', '.join(words)}")
    return words[word]


def _known_word(text: str | None) -> str | None:
    word = " ".join(unicodedata.normalize("NFC", text or "").casefold().split())
    return None if word in _UNKNOWN_WORDS else word
