"""The keys of the audit log: the private one signs checkpoints, public ones verify them. Ed25519, RFC 8032."""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from serve_app.domain.audit import Checkpoint, Head
from serve_app.domain.errors import Unavailable
from serve_app.records.own_key import make_once

Clock = Callable[[], float]


class Signer:
    """Signs checkpoints with one private key."""

    def __init__(self, key: Ed25519PrivateKey, clock: Clock = time.time) -> None:
        self._key = key
        self._clock = clock
        self.key_id = key_id(key.public_key())

    @property
    def trusted(self) -> "TrustedKeys":
        """Trust what this key signed."""
        return TrustedKeys([self._key.public_key()])

    @property
    def public_pem(self) -> str:
        """The public key, for whoever verifies without the private one."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, head: Head) -> Checkpoint:
        """Vouch for a chain up to its head."""
        unsigned = Checkpoint(head.tenant, head.sequence, head.hash, round(self._clock() * 1000), self.key_id)
        return replace(unsigned, signature=self._key.sign(unsigned.statement()).hex())


class TrustedKeys:
    """The public keys whose checkpoints count."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    def __or__(self, other: "TrustedKeys") -> "TrustedKeys":
        return TrustedKeys([*self._keys.values(), *other._keys.values()])

    def knows(self, checkpoint: Checkpoint) -> bool:
        """Whether the checkpoint names one of these keys."""
        return checkpoint.key_id in self._keys

    def signed(self, checkpoint: Checkpoint) -> bool:
        """Whether the key that the checkpoint names signed it."""
        try:
            self._keys[checkpoint.key_id].verify(bytes.fromhex(checkpoint.signature), checkpoint.statement())
        except (KeyError, ValueError, InvalidSignature):
            return False
        return True


def key_id(key: Ed25519PublicKey) -> str:
    """Name a public key: hex SHA-256 over its 32 bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def load_signer(path: Path, *, may_make: bool) -> Signer:
    """Read the private key, and make it first if it may be made and is not there.

    Raises:
        Unavailable: the file does not hold a private key of Ed25519 in PEM, without a password.
        OSError: the file cannot be read or made.
    """
    if may_make and not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        make_once(path, pem)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable("audit.key_file must hold a private key of Ed25519 in PEM, without a password")
    return Signer(key)


def load_public_key(path: Path) -> TrustedKeys:
    """Read a public key of Ed25519 in PEM.

    Raises:
        Unavailable: the file does not hold one.
        OSError: the file cannot be read.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Unavailable(f"{path.name} must hold a public key of Ed25519 in PEM")
    return TrustedKeys([key])
