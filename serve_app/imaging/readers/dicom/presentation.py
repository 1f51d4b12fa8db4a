"""What a DICOM file says about how its samples are to be shown: padding, modality, window, pixel shape, orientation."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from serve_app.domain.errors import CorruptImage, UploadTooLarge
from serve_app.imaging.grayscale import Rescale, Table, Window, WindowFunction
from serve_app.imaging.readers.dicom.dataset import Header
from serve_app.settings import PreprocessorSettings

_SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_MAX_ASPECT = 4.0
# Initials of the directions of PatientOrientation, by the axis they lie on.
_UPRIGHT, _FRONTAL, _LATERAL = frozenset("HF"), frozenset("LR"), frozenset("AP")
_AS_STORED = ("L", "F")


def padding(dataset: Dataset, header: Header) -> tuple[int, int] | None:
    """Read the closed range of stored values that are padding.

    Source: DICOM PS3.3 C.7.5.1.1.2.
    """
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [_signed(int(end), header.is_signed) for end in (value, value if limit is None else limit)]
    return min(ends), max(ends)


def _signed(value: int, is_signed: bool) -> int:
    """Undo an element of ambiguous VR (US or SS) that was written or read as unsigned."""
    return value - 65536 if is_signed and value > 32767 else value


def modality(dataset: Dataset, header: Header) -> Rescale | Table:
    """Choose the modality LUT, else the rescaling, else none at all."""
    if dataset.get("ModalityLUTSequence"):
        return _table(dataset.ModalityLUTSequence[0], header, header.is_signed)
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    return Rescale(slope or 1.0, intercept or 0.0)


def voi(dataset: Dataset, header: Header) -> Window | Table | None:
    """Choose the VOI LUT, else the first usable window, else none."""
    if dataset.get("VOILUTSequence"):
        has_negatives = header.is_signed or (_number(dataset, "RescaleIntercept") or 0) < 0
        return _table(dataset.VOILUTSequence[0], header, has_negatives)
    name = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    function = WindowFunction(name) if name in set(WindowFunction) else WindowFunction.LINEAR
    pairs = zip(_numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth"), strict=False)
    usable = (Window(*pair, function) for pair in pairs if _is_usable(*pair, function))
    return next(usable, None)


def _is_usable(center: float, width: float, function: WindowFunction) -> bool:
    is_wide_enough = width >= 1 if function is WindowFunction.LINEAR else width > 0
    return is_wide_enough and math.isfinite(center) and math.isfinite(width)


def _table(item: Dataset, header: Header, is_signed: bool) -> Table:
    """Read a LUT item; 8-bit entries may be packed two to a word.

    Source: DICOM PS3.3 C.11.1.1.
    """
    num_entries, first, bits = (int(value) for value in item.LUTDescriptor)
    num_entries = num_entries % 65536 or 65536
    order = ">" if header.syntax == uid.ExplicitVRBigEndian else "<"
    data = item.LUTData
    raw = data if isinstance(data, bytes) else np.asarray(data, dtype=np.int64).astype(f"{order}u2").tobytes()
    is_packed = bits == 8 and len(raw) < 2 * num_entries
    entries = np.frombuffer(raw, dtype="u1" if is_packed else f"{order}u2", count=num_entries)
    if not 8 <= bits <= 16:
        raise CorruptImage("the DICOM file holds a lookup table of impossible depth")
    return Table(_signed(first, is_signed), entries.astype(np.float64), bits)


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Read the first value of a decimal string; none where it is absent, empty or not finite."""
    values = _numbers(dataset, keyword)
    return values[0] if values and math.isfinite(values[0]) else None


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [float(part) for part in value] if hasattr(value, "__iter__") else [float(value)]


def square(pixels: NDArray[np.uint8], dataset: Dataset, settings: PreprocessorSettings) -> NDArray[np.uint8]:
    """Stretch a film whose pixels are not square along their longer side; impossible ratios are ignored.

    Source: DICOM PS3.3 C.7.6.3.1.7: the ratio is vertical to horizontal.
    """
    spacing = next((pair for keyword in _SPACINGS if len(pair := _numbers(dataset, keyword)) == 2), [1.0, 1.0])
    aspect = spacing[0] / spacing[1] if min(spacing) > 0 else 1.0
    if abs(aspect - 1) < 0.01 or not 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT:
        return pixels
    height_px, width_px = pixels.shape
    size = (width_px, round(height_px * aspect)) if aspect > 1 else (round(width_px / aspect), height_px)
    if size[0] * size[1] > settings.max_pixels:
        raise UploadTooLarge("the image has more pixels than are accepted", settings.max_pixels, "pixels")
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def upright(pixels: NDArray[np.uint8], dataset: Dataset) -> NDArray[np.uint8]:
    """Turn a film by what its file declares: feet down and, in a frontal film, the patient's left to the right.

    Lateral films keep the way they look. Where no sensible directions are declared nothing is turned.

    Source: DICOM PS3.3 C.7.6.1.1.1.
    """
    across, down = _directions(dataset)
    if is_on_its_side(dataset):
        pixels, across, down = pixels.T, down, across
    if across == "R":
        pixels = pixels[:, ::-1]
    if down == "H":
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def is_on_its_side(dataset: Dataset) -> bool:
    """Tell whether a frontal film's rows lead to head or feet, so that its width is the upright film's height."""
    return _directions(dataset)[0] in _UPRIGHT


def _directions(dataset: Dataset) -> tuple[str, str]:
    """Read where a row and a column lead to: left, right, anterior, posterior, head or feet by their initials."""
    value = dataset.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return _AS_STORED
    across, down = (str(direction)[:1] for direction in value)
    is_upright = across in _FRONTAL | _LATERAL and down in _UPRIGHT
    return (across, down) if is_upright or (across in _UPRIGHT and down in _FRONTAL) else _AS_STORED
