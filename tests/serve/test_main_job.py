"""The main job with nothing replaced: Ray Serve, vLLM on the CPU, the bundled model."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from httpx_sse import EventSource

from serve_app.telemetry.metrics import CONCERNS
from tests.serve.conftest import CORE, Platform, drawn_film
from tests.serve.test_platform import assert_only_called_itself, post

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.timeout(600)]


def clara_report(platform: Platform, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    clara = Path(sys.executable).parent / "clara"
    command = [str(part) for part in (clara, "report", *arguments, "--url", platform.url)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_line_prints_a_vietnamese_report(vllm_platform: Platform, tmp_path: Path) -> None:
    run = clara_report(vllm_platform, drawn_film(tmp_path, 11), "--age", "63", "--sex", "nam")

    assert run.returncode == 0, run.stderr
    findings, impression = run.stdout.split("KẾT LUẬN")
    assert "MÔ TẢ" in findings and "- " in findings.split("MÔ TẢ")[1]
    assert "- " in impression and "Bản nháp do AI tạo" in impression


def test_both_turns_are_whole_and_the_second_reuses_the_first(vllm_platform: Platform, tmp_path: Path) -> None:
    run = clara_report(vllm_platform, drawn_film(tmp_path, 12), "--age", "63", "--sex", "nam", "--json")

    report = json.loads(run.stdout)
    assert report["model"] == "clara-demo"
    assert report["findings"]["status"] == report["impression"]["status"] == "complete"
    turn_1, turn_2 = report["turns"]
    assert turn_2["cached_tokens"] >= 0.9 * turn_1["prompt_tokens"]


def test_different_films_get_different_reports(vllm_platform: Platform, tmp_path: Path) -> None:
    reports = [post(vllm_platform, drawn_film(tmp_path, seed).read_bytes()).json() for seed in range(20, 26)]

    assert len({report["findings"]["text"] for report in reports}) > 1
    assert len({report["image"]["digest"] for report in reports}) == len(reports)


def test_real_films_get_a_report(vllm_platform: Platform, shared_data: Path) -> None:
    samples = shared_data / "cxr_samples"
    # The DICOM file says itself that it is of a woman of 64, and a form that contradicts it is refused.
    films: tuple[tuple[Path, tuple[str, ...], str], ...] = (
        (samples / "dicom" / "RG1_J2KI.dcm", (), "file"),
        (samples / "positive" / "nih_00000001_000.png", ("--age", "58", "--sex", "nam"), "form"),
    )
    for film, fields, origin in films:
        run = clara_report(vllm_platform, film, *fields, "--json")

        assert run.returncode == 0, run.stderr
        report = json.loads(run.stdout)
        assert report["findings"]["items"] and report["impression"]["items"]
        assert report["patient"]["origins"]["sex"] == report["patient"]["origins"]["age"] == origin


def test_what_the_check_of_a_draft_finds_is_answered_and_counted(vllm_platform: Platform, shared_data: Path) -> None:
    """The demo model contradicts itself about most real films."""
    film = shared_data / "cxr_samples" / "dicom" / "RG1_J2KI.dcm"

    report = post(vllm_platform, film.read_bytes()).json()

    codes = {concern["code"] for concern in report["concerns"]}
    assert codes
    deadline = time.monotonic() + 40
    while codes and time.monotonic() < deadline:
        text = httpx.get(vllm_platform.metrics_url).text
        counted = re.findall(rf'^ray_{CONCERNS.name}{{.*code="([a-z-]+)"', text, re.MULTILINE)
        codes -= set(counted)
        time.sleep(1)
    assert not codes


def test_a_file_that_contradicts_its_form_is_refused(vllm_platform: Platform, shared_data: Path) -> None:
    film = shared_data / "cxr_samples" / "dicom" / "RG1_J2KI.dcm"

    run = clara_report(vllm_platform, film, "--sex", "nam")

    assert run.returncode == 1
    assert "contradictory-study" in run.stderr and "PatientSex" in run.stderr


def test_a_frontal_and_a_lateral_make_one_report(vllm_platform: Platform, tmp_path: Path) -> None:
    images = [drawn_film(tmp_path, seed).read_bytes() for seed in (21, 22)]

    report = httpx.post(
        f"{vllm_platform.url}/v1/reports",
        files=[("images", ("film", image)) for image in images],
        data={"views": ["PA", "lateral"]},
        timeout=120,
    ).json()

    assert [image["view"] for image in report["images"]] == ["PA", "LATERAL"]
    assert [image["gate"]["outcome"] for image in report["images"]] == ["pass", "unjudged"]
    assert "thẳng và nghiêng" in report["turns"][0]["question"]
    assert report["trained_on"] == {"views": ["frontal"], "num_images": 1}
    assert report["findings"]["items"] and report["impression"]["items"]


def test_nothing_phones_home(vllm_platform: Platform, tmp_path: Path) -> None:
    post(vllm_platform, drawn_film(tmp_path, 13).read_bytes())

    assert_only_called_itself(vllm_platform)


def test_a_killed_engine_is_said_and_comes_back(vllm_platform: Platform, tmp_path: Path) -> None:
    film = drawn_film(tmp_path, 14)
    vllm_platform.wait_until_ready()
    (core,) = vllm_platform.processes(*CORE)

    events = _stream_and_kill(vllm_platform, film, core)

    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == "engine-gone" and "Traceback" not in json.dumps(events[-1][1])
    vllm_platform.wait_until_ready(is_ready=False, timeout_s=30)
    vllm_platform.wait_until_ready(timeout_s=420)
    assert post(vllm_platform, film.read_bytes()).json()["findings"]["items"]


def _stream_and_kill(platform: Platform, film: Path, core: psutil.Process) -> list[tuple[str, dict[str, object]]]:
    """Read a report's events, and kill the engine's process at the first word."""
    events = []
    with httpx.stream(
        "POST",
        f"{platform.url}/v1/reports",
        files={"image": film.read_bytes()},
        headers={"Accept": "text/event-stream"},
        timeout=60,
    ) as response:
        for event in EventSource(response).iter_sse():
            if event.event == "findings.delta" and core.is_running():
                core.kill()
            events.append((event.event, json.loads(event.data)))
    return events


def test_a_platform_killed_outright_leaves_no_model_behind(vllm_platform: Platform) -> None:
    """The last test of the platform: it is killed as the kernel kills, without a chance to clean up.

    Ray's own small agents may stay a minute longer, until they miss their raylet.
    """
    vllm_platform.wait_until_ready()
    # One process of vLLM, three replicas.
    holders = vllm_platform.wait_for_processes(4, *CORE, "ServeReplica")

    vllm_platform.process.kill()

    _, alive = psutil.wait_procs(holders, timeout=60)
    assert alive == []
