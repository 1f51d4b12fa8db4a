"""Image files made in memory, valid ones and bombs, for the tests of this folder."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence


def ramp(width: int = 96, height: int = 80) -> NDArray[np.uint8]:
    """Draw grey values that differ everywhere: dark top left, bright bottom right."""
    across = np.linspace(0, 160, width)[None, :]
    down = np.linspace(0, 95, height)[:, None]
    return np.rint(across + down).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Write an image to bytes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(pixels: NDArray[Any], **options: Any) -> bytes:
    """Write an array as PNG."""
    return saved(Image.fromarray(pixels), "PNG", **options)


def png_claiming(width: int, height: int) -> bytes:
    """Write a valid PNG header for a grey picture of any size, with next to no data behind it."""
    return png_chunks(png_header(width, height, 8, 0), (b"IDAT", zlib.compress(bytes(100))))


def png_header(
    width: int, height: int, bits: int, colour_type: int, *, is_interlaced: bool = False
) -> tuple[bytes, bytes]:
    """Make the chunk that says what a PNG holds."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, is_interlaced)


def png_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """Write chunks, each with its checksum, and the end behind them."""
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def lookup_table(entries: list[int], first: int, bits: int) -> Sequence:
    """Make a sequence of one LUT item."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", "OW", np.asarray(entries, dtype="<u2").tobytes())
    return Sequence([item])


def dicom(
    samples: NDArray[Any],
    *,
    bits_stored: int | None = None,
    syntax: str = uid.ExplicitVRLittleEndian,
    sop_class: str = uid.ComputedRadiographyImageStorage,
    has_preamble: bool = True,
    **elements: Any,
) -> bytes:
    """Write samples as a DICOM file; further elements by keyword, None leaves one out."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.826.0.1.3680043.8.498.1"
    dataset.PatientName, dataset.Modality = "Nguyen^Thi^Bi^Mat", "CR"
    bits_allocated = samples.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = samples.shape[:2]
    dataset.SamplesPerPixel = 3 if samples.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if samples.ndim == 3 else "MONOCHROME2"
    if samples.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored = bits_allocated, bits_stored or bits_allocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(samples.dtype, np.signedinteger))
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    dataset.add_new("PixelData", "OW" if bits_allocated == 16 else "OB", data + b"\0" * (len(data) % 2))
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return written(dataset, syntax, has_preamble)


def written(dataset: Dataset, syntax: str, has_preamble: bool = True) -> bytes:
    """Write a data set as a file, or bare."""
    file = io.BytesIO()
    if not has_preamble:
        dataset.save_as(file, implicit_vr=syntax == uid.ImplicitVRLittleEndian, little_endian=True)
        return file.getvalue()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
