"""The wire models: what the API answers and what its clients read."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


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


class Origin(StrEnum):
    """Who said something about the patient or an image: the client in its form, or the file itself."""

    FORM = "form"
    FILE = "file"


class SectionName(StrEnum):
    FINDINGS = "findings"
    IMPRESSION = "impression"


class SectionStatus(StrEnum):
    """Whether a section can be read as the model's whole answer."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    LOOPING = "looping"


class Body(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class OriginsBody(Body):
    """Who said each of these; null where nobody did."""

    sex: Origin | None
    age: Origin | None
    view: Origin | None


class PatientBody(Body):
    """The patient as understood; null where nothing was said."""

    sex: Sex | None
    age_years: int | None
    """Completed years: 0 in the first, whose months, weeks or days are in the first turn's question."""
    view: View | None
    """The view of the first image."""
    origins: OriginsBody


class SectionBody(Body):
    """One part of the report."""

    text: str
    """The model's answer, unchanged."""
    items: list[str]
    """The same, one statement each."""
    status: SectionStatus
    """`complete`, or why it must not be read as the model's whole answer."""


class PlaceBody(Body):
    """A passage of a section: `text[start:end]` of its text, in characters (Unicode code points)."""

    section: SectionName
    start: int
    end: int


class ConcernBody(Body):
    """What a reader should look at before believing the draft; the text itself is never changed."""

    code: str
    """Stable and machine-readable, such as `side-disagrees`."""
    severity: Literal["high", "medium", "low"]
    place: PlaceBody
    other: PlaceBody | None = None
    """The passage that `place` is held against."""


class SectionDoneBody(SectionBody):
    """The event of a finished section."""

    concerns: list[ConcernBody]
    """About this section, or about what it says of the one before it."""


class GateBody(Body):
    """What the gate said about the image being a chest X-ray."""

    outcome: Literal["pass", "confirm", "refuse", "unjudged"]
    """`unjudged`: the gate cannot judge this view, so nobody has checked that it is a chest X-ray."""
    score: float | None
    """0, surely not a chest X-ray, to 1, surely one; null where unjudged."""
    reason: str
    """A stable code."""
    overridden: bool
    """Whether the client confirmed the image, and that decided."""
    corrections: list[
        Literal[
            "borders-cropped",
            "brightness-restored",
            "contrast-restored",
            "inverted",
            "turned-left",
            "turned-right",
            "turned-around",
        ]
    ] = []
    """What was changed of the film before the gate judged it and the model got it, in this order."""
    remedy: Literal["inverted", "turned-left", "turned-right", "turned-around"] | None = None
    """The correction that would let a film that is inverted or rotated pass; null for others."""


class ImageBody(Body):
    """The image as it was sent, and the name of what the model saw of it."""

    digest: str
    """Hex SHA-256 over the prepared image."""
    format: str
    width_px: int
    height_px: int
    bits_stored: int


class ReportedImageBody(ImageBody):
    """An image with its view, its role and what the gate decided."""

    view: View | None
    view_origin: Origin | None
    role: Literal["current", "prior"]
    gate: GateBody


class TrainedOnBody(Body):
    """What the model was trained on: hold it against the images of the report."""

    views: list[str]
    """`frontal` and `lateral`; empty where the model server does not say."""
    num_images: int
    """Images of one report, at most."""


class TurnBody(Body):
    """How one turn was asked and what it cost."""

    section: SectionName
    question: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    """Tokens of the prompt that were not computed again."""
    first_token_s: float
    duration_s: float


class TimingsBody(Body):
    """Where the time went; those of the turns are with the turns."""

    preparation_s: float
    """Reading, gating and resizing the image."""
    duration_s: float
    """The whole report."""


class ReportBody(Body):
    """A draft report; a doctor must read, correct and sign it."""

    id: str
    created: datetime
    status: Literal["draft"]
    patient: PatientBody
    findings: SectionBody
    impression: SectionBody
    gate: GateBody
    turns: list[TurnBody]
    timings: TimingsBody
    model: str
    model_digest: str | None = None
    """SHA-256 of the checkpoint's files; null where the model runs on a server that does not report it."""
    prompt_version: str
    image: ImageBody
    """The first image."""
    images: list[ReportedImageBody]
    """Every image, in the order in which they were sent."""
    trained_on: TrainedOnBody
    concerns: list[ConcernBody]
    """What an automatic check of the text found; empty does not mean that the draft is right."""
    disclaimer: str


class PreparedBody(Body):
    """The first event: the images were read and let through."""

    id: str
    image: ImageBody
    """The first image, as its gate below."""
    gate: GateBody
    images: list[ReportedImageBody]
    """Every image, in the order in which they were sent."""


class DeltaBody(Body):
    """New text of a section, to be appended."""

    text: str


class V0PatientBody(Body):
    """The patient in the client's own words."""

    sex: str | None
    age: str | None


class V0TurnBody(Body):
    """One turn as the first version wrote it."""

    question: str
    answer: str
    latency: float
    """Seconds."""


class V0ReportBody(Body):
    """The answer of the first version's `POST /predict`."""

    patient_info: V0PatientBody
    turn1: V0TurnBody
    turn2: V0TurnBody
    total_latency: float
    """Seconds."""


class V0HealthBody(Body):
    """The answer of the first version's `GET /health`."""

    status: Literal["ok"] = "ok"
    message: str = "Medical VLM API is running"


class V0ErrorBody(Body):
    """An error as the first version wrote it."""

    error: str


class LivenessBody(Body):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadinessBody(Body):
    """Whether reports can be made now, and why not."""

    status: Literal["ready", "not-ready"]
    reason: str
    detail: str = ""
    """The reason as a sentence; older servers send none."""


class VersionBody(Body):
    """What reports are made with."""

    version: str
    model: str
    engine: str
    engine_version: str
    prompt_version: str
    preparation_version: str
    model_digest: str | None = None
    """As in a report."""


class Problem(Body):
    """An RFC 9457 problem document; `code` is stable, `facts` holds machine-readable extras."""

    type: str
    """`urn:clara:problem:` and the code."""
    title: str
    """The kind of problem, the same every time."""
    status: int
    """The HTTP status; repeated here because an error event of a stream has no other."""
    detail: str
    """What is wrong this time."""
    code: str
    """Stable and machine-readable."""
    request_id: str
    """The same as the header X-Request-Id."""
    facts: dict[str, str | int | float] = {}
    """What else is known, by name."""
