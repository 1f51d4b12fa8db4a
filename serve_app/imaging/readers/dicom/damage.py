"""The errors that stand for a damaged DICOM file."""

import struct
import zlib

from PIL import Image
from pydicom.errors import BytesLengthException

# What pydicom and the decoders under it raise on damaged files: seen under mutation, or in their source.
PYDICOM_ERRORS = (
    AttributeError,
    BytesLengthException,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    UnboundLocalError,  # pydicom's reader after an early end of file
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
