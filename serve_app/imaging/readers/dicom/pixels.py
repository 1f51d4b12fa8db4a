"""DICOM pixel data to stored samples: which decoder reads what, and what is refused before it decodes."""

import io
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.encaps import get_frame

from serve_app.domain.errors import CorruptImage, UnsupportedImage, UnsupportedTransferSyntax
from serve_app.imaging.picture import strips
from serve_app.imaging.readers.codestream import Codestream, read_codestream
from serve_app.imaging.readers.dicom import gdcm_decoder
from serve_app.imaging.readers.dicom.dataset import Header
from serve_app.imaging.readers.dicom.elements import Elements
from serve_app.imaging.readers.jpeg import jpeg_samples, least_side_px
from serve_app.settings import PreprocessorSettings

Samples = NDArray[np.integer]

_NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
_J2K_SYNTAXES = frozenset({uid.JPEG2000, uid.JPEG2000Lossless})
_JPEG_LS_SYNTAXES = frozenset({uid.JPEGLSLossless, uid.JPEGLSNearLossless})
# What is coded by cosine transformation.
COSINE_SYNTAXES = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit})
# JPEG 2000 takes seconds for ten megapixels, and JPEG in colour hundreds of megabytes: a larger film is decoded at half
# its size or less.
_MAX_WHOLE_PX = 10_000_000
# A cosine transformation of eight by eight samples.
_MAX_JPEG_HALVINGS = 3
# Adobe's marker: the colours are not transformed (ITU-T T.872 6.5.3). A marker of the frame's own counts more.
_PLAIN_COLOURS = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"


def decode_samples(elements: Elements, header: Header, settings: PreprocessorSettings) -> Samples:
    """Decode the first frame: shape (rows, columns) or (rows, columns, 3); a large JPEG at a half or less of both.

    Colours are as the header names them; those of `COSINE_SYNTAXES` are RGB.

    Raises:
        CorruptImage: truncated or damaged, or a codestream of another size than the header declares.
        UnsupportedImage: there is no decoder for it.
        Unavailable: the decoder's process could not be started.
    """
    if header.syntax in _NATIVE:
        return _native(elements, header)
    if header.syntax not in COSINE_SYNTAXES | _J2K_SYNTAXES | gdcm_decoder.SYNTAXES:
        raise _unsupported_syntax(header.syntax)
    frame = _first_frame(elements, header)
    if header.syntax == uid.RLELossless:
        if header.samples > 1 and header.bits_allocated > 8:
            # GDCM mixes the bytes of the three up.
            raise UnsupportedImage("DICOM run-length pixels in colour of 16 bits are not supported; send 8 bits")
        return _by_gdcm(frame, header, settings.decode_timeout_s)
    codestream = read_codestream(frame)
    if codestream is None or (codestream.width_px, codestream.height_px) != (header.columns, header.rows):
        raise CorruptImage("the compressed pixels of the DICOM file do not match its header")
    if header.syntax in COSINE_SYNTAXES and codestream.bits == 8:
        return _cosine(frame, header, settings)
    if header.syntax in _J2K_SYNTAXES:
        return _jpeg2000(frame, header, codestream, settings)
    if header.syntax in _JPEG_LS_SYNTAXES:
        # Samples come colour by pixel, in the container that the codestream's precision needs, and never signed.
        bits = codestream.bits
        header = replace(header, bits_stored=bits, bits_allocated=8 if bits <= 8 else 16, is_planar=False)
    return _by_gdcm(frame, header, settings.decode_timeout_s)


def _unsupported_syntax(syntax: str) -> UnsupportedTransferSyntax:
    name = uid.UID_dictionary[syntax][0] if syntax in uid.UID_dictionary else "unknown"
    number = syntax if re.fullmatch(r"[0-9.]{1,64}", syntax) else "malformed"
    return UnsupportedTransferSyntax(f"no decoder is installed for the DICOM transfer syntax {name} ({number})", number)


