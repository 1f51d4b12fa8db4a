"""What is encrypted before it is kept. A key that was replaced still reads; the first one writes."""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from serve_app.domain.errors import Unavailable
from serve_app.records.own_key import make_once


class Cipher:
    """Encrypts and authenticates bytes (Fernet: AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, keys: str) -> None:
        """Take keys, one a line, the newest first.

        Raises:
            Unavailable: there is none, or one is malformed.
        """
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys.split()])
        except ValueError:
            raise Unavailable("the file with the keys that encrypt records holds no Fernet key") from None

    def sealed(self, data: bytes) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(data)

    def opened(self, sealed: bytes) -> bytes:
        """Decrypt.

        Raises:
            Unavailable: it was changed, or its key is gone.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise Unavailable("a record cannot be decrypted: its key is gone, or it was changed") from None


def read_cipher(path: Path, *, may_make: bool) -> Cipher:
    """Read the keys; on one machine make the first one.

    Raises:
        Unavailable: the file cannot be read.
    """
    try:
        if may_make and not path.exists():
            make_once(path, Fernet.generate_key())
        return Cipher(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        raise Unavailable("the file with the keys that encrypt records cannot be read") from None
