"""Decodes a frame with GDCM, which runs in a process of its own with a limit on time and memory."""

import json
import subprocess
import sys
from pathlib import Path

from pydicom import uid

from serve_app.domain.errors import CorruptImage, Unavailable
from serve_app.imaging.readers.dicom.dataset import Header

SYNTAXES = frozenset(
    {
        uid.JPEGExtended12Bit,
        uid.JPEGLossless,
        uid.JPEGLosslessSV1,
        uid.JPEGLSLossless,
        uid.JPEGLSNearLossless,
        uid.RLELossless,
    }
)
_SCRIPT = Path(__file__).parent / "gdcm_process.py"
# Python's own failures and a shell's: the script did not get as far as the frame.
_NEVER_STARTED = frozenset({1, 2, 126, 127})
_PROCESS_BYTES = 512_000_000
# GDCM keeps the samples, a copy, and the same as text of up to four bytes a byte.
_BYTES_A_SAMPLE_BYTE = 12


def decode_12_bit_jpeg(data: bytes, rows: int, columns: int, limit_s: float) -> bytes:
    """Decode a grey JPEG file to samples of two bytes; raises what `decode_frame` does."""
    shape = (rows, columns, 1, False, 1, 16, 12, 11)
    return decode_frame(data, Header(uid.JPEGExtended12Bit, "MONOCHROME2", *shape, is_signed=False), limit_s)


def decode_frame(frame: bytes, header: Header, limit_s: float) -> bytes:
    """Decode one frame; JPEG-LS samples come pixel by pixel, whatever the header says.

    Raises:
        CorruptImage: GDCM cannot decode it, or not within its limits. Of a JPEG Lossless frame that is cut short but
            properly ended it makes the missing rows black, and reports nothing.
        Unavailable: GDCM could not be started.
    """
    shape = {
        "rows": header.rows,
        "columns": header.columns,
        "samples": header.samples,
        "planar": int(header.is_planar),
        "photometric": header.photometric,
        "syntax": header.syntax,
        "bits_allocated": header.bits_allocated,
        "bits_stored": header.bits_stored,
        "is_signed": int(header.is_signed),
    }
    num_bytes = header.num_plane_px * header.samples * header.bits_allocated // 8
    samples = _run(frame, json.dumps(shape), limit_s, num_bytes)
    # GDCM may fill up an odd number of bytes.
    if len(samples) not in (num_bytes, num_bytes + num_bytes % 2):
        raise CorruptImage("the compressed pixels of the DICOM file do not match its header")
    return samples


def _run(frame: bytes, shape: str, limit_s: float, num_bytes: int) -> bytes:
    limits = str(max(1, round(limit_s))), str(_PROCESS_BYTES + _BYTES_A_SAMPLE_BYTE * num_bytes)
    command = [sys.executable, "-I", str(_SCRIPT), shape, *limits]
    try:
        return subprocess.run(command, input=frame, capture_output=True, timeout=limit_s, check=True).stdout
    except subprocess.CalledProcessError as ended:
        if ended.returncode in _NEVER_STARTED:
            raise _unavailable() from None
    except subprocess.TimeoutExpired:
        pass
    except OSError:
        raise _unavailable() from None
    raise CorruptImage("the compressed pixels of the DICOM file are damaged")


def _unavailable() -> Unavailable:
    return Unavailable("the decoder for this DICOM transfer syntax could not be started")
