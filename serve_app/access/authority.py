"""A certificate authority of one's own, for trying TLS on one machine; a hospital has a better one.

Each file with a key holds its certificate too, so that the two are replaced together.
"""

import ipaddress
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("127.0.0.1", "localhost")
"""Names that every certificate has."""

_AUTHORITY_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=365)
_RENEWED_BEFORE_END = timedelta(days=30)
# A client whose clock is behind.
_SKEW = timedelta(days=1)
# Its last label is no number: that would be an address in one of its old forms, such as 127.1.
_DNS_NAME = re.compile(r"(?=.{1,253}$)(?!(.*\.)?[0-9]+$)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9][a-z0-9-]{0,62})*")


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What a server presents, and what its clients trust."""

    names: frozenset[str]
    server_file: Path
    """PEM: the server's key and certificate."""
    authority_file: Path
    """PEM: the certificate of the authority."""


def certify(folder: Path, names: Collection[str], now: datetime) -> ServerCertificate:
    """Certify a server of these names, besides loopback and the names it had; what still serves is reused.

    Raises:
        ValueError: a name is neither an address nor a DNS name, or a file there holds no key.
        OSError: the folder cannot be written.
    """
    wanted = frozenset(map(_checked, (*LOOPBACK, *names)))
    _make_private(folder)
    authority = _Pair.read(folder / "authority-key.pem")
    if authority is None or not authority.lasts_until(now + _SERVER_LIFE):
        authority = _new_authority(now)
        authority.write(folder / "authority-key.pem")
    _write(folder / "authority.pem", authority.certificate.public_bytes(Encoding.PEM), 0o644)
    server = _Pair.read(folder / "server.pem")
    if server is not None:
        wanted |= server.names
    if server is None or server.names != wanted or not server.serves(authority, now + _RENEWED_BEFORE_END):
        _new_server(authority, wanted, now).write(folder / "server.pem")
    return ServerCertificate(wanted, folder / "server.pem", folder / "authority.pem")


@dataclass(frozen=True, slots=True)
class _Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def read(cls, path: Path) -> Self | None:
        if not path.exists():
            return None
        text = path.read_bytes()
        key = load_pem_private_key(text, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{path} is not a file of ours: delete it")
        return cls(key, x509.load_pem_x509_certificate(text))

    def write(self, path: Path) -> None:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(path, key + self.certificate.public_bytes(Encoding.PEM), 0o600)

    @property
    def names(self) -> frozenset[str]:
        names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = map(str, names.get_values_for_type(x509.IPAddress))
        return frozenset((*names.get_values_for_type(x509.DNSName), *addresses))

    def lasts_until(self, time: datetime) -> bool:
        return self.certificate.not_valid_after_utc >= time

    def serves(self, authority: "_Pair", until: datetime) -> bool:
        try:
            self.certificate.verify_directly_issued_by(authority.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return self.lasts_until(until)


def _new_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named("CLARA, an authority of this machine only")
    builder = _builder(name, name, key, now, _AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _Pair(key, builder.sign(key, hashes.SHA256()))


def _new_server(authority: _Pair, names: Collection[str], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = _builder(_named("CLARA"), issuer.subject, key, now, _SERVER_LIFE)
    for extension, is_critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_general_name(name) for name in sorted(names)]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ):
        builder = builder.add_extension(extension, is_critical)
    return _Pair(key, builder.sign(authority.key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Allow one use of the key: to sign certificates, or to prove in a handshake who the server is."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _checked(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if not _DNS_NAME.fullmatch(name.lower()):
            raise ValueError(f"{name} is neither an address nor a DNS name") from None
        return name.lower()


def _make_private(folder: Path) -> None:
    """Make a folder and those above it for their owner only. Source: XDG Base Directory Specification."""
    for missing in [path for path in (*reversed(folder.parents), folder) if not path.exists()]:
        missing.mkdir(mode=0o700, exist_ok=True)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace a file in one step; the new one never had other rights than these."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    draft.replace(path)
