"""An image is prepared where it can be killed, is bounded in time and memory, and cannot write to a log."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from serve_app.domain.errors import CorruptImage, NotAnImage, Unavailable, UploadTooLarge
from serve_app.domain.study import StudyImage
from serve_app.imaging import sandbox as module
from serve_app.imaging.preparation import prepare
from serve_app.imaging.sandbox import Sandbox
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, png, ramp

SETTINGS = PreprocessorSettings()
FILM = StudyImage(b"film")


def confirmed(data: bytes) -> StudyImage:
    return StudyImage(data, is_confirmed=True)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Sandbox]]:
    """Make a sandbox that prepares images by other code."""
    sandbox = Sandbox()

    def with_code(code: str) -> Sandbox:
        lines = "".join(f"    {line}\n" for line in code.splitlines())
        script = f"from serve_app.imaging import sandbox_process\ndef prepare(image, settings):\n{lines}\n"
        (tmp_path / "stub_preparation.py").write_text(
            f"{script}sandbox_process.prepare = prepare\nsandbox_process.main()\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(module, "_PROCESS", "stub_preparation")
        return sandbox

    yield with_code
    sandbox.close()


@pytest.mark.parametrize("data", [png(ramp()), dicom(ramp(), PatientSex="F", PatientAge="045Y", PatientID="1")])
def test_an_image_comes_back_as_it_was_prepared(sandbox: Sandbox, data: bytes) -> None:
    apart, here = (prepare_it(confirmed(data), SETTINGS) for prepare_it in (sandbox.prepare, prepare))
    assert np.array_equal(apart.pixels, here.pixels)
    assert (apart.digest, apart.gate, apart.source) == (here.digest, here.gate, here.source)
    assert (apart.attributes, apart.reference) == (here.attributes, here.reference)


def test_errors_of_the_file_come_back_with_their_facts(sandbox: Sandbox) -> None:
    with pytest.raises(NotAnImage, match="PDF"):
        sandbox.prepare(StudyImage(b"%PDF-1.7"), SETTINGS)
    with pytest.raises(UploadTooLarge) as caught:
        sandbox.prepare(StudyImage(png(ramp())), PreprocessorSettings(max_pixels=100))
    assert caught.value.facts == {"limit": 100, "unit": "pixels"}


def test_many_images_are_prepared_at_once(sandbox: Sandbox) -> None:
    film = confirmed(png(ramp()))
    with ThreadPoolExecutor(8) as threads:
        digests = set(threads.map(lambda _: sandbox.prepare(film, SETTINGS).digest, range(24)))
    assert digests == {prepare(film, SETTINGS).digest}


ENDLESS = "while True: pass"
IN_C = "import ctypes\nctypes.CDLL(None).pause()"


@pytest.mark.parametrize("code", [ENDLESS, IN_C], ids=["in Python", "in C"])
def test_a_decoder_that_does_not_end_is_killed(
    code: str, replaced: Callable[[str], Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "pid"
    sandbox = replaced(f"import os\nopen({str(record)!r}, 'w').write(str(os.getpid()))\n{code}")
    with pytest.raises(UploadTooLarge) as caught:
        sandbox.prepare(FILM, PreprocessorSettings(decode_timeout_s=0.5))
    assert caught.value.facts["unit"] == "seconds"
    pid = int(record.read_text())
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the decoder still runs")


def test_a_decoder_that_takes_more_memory_than_any_image_needs_is_stopped(replaced: Callable[[str], Sandbox]) -> None:
    sandbox = replaced("return bytearray(3_000_000_000)")
    with pytest.raises(UploadTooLarge) as caught:
        sandbox.prepare(FILM, SETTINGS)
    assert caught.value.facts["unit"] == "bytes"


def test_a_decoder_that_crashes_takes_nothing_with_it(replaced: Callable[[str], Sandbox]) -> None:
    sandbox = replaced(
        "import os\nos.abort() if image.data == b'bad' else None\n"
        "return sandbox_process.Radiograph(None, 'good', None, None)"
    )
    for _ in range(3):
        with pytest.raises(CorruptImage):
            sandbox.prepare(StudyImage(b"bad"), SETTINGS)
        assert sandbox.prepare(StudyImage(b"good"), SETTINGS).digest == "good"


def test_what_a_decoder_prints_logs_warns_and_raises_reaches_nobody(
    replaced: Callable[[str], Sandbox], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import logging, os, sys, warnings\n"
        "print('SECRET'); print('SECRET', file=sys.stderr); os.write(1, b'SECRET'); os.write(2, b'SECRET')\n"
        "logging.getLogger('pydicom').error('SECRET'); warnings.warn('SECRET')\n"
        "raise KeyError('SECRET')"
    )
    with pytest.raises(RuntimeError, match=r"KeyError at stub_preparation\.py:\d+") as caught:
        replaced(code).prepare(FILM, SETTINGS)
    output = capfd.readouterr()
    told = f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
    assert "SECRET" not in told + output.out + output.err + caplog.text


def test_a_waiting_process_that_has_ended_is_started_again() -> None:
    sandbox = Sandbox()
    try:
        before = sandbox.prepare(confirmed(png(ramp())), SETTINGS)
        first = sandbox._process
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert sandbox.prepare(confirmed(png(ramp())), SETTINGS).digest == before.digest
    finally:
        sandbox.close()


def test_a_process_that_cannot_be_started_is_no_fault_of_the_film(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    sandbox = Sandbox()
    sandbox.start()
    with pytest.raises(Unavailable):
        sandbox.prepare(confirmed(png(ramp())), SETTINGS)


def test_a_process_that_does_not_get_ready_is_no_fault_of_the_film(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROCESS", "no_such_module")
    with pytest.raises(Unavailable):
        Sandbox().prepare(confirmed(png(ramp())), SETTINGS)


def test_the_waiting_process_is_started_once_and_ends_with_the_service() -> None:
    sandbox = Sandbox()
    sandbox.start()
    process = sandbox._process
    sandbox.prepare(confirmed(png(ramp())), SETTINGS)
    assert sandbox._process is process
    sandbox.close()
    assert process is not None
    assert process.returncode == 0


def test_an_interrupt_of_the_service_does_not_reach_the_waiting_process_of_the_same_session(sandbox: Sandbox) -> None:
    sandbox.start()
    assert sandbox._process is not None
    pid = sandbox._process.pid
    assert os.getpgid(pid) == pid != os.getpgid(0)
    assert os.getsid(pid) == os.getsid(0)
