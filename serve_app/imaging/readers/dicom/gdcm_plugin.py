"""A decoder plugin for pydicom that runs GDCM in a process of its own, with a limit on time and memory.

Source: pydicom's own gdcm plugin, for which settings suit which syntax.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydicom import uid
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner

from serve_app.domain.errors import Unavailable

LABEL = "gdcm-process"
SYNTAXES = (
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
)
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("gdcm>=3.0.10",))
_SCRIPT = Path(__file__).parent / "gdcm_process.py"
# Python's own failures and a shell's: the script did not get as far as the frame.
_NEVER_STARTED = frozenset({1, 2, 126, 127})
_PROCESS_BYTES = 512_000_000
# GDCM keeps the samples, a copy, and the same as text of up to four bytes a byte.
_BYTES_A_SAMPLE_BYTE = 12


def register() -> None:
    """Make the plugin known to pydicom."""
    for syntax in SYNTAXES:
        get_decoder(syntax).add_plugin(LABEL, (__name__, "decode_frame"))


def is_available(syntax: str) -> bool:
    """Tell pydicom that the plugin reads a syntax."""
    return syntax in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame; the option `limit_s` is the time it may take.

    pydicom makes one error of whatever is raised here: what is not the frame's fault is also appended to the option
    `failures`, as Unavailable.

    Raises:
        ValueError: GDCM cannot decode it, or not within its limits. Of a JPEG Lossless frame that is cut short but
            properly ended it makes the missing rows black, and says nothing.
    """
    bits_stored = runner.bits_stored
    if runner.transfer_syntax in uid.JPEGLSTransferSyntaxes:
        # Samples come colour by pixel, in the container that the codestream's precision needs.
        bits_stored = int(runner.get_option("jls_precision", bits_stored))
        runner.set_option("planar_configuration", 0)
        runner.set_option("bits_allocated", 8 if bits_stored <= 8 else 16)
    shape: dict[str, Any] = {
        "rows": runner.rows,
        "columns": runner.columns,
        "samples": runner.samples_per_pixel,
        "planar": runner.planar_configuration if runner.samples_per_pixel > 1 else 0,
        "photometric": str(runner.photometric_interpretation),
        "syntax": str.__str__(runner.transfer_syntax),
        "bits_allocated": runner.bits_allocated,
        "bits_stored": bits_stored,
        "is_signed": runner.pixel_representation,
    }
    num_bytes = runner.rows * runner.columns * runner.samples_per_pixel * runner.bits_allocated // 8
    try:
        return _run(frame, shape, float(runner.get_option("limit_s", 20)), num_bytes)
    except Unavailable as failure:
        runner.get_option("failures", []).append(failure)
        raise


def _run(frame: bytes, shape: dict[str, Any], limit_s: float, num_bytes: int) -> bytes:
    limits = str(max(1, round(limit_s))), str(_PROCESS_BYTES + _BYTES_A_SAMPLE_BYTE * num_bytes)
    command = [sys.executable, "-I", str(_SCRIPT), json.dumps(shape), *limits]
    try:
        done = subprocess.run(command, input=frame, capture_output=True, timeout=limit_s, check=True)
    except subprocess.CalledProcessError as ended:
        if ended.returncode in _NEVER_STARTED:
            raise _unavailable() from None
        raise ValueError("GDCM cannot decode this frame") from None
    except subprocess.TimeoutExpired:
        raise ValueError("GDCM cannot decode this frame in time") from None
    except OSError:
        raise _unavailable() from None
    # GDCM may fill up an odd number of bytes.
    if len(done.stdout) not in (num_bytes, num_bytes + num_bytes % 2):
        raise ValueError("GDCM decoded another number of samples than the frame declares")
    return done.stdout[:num_bytes]


def _unavailable() -> Unavailable:
    return Unavailable("the decoder for this DICOM transfer syntax could not be started")
