"""The local authority: what it writes is private, is reused while it serves, and is what TLS clients take."""

import socket
import ssl
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from serve_app.access.authority import ServerCertificate, certify

NOW = datetime.now(UTC)


def shaken(served: ServerCertificate, trusted: Path, name: str) -> str | None:
    """Shake hands with a server that presents the one, as a client that trusts the other; name the protocol."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(trusted))
    server.load_cert_chain(served.server_file, served.server_file)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(there, server_side=True)
        except ssl.SSLError:
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name) as connection:
            return connection.version()
    finally:
        thread.join()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "clara.example.org", "10.1.2.3"])
def test_a_client_that_trusts_the_authority_takes_the_certificate(name: str, tmp_path: Path) -> None:
    certificate = certify(tmp_path, ["Clara.example.org", "10.1.2.3"], NOW)
    assert shaken(certificate, certificate.authority_file, name) == "TLSv1.3"


@pytest.mark.parametrize("name", ["evil.example", "10.1.2.4"])
def test_a_name_that_was_not_certified_is_refused(name: str, tmp_path: Path) -> None:
    certificate = certify(tmp_path, ["10.1.2.3"], NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shaken(certificate, certificate.authority_file, name)


def test_another_authority_is_refused(tmp_path: Path) -> None:
    ours, theirs = certify(tmp_path / "ours", [], NOW), certify(tmp_path / "theirs", [], NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(ours, theirs.authority_file, "localhost")


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "tls"
    certify(folder, [], NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (modes["authority-key.pem"], modes["server.pem"]) == (0o600, 0o600)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)] == [0o700, 0o700]
    assert {path for path in folder.iterdir() if b"PRIVATE KEY" in path.read_bytes()} == {
        folder / "authority-key.pem",
        folder / "server.pem",
    }


def test_what_still_serves_is_reused(tmp_path: Path) -> None:
    before = certify(tmp_path, ["a.example"], NOW)
    server, authority = before.server_file.read_bytes(), before.authority_file.read_bytes()

    after = certify(tmp_path, [], NOW + timedelta(days=300))

    assert (after.server_file.read_bytes(), after.authority_file.read_bytes()) == (server, authority)
    assert after.names == {"127.0.0.1", "localhost", "a.example"}


@pytest.mark.parametrize(("names", "days_later"), [(["b.example"], 0), ([], 340)])
def test_a_new_certificate_is_of_the_same_authority_and_has_the_old_names(
    names: list[str], days_later: int, tmp_path: Path
) -> None:
    before = certify(tmp_path, ["a.example"], NOW)
    server, authority = before.server_file.read_bytes(), before.authority_file.read_bytes()

    after = certify(tmp_path, names, NOW + timedelta(days=days_later))

    assert after.server_file.read_bytes() != server
    assert after.authority_file.read_bytes() == authority
    assert after.names == {"127.0.0.1", "localhost", "a.example", *names}


def test_an_authority_ends_after_its_last_certificate(tmp_path: Path) -> None:
    certify(tmp_path, ["a.example"], NOW)
    late = NOW + timedelta(days=3600)

    certificate = certify(tmp_path, [], late)

    ends = [
        x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        for path in (certificate.authority_file, certificate.server_file)
    ]
    assert ends[0] >= ends[1] > late


def lose_the_authority(folder: Path) -> None:
    (folder / "authority-key.pem").unlink()


def lose_what_clients_trust(folder: Path) -> None:
    (folder / "authority.pem").unlink()


@pytest.mark.parametrize("lose", [lose_the_authority, lose_what_clients_trust])
def test_a_folder_of_which_a_part_is_lost_serves_again(lose: Callable[[Path], None], tmp_path: Path) -> None:
    certify(tmp_path, [], NOW)
    lose(tmp_path)

    certificate = certify(tmp_path, [], NOW)

    assert shaken(certificate, certificate.authority_file, "localhost")


@pytest.mark.parametrize(
    "name", ["", "https://clara.example", "a b", "-a", "*.example.org", "x" * 300, "a..b", "0", "127.1"]
)
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither an address nor a DNS name"):
        certify(tmp_path, [name], NOW)


def test_a_damaged_file_is_not_replaced_unseen(tmp_path: Path) -> None:
    certify(tmp_path, [], NOW)
    (tmp_path / "authority-key.pem").write_text("damaged")
    with pytest.raises(ValueError, match="PEM"):
        certify(tmp_path, [], NOW)
    assert (tmp_path / "authority-key.pem").read_text() == "damaged"
