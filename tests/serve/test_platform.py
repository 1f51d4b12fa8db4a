"""The whole platform over HTTP, with everything real but the model."""

import io
import ipaddress
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from loadtests.bench.films import large_films
from serve_app.telemetry.metrics import CONCERNS, METRICS
from tests.serve.conftest import Platform, drawn_film

pytestmark = pytest.mark.cluster


def post(platform: Platform, image: bytes, **fields: str) -> httpx.Response:
    return httpx.post(f"{platform.url}/v1/reports", files={"image": image}, data=fields, timeout=60)


def test_a_film_becomes_a_draft_report(scripted_platform: Platform, tmp_path: Path) -> None:
    answer = post(scripted_platform, drawn_film(tmp_path, 1).read_bytes(), sex="nam", age="63", view="PA")

    assert answer.status_code == 200
    report = answer.json()
    assert report["status"] == "draft" and report["disclaimer"]
    assert report["findings"]["items"] and report["impression"]["items"]
    assert report["gate"]["outcome"] == "pass"
    # The scripted engine names the image it was given: pixels and digest crossed three processes.
    assert report["image"]["digest"][:12] in report["findings"]["text"]


def test_a_film_of_nine_megabytes_passes(scripted_platform: Platform) -> None:
    """As a film that nobody compressed; between replicas gRPC takes 4 MB unless told otherwise."""
    (film,) = large_films(52, 1, 9_000_000)

    assert len(film) > 9_000_000 and post(scripted_platform, film).status_code == 200


def test_an_error_crosses_the_deployments_whole(scripted_platform: Platform) -> None:
    answer = post(scripted_platform, b"no image at all")

    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not-an-image"
    assert "Traceback" not in answer.text


def test_a_picture_that_is_no_film_is_refused(scripted_platform: Platform) -> None:
    buffer = io.BytesIO()
    Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 40).convert("RGB").save(buffer, "PNG")

    refused = post(scripted_platform, buffer.getvalue())
    vouched = post(scripted_platform, buffer.getvalue(), confirm="true")

    assert refused.status_code in (409, 422)
    assert vouched.status_code == 200 and vouched.json()["gate"]["overridden"] is True


def test_what_is_the_clients_to_mend_is_no_failure_of_a_replica(scripted_platform: Platform) -> None:
    """Serve writes the traceback, and counts the failure, for what a replica raises; a returned error is neither."""
    assert post(scripted_platform, b"still no image").status_code == 415

    log = scripted_platform.replica_logs("preprocessor")
    assert "CALL prepare OK" in log and "Traceback" not in log


def test_an_answer_has_one_request_id(scripted_platform: Platform) -> None:
    ours = httpx.get(f"{scripted_platform.url}/nowhere")
    theirs = httpx.get(f"{scripted_platform.url}/healthz", headers={"X-Request-Id": "hospital-7"})

    assert ours.headers.get_list("x-request-id") == [ours.json()["request_id"]]
    assert theirs.headers.get_list("x-request-id") == ["hospital-7"]


def test_first_version_routes_still_answer(scripted_platform: Platform, tmp_path: Path) -> None:
    files = {"image": drawn_film(tmp_path, 2).read_bytes()}

    answer = httpx.post(f"{scripted_platform.url}/predict", files=files, data={"sex": "Nam", "age": "84"}, timeout=60)
    health = httpx.get(f"{scripted_platform.url}/health")

    assert set(answer.json()) == {"patient_info", "turn1", "turn2", "total_latency"}
    assert answer.json()["patient_info"] == {"sex": "Nam", "age": "84"}
    assert health.json() == {"status": "ok", "message": "Medical VLM API is running"}


def test_version_names_everything_a_report_depends_on(scripted_platform: Platform) -> None:
    version = httpx.get(f"{scripted_platform.url}/version").json()

    assert version["model"] == version["engine"] == "scripted"
    assert version["prompt_version"] == "clara-vi-1" and version["preparation_version"]


def test_every_metric_reaches_the_metrics_port(scripted_platform: Platform, tmp_path: Path) -> None:
    """All but the concerns about drafts: what the scripted engine writes raises none (see test_main_job)."""
    post(scripted_platform, drawn_film(tmp_path, 3).read_bytes())
    missing = {metric.name for metric in METRICS} - {CONCERNS.name}

    deadline = time.monotonic() + 40
    while missing and time.monotonic() < deadline:
        text = httpx.get(scripted_platform.metrics_url).text
        missing -= {name for name in missing if re.search(rf"^ray_{name}(_bucket)?{{", text, re.MULTILINE)}
        time.sleep(1)

    assert not missing


