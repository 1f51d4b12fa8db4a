"""A DICOM file to a picture: CR, DX for presentation and secondary capture."""

import struct
from dataclasses import replace

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from serve_app.domain.errors import CorruptImage
from serve_app.domain.radiograph import Source
from serve_app.imaging.grayscale import Stored, display
from serve_app.imaging.picture import Picture, luma_and_colour
from serve_app.imaging.readers.dicom.damage import PYDICOM_ERRORS
from serve_app.imaging.readers.dicom.dataset import COLOURS, Header, check_kind, check_limits, parse, read_header
from serve_app.imaging.readers.dicom.identity import read_attributes, read_reference
from serve_app.imaging.readers.dicom.pixels import aligned, check_pixel_data, decode_samples
from serve_app.imaging.readers.dicom.presentation import is_on_its_side, modality, padding, square, upright, voi
from serve_app.settings import PreprocessorSettings


def looks_like_dicom(data: bytes) -> bool:
    """Tell whether the bytes begin as a DICOM file, or as a bare data set without preamble."""
    if data[128:132] == b"DICM":
        return True
    if len(data) < 8:
        return False
    if data[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08") and data[4:6].isalpha() and data[4:6].isupper():
        return True
    return data[:2] == b"\x08\x00" and int(struct.unpack_from("<I", data, 4)[0]) <= len(data)


def read_dicom(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read a radiograph as it is meant to be displayed, upright and with square pixels.

    Raises:
        NotAnImage: DICOM without a picture.
        CorruptImage, UnsupportedImage, UnsupportedTransferSyntax, UploadTooLarge: see `decode`.

    Source: DICOM PS3.3 C.7.6.1.1.1, C.7.6.3, C.11.1, C.11.2; PS3.4 N.2.
    """
    try:
        dataset = parse(data, settings)
        check_kind(dataset)
        header = read_header(dataset)
        check_limits(header, settings)
        check_pixel_data(dataset, header)
        picture = _picture(dataset, header, settings)
        return replace(picture, attributes=read_attributes(dataset), reference=read_reference(dataset))
    except PYDICOM_ERRORS:
        raise CorruptImage("the DICOM file is truncated or damaged") from None


def _picture(dataset: Dataset, header: Header, settings: PreprocessorSettings) -> Picture:
    samples = decode_samples(dataset, header, settings.decode_timeout_s)
    size_px = header.columns, header.rows
    source = Source("DICOM", *(size_px[::-1] if is_on_its_side(dataset) else size_px), header.bits_stored)
    if header.photometric in COLOURS:
        picture = Image.fromarray((samples >> max(0, header.bits_stored - 8)).astype(np.uint8))
        luma, coloured = luma_and_colour(picture)
        return Picture(upright(square(luma, dataset, settings), dataset), source, coloured)
    stored = Stored(header.bits_stored, header.is_signed, padding(dataset, header))
    is_inverted = header.photometric == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE"
    stages = modality(dataset, header), voi(dataset, header)
    shown = display(aligned(samples, header), stored, *stages, is_inverted)
    return Picture(upright(square(shown, dataset, settings), dataset), source)
