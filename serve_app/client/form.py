"""The images and options of a report, and the multipart form that carries them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict

from .schemas import Sex, View

DEFAULT_DEADLINE_S = 330.0
"""Seconds that a report may take, from the connection to the last byte. The server's own limits are shorter."""

# A file's name may hold the patient's.
_FILENAME = "film"


class Readable(Protocol):
    """An open file of bytes."""

    def read(self) -> bytes: ...


ImageSource = str | os.PathLike[str] | bytes | Readable
"""A path, the bytes of a PNG, JPEG or DICOM file, or that file, open for reading bytes."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a study of several."""

    source: ImageSource
    view: View | str | None = None


class ReportOptions(TypedDict, total=False):
    """What may be given with an image; every key may be left out."""

    images: Sequence[Image]
    """Instead of the one image: those of one examination, each with its view."""
    sex: Sex | str | None
    """male or nam, female or nữ, other or khác."""
    age: int | str | None
    """Years as a number, or words with a unit: 6 tháng, 3 ngày tuổi, 006M; up to 120 years."""
    view: View | str | None
    """PA, AP, LATERAL, or FRONTAL where PA or AP is not known: the view of the one image."""
    confirm: bool
    """Vouch that this is a chest X-ray, whatever the gate says; the report records it."""
    correct: bool
    """Have an image that is inverted or rotated inverted or turned; the report records it."""
    deadline_s: float
    """Seconds for the whole call: connection, upload, wait, stream, retries. `DEFAULT_DEADLINE_S` unless given."""
    request_id: str | None
    """The id under which the server logs the call: 1 to 128 of `A-Za-z0-9._-`. Null: a fresh one."""


@dataclass(frozen=True, slots=True)
class ReportForm:
    """A multipart form as httpx and requests take it: `files` and `data`."""

    files: list[tuple[str, tuple[str, bytes]]]
    data: dict[str, str | list[str]]


def report_form(image: ImageSource | None, options: ReportOptions) -> ReportForm:
    """Read the images and write the form.

    Raises:
        TypeError: not exactly one of `image` and `images` is given, or `images` with a `view` of all.
        OSError: a file cannot be read.
    """
    images = _images(image, options)
    name = "image" if len(images) == 1 else "images"
    files = [(name, (_FILENAME, _bytes_of(one.source))) for one in images]
    return ReportForm(files, {**_patient(options), **_of_images(images)})


def _images(image: ImageSource | None, options: ReportOptions) -> list[Image]:
    images, view = list(options.get("images", ())), options.get("view")
    if (image is None) == (not images):
        raise TypeError("give either image or images")
    if images and view:
        raise TypeError("give each of the images its view")
    return images if image is None else [Image(image, view)]


def _patient(options: ReportOptions) -> dict[str, str | list[str]]:
    words = {
        "sex": options.get("sex"),
        "age": options.get("age"),
        "confirm": "true" if options.get("confirm") else None,
        "correct": "true" if options.get("correct") else None,
    }
    return {name: str(word) for name, word in words.items() if word not in (None, "")}


def _of_images(images: list[Image]) -> dict[str, str | list[str]]:
    """Write what is known of each image: beside one image its view, beside several a list as long."""
    if len(images) == 1:
        return {"view": str(images[0].view)} if images[0].view else {}
    return {"views": [str(one.view or "") for one in images]}


def _bytes_of(source: ImageSource) -> bytes:
    if isinstance(source, bytes):
        return source
    return Path(source).read_bytes() if isinstance(source, str | os.PathLike) else source.read()
