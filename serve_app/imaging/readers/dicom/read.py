"""A DICOM file to a picture: CR, DX for presentation and secondary capture."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import CorruptImage
from serve_app.domain.radiograph import Source
from serve_app.imaging.grayscale import Stored, display
from serve_app.imaging.picture import Picture, luma_and_colour
from serve_app.imaging.readers.dicom.dataset import COLOURS, Header, check_kind, check_limits, parse, read_header
from serve_app.imaging.readers.dicom.elements import Elements
from serve_app.imaging.readers.dicom.identity import read_attributes, read_reference
from serve_app.imaging.readers.dicom.pixels import COSINE_SYNTAXES, Samples, aligned, decode_samples
from serve_app.imaging.readers.dicom.presentation import is_on_its_side, modality, padding, square, upright, voi
from serve_app.imaging.readers.dicom.shutter import shuttered
from serve_app.imaging.readers.opening import DECODER_ERRORS
from serve_app.settings import PreprocessorSettings


def read_dicom(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read a radiograph as it is meant to be displayed, upright and with square pixels.

    Raises:
        NotAnImage: DICOM without a picture.
        CorruptImage, UnsupportedImage, UnsupportedTransferSyntax, UploadTooLarge: see `decode`.

    Source: DICOM PS3.3 C.7.6.1.1.1, C.7.6.3, C.7.6.11, C.11.1, C.11.2; PS3.4 N.2.
    """
    try:
        elements, syntax = parse(data, settings)
        check_kind(elements)
        header = read_header(elements, syntax)
        check_limits(header, settings)
        picture = _picture(elements, header, settings)
        return replace(picture, attributes=read_attributes(elements), reference=read_reference(elements))
    except DECODER_ERRORS:
        raise CorruptImage("the DICOM file is truncated or damaged") from None


def _picture(elements: Elements, header: Header, settings: PreprocessorSettings) -> Picture:
    samples = decode_samples(elements, header, settings)
    is_coloured = header.photometric in COLOURS
    shown, colour_ratio = _coloured(samples, header) if is_coloured else (_grey(samples, elements, header), 0.0)
    shown = upright(square(shuttered(shown, elements, header), elements, settings), elements)
    size_px = header.columns, header.rows
    source = Source("DICOM", *(size_px[::-1] if is_on_its_side(elements) else size_px), header.bits_stored)
    return Picture(shown, source, colour_ratio)


def _grey(samples: Samples, elements: Elements, header: Header) -> NDArray[np.uint8]:
    stored = Stored(header.bits_stored, header.is_signed, padding(elements, header))
    is_inverted = header.photometric == "MONOCHROME1" or elements.text("PresentationLUTShape") == "INVERSE"
    transformation = modality(elements, header)
    return display(aligned(samples, header), stored, transformation, voi(elements, header, transformation), is_inverted)


def _coloured(samples: Samples, header: Header) -> tuple[NDArray[np.uint8], float]:
    num_surplus_bits = max(0, header.bits_stored - 8) if samples.dtype.itemsize > 1 else 0
    pixels = np.ascontiguousarray(samples >> num_surplus_bits, np.uint8)
    is_ybr = header.photometric in ("YBR_FULL", "YBR_FULL_422") and header.syntax not in COSINE_SYNTAXES
    mode, size_px = "YCbCr" if is_ybr else "RGB", pixels.shape[1::-1]
    luma, colour_ratio = luma_and_colour(Image.frombuffer(mode, size_px, pixels, "raw", mode, 0, 1).convert("RGB"))
    # A shutter is drawn into it.
    return luma if luma.flags.writeable else luma.copy(), colour_ratio
