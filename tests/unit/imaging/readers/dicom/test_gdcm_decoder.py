"""GDCM runs in a process of its own: what it decodes, and whose fault it is when it does not."""

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame

from serve_app.domain.errors import CorruptImage, Unavailable
from serve_app.imaging.decode import decode
from serve_app.imaging.readers.dicom import gdcm_decoder
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import written
from tests.unit.imaging.readers.dicom.samples import SETTINGS


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm", "SC_rgb_jls_lossy_sample.dcm"])
def test_gdcm_in_its_own_process_gives_what_it_gives_in_this_one(name: str) -> None:
    path = get_testdata_file(name, download=False)
    expected = Image.fromarray(dcmread(path).pixel_array).convert("L")
    film = decode(Path(str(path)).read_bytes(), SETTINGS)
    assert np.array_equal(film.pixels, np.asarray(expected))


@pytest.mark.parametrize(
    ("script", "limit_s"),
    [
        ("import os; os.abort()", 20.0),
        ("import time; time.sleep(60)", 0.5),
        ("pass", 20.0),
        ("print('x' * 29999, end='')", 20.0),
        ("print('x' * 30001, end='')", 20.0),
        ("import sys; sys.exit(65)", 20.0),
    ],
)
def test_a_decoder_that_dies_hangs_or_says_too_little_or_too_much_makes_a_corrupt_image(
    script: str, limit_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decoder.py").write_text(script)
    monkeypatch.setattr(gdcm_decoder, "_SCRIPT", tmp_path / "decoder.py")
    path = get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False)
    with pytest.raises(CorruptImage):
        decode(Path(str(path)).read_bytes(), PreprocessorSettings(decode_timeout_s=limit_s))


def out_of_processes(*_: Any, **__: Any) -> None:
    raise BlockingIOError(errno.EAGAIN, "no process left")


@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (subprocess, "Popen", out_of_processes),
        (gdcm_decoder, "_SCRIPT", Path("/nowhere/decoder.py")),
        (gdcm_decoder.sys, "executable", "/nowhere/python"),
    ],
)
def test_a_decoder_that_cannot_be_started_is_no_fault_of_the_film(
    module: Any, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False)
    data = Path(str(path)).read_bytes()
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(Unavailable):
        decode(data, SETTINGS)


def test_a_decoder_without_its_library_is_no_fault_of_the_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "decoder.py").write_text("import no_such_library")
    monkeypatch.setattr(gdcm_decoder, "_SCRIPT", tmp_path / "decoder.py")
    path = get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False)
    with pytest.raises(Unavailable):
        decode(Path(str(path)).read_bytes(), SETTINGS)


def test_a_frame_that_the_library_refuses_is_corrupt() -> None:
    dataset = dcmread(str(get_testdata_file("SC_rgb_jls_lossy_sample.dcm", download=False)))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(CorruptImage):
        decode(written(dataset, dataset.file_meta.TransferSyntaxUID), SETTINGS)


def test_a_lower_limit_that_is_imposed_on_us_stays() -> None:
    script = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_CPU, (10, 10));"
        f"limit = runpy.run_path({str(gdcm_decoder._SCRIPT)!r})['_limit'];"
        "limit(resource.RLIMIT_CPU, 20); print(resource.getrlimit(resource.RLIMIT_CPU));"
        "limit(resource.RLIMIT_CPU, 5); print(resource.getrlimit(resource.RLIMIT_CPU))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["(10, 10)", "(5, 5)"]
