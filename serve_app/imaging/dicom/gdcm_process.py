"""Decodes one frame with GDCM in a process of its own: frame on standard input, samples on standard output.

Run as a script, with the frame's shape as JSON and the seconds and bytes it may take. GDCM ends its whole process
on some damaged frames (an uncaught C++ exception), and holds Python's lock all the while: neither must reach us.
"""

import json
import resource
import sys
from typing import Any

import gdcm  # type: ignore[import-untyped]


def main() -> None:
    """Decode standard input."""
    shape, limit_s, limit_bytes = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # GDCM gives char* as str; this is how its bytes come back.
    sys.stdout.buffer.write(_image(sys.stdin.buffer.read(), shape).GetBuffer().encode("utf-8", "surrogateescape"))


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
