"""Where a frame lies in its file, and which decoder reads it."""

import io
import struct
from pathlib import Path
from typing import Any

import gdcm  # type: ignore[import-untyped]
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, uid

from serve_app.domain.errors import CorruptImage, UnsupportedImage
from serve_app.imaging.decode import decode
from serve_app.imaging.readers.dicom import pixels as module
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, ramp, saved, written
from tests.unit.imaging.readers.dicom.samples import (
    SETTINGS,
    WINDOW_12,
    is_close,
    jpeg2000,
    recoded,
    recoded_as,
    shown,
    twelve,
)

ITEM, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0" + bytes(4)
SECONDARY = {"sop_class": uid.SecondaryCaptureImageStorage}


@pytest.mark.parametrize("num_items", [1, 2, 7])
@pytest.mark.parametrize("table", [None, b"", bytes(4)])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_native_pixels_in_items_are_read_without_the_items_headers(
    num_items: int, table: bytes | None, syntax: str
) -> None:
    film = dicom(twelve(), bits_stored=12, syntax=syntax, **WINDOW_12)
    start = film.index(b"\xe0\x7f\x10\x00")
    header_bytes = 8 if syntax == uid.ImplicitVRLittleEndian else 12
    pixels = film[start + header_bytes :]
    step = -(-len(pixels) // num_items // 2) * 2
    items = [pixels[at : at + step] for at in range(0, len(pixels), step)]
    if table is not None:
        items.insert(0, table)
    content = b"".join(ITEM + struct.pack("<I", len(item)) + item for item in items)
    data = film[: start + header_bytes - 4] + b"\xff\xff\xff\xff" + content + SEQUENCE_END
    assert np.array_equal(shown(data), shown(film))
    with pytest.raises(CorruptImage):
        decode(data.replace(items[-1], items[-1][:-2]), SETTINGS)


def offsets(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


@pytest.mark.parametrize("table", [b"", offsets(0), offsets(0, 1000), offsets(77), offsets(*range(9)), b"\xff" * 6])
@pytest.mark.parametrize("num_fragments", [1, 2, 5])
def test_the_only_frame_is_all_fragments_whatever_the_offset_table_says(table: bytes, num_fragments: int) -> None:
    frame = saved(Image.fromarray(ramp()), "JPEG", quality=98)
    frame += b"\0" * (-len(frame) % 2)
    step = -(-len(frame) // num_fragments // 2) * 2
    fragments = [frame[at : at + step] for at in range(0, len(frame), step)]
    data = recoded_as(uid.JPEGBaseline8Bit, ramp(), [table, *fragments])
    assert np.array_equal(shown(data), shown(recoded(uid.JPEGBaseline8Bit, ramp(), frame)))


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.RLELossless, uid.JPEGLosslessSV1])
def test_a_compressed_film_cut_off_anywhere_is_truncated(syntax: str) -> None:
    frame = saved(Image.fromarray(ramp()), "JPEG") if syntax == uid.JPEGBaseline8Bit else jpeg2000(ramp())
    data = recoded(syntax, ramp(), frame)
    for share in (0.3, 0.5, 0.9):
        with pytest.raises(CorruptImage, match="truncated"):
            decode(data[: int(len(data) * share)], SETTINGS)
    with pytest.raises(CorruptImage, match="truncated"):
        decode(data[:-9], SETTINGS)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_a_native_film_cut_off_anywhere_is_truncated(share: float) -> None:
    data = dicom(twelve(), bits_stored=12, **WINDOW_12)
    with pytest.raises(CorruptImage, match="truncated"):
        decode(data[: int(len(data) * share)], SETTINGS)


@pytest.mark.parametrize(
    "tail", [bytes(2_000_000), b"\xff" * 99, b"PK\3\4" * 9, b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"]
)
@pytest.mark.parametrize("is_compressed", [False, True])
def test_what_is_appended_to_a_film_is_left_alone(tail: bytes, is_compressed: bool) -> None:
    film = recoded(uid.JPEG2000Lossless, ramp(), jpeg2000(ramp())) if is_compressed else dicom(ramp())
    assert np.array_equal(shown(film + tail), shown(film))


def test_only_the_padding_byte_may_be_missing() -> None:
    data = dicom(ramp(95, 81))
    assert np.array_equal(shown(data[:-1]), ramp(95, 81))


GREY = np.repeat(ramp()[:, :, None], 3, axis=2)
COLOURED = np.stack([ramp(), 255 - ramp(), ramp() // 2], axis=2)


def without_markers(frame: bytes) -> bytes:
    """Take the marker that names the colours out of a JPEG."""
    length = int.from_bytes(frame[4:6], "big")
    assert frame[2:4] in (b"\xff\xe0", b"\xff\xee")
    return frame[:2] + frame[4 + length :]


def renumbered(frame: bytes, ids: bytes) -> bytes:
    """Give a JPEG's three components other numbers."""
    changed = bytearray(frame)
    components, scan = frame.index(b"\xff\xc0") + 10, frame.index(b"\xff\xda") + 5
    for at, number in enumerate(ids):
        changed[components + 3 * at] = changed[scan + 2 * at] = number
    return bytes(changed)


@pytest.mark.parametrize(
    ("picture", "is_transformed"),
    [(GREY, False), (GREY, True), (COLOURED, True)],
    ids=["grey as RGB", "grey as YBR", "coloured as YBR"],
)
@pytest.mark.parametrize("ids", [b"\1\2\3", b"\0\1\2"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_colours_of_a_jpeg_without_markers_are_those_that_it_was_made_of(
    picture: Any, is_transformed: bool, ids: bytes, photometric: str
) -> None:
    options = {"subsampling": 0} if is_transformed else {"keep_rgb": True}
    if photometric != "RGB" and not is_transformed:
        pytest.skip("declared as what it is not, and nothing in the file says otherwise")
    frame = renumbered(without_markers(saved(Image.fromarray(picture), "JPEG", quality=98, **options)), ids)
    data = recoded(uid.JPEGBaseline8Bit, picture, frame, PhotometricInterpretation=photometric, **SECONDARY)
    expected = np.asarray(Image.fromarray(picture).convert("L")).astype(int)
    film = decode(data, SETTINGS)
    assert np.abs(film.pixels - expected).mean() < 3
    assert (film.colour_ratio == 0) == (picture is not COLOURED)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("is_signed", [False, True])
def test_jpeg_2000_gives_every_depth_and_sign_as_stored(bits: int, is_signed: bool) -> None:
    samples = np.rint(ramp() / 255 * ((1 << bits) - 1)).astype(np.int32)
    lowest = -(1 << bits - 1) if is_signed else 0
    stored = (samples + lowest).astype(f"{'i' if is_signed else 'u'}{1 if bits == 8 else 2}")
    frame = bytearray(jpeg2000(samples.astype(np.uint8 if bits == 8 else np.uint16)))
    window = {"WindowCenter": lowest + (1 << bits - 1), "WindowWidth": 1 << bits}
    depth = frame.index(b"\xff\x51") + 40
    assert frame[depth] == (7 if bits == 8 else 15)
    if bits in (8, 16):
        # The same codestream, read as signed samples: all are lower by half of the range.
        frame[depth] |= 0x80 * is_signed
    elif is_signed:
        pytest.skip("Pillow writes no such codestream")
    data = recoded(uid.JPEG2000Lossless, stored, bytes(frame), bits_stored=bits, **window)
    assert is_close(shown(data), ramp(), 2)


@pytest.mark.parametrize(("max_px", "shape"), [(1 << 30, (1200, 1500)), (600_000, (600, 750)), (1, (600, 750))])
def test_a_large_jpeg_2000_is_decoded_at_a_half_but_no_smaller_than_the_model_needs(
    max_px: int, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_WHOLE_PX", max_px)
    samples = twelve(ramp(1500, 1200)) << 4
    data = recoded(uid.JPEG2000Lossless, samples, jpeg2000(samples), WindowCenter=32768, WindowWidth=65536)
    film = decode(data, PreprocessorSettings(max_visual_tokens=64))
    assert film.pixels.shape == shape
    assert (film.source.width_px, film.source.height_px) == (1500, 1200)
    expected = Image.fromarray(ramp(1500, 1200)).resize(shape[::-1], Image.Resampling.BOX)
    assert is_close(film.pixels, np.asarray(expected), 3)


def test_a_jpeg_of_endless_scans_in_dicom_is_refused() -> None:
    frame = saved(Image.fromarray(ramp()), "JPEG", progressive=True)
    scan = frame.index(b"\xff\xda")
    with pytest.raises(UnsupportedImage, match="scans"):
        decode(recoded(uid.JPEGBaseline8Bit, ramp(), frame[:scan] + frame[scan:-2] * 200 + frame[-2:]), SETTINGS)


def run_lengths(picture: Any) -> bytes:
    dataset = dcmread(io.BytesIO(dicom(picture, **SECONDARY)))
    dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
    return written(dataset, uid.RLELossless)


@pytest.mark.parametrize("picture", [ramp(), twelve(), COLOURED], ids=["8 bits", "16 bits", "colour"])
def test_run_lengths_give_what_was_stored(picture: Any) -> None:
    assert np.array_equal(shown(run_lengths(picture)), shown(dicom(picture, **SECONDARY)))


def test_run_lengths_that_the_decoder_would_mix_up_are_refused() -> None:
    with pytest.raises(UnsupportedImage, match="16 bits"):
        decode(run_lengths(COLOURED.astype(np.uint16) * 257), SETTINGS)


def test_a_malformed_colour_marker_does_not_count() -> None:
    frame = without_markers(saved(Image.fromarray(GREY), "JPEG", quality=98, keep_rgb=True))
    frame = renumbered(frame, b"\0\1\2")
    frame = frame[:2] + b"\xff\xee\x00\x0cAdobe\x00\x00\x00\x00\x00" + frame[2:]
    data = recoded(uid.JPEGBaseline8Bit, GREY, frame, **SECONDARY)
    assert np.abs(shown(data) - ramp()).mean() < 3


@pytest.mark.parametrize("bits", [10, 12])
def test_a_12_bit_jpeg_is_read(bits: int, tmp_path: Path) -> None:
    samples = np.rint(ramp(200, 160) / 255 * ((1 << bits) - 1)).astype(np.uint16)
    window = {"WindowCenter": 1 << bits - 1, "WindowWidth": 1 << bits}
    (tmp_path / "native.dcm").write_bytes(dicom(samples, bits_stored=bits, **window))
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(tmp_path / "native.dcm"))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(tmp_path / "jpeg.dcm"))
    assert writer.Write()
    data = (tmp_path / "jpeg.dcm").read_bytes()
    assert uid.JPEGExtended12Bit.encode() in data
    assert is_close(shown(data), ramp(200, 160), 3)
