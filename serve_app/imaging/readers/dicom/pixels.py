"""DICOM pixel data to stored samples: which decoder reads what, and what is refused before it decodes."""

import re
import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder

from serve_app.domain.errors import CorruptImage, Unavailable, UnsupportedTransferSyntax
from serve_app.imaging.readers.codestream import read_codestream
from serve_app.imaging.readers.dicom import gdcm_plugin
from serve_app.imaging.readers.dicom.dataset import Header
from serve_app.imaging.readers.jpeg import jpeg_samples

_NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
_PILLOW_SYNTAXES = frozenset({uid.JPEGBaseline8Bit, uid.JPEG2000, uid.JPEG2000Lossless})
_GDCM_SYNTAXES = frozenset(gdcm_plugin.SYNTAXES)
# What is coded by cosine transformation, of eight bits a sample.
_COSINE_SYNTAXES = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit})
# An encoder may pad a run-length segment to an even length; nothing needs more than this.
_RLE_PADDING_PX = 256
_PILLOW = "pillow"
gdcm_plugin.register()


def check_pixel_data(dataset: Dataset, header: Header) -> None:
    """Refuse syntaxes without a decoder, codestreams of another size than declared, and parts of a JPEG."""
    if header.syntax in _NATIVE:
        return
    if header.syntax not in _PILLOW_SYNTAXES | _GDCM_SYNTAXES | {uid.RLELossless}:
        raise _unsupported_syntax(header.syntax)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=header.frames)
    if header.syntax == uid.RLELossless:
        _check_rle(frame, header)
        return
    codestream = read_codestream(frame)
    if codestream is None or (codestream.width_px, codestream.height_px) != (header.columns, header.rows):
        raise CorruptImage("the compressed pixels of the DICOM file do not fit its header")
    if header.syntax == uid.JPEGExtended12Bit and max(codestream.bits, header.bits_stored) > 8:
        raise _unsupported_syntax(header.syntax)
    if header.syntax in _COSINE_SYNTAXES:
        # Pillow and GDCM would fill up what is missing; at an eighth of its size a frame is read just as far.
        eighth = -(-header.columns // 8), -(-header.rows // 8)
        jpeg_samples(frame, "L" if header.samples == 1 else "RGB", eighth)


def _unsupported_syntax(syntax: uid.UID) -> UnsupportedTransferSyntax:
    name = syntax.name if syntax in uid.UID_dictionary else "unknown"
    number = str(syntax) if re.fullmatch(r"[0-9.]{1,64}", syntax) else "malformed"
    return UnsupportedTransferSyntax(f"no decoder is installed for the DICOM transfer syntax {name} ({number})", number)


def _check_rle(frame: bytes, header: Header) -> None:
    """Count what run-length segments would expand to, so that two bytes cannot become gigabytes.

    Source: DICOM PS3.5 G.3.1.
    """
    num_segments, *offsets = struct.unpack_from("<16L", frame)
    bounds = [*offsets[:num_segments], len(frame)]
    for start, end in pairwise(bounds):
        position, num_decoded = start, 0
        while position < min(end, len(frame)):
            control = frame[position]
            num_decoded += 0 if control == 128 else control + 1 if control < 128 else 257 - control
            position += 1 if control == 128 else control + 2 if control < 128 else 2
            if num_decoded > header.num_plane_px + _RLE_PADDING_PX:
                raise CorruptImage("the compressed pixels of the DICOM file do not fit its header")


def decode_samples(dataset: Dataset, header: Header, limit_s: float) -> NDArray[np.integer]:
    """Decode the first frame, checked before: shape (rows, columns) or (rows, columns, 3), colours as RGB.

    Raises:
        Unavailable: the decoder's process could not be started.
    """
    is_gdcm = header.syntax in _GDCM_SYNTAXES
    plugin = gdcm_plugin.LABEL if is_gdcm else _PILLOW if header.syntax in _PILLOW_SYNTAXES else ""
    failures: list[Unavailable] = []
    options: Any = {"correct_unused_bits": False, "limit_s": limit_s, "failures": failures}
    try:
        samples, _ = get_decoder(header.syntax).as_array(dataset, index=0, decoding_plugin=plugin, **options)
    except RuntimeError:
        if failures:
            raise failures[0] from None
        raise
    return samples


def aligned(samples: NDArray[np.integer], header: Header) -> NDArray[np.integer]:
    """Bring stored samples into the range that BitsStored declares, whatever lies in the unused bits.

    Source: DICOM PS3.5 8.1.1.
    """
    num_values = 1 << header.bits_stored
    lowest = -num_values // 2 if header.is_signed else 0
    values = samples.astype(np.int32)
    if header.syntax in _PILLOW_SYNTAXES | _GDCM_SYNTAXES:
        return np.clip(values, lowest, lowest + num_values - 1)
    bits = (values >> (header.high_bit + 1 - header.bits_stored)) & (num_values - 1)
    return np.where(bits >= lowest + num_values, bits - num_values, bits)