def test_rubbish_never_breaks_the_platform(scripted_platform: Platform, tmp_path: Path) -> None:
    """200 uploads of rubbish: damaged films, random bytes, wrong heads. No 5xx, no growth."""
    rng = random.Random(20261123)
    film = drawn_film(tmp_path, 4).read_bytes()
    heads = [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        bytes(128) + b"DICM",
        b"GIF89a",
        b"%PDF-1.7",
        b"PK\x03\x04",
    ]

    def rubbish(number: int) -> bytes:
        if number % 2:
            damaged = bytearray(film[: rng.randrange(1, len(film))])
            damaged[rng.randrange(len(damaged))] ^= 0xFF
            return bytes(damaged)
        return rng.choice(heads) + rng.randbytes(rng.randrange(4096))

    def memory_bytes() -> int:
        return sum(process.memory_info().rss for process in scripted_platform.processes("ServeReplica"))

    statuses = [post(scripted_platform, rubbish(number)).status_code for number in range(40)]
    before_bytes = memory_bytes()
    statuses += [post(scripted_platform, rubbish(number)).status_code for number in range(160)]

    assert all(400 <= status < 500 for status in statuses), sorted(set(statuses))
    assert memory_bytes() - before_bytes < 60_000_000
    assert post(scripted_platform, film).status_code == 200


def test_undecodable_samples_are_refused_by_name(scripted_platform: Platform, shared_data: Path) -> None:
    folder = shared_data / "cxr_samples" / "dicom"

    film = (folder / "RG3_JPEG_extended12_undecodable.dcm").read_bytes()
    # JPEG 2000 part 2, for which there is no decoder.
    other = post(scripted_platform, film.replace(b"1.2.840.10008.1.2.4.51", b"1.2.840.10008.1.2.4.92"))
    frames = post(scripted_platform, (folder / "SC_rgb_2frame.dcm").read_bytes())

    assert other.status_code == 415 and "1.2.840.10008.1.2.4.92" in other.text
    assert frames.status_code in (413, 415)


def test_nothing_phones_home(scripted_platform: Platform, tmp_path: Path) -> None:
    post(scripted_platform, drawn_film(tmp_path, 5).read_bytes())

    assert_only_called_itself(scripted_platform)


def test_nothing_listens_beyond_this_machine(scripted_platform: Platform) -> None:
    """The door, the metrics and Ray's own ports; where replicas call each other, Ray does not let us choose."""
    listening = {
        (process.name(), connection.laddr.ip)
        for process in [psutil.Process(scripted_platform.process.pid), *scripted_platform.processes("")]
        if "ServeReplica" not in process.name()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert len(listening) > 5, "too few listeners are seen"
    assert not [
        (name, address)
        for name, address in listening
        if not ipaddress.ip_address(address.removeprefix("::ffff:")).is_loopback
    ]


# Ray asks, with usage statistics off as well, on which cloud it runs: the machine's own metadata service, link-local.
# The answer stays in the cluster, and no setting turns the question off.
CLOUD_METADATA = {"169.254.169.254", "metadata.google.internal"}


def assert_only_called_itself(platform: Platform) -> None:
    """Every host that any process looked up or connected to is this machine, and the watch did see something."""
    addresses = {entry.address for interface in psutil.net_if_addrs().values() for entry in interface}
    own = {"localhost", "::", "0.0.0.0", socket.gethostname(), *addresses}
    called = {line.split(" ", 1)[1] for line in platform.connect_log.read_text().splitlines()}

    assert called & {"127.0.0.1", "localhost", *addresses}, "the watch saw nothing: it does not watch"
    assert called - own - CLOUD_METADATA == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])
def test_up_refuses_to_listen_beyond_this_machine(host: str) -> None:
    clara = Path(sys.executable).parent / "clara"

    run = subprocess.run([str(clara), "up", "--host", host], capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == 1
    assert "authentication" in run.stderr and "Traceback" not in run.stderr


def test_up_says_that_its_port_is_taken(scripted_platform: Platform) -> None:
    clara = Path(sys.executable).parent / "clara"
    port = scripted_platform.url.rsplit(":", 1)[1]

    run = subprocess.run([str(clara), "up", "--port", port], capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == 1 and f"port {port} is in use" in run.stderr
