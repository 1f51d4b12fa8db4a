"""Every error of a report, as one tree.

ClaraError
├── Unauthenticated   the caller does not prove who it is
├── Forbidden         the caller is known, but may not do this
├── NotFound          there is no such thing, or not for this caller
├── BadRequest        the input is wrong: send something else
├── Refused           the input is readable, but we decline to report on it
├── QuotaExceeded     the caller has used up what it may have: ask later
├── Unavailable       our side: the same request may work later
└── IncompleteReport  our side: the model's answer is incomplete, and the client's report format cannot show that

A message is safe to show to a client: no path, no pixel, no patient data.
Facts are positional with defaults: keyword-only ones do not survive pickling across a Ray handle.
"""

from typing import ClassVar


class ClaraError(Exception):
    """The base of every error that a client may see."""

    code: ClassVar[str] = "internal-error"

    @property
    def message(self) -> str:
        """The sentence that the client reads."""
        return str(self.args[0]) if self.args else (self.__doc__ or "").strip().splitlines()[0]

    def __str__(self) -> str:
        return self.message

    @property
    def facts(self) -> dict[str, str | int | float]:
        """Machine-readable extras for the problem document."""
        return {}


class Unauthenticated(ClaraError):
    """The request does not prove who sends it."""

    code = "unauthenticated"


class Forbidden(ClaraError):
    """The caller may not do this."""

    code = "missing-scope"

    def __init__(self, message: str = "", scope: str = "") -> None:
        super().__init__(message, scope)

    @property
    def facts(self) -> dict[str, str | int | float]:
        return {"scope": self.args[1]}


class NotFound(ClaraError):
    """There is no such thing, or not for this caller."""

    code = "not-found"


class BadRequest(ClaraError):
    """The request is malformed."""

    code = "bad-request"


class InvalidPatient(BadRequest):
    """The patient's age, sex or view is invalid."""

    code = "invalid-patient"


class InvalidStudy(BadRequest):
    """The images of the study do not form one examination."""

    code = "invalid-study"


class UnsupportedStudy(BadRequest):
    """The study is well formed, but the model was not trained on this kind of study."""

    code = "unsupported-study"


class ContradictoryStudy(BadRequest):
    """The form and the files, or two files, disagree about the patient or the view."""

    code = "contradictory-study"

    def __init__(self, message: str = "", field: str = "", other: str = "") -> None:
        super().__init__(message, field, other)

    @property
    def facts(self) -> dict[str, str | int | float]:
        return {"field": self.args[1], "other": self.args[2]}


class EmptyUpload(BadRequest):
    """The upload is empty."""

    code = "empty-upload"


class NotAnImage(BadRequest):
    """The upload is not a PNG, JPEG or DICOM file."""

    code = "not-an-image"


class CorruptImage(BadRequest):
    """The image is truncated or damaged."""

    code = "corrupt-image"


class UnsupportedImage(BadRequest):
    """The image is well formed, but its kind is not supported."""

    code = "unsupported-image"


class UnsupportedTransferSyntax(UnsupportedImage):
    """This DICOM transfer syntax is not supported."""

    code = "unsupported-transfer-syntax"

    def __init__(self, message: str = "", transfer_syntax: str = "") -> None:
        super().__init__(message, transfer_syntax)

    @property
    def facts(self) -> dict[str, str | int | float]:
        return {"transfer_syntax": self.args[1]}


class UploadTooLarge(BadRequest):
    """The upload has too many bytes, pixels or frames."""

    code = "upload-too-large"

    def __init__(self, message: str = "", limit: int = 0, unit: str = "bytes") -> None:
        super().__init__(message, limit, unit)

    @property
    def facts(self) -> dict[str, str | int | float]:
        return {"limit": self.args[1], "unit": self.args[2]}


class KeyReused(BadRequest):
    """The idempotency key was used for another request."""

    code = "key-reused"


class Refused(ClaraError):
    """The image is readable, but we do not report on it."""

    code = "refused"

    def __init__(self, message: str = "", reason: str = "", score: float = 0.0, remedy: str = "") -> None:
        super().__init__(message, reason, score, remedy)

    @property
    def remedy(self) -> str:
        """The correction that would let the image pass; empty where none is known."""
        return str(self.args[3])

    @property
    def facts(self) -> dict[str, str | int | float]:
        facts: dict[str, str | int | float] = {"reason": self.args[1], "score": self.args[2]}
        return facts | {"remedy": self.remedy} if self.remedy else facts


class NotAChestXray(Refused):
    """The image does not look like a chest X-ray."""

    code = "not-a-chest-xray"


class NeedsConfirmation(Refused):
    """The image may not be a chest X-ray: confirm it to continue."""

    code = "needs-confirmation"


class QuotaExceeded(ClaraError):
    """The caller's quota is used up."""

    code = "quota-exceeded"

    def __init__(self, message: str = "", quota: str = "", retry_after_s: int = 1) -> None:
        super().__init__(message, quota, retry_after_s)

    @property
    def retry_after_s(self) -> int:
        """Seconds until the quota allows another attempt."""
        return int(self.args[2])

    @property
    def facts(self) -> dict[str, str | int | float]:
        return {"quota": self.args[1], "retry_after_s": self.retry_after_s}


class Unavailable(ClaraError):
    """The service cannot answer now: try again later."""

    code = "unavailable"

    def __init__(self, message: str = "", retry_after_s: int = 5) -> None:
        super().__init__(message, retry_after_s)

    @property
    def retry_after_s(self) -> int:
        """Seconds to wait before a new attempt."""
        return int(self.args[1])

    @property
    def facts(self) -> dict[str, str | int | float]:
        return {"retry_after_s": self.retry_after_s}


class EngineGone(Unavailable):
    """The model engine stopped while it worked on this report."""

    code = "engine-gone"


class Overloaded(Unavailable):
    """Too many reports are waiting."""

    code = "overloaded"


class DeadlineExceeded(Unavailable):
    """The report was not finished before its deadline."""

    code = "deadline-exceeded"


class IncompleteReport(ClaraError):
    """A section of the report is incomplete."""

    code = "incomplete-report"