def _native(elements: Elements, header: Header) -> Samples:
    is_subsampled = header.photometric == "YBR_FULL_422"
    num_bytes = header.num_plane_px * (2 if is_subsampled else header.samples) * header.bits_allocated // 8
    stored = _native_bytes(elements, num_bytes)
    if len(stored) < num_bytes:
        raise CorruptImage("the DICOM file is truncated")
    element = elements.get("PixelData")
    if elements.order == ">" and header.bits_allocated == 8 and element is not None and element.vr == b"OW":
        swapped = np.frombuffer(stored, np.uint16, count=-(-num_bytes // 2)).byteswap()
        samples: Samples = swapped.view(np.uint8)[:num_bytes]
    else:
        samples = np.frombuffer(stored[:num_bytes], f"{elements.order}u{header.bits_allocated // 8}")
    if is_subsampled:
        # DICOM PS3.3 C.7.6.3.1.2: two lumas, then the blue and the red that they share.
        return samples.reshape(-1, 4)[:, [0, 2, 3, 1, 2, 3]].reshape(header.rows, header.columns, 3)
    return _shaped(samples, header)


def _native_bytes(elements: Elements, num_bytes: int) -> bytes | memoryview:
    """Return the pixels without the headers of the items that some writers put around native ones."""
    fragments = elements.fragments("PixelData")
    if fragments is None:
        return elements.value("PixelData")
    without_offsets = b"".join(fragments[1:])
    return without_offsets if len(without_offsets) >= num_bytes else b"".join(fragments)


def _shaped(samples: Samples, header: Header) -> Samples:
    """View the samples of a frame as (rows, columns) or (rows, columns, 3)."""
    if header.samples == 1:
        return samples.reshape(header.rows, header.columns)
    if header.is_planar:
        return samples.reshape(3, header.rows, header.columns).transpose(1, 2, 0)
    return samples.reshape(header.rows, header.columns, 3)


def _first_frame(elements: Elements, header: Header) -> bytes:
    """Return the first frame's codestream. A single frame is all fragments, whatever the offset table says."""
    fragments = elements.fragments("PixelData")
    if elements.is_cut:
        raise CorruptImage("the DICOM file is truncated")
    if fragments is None:
        raise CorruptImage("the DICOM file is damaged: its compressed pixels are not made of items")
    if header.frames == 1:
        return b"".join(fragments[1:] or fragments)
    return get_frame(bytes(elements.value("PixelData")), 0, number_of_frames=header.frames)


def _cosine(frame: bytes, header: Header, settings: PreprocessorSettings) -> Samples:
    size_px = _halved_px(header, _num_halvings(header, _MAX_JPEG_HALVINGS, settings))
    if header.samples == 1:
        return jpeg_samples(frame, "L", size_px)
    if header.photometric == "RGB":
        plain = frame[:2] + _PLAIN_COLOURS + frame[2:]
        eighth = jpeg_samples(plain, "RGB", _halved_px(header, _MAX_JPEG_HALVINGS))
        first, second, third = np.moveaxis(eighth.astype(np.int16), 2, 0)
        # Where the frame's own markers do not decide, films do, which are grey: colours are all alike, or all 128.
        num_off_luma = np.abs(second - first).mean() + np.abs(third - first).mean()
        num_off_centre = np.abs(second - 128).mean() + np.abs(third - 128).mean()
        frame = plain if num_off_luma <= num_off_centre else frame
    return jpeg_samples(frame, "RGB", size_px)


def _jpeg2000(frame: bytes, header: Header, codestream: Codestream, settings: PreprocessorSettings) -> Samples:
    num_halvings = _num_halvings(header, codestream.num_halvings, settings)
    with Image.open(io.BytesIO(frame), formats=("JPEG2000",)) as image:
        image.reduce = num_halvings  # type: ignore[method-assign,assignment]
        samples = np.asarray(image)
    if samples.ndim == 3:
        return samples
    # Pillow shifts samples up to fill 8 or 16 bits, and signed ones until the least is zero.
    patterns = samples >> (8 * samples.dtype.itemsize - codestream.bits)
    if codestream.is_signed:
        patterns ^= np.array(1 << (codestream.bits - 1), samples.dtype)
    return _signed(patterns, codestream.bits) if header.is_signed else patterns


def _halved_px(header: Header, num_halvings: int) -> tuple[int, int]:
    return -(-header.columns >> num_halvings), -(-header.rows >> num_halvings)


def _num_halvings(header: Header, most: int, settings: PreprocessorSettings) -> int:
    least_px = least_side_px(header.columns, header.rows, settings.max_visual_tokens)
    num_halvings = 0
    while (
        num_halvings < most
        and header.num_plane_px >> 2 * num_halvings > _MAX_WHOLE_PX
        and min(header.columns, header.rows) >> num_halvings + 1 >= least_px
    ):
        num_halvings += 1
    return num_halvings


def _by_gdcm(frame: bytes, header: Header, limit_s: float) -> Samples:
    try:
        decoded = gdcm_decoder.decode_frame(frame, header, limit_s)
    except CorruptImage:
        if header.syntax in COSINE_SYNTAXES:
            # GDCM does not read all that the standard allows, and does not tell that from damage.
            raise _unsupported_syntax(header.syntax) from None
        raise
    samples = _shaped(np.frombuffer(decoded, f"<u{header.bits_allocated // 8}"), header)
    if not header.is_signed:
        return samples
    return _signed(samples, header.bits_stored if header.syntax in _JPEG_LS_SYNTAXES else header.bits_allocated)


def _signed(patterns: Samples, bits: int) -> Samples:
    """Read the lowest bits of unsigned samples as two's complement."""
    shift = 8 * patterns.dtype.itemsize - bits
    signed: Samples = (patterns << shift).view(f"i{patterns.dtype.itemsize}") >> shift
    return signed


def aligned(samples: Samples, header: Header) -> Samples:
    """Bring stored samples into the range that BitsStored declares, whatever lies in the unused bits.

    Source: DICOM PS3.5 8.1.1.
    """
    num_values = 1 << header.bits_stored
    lowest = -num_values // 2 if header.is_signed else 0
    highest = lowest + num_values - 1
    values = np.empty(samples.shape, np.int16 if header.is_signed else np.uint16)
    for rows in strips(*samples.shape):
        strip = samples[rows].astype(np.int32)
        if header.syntax not in _NATIVE | {uid.RLELossless}:
            values[rows] = np.clip(strip, lowest, highest)
            continue
        bits = (strip >> (header.high_bit + 1 - header.bits_stored)) & (num_values - 1)
        values[rows] = np.where(bits > highest, bits - num_values, bits)
    return values
