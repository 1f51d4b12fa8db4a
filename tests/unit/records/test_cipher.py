"""What is encrypted before it is kept."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from serve_app.domain.errors import Unavailable
from serve_app.records.cipher import Cipher, read_cipher

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_is_sealed_is_opened_and_says_nothing() -> None:
    cipher = Cipher(NEW)
    sealed = cipher.sealed("Tràn khí màng phổi".encode())

    assert cipher.opened(sealed).decode() == "Tràn khí màng phổi"
    assert b"ph" not in sealed[:4] and "Tràn".encode() not in sealed


def test_a_key_that_was_replaced_still_opens_and_no_longer_seals() -> None:
    sealed = Cipher(OLD).sealed(b"report")
    both = Cipher(f"{NEW}\n{OLD}\n")

    assert both.opened(sealed) == b"report"
    assert Cipher(NEW).opened(both.sealed(b"report")) == b"report"


def test_what_was_changed_is_not_opened() -> None:
    sealed = bytearray(Cipher(NEW).sealed(b"report"))
    sealed[20] ^= 1
    with pytest.raises(Unavailable):
        Cipher(NEW).opened(bytes(sealed))


@pytest.mark.parametrize("keys", ["", "short", f"{NEW}\nshort"])
def test_keys_that_are_none_are_refused_and_not_repeated(keys: str) -> None:
    with pytest.raises(Unavailable) as caught:
        Cipher(keys)

    assert "short" not in str(caught.value)


def test_one_machine_makes_its_key_once_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "records.key"
    sealed = read_cipher(path, may_make=True).sealed(b"report")

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_cipher(path, may_make=True).opened(sealed) == b"report"


def test_a_key_that_a_secret_should_hold_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        read_cipher(tmp_path / "absent", may_make=False)
