"""Client certificates as the edge forwards them: the edge has verified them, here they are recognised.

Does not read headers. Source: Envoy, HTTP header manipulation, x-forwarded-client-cert; its URIs are not quoted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal
from serve_app.domain.errors import Unauthenticated
from serve_app.settings import CertificateOwner, ClientCertificatesSettings

# Envoy can add the whole chain to an element; a longer header is nobody's certificate.
_MAX_CHARACTERS = 32_768
# The backslashes in a quoted value are RFC 2253's: they belong to the subject, and removing them would make two
# subjects one.
_PAIR = re.compile(r' *([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))(?=[,;]|$)')


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an edge states about a client certificate; a part is empty where it states nothing."""

    subject: str
    uri: str = ""


class CertificateAuthenticator:
    """Implements the `Authenticator` port for the certificates in the settings."""

    def __init__(self, settings: ClientCertificatesSettings) -> None:
        self._read = read_xfcc if settings.form == "xfcc" else Certificate
        self._owners = settings.owners

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Name the owner of the certificate; see `ports.Authenticator`."""
        try:
            certificate = self._read(credentials.certificate or "")
        except ValueError:
            raise Unauthenticated(
                "the edge describes the client certificate in a form that is not understood"
            ) from None
        owners = [owner for owner in self._owners if _is_of(certificate, owner)]
        if len(owners) != 1:
            raise Unauthenticated("the client certificate is not known here")
        [owner] = owners
        return Principal(f"certificate:{owner.name}", owner.tenant, frozenset(owner.scopes))


def _is_of(certificate: Certificate, owner: CertificateOwner) -> bool:
    return certificate.subject == owner.subject if owner.uri == "none" else certificate.uri == owner.uri


def read_xfcc(header: str) -> Certificate:
    """Read the last element of an `x-forwarded-client-cert`: the client of the last hop. Those before are hearsay.

    Raises:
        ValueError: an element is malformed, or the last one has several subjects or URIs.
    """
    if len(header) > _MAX_CHARACTERS:
        raise ValueError("the header is too long")
    *_, last = _elements(header)
    subjects, uris = ([value for name, value in last if name == key] for key in ("subject", "uri"))
    if len(subjects) > 1 or len(uris) > 1:
        raise ValueError("the last element has several subjects or URIs")
    return Certificate("".join(subjects), "".join(uris))


def _elements(header: str) -> Iterator[list[tuple[str, str]]]:
    """Split the header at commas, elements at semicolons; in quotes neither separates."""
    element: list[tuple[str, str]] = []
    place = 0
    while place <= len(header):
        pair = _PAIR.match(header, place)
        if pair is None:
            raise ValueError("not a name and a value")
        name, quoted, plain = pair.groups()
        element.append((name.lower(), plain if quoted is None else quoted))
        place = pair.end() + 1
        if header[pair.end() : place] != ";":
            yield element
            element = []
