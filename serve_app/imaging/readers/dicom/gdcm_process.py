"""Decodes one frame with GDCM in a process of its own: frame on standard input, samples on standard output.

Run as a script, with the frame's shape as JSON and the seconds and bytes it may take. GDCM ends its whole process
on some damaged frames (an uncaught C++ exception), and holds Python's lock all the while: neither must reach us.
Ends with 65 where the frame is at fault; with Python's own 1 it never came to look at it.
"""

import json
import resource
import sys
from typing import Any

import gdcm  # type: ignore[import-untyped]

_BAD_FRAME = 65


def main() -> None:
    """Decode standard input."""
    shape, limit_s, limit_bytes = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for kind, limit in ((resource.RLIMIT_CPU, limit_s), (resource.RLIMIT_AS, limit_bytes), (resource.RLIMIT_CORE, 0)):
        _limit(kind, limit)
    frame = sys.stdin.buffer.read()
    try:
        # GDCM gives char* as str; this is how its bytes come back.
        samples = _image(frame, shape).GetBuffer().encode("utf-8", "surrogateescape")
    except Exception:  # noqa: BLE001 - the frame's: ending with Python's own 1 would have its client send it again
        sys.exit(_BAD_FRAME)
    sys.stdout.buffer.write(samples)


def _limit(kind: int, limit: int) -> None:
    """Set a limit; where a lower one is imposed on us already, that one stays."""
    hard = resource.getrlimit(kind)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


def _image(frame: bytes, shape: dict[str, Any]) -> "gdcm.Image":
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((shape["columns"], shape["rows"], 1))
    image.SetDataElement(element)
    photometric = gdcm.PhotometricInterpretation.GetPIType(shape["photometric"])
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(photometric))
    if shape["samples"] != 1:
        image.SetPlanarConfiguration(shape["planar"])
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(shape["syntax"])))
    bits = shape["bits_allocated"], shape["bits_stored"], shape["bits_stored"] - 1
    image.SetPixelFormat(gdcm.PixelFormat(shape["samples"], *bits, shape["is_signed"]))
    return image


if __name__ == "__main__":
    main()
