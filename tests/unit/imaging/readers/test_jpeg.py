"""A JPEG gives the samples that Pillow reads, at every scale, or is refused; no part of one passes for the whole."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import CorruptImage, UnsupportedImage
from serve_app.imaging.decode import decode
from serve_app.imaging.readers.jpeg import jpeg_samples
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import ramp, saved

SETTINGS = PreprocessorSettings()
END = b"\xff\xd9"
NOISE = np.random.default_rng(1).integers(0, 255, (200, 200), dtype=np.uint8)


@st.composite
def jpegs(draw: st.DrawFn) -> bytes:
    mode = draw(st.sampled_from(("L", "RGB", "CMYK")))
    width, height = draw(st.tuples(st.integers(1, 150), st.integers(1, 150)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    rough = rng.integers(0, 256, (1 + height // draw(st.integers(1, 9)), 1 + width // 3, 3), dtype=np.uint8)
    picture = Image.fromarray(rough).resize((width, height)).convert(mode)
    options: dict[str, Any] = {"quality": draw(st.integers(10, 100)), "progressive": draw(st.booleans())}
    if mode == "RGB":
        options |= {"keep_rgb": True} if draw(st.booleans()) else {"subsampling": draw(st.integers(0, 2))}
    data = saved(picture, "JPEG", **options)
    # Adobe's marker names the colours; 2 is YCCK.
    return (
        data.replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2") if draw(st.booleans()) and mode == "CMYK" else data
    )


@given(jpegs(), st.integers(1, 200))
@settings(deadline=None, max_examples=400)
def test_samples_are_those_that_pillow_reads_at_the_same_scale(data: bytes, side_px: int) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (side_px, side_px))
        samples = jpeg_samples(data, image.mode, image.size)
        assert np.array_equal(samples, np.asarray(image))


def cut(data: bytes, share: float) -> bytes:
    """Keep a share of the compressed data, and end it properly."""
    start = data.index(b"\xff\xda")
    return data[: start + int((len(data) - start) * share)].rstrip(b"\xff") + END


def zeroed(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(2048) + data[middle + 2048 :]


@pytest.mark.parametrize("picture", [ramp(1500, 1200), NOISE], ids=["smooth", "rough"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95])
def test_a_part_of_a_jpeg_is_refused_though_it_ends_as_a_whole_one(
    picture: NDArray[np.uint8], mode: str, is_progressive: bool, share: float
) -> None:
    data = saved(Image.fromarray(picture).convert("RGB").convert(mode), "JPEG", progressive=is_progressive)
    decode(data, SETTINGS)
    with pytest.raises(CorruptImage):
        decode(cut(data, share), SETTINGS)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_with_zeros_in_its_middle_is_refused(mode: str) -> None:
    data = saved(Image.fromarray(NOISE).convert("RGB").convert(mode), "JPEG")
    with pytest.raises(CorruptImage):
        decode(zeroed(data), SETTINGS)


@pytest.mark.parametrize("behind", [b"\0", END, b"appended by an archive" * 9])
def test_what_follows_a_whole_jpeg_is_left_alone(behind: bytes) -> None:
    data = saved(Image.fromarray(ramp()), "JPEG")
    assert np.array_equal(decode(data + behind, SETTINGS).pixels, decode(data, SETTINGS).pixels)


def test_a_jpeg_of_another_size_than_was_looked_at_is_refused() -> None:
    data = saved(Image.fromarray(ramp()), "JPEG")
    for size_px in ((96, 79), (96, 81), (4000, 4000)):
        with pytest.raises(ValueError, match=r"too small|size"):
            jpeg_samples(data, "L", size_px)


def test_a_rare_chroma_subsampling_is_named_as_such() -> None:
    data = bytearray(saved(Image.fromarray(ramp()).convert("RGB"), "JPEG", subsampling=0))
    data[data.index(b"\xff\xc0") + 11] = 0x31
    with pytest.raises(UnsupportedImage, match="subsampling"):
        decode(bytes(data), SETTINGS)
