"""Bytes to the elements of a DICOM file, and what they declare about its pixels.

Of the patient only what `identity` reads is looked at; nothing of it is repeated.
"""

import zlib
from dataclasses import dataclass

from pydicom import uid

from serve_app.domain.errors import CorruptImage, NotAnImage, UnsupportedImage, UploadTooLarge
from serve_app.imaging.readers.dicom.elements import Elements, Scanner, is_vr
from serve_app.settings import PreprocessorSettings

GREYS = frozenset({"MONOCHROME1", "MONOCHROME2"})
COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_SOP_CLASSES = frozenset(
    {
        uid.ComputedRadiographyImageStorage,
        uid.DigitalXRayImageStorageForPresentation,
        uid.SecondaryCaptureImageStorage,
    }
)
# Beside its pixels, what a deflated data set may hold.
_HEADER_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """What is declared about the pixels."""

    syntax: str
    photometric: str
    rows: int
    columns: int
    samples: int
    is_planar: bool
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool

    @property
    def num_plane_px(self) -> int:
        """Pixels of one frame."""
        return self.rows * self.columns


def looks_like_dicom(data: bytes) -> bool:
    """Tell whether the bytes begin as a DICOM file, or as a bare data set without preamble."""
    if data[128:132] == b"DICM":
        return True
    if len(data) < 8:
        return False
    if data[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08") and is_vr(data[4:6]):
        return True
    return data[:2] == b"\x08\x00" and int.from_bytes(data[4:8], "little") <= len(data)


def parse(data: bytes, settings: PreprocessorSettings) -> tuple[Elements, str]:
    """Find a file's elements and its transfer syntax; a deflated data set is inflated only up to the limits.

    Raises:
        CorruptImage: truncated or damaged before its pixel data end.
        UploadTooLarge: too many elements, or too much behind the deflation.
    """
    start = 132 if data[128:132] == b"DICM" else 0
    meta = Scanner(data, "<", is_implicit=False).data_set(start, len(data), group=2)
    syntax = meta.text("TransferSyntaxUID")
    at = meta.stop
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        data, at = _inflated(memoryview(data)[at:], settings), 0
    # The first element says whether its kind of encoding is the declared one.
    is_implicit = not is_vr(data[at + 4 : at + 6])
    is_big_endian = syntax == uid.ExplicitVRBigEndian or (not (syntax or is_implicit) and data[at + 1 : at + 2] > b"\3")
    elements = Scanner(data, ">" if is_big_endian else "<", is_implicit).data_set(at, len(data))
    if elements.stop < len(data) and elements.get("PixelData") is None:
        raise CorruptImage("the DICOM file is truncated")
    guessed = uid.ExplicitVRBigEndian if is_big_endian else uid.ExplicitVRLittleEndian
    return elements, syntax or (uid.ImplicitVRLittleEndian if is_implicit else guessed)


def _inflated(data: memoryview, settings: PreprocessorSettings) -> bytes:
    limit = settings.max_pixels * 2 + _HEADER_BYTES
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(data, limit)
    if inflater.unconsumed_tail:
        raise UploadTooLarge("the deflated DICOM file is too large", limit, "bytes")
    if not inflater.eof:
        raise CorruptImage("the deflated DICOM file is truncated")
    return inflated


def check_kind(elements: Elements) -> None:
    """Refuse objects that are not radiographs for display; the message names their kind by the standard's term only."""
    sop_class = elements.text("SOPClassUID")
    if not sop_class and elements.integer("Rows") is None:
        raise NotAnImage("the upload is a DICOM file without an image; send a chest X-ray")
    intent = elements.text("PresentationIntentType")
    if sop_class == uid.DigitalXRayImageStorageForProcessing or intent == "FOR PROCESSING":
        raise UnsupportedImage("DICOM images for processing are not supported; send the image for presentation")
    if sop_class not in _SOP_CLASSES:
        name = uid.UID_dictionary[sop_class][0] if sop_class in uid.UID_dictionary else "of unknown kind"
        raise UnsupportedImage(f"DICOM {name} is not supported; send CR, DX for presentation or secondary capture")
    if elements.get("PixelData") is None:
        raise UnsupportedImage("the DICOM object has no pixel data")


def read_header(elements: Elements, syntax: str) -> Header:
    """Gather what is declared about the pixels.

    Raises:
        CorruptImage: an element is missing.
    """
    bits_allocated = _required(elements, "BitsAllocated")
    bits_stored = elements.integer("BitsStored") or bits_allocated
    high_bit = elements.integer("HighBit")
    return Header(
        syntax=syntax,
        photometric=elements.text("PhotometricInterpretation"),
        rows=_required(elements, "Rows"),
        columns=_required(elements, "Columns"),
        samples=elements.integer("SamplesPerPixel") or 1,
        is_planar=elements.integer("PlanarConfiguration") == 1,
        frames=int(elements.number("NumberOfFrames") or 1),
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=bits_stored - 1 if high_bit is None else high_bit,
        is_signed=bool(elements.integer("PixelRepresentation")),
    )


def _required(elements: Elements, keyword: str) -> int:
    value = elements.integer(keyword)
    if value is None:
        raise CorruptImage(f"the DICOM file has no {keyword}")
    return value


def check_limits(header: Header, settings: PreprocessorSettings) -> None:
    """Refuse too much, and shapes of pixels that are not read here, before anything is decoded."""
    if header.frames > settings.max_frames:
        raise UploadTooLarge("the DICOM object has too many frames", settings.max_frames, "frames")
    if header.num_plane_px > settings.max_pixels:
        raise UploadTooLarge("the image has too many pixels", settings.max_pixels, "pixels")
    if header.num_plane_px < 1:
        raise CorruptImage("the DICOM image has no pixels")
    if header.photometric not in GREYS | COLOURS:
        kind = "palette colour" if header.photometric == "PALETTE COLOR" else "this photometric interpretation"
        raise UnsupportedImage(f"DICOM pixels of {kind} are not supported; send MONOCHROME1, MONOCHROME2, RGB or YBR")
    if header.samples != (1 if header.photometric in GREYS else 3):
        raise CorruptImage("the samples per pixel of the DICOM image do not match its photometric interpretation")
    is_deep_enough = 1 <= header.bits_stored <= header.high_bit + 1 <= header.bits_allocated
    if header.bits_allocated not in (8, 16) or not is_deep_enough:
        raise UnsupportedImage("DICOM pixels of this bit depth are not supported; send 8 to 16 bits")
