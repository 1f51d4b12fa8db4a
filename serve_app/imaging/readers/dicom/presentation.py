"""What a DICOM file says about how its samples are to be shown: padding, modality, window, pixel shape, orientation.

All of it is optional: what is unusable counts as absent.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import UploadTooLarge
from serve_app.imaging.grayscale import Rescale, Table, Window, WindowFunction
from serve_app.imaging.readers.dicom.dataset import Header
from serve_app.imaging.readers.dicom.elements import Elements
from serve_app.settings import PreprocessorSettings

_SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_MAX_ASPECT = 4.0
# Initials of the directions of PatientOrientation, by the axis they lie on.
_UPRIGHT, _FRONTAL, _LATERAL = frozenset("HF"), frozenset("LR"), frozenset("AP")
_AS_STORED = ("L", "F")


def padding(elements: Elements, header: Header) -> tuple[int, int] | None:
    """Read the closed range of stored values that are padding.

    Source: DICOM PS3.3 C.7.5.1.1.2.
    """
    value, limit = elements.integer("PixelPaddingValue"), elements.integer("PixelPaddingRangeLimit")
    if value is None:
        return None
    ends = [_signed(end, header.is_signed) for end in (value, value if limit is None else limit)]
    return min(ends), max(ends)


def _signed(value: int, is_signed: bool) -> int:
    """Read an unsigned 16-bit value as a signed one."""
    return value - 65536 if is_signed and value > 32767 else value


def modality(elements: Elements, header: Header) -> Rescale | Table:
    """Choose the modality LUT, else the rescaling, else none at all."""
    table = _table(elements, "ModalityLUTSequence", header.is_signed)
    if table is not None:
        return table
    return Rescale(elements.number("RescaleSlope") or 1.0, elements.number("RescaleIntercept") or 0.0)


def voi(elements: Elements, header: Header, modality: Rescale | Table) -> Window | Table | None:
    """Choose the VOI LUT, else the first usable window, else none.

    Source: DICOM PS3.3 C.11.2.1.1: its first input is signed as what the modality transformation puts out; a modality
    LUT puts out unsigned values.
    """
    has_negatives = isinstance(modality, Rescale) and (header.is_signed or modality.intercept < 0)
    table = _table(elements, "VOILUTSequence", has_negatives)
    if table is not None:
        return table
    name = elements.text("VOILUTFunction").upper()
    function = WindowFunction(name) if name in set(WindowFunction) else WindowFunction.LINEAR
    pairs = zip(elements.numbers("WindowCenter"), elements.numbers("WindowWidth"), strict=False)
    usable = (Window(*pair, function) for pair in pairs if _is_usable(*pair, function))
    return next(usable, None)


def _is_usable(center: float, width: float, function: WindowFunction) -> bool:
    is_wide_enough = width >= 1 if function is WindowFunction.LINEAR else width > 0
    return is_wide_enough and math.isfinite(center) and math.isfinite(width)


def _table(elements: Elements, keyword: str, is_signed: bool) -> Table | None:
    """Read the first usable LUT of a sequence."""
    tables = (_item_table(item, is_signed) for item in elements.items(keyword))
    return next((table for table in tables if table is not None), None)


def _item_table(item: Elements, is_signed: bool) -> Table | None:
    """Read a LUT item; 8-bit entries may be packed two to a word.

    Some writers declare more bits than their entries fill, or fewer: what the largest entry fills counts.

    Source: DICOM PS3.3 C.11.1.1.
    """
    descriptor, data = item.integers("LUTDescriptor"), item.value("LUTData")
    if len(descriptor) != 3:
        return None
    num_entries, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
    is_packed = bits == 8 and len(data) < 2 * num_entries
    if len(data) < num_entries * (1 if is_packed else 2):
        return None
    entries = np.frombuffer(data, "u1" if is_packed else f"{item.order}u2", count=num_entries)
    if entries.min() == entries.max():
        return None
    num_bits = max(8, int(entries.max()).bit_length())
    return Table(_signed(first, is_signed), entries.astype(np.float64), num_bits)


def square(pixels: NDArray[np.uint8], elements: Elements, settings: PreprocessorSettings) -> NDArray[np.uint8]:
    """Stretch a film whose pixels are not square along their longer side; impossible ratios are ignored.

    Source: DICOM PS3.3 C.7.6.3.1.7: the ratio is vertical to horizontal.
    """
    pairs = (elements.numbers(keyword) for keyword in _SPACINGS)
    aspect = next((pair[0] / pair[1] for pair in pairs if len(pair) == 2 and min(pair) > 0), 1.0)
    if abs(aspect - 1) < 0.01 or not 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT:
        return pixels
    height_px, width_px = pixels.shape
    size = (width_px, round(height_px * aspect)) if aspect > 1 else (round(width_px / aspect), height_px)
    if size[0] * size[1] > settings.max_pixels:
        raise UploadTooLarge("the image has too many pixels", settings.max_pixels, "pixels")
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def upright(pixels: NDArray[np.uint8], elements: Elements) -> NDArray[np.uint8]:
    """Turn a film by what its file declares: feet down and, in a frontal film, the patient's left to the right.

    Lateral films keep the way they look. Where no sensible directions are declared nothing is turned.

    Source: DICOM PS3.3 C.7.6.1.1.1.
    """
    across, down = _directions(elements)
    if is_on_its_side(elements):
        pixels, across, down = pixels.T, down, across
    if across == "R":
        pixels = pixels[:, ::-1]
    if down == "H":
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def is_on_its_side(elements: Elements) -> bool:
    """Tell whether a frontal film's rows lead to head or feet, so that its width is the upright film's height."""
    return _directions(elements)[0] in _UPRIGHT


def _directions(elements: Elements) -> tuple[str, str]:
    """Read where a row and a column lead to: left, right, anterior, posterior, head or feet by their initials."""
    directions = elements.text("PatientOrientation").split("\\")
    if len(directions) != 2:
        return _AS_STORED
    across, down = (direction.strip()[:1] for direction in directions)
    is_upright = across in _FRONTAL | _LATERAL and down in _UPRIGHT
    return (across, down) if is_upright or (across in _UPRIGHT and down in _FRONTAL) else _AS_STORED
