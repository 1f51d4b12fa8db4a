"""Twelve-bit samples in DICOM files, and how close a decoded film must come to them."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate

from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, ramp, saved, written

SETTINGS = PreprocessorSettings()
WINDOW_12 = {"WindowCenter": 2048, "WindowWidth": 4096}


def twelve(picture: NDArray[np.uint8] | None = None) -> NDArray[np.uint16]:
    """Spread a picture over 12 bits."""
    return np.rint((ramp() if picture is None else picture) / 255 * 4095).astype(np.uint16)


def recoded(syntax: str, samples: NDArray[Any], frame: bytes, **elements: Any) -> bytes:
    """Write a file whose pixel data is a ready codestream."""
    dataset = dcmread(io.BytesIO(dicom(samples, **elements)))
    dataset.add_new("PixelData", "OB", encapsulate([frame]))
    dataset["PixelData"].is_undefined_length = True
    return written(dataset, syntax)


def jpeg2000(samples: NDArray[Any]) -> bytes:
    return saved(Image.fromarray(samples), "JPEG2000", irreversible=False, no_jp2=True)


def shown(data: bytes, settings: PreprocessorSettings = SETTINGS) -> NDArray[np.int64]:
    """Decode to signed numbers, so that differences can be taken."""
    return decode(data, settings).pixels.astype(np.int64)


def is_close(pixels: NDArray[Any], expected: NDArray[Any], tolerance: int = 1) -> bool:
    return pixels.shape == expected.shape and bool(np.abs(pixels.astype(int) - expected).max() <= tolerance)
