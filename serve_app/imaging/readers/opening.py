"""Pillow as the PNG and JPEG readers use it: one format, within the limits, its errors as ours."""

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Literal

from PIL import Image, UnidentifiedImageError

from serve_app.domain.errors import CorruptImage, UploadTooLarge
from serve_app.settings import PreprocessorSettings

EXIF_ORIENTATION = 0x0112
# What Pillow and the decoders under it were seen to raise on damaged files.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@contextlib.contextmanager
def opened(data: bytes, kind: Literal["PNG", "JPEG"], settings: PreprocessorSettings) -> Iterator[Image.Image]:
    """Open a file and read its header; what fails in the context is a damaged file.

    Raises:
        CorruptImage: truncated or damaged.
        UploadTooLarge: more pixels than `settings` allow.
    """
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            if image.width * image.height > settings.max_pixels:
                raise _too_many_pixels(settings)
            yield image
    except Image.DecompressionBombError:
        raise _too_many_pixels(settings) from None
    except DECODER_ERRORS as error:
        detail = "cannot be read" if isinstance(error, UnidentifiedImageError) else "is truncated or damaged"
        raise CorruptImage(f"the {kind} file {detail}") from None


def _too_many_pixels(settings: PreprocessorSettings) -> UploadTooLarge:
    return UploadTooLarge("the image has too many pixels", settings.max_pixels, "pixels")
