"""The form of a report: its fields, and the study that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import File, Form, UploadFile
from fastapi.exceptions import RequestValidationError

from serve_app.api.door.forms import MAX_IMAGES, read_images
from serve_app.domain.errors import InvalidStudy
from serve_app.domain.study import Patient, Study, StudyImage, parse_patient, parse_view

Image = Annotated[UploadFile, File(description="A chest X-ray: PNG, JPEG or DICOM, recognised by content.")]
SexField = Annotated[str | None, Form(description="nam or male, nữ or female, khác or other.", examples=["nam"])]
AgeField = Annotated[
    str | None,
    Form(
        description="63, 6 tháng, 3 ngày tuổi, 063Y or 006M; without a unit: years. Up to 120 years.", examples=["63"]
    ),
]
ViewField = Annotated[
    str | None,
    Form(description="The view of `image`: PA, AP, thẳng (frontal, PA or AP not known) or lateral.", examples=["PA"]),
]
ConfirmField = Annotated[
    bool,
    Form(
        default_factory=bool,
        examples=[False],
        description="I confirm that every image is a chest X-ray: go on whatever the gate says. The report records it.",
    ),
]
CorrectField = Annotated[
    bool,
    Form(
        default_factory=bool,
        examples=[False],
        description="Invert or turn an image that the gate finds inverted or rotated. The report records it.",
    ),
]
OneImage = Annotated[
    UploadFile | None, File(description="A chest X-ray: PNG, JPEG or DICOM, recognised by content. Or send `images`.")
]
Images = Annotated[
    list[UploadFile],
    File(
        default_factory=list,
        examples=[[]],
        description=f"The images of one examination, at most {MAX_IMAGES}, instead of `image`; repeat the field.",
    ),
]
ViewsField = Annotated[
    list[str],
    Form(
        default_factory=list,
        examples=[[]],
        description="The view of each of `images`, in their order; blank where it is not known.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportForm:
    """What a client sent; FastAPI fills it from the fields of the form.

    No default stands in the OpenAPI document: clients made with openapi-typescript would have to send those fields. The
    examples are what a form begins with: without them a page would begin by confirming every image.
    """

    image: OneImage = None
    images: Images
    sex: SexField = None
    age: AgeField = None
    view: ViewField = None
    views: ViewsField
    confirm: ConfirmField
    correct: CorrectField

    async def study(self, max_upload_bytes: int) -> Study:
        """Read the study.

        Raises:
            RequestValidationError: there is no image.
            BadRequest: an image is empty or too large, a word is not known, or views and images do not match.
        """
        patient = parse_patient(self.sex, self.age)
        if self.image is not None and (self.images or self.views):
            raise InvalidStudy("send image with view, or images with views, not both")
        if self.image is None and not self.images:
            raise RequestValidationError([{"type": "missing", "loc": ("body", "image"), "msg": "", "input": None}])
        files, views = ([self.image], [self.view]) if self.image is not None else (self.images, self._views())
        study = await study_of(patient, files, views, max_upload_bytes)
        permitted = (replace(image, is_confirmed=self.confirm, is_correctable=self.correct) for image in study.images)
        return replace(study, images=tuple(permitted))

    def _views(self) -> Sequence[str | None]:
        if self.view is not None or len(self.views) not in (0, len(self.images)):
            raise InvalidStudy("views must name the view of each of the images, in their order")
        return self.views or [None] * len(self.images)


async def study_of(
    patient: Patient,
    files: Sequence[UploadFile],
    views: Sequence[str | None],
    max_upload_bytes: int,
) -> Study:
    """Put images and their views into a study."""
    known = [parse_view(view) for view in views]
    data = await read_images(files, max_upload_bytes)
    return Study(tuple(map(StudyImage, data, known)), patient)
