"""Where the platform may listen, and what its processes are told."""

import os
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serve_app.access.authority import ServerCertificate, certify
from serve_app.cluster.environment import prepare_environment
from serve_app.launch import LaunchError, Proxy, platform, require_loopback
from serve_app.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost"])
def test_this_machine_is_allowed(host: str) -> None:
    require_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "clara.example.org", "", "127.0.0.1.example.org"])
def test_anything_beyond_is_refused(host: str) -> None:
    with pytest.raises(LaunchError, match="authentication"):
        require_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5"])
@pytest.mark.parametrize(("mode", "has_tls"), [("open", False), ("open", True), ("required", False)])
def test_authentication_or_tls_alone_opens_nothing(host: str, mode: str, has_tls: bool, tmp_path: Path) -> None:
    certificate = certify(tmp_path, [], datetime.now(UTC)) if has_tls else None
    settings = Settings.model_validate({"access": {"mode": mode}})

    with (
        pytest.raises(LaunchError, match=r"without authentication and TLS only 127\.0\.0\.1 is allowed"),
        platform(settings, host, 1, 0, print, certificate=certificate),
    ):
        pass


@pytest.fixture
def guarded(tmp_path: Path) -> tuple[Settings, ServerCertificate]:
    """What may listen beyond loopback."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    settings = Settings.model_validate({"access": {"mode": "required"}, "records": {"url": url}})
    return settings, certify(tmp_path / "tls", [], datetime.now(UTC))


@pytest.mark.parametrize("host", ["203.0.113.9", "::", "::1", "absent.invalid"])
def test_what_this_machine_does_not_have_is_not_listened_on(
    host: str, guarded: tuple[Settings, ServerCertificate]
) -> None:
    settings, certificate = guarded
    with (
        pytest.raises(LaunchError, match=f"^{host} is not an IPv4 address of this machine"),
        platform(settings, host, 1, 0, print, certificate=certificate),
    ):
        pass


def test_haproxy_gets_no_certificate(guarded: tuple[Settings, ServerCertificate]) -> None:
    settings, certificate = guarded
    with (
        pytest.raises(LaunchError, match="HAProxy speaks no TLS: leave out --tls"),
        platform(settings, "0.0.0.0", 1, 0, print, Proxy.HAPROXY, certificate),
    ):
        pass


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://db/clara", r"records\.url must be sqlite:///PATH or postgresql"),
        ("postgresql://clara@127.0.0.1:1/clara", "the database does not answer"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_before_anything_starts(url: str, reason: str) -> None:
    settings = Settings.model_validate({"access": {"mode": "required"}, "records": {"url": url}})
    with (
        pytest.raises(LaunchError, match=f"the keys' database cannot be used: .*{reason}"),
        platform(settings, "127.0.0.1", 1, 0, print),
    ):
        pass


@pytest.mark.parametrize(("mode", "middleware"), [("open", "loopback_middleware"), ("required", "middleware")])
def test_only_a_platform_that_asks_nobody_checks_where_a_page_is_from(
    mode: str, middleware: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {})

    prepare_environment(Settings.model_validate({"access": {"mode": mode}}))

    named = os.environ["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"]
    assert named == f"serve_app.cluster.proxy:{middleware}"


def test_only_the_older_loopback_is_listened_on() -> None:
    with pytest.raises(LaunchError, match=r"::1 is an IPv6 address.* 127\.0\.0\.1"):
        require_loopback("::1")


@pytest.mark.parametrize(("option", "place"), [("--port", 0), ("--metrics-port", 1)])
def test_a_taken_port_is_said_before_anything_starts(option: str, place: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = (port, 0) if place == 0 else (1, port)

        with (
            pytest.raises(LaunchError, match=f"port {port} is in use.*{option}$"),
            platform(Settings(), "127.0.0.1", *ports, print),
        ):
            pass


def test_haproxy_that_is_missing_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)

    with (
        pytest.raises(LaunchError, match="haproxy is not installed"),
        platform(Settings(), "127.0.0.1", 1, 0, print, Proxy.HAPROXY),
    ):
        pass

    assert "RAY_SERVE_ENABLE_HA_PROXY" not in os.environ


@pytest.mark.parametrize("backend", ["vllm", "transformers"])
def test_a_mistyped_model_is_said_before_anything_starts(backend: str, tmp_path: Path) -> None:
    settings = Settings.model_validate({"model": {"source": str(tmp_path / "no")}, "engine": {"backend": backend}})

    with (
        pytest.raises(LaunchError, match=r"^model\.source names the folder .*/no, which does not exist: write demo, "),
        platform(settings, "127.0.0.1", 1, 0, print),
    ):
        pass


def test_usage_statistics_are_off_and_the_demo_asks_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})

    prepare_environment(Settings())

    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
