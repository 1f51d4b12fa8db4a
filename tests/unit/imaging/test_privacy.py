"""Whatever is done to a file, no value in it reaches a log, a warning, an exception or the console."""

import io
import logging
import struct
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from pydicom import dcmread, uid
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from serve_app.domain.errors import ClaraError
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.study import StudyImage
from serve_app.imaging import sandbox
from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, lookup_table, png, png_chunks, png_header, ramp, saved, written

SETTINGS = PreprocessorSettings(max_pixels=1_000_000, max_frames=2)
SECRET = "SECRET"
# Every element that is read has a value that marks it, whether or not its kind of value allows letters.
KEYWORDS = (
    "SpecificCharacterSet", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientName", "PatientID",
    "IssuerOfPatientID", "PatientSex", "PatientAge", "PatientBirthDate", "StudyDate", "AcquisitionDate", "ViewPosition",
    "PatientOrientation", "PixelSpacing", "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept",
    "VOILUTFunction", "PresentationLUTShape", "ShutterShape", "NumberOfFrames", "PresentationIntentType",
)  # fmt: skip


def marked(data: bytes) -> bytes:
    """Give every text of a DICOM file, in explicit VR, a value that must not be repeated."""
    head, start = data[: data.index(b"\x08\x00\x16\x00")], data.index(b"\x08\x00\x16\x00")
    dataset = dcmread(io.BytesIO(data))
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = f"{SECRET}-CODE", SECRET
    dataset.ViewCodeSequence = Sequence([item])
    plain = written(dataset, uid.ExplicitVRLittleEndian)
    texts = b"".join(_element(keyword) for keyword in KEYWORDS)
    return head + texts + plain[plain.index(b"\x08\x00\x16\x00") :] if start else data


def _element(keyword: str) -> bytes:
    value = f"{SECRET} {keyword}".encode()
    value += b" " * (len(value) % 2)
    found = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.add_new(keyword, "LO", "x")
    tag = next(iter(found.keys()))
    return struct.pack("<HH2sH", tag.group, tag.element, dictionary_VR(tag).encode(), len(value)) + value


def _jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = f"{SECRET} description", 6
    return saved(Image.fromarray(ramp()).convert("RGB"), "JPEG", exif=exif, comment=f"{SECRET} comment".encode())


def _png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", f"{SECRET} text")
    info.add_itxt("Patient", f"{SECRET} international text")
    return png(ramp(), pnginfo=info)


SEEDS: dict[str, Callable[[], bytes]] = {
    "dicom": lambda: marked(dicom(ramp(), VOILUTSequence=lookup_table(list(range(256)), 0, 8))),
    "jpeg": _jpeg,
    "png": _png,
    "png of strange chunks": lambda: png_chunks(
        png_header(96, 80, 8, 0),
        (b"tEXt", f"{SECRET}\0{SECRET}".encode()),
        (b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x0e\0\2\0\0\0\x06\0\0\0\x1a\0\0\0\0SECRET"),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp()))),
    ),
}


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """Collect what any logger emits that a service keeps: information and worse."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = records.append  # type: ignore[method-assign]
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield records
    root.setLevel(level)
    root.removeHandler(handler)


def mutated(seed: bytes, data: st.DataObject) -> bytes:
    file = bytearray(seed)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, min(len(file) - 1, 1500)))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    return bytes(file[: data.draw(st.integers(len(file) // 3, len(file)))])


def told_of(read: Callable[[bytes, PreprocessorSettings], object], file: bytes) -> str:
    """Decode, and tell all that can be told of how it went."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        told = ""
        try:
            told = repr(read(file, SETTINGS))
        except ClaraError as error:
            told = "".join(traceback.format_exception(error)) + f"{error!r}{error.message}{error.facts}"
            told += f"{error.__context__!r}{error.__cause__!r}"
    return told + "".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("kind", SEEDS)
@given(data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
def test_no_warning_log_or_exception_repeats_a_value_of_a_damaged_file(
    kind: str, logged: list[logging.LogRecord], capfd: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    told = told_of(decode, mutated(SEEDS[kind](), data))
    output = capfd.readouterr()
    told += output.out + output.err + "".join(record.getMessage() for record in logged)
    assert SECRET not in told


@pytest.mark.parametrize("kind", SEEDS)
def test_the_service_learns_nothing_but_the_picture_or_the_error(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    seed = SEEDS[kind]()
    caplog.set_level(logging.DEBUG)

    def prepare(data: bytes, settings: PreprocessorSettings) -> Radiograph:
        return sandbox.prepare(StudyImage(data, is_confirmed=True), settings)

    told = "".join(told_of(prepare, seed[: int(len(seed) * share)]) for share in (0.4, 0.6, 0.9, 1.0))
    output = capfd.readouterr()
    assert SECRET not in told + caplog.text
    assert output.out + output.err == ""


def test_the_marked_film_is_read_and_its_marks_are_seen() -> None:
    picture = decode(SEEDS["dicom"](), SETTINGS)
    assert picture.pixels.shape == (80, 96)
    assert np.ptp(picture.pixels) > 0
    assert picture.reference is not None
    assert SECRET in str(picture.reference.view_position)
