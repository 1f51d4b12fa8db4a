"""A plain PNG to its samples, by a decoder in Rust that needs a third of Pillow's time; all else is left to Pillow.

Knows nothing about limits or display: who calls has looked at the header.
"""

import struct
import zlib
from collections.abc import Iterator

from kornia_rs import io as kornia_io

from serve_app.domain.errors import CorruptImage, UnsupportedImage
from serve_app.imaging.picture import Samples

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Bits a sample, colour type, compression, filter method, interlacing; how the decoder names the channels.
_DECODERS = {
    (8, 0, 0, 0, 0): (kornia_io.decode_image_png_u8, "mono"),
    (8, 2, 0, 0, 0): (kornia_io.decode_image_png_u8, "rgb"),
    (16, 0, 0, 0, 0): (kornia_io.decode_image_png_u16, "mono"),
    (16, 2, 0, 0, 0): (kornia_io.decode_image_png_u16, "rgb"),
}
# Transparency, animation, rotation: a file with one of these may be shown otherwise than by its samples alone.
_SPECIAL_CHUNKS = frozenset({b"tRNS", b"acTL", b"eXIf"})
_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_ROTATING_TEXTS = (b"Raw profile type", b"XML:com.adobe.xmp")
# Samples of a pixel by colour type.
_NUM_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row of each of an interlaced picture's passes, and the steps between columns and between rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_WHOLE = ((0, 0, 1, 1),)
# Every chunk costs Pillow microseconds; real encoders write one for every few kilobytes.
_MAX_CHUNKS = 100_000
# Inflated in small pieces, so that a picture is counted without ever being held.
_INPUT_BYTES, _OUTPUT_BYTES = 1 << 16, 1 << 20


def plain_samples(data: bytes, size_px: tuple[int, int]) -> Samples | None:
    """Decode a whole PNG file of grey or RGB samples that are shown as they are stored.

    Args:
        data: the whole file.
        size_px: the width and height that were looked at; a file may have a second header that says otherwise.

    Returns:
        A new array, uint8 or uint16, of shape (height, width) or (height, width, 3). None for other kinds of PNG and
        for damaged ones, of which Pillow says what they are.

    Source: PNG specification, third edition, 5 and 11.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        return None
    width_px, height_px, *layout = struct.unpack(">II5B", data[16:29])
    kind = tuple(layout)
    if (width_px, height_px) != size_px or kind not in _DECODERS or any(_is_special(*chunk) for chunk in _chunks(data)):
        return None
    decode, channels = _DECODERS[kind]
    try:
        samples: Samples = decode(data, (height_px, width_px), channels)
    except BaseException as error:
        # The decoder raises plain Exception, and Pillow reads the file again. A panic in Rust is not an Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            return None
        raise
    return samples if channels == "rgb" else samples[:, :, 0]


def up_to_end(data: bytes) -> bytes:
    """Return a PNG file without what is appended to it.

    Raises:
        CorruptImage: it does not end as a PNG does.
        UnsupportedImage: too many chunks.
    """
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        length_bytes, kind = struct.unpack(">I4s", data[at : at + 8].ljust(8, b"\0"))
        at += 12 + length_bytes
        if at > len(data):
            raise CorruptImage("the PNG file is truncated")
        if kind == b"IEND":
            return data[:at]
    raise UnsupportedImage(f"PNG with more than {_MAX_CHUNKS} chunks is not supported")


def has_every_row(data: bytes, size_px: tuple[int, int]) -> bool:
    """Tell whether a PNG's compressed data hold as many bytes as its size asks for: Pillow leaves missing rows black.

    Source: PNG specification, third edition, 7.2 and 8.1.
    """
    width_px, height_px, bits, colour_type, _, _, is_interlaced = struct.unpack(">II5B", data[16:29])
    if (width_px, height_px) != size_px:
        return False
    num_due = 0
    for left, top, step_across, step_down in _PASSES if is_interlaced else _WHOLE:
        num_columns, num_rows = -(-(width_px - left) // step_across), -(-(height_px - top) // step_down)
        if num_columns > 0 and num_rows > 0:
            num_due += num_rows * (1 + (num_columns * bits * _NUM_CHANNELS[colour_type] + 7) // 8)
    return _holds(data, num_due)


def _holds(data: bytes, num_due: int) -> bool:
    inflater = zlib.decompressobj()
    num_held = 0
    for piece in _pieces(data):
        rest = piece
        while rest and not inflater.eof and num_held < num_due:
            num_held += len(inflater.decompress(rest, _OUTPUT_BYTES))
            rest = inflater.unconsumed_tail
        if inflater.eof or num_held >= num_due:
            break
    # What is left of a whole picture is not inflated; else a flush would give a few bytes at most.
    return num_held >= num_due or num_held + len(inflater.flush()) >= num_due


def _pieces(data: bytes) -> Iterator[bytes]:
    for kind, content in _chunks(data):
        if kind == b"IDAT":
            for start in range(0, len(content), _INPUT_BYTES):
                yield bytes(content[start : start + _INPUT_BYTES])


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Each chunk's type and content."""
    at = len(SIGNATURE)
    view = memoryview(data)
    while at + 8 <= len(data):
        length_bytes, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, view[at + 8 : at + 8 + length_bytes]
        at += 12 + length_bytes


def _is_special(kind: bytes, content: memoryview) -> bool:
    return kind in _SPECIAL_CHUNKS or (kind in _TEXT_CHUNKS and bytes(content[:32]).startswith(_ROTATING_TEXTS))
