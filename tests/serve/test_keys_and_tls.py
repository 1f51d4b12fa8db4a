"""A platform that asks for keys and speaks TLS only, as `clara up --require-keys --tls` starts it."""

import ipaddress
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from serve_app.access.authority import ServerCertificate, certify
from tests.serve.conftest import Platform, drawn_film, start

pytestmark = pytest.mark.cluster

REVOKED_WITHIN_S = 5.0


@dataclass(frozen=True)
class Guarded:
    """The platform, what its clients trust, and a key that it takes."""

    platform: Platform
    folder: Path
    certificate: ServerCertificate
    film: bytes

    def clara(self, *arguments: str, key: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as the user who started the platform."""
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "CLARA_API_KEY": key,
            "LC_ALL": "C.UTF-8",
        }
        command = [str(Path(sys.executable).parent / "clara"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def new_key(self, *scopes: str) -> str:
        options = [option for scope in scopes for option in ("--scope", scope)]
        return self.clara("keys", "create", "--name", "laptop", *options).stdout.strip()

    def post(self, key: str | None) -> httpx.Response:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        url, verify = f"{self.platform.url}/v1/reports", self.platform.verify
        return httpx.post(url, files={"image": self.film}, headers=headers, verify=verify, timeout=60)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Start it with a certificate that is there already, and listen on every interface."""
    folder = tmp_path_factory.mktemp("guarded")
    certificate = certify(folder / "data" / "clara" / "tls", [], datetime.now(UTC))
    verify = ssl.create_default_context(cafile=str(certificate.authority_file))
    options = ("--engine", "scripted", "--require-keys", "--tls", "--host", "0.0.0.0")
    film = drawn_film(folder, 61).read_bytes()
    for platform in start(folder, {}, *options, verify=verify):
        yield Guarded(platform, folder, certificate, film)


@pytest.fixture(scope="module")
def key(guarded: Guarded) -> str:
    return guarded.new_key("reports:write")


def test_a_report_is_for_whoever_has_a_key(guarded: Guarded, key: str) -> None:
    answers = [guarded.post(sent) for sent in (key, None, "clara_" + "0" * 16 + "_" + "a" * 43)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert [answer.json()["code"] for answer in answers[1:]] == ["unauthenticated", "invalid-token"]
    for refused in answers[1:]:
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_a_key_opens_what_its_scope_names(guarded: Guarded) -> None:
    answer = guarded.post(guarded.new_key("reports:read"))
    assert (answer.status_code, answer.json()["code"]) == (403, "missing-scope")


def test_the_certificate_that_was_there_is_the_one_that_is_presented(guarded: Guarded) -> None:
    address = guarded.platform.url.removeprefix("https://").split(":")
    presented = ssl.get_server_certificate((address[0], int(address[1])))
    assert presented in guarded.certificate.server_file.read_text()


def test_who_trusts_other_authorities_sends_nothing(guarded: Guarded, tmp_path: Path) -> None:
    other = certify(tmp_path, [], datetime.now(UTC)).authority_file
    for verify in (ssl.create_default_context(cafile=str(other)), True):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{guarded.platform.url}/healthz", verify=verify)


def test_plain_http_is_not_spoken(guarded: Guarded) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{guarded.platform.url.replace('https', 'http')}/healthz")


def test_the_command_line_asks_over_https_with_the_key_of_the_environment(guarded: Guarded, key: str) -> None:
    authority = str(guarded.certificate.authority_file)
    asked = ("--url", guarded.platform.url, "--ca-file", authority)
    film = str(guarded.folder / "film-61.png")

    done, checked = guarded.clara("report", film, *asked, key=key), guarded.clara("check", *asked[1:], key=key)
    without_key, without_authority = guarded.clara("report", film, *asked), guarded.clara("report", film, *asked[:2])

    assert (done.returncode, "KẾT LUẬN" in done.stdout) == (0, True), done.stderr
    assert (checked.returncode, "A whole report" in checked.stdout) == (0, True), checked.stderr
    assert (without_key.returncode, without_key.stderr.partition(":")[0]) == (1, "unauthenticated")
    assert "is not trusted" in without_authority.stderr


def test_a_revoked_key_opens_nothing_within_seconds(guarded: Guarded) -> None:
    key = guarded.new_key("reports:write")
    assert guarded.post(key).status_code == 200

    assert guarded.clara("keys", "revoke", key.split("_")[1]).returncode == 0

    end_s = time.monotonic() + REVOKED_WITHIN_S
    while (status := guarded.post(key).status_code) == 200:
        assert time.monotonic() < end_s, "the key still opens"
    assert status == 401


def test_beyond_this_machine_only_the_door_is_open(guarded: Guarded) -> None:
    port, metrics_port = (
        int(url.split(":")[2].partition("/")[0]) for url in (guarded.platform.url, guarded.platform.metrics_url)
    )
    places = [
        found.laddr
        for process in guarded.platform.processes("")
        for found in process.net_connections("inet")
        if found.status == psutil.CONN_LISTEN
    ]
    hosts = {number: {place.ip for place in places if place.port == number} for number in (port, metrics_port)}

    assert hosts[port] == {"0.0.0.0"}
    assert hosts[metrics_port] and all(ipaddress.ip_address(host).is_loopback for host in hosts[metrics_port])


def test_no_key_is_in_a_log(guarded: Guarded, key: str) -> None:
    assert guarded.post(key).status_code == 200
    logs = guarded.platform.replica_logs("gateway") + guarded.platform.log.read_text(encoding="utf-8")
    assert "POST /v1/reports 200" in logs or "report request" in logs
    assert key.split("_")[2] not in logs
