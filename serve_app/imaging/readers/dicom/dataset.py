"""Bytes to the few DICOM elements that a picture needs, and what they declare about it.

Of the patient only what `identity` reads is parsed; nothing of it is repeated.
"""

import io
import zlib
from dataclasses import dataclass

from pydicom import uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import dcmread, read_dataset, read_preamble

from serve_app.domain.errors import CorruptImage, NotAnImage, UnsupportedImage, UploadTooLarge
from serve_app.imaging.readers.dicom import identity
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
_KEYWORDS = (
    "SOPClassUID",
    "PresentationIntentType",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "PatientOrientation",
    "PixelAspectRatio",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "PresentationLUTShape",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
)
_TAGS: list[int] = [
    tag for keyword in (*_KEYWORDS, *identity.KEYWORDS) if (tag := tag_for_keyword(keyword)) is not None
]
# Beside its pixels, what a deflated data set may hold.
_HEADER_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """What is declared about the pixels."""

    syntax: uid.UID
    photometric: str
    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool

    @property
    def num_plane_px(self) -> int:
        """Pixels of one frame."""
        return self.rows * self.columns


def parse(data: bytes, settings: PreprocessorSettings) -> Dataset:
    """Read the elements in `_TAGS`; a deflated data set is inflated only up to what the limits allow."""
    stream = io.BytesIO(data)
    read_preamble(stream, force=True)
    meta = FileMetaDataset(read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2))
    if meta.get("TransferSyntaxUID") != uid.DeflatedExplicitVRLittleEndian:
        plain = dcmread(io.BytesIO(data), force=True, specific_tags=_TAGS)
        if "TransferSyntaxUID" not in plain.file_meta:
            plain.file_meta.TransferSyntaxUID = _guessed_syntax(plain)
        return plain
    limit = settings.max_pixels * 2 + _HEADER_BYTES
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(stream.read(), limit)
    if inflater.unconsumed_tail:
        raise UploadTooLarge("the deflated DICOM file holds more than is accepted", limit, "bytes")
    if not inflater.eof:
        raise CorruptImage("the deflated DICOM file is truncated")
    dataset = read_dataset(io.BytesIO(inflated), False, True, specific_tags=_TAGS)
    dataset.file_meta = meta
    return dataset


def _guessed_syntax(dataset: Dataset) -> uid.UID:
    is_implicit, is_little_endian = dataset.original_encoding
    if is_implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if is_little_endian else uid.ExplicitVRBigEndian


def check_kind(dataset: Dataset) -> None:
    """Refuse objects that are not radiographs for display; the message names their kind by the standard's term only."""
    sop_class = dataset.get("SOPClassUID")
    if sop_class is None and "Rows" not in dataset:
        raise NotAnImage("the upload is not a PNG, JPEG or DICOM image")
    intent = dataset.get("PresentationIntentType")
    if sop_class == uid.DigitalXRayImageStorageForProcessing or intent == "FOR PROCESSING":
        raise UnsupportedImage("DICOM images for processing are not supported; send the image for presentation")
    if sop_class not in _SOP_CLASSES:
        name = uid.UID(sop_class).name if sop_class in uid.UID_dictionary else "of unknown kind"
        raise UnsupportedImage(f"DICOM {name} is not supported; send CR, DX for presentation or secondary capture")
    if "PixelData" not in dataset:
        raise UnsupportedImage("the DICOM object holds no pixel data")


def read_header(dataset: Dataset) -> Header:
    """Gather what is declared about the pixels; a missing element raises AttributeError."""
    bits_stored = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    high_bit = dataset.get("HighBit")
    return Header(
        syntax=uid.UID(dataset.file_meta.TransferSyntaxUID),
        photometric=str(dataset.PhotometricInterpretation),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=int(dataset.get("SamplesPerPixel") or 1),
        frames=int(dataset.get("NumberOfFrames") or 1),
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=bits_stored,
        high_bit=bits_stored - 1 if high_bit is None else int(high_bit),
        is_signed=bool(dataset.get("PixelRepresentation")),
    )


def check_limits(header: Header, settings: PreprocessorSettings) -> None:
    """Refuse too much, and shapes of pixels that are not read here, before anything is decoded."""
    if header.frames > settings.max_frames:
        raise UploadTooLarge("the DICOM object has more frames than are accepted", settings.max_frames, "frames")
    if header.num_plane_px > settings.max_pixels:
        raise UploadTooLarge("the image has more pixels than are accepted", settings.max_pixels, "pixels")
    if header.num_plane_px < 1:
        raise CorruptImage("the DICOM image has no pixels")
    if header.photometric not in GREYS | COLOURS:
        kind = "palette colour" if header.photometric == "PALETTE COLOR" else "this photometric interpretation"
        raise UnsupportedImage(f"DICOM pixels of {kind} are not supported; send MONOCHROME1, MONOCHROME2, RGB or YBR")
    if header.samples != (1 if header.photometric in GREYS else 3):
        raise CorruptImage("the DICOM image declares samples that do not fit its photometric interpretation")
    is_deep_enough = 1 <= header.bits_stored <= header.high_bit + 1 <= header.bits_allocated
    if header.bits_allocated not in (8, 16) or not is_deep_enough:
        raise UnsupportedImage("DICOM pixels of this bit depth are not supported; send 8 to 16 bits")
