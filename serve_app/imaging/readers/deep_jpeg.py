"""JPEG of 12 bits a sample to a picture, by GDCM, which decodes it within DICOM too: Pillow and simplejpeg do not."""

import struct

import numpy as np

from serve_app.domain.errors import CorruptImage, UnsupportedImage
from serve_app.domain.radiograph import Source
from serve_app.imaging.picture import Picture, shown
from serve_app.imaging.readers.codestream import read_codestream
from serve_app.imaging.readers.dicom.gdcm_decoder import decode_12_bit_jpeg
from serve_app.imaging.readers.jpeg import displayed, displayed_size, looks_like_jpeg, require_end
from serve_app.imaging.readers.opening import opened
from serve_app.settings import PreprocessorSettings

_BITS = 12


def looks_like_deep_jpeg(data: bytes) -> bool:
    """Tell whether the bytes begin as a sequential grey JPEG of 12 bits a sample."""
    codestream = read_codestream(data) if looks_like_jpeg(data) else None
    return codestream is not None and _frame_header(_BITS, codestream.height_px, codestream.width_px) in data


def read_deep_jpeg(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read what `looks_like_deep_jpeg` as it would be displayed.

    Raises:
        CorruptImage, UnsupportedImage, UploadTooLarge, Unavailable: see `decode`.
    """
    require_end(data)
    codestream = read_codestream(data)
    assert codestream is not None, "looks_like_deep_jpeg has read it"
    rows, columns = codestream.height_px, codestream.width_px
    # Pillow reads everything but the samples, if the header declares 8 bits.
    plain = data.replace(_frame_header(_BITS, rows, columns), _frame_header(8, rows, columns), 1)
    with opened(plain, "JPEG", settings) as image:
        samples = np.frombuffer(_decoded(data, rows, columns, settings.decode_timeout_s), "<u2")
        pixels, coloured = displayed(shown(samples.reshape(rows, columns))[0], image)
        return Picture(pixels, Source("JPEG", *displayed_size(image), _BITS), coloured)


def _decoded(data: bytes, rows: int, columns: int, limit_s: float) -> bytes:
    try:
        return decode_12_bit_jpeg(data, rows, columns, limit_s)
    except CorruptImage:
        # GDCM does not read all that the standard allows, and does not tell that from damage.
        detail = f"JPEG with {_BITS} bits per sample is damaged, or of a kind that its decoder does not read"
        raise UnsupportedImage(f"{detail}; send 8 bits") from None


def _frame_header(bits: int, rows: int, columns: int) -> bytes:
    """Write how the frame header of a sequential grey JPEG begins (ITU-T T.81 B.2.2)."""
    return struct.pack(">HHBHHB", 0xFFC1, 11, bits, rows, columns, 1)
