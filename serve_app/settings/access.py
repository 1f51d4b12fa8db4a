import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from serve_app.domain.access import RESERVED_NAMES, TENANT
from serve_app.domain.call import Scope
from serve_app.settings.step import Step

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


def require_secure(url: str) -> str:
    """Return an address whose answers can be trusted: HTTPS, or HTTP on this machine's loopback address.

    Raises:
        ValueError: anybody on the way could change what it answers.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://id.example.org/realms/clara")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("must begin with https://; http:// is for a loopback address only")
    return url


def _require_unreserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"is reserved, as are {', '.join(sorted(RESERVED_NAMES))}")
    return name


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
SecureUrl = Annotated[str, AfterValidator(require_secure)]
Tenant = Annotated[str, StringConstraints(pattern=TENANT)]


class IssuerSettings(Step):
    """An issuer of access tokens, and what its tokens may open."""

    name: Annotated[Name, AfterValidator(_require_unreserved)]
    """Short name; the owner of a token is called `name:sub` in records and audit."""
    issuer: SecureUrl
    """The issuer's address, exactly as its tokens' claim `iss` has it."""
    audience: str = Field(min_length=1)
    """Our name at the issuer; a token whose claim `aud` lacks it is refused."""
    jwks_url: SecureUrl | Literal["discover"] = "discover"
    """Address of the issuer's public keys; "discover" reads it in `<issuer>/.well-known/openid-configuration`."""
    algorithms: tuple[Algorithm, ...] = Field(("RS256", "PS256", "ES256", "EdDSA"), min_length=1)
    """Signature algorithms that its tokens may have; symmetric ones cannot be allowed."""
    require_type: Literal["at+jwt", "none"] = "at+jwt"
    """The type that a token's header must state (RFC 9068); "none" also accepts `JWT` and no type, and with them an ID
    token for the same audience, so let that audience be nobody's client id."""
    clock_skew_s: int = Field(60, ge=0, le=300)
    """Seconds by which the issuer's clock may differ from ours."""
    scope_claim: str = Field("scope", min_length=1)
    """The claim with scopes or roles, a list or words between spaces. A dot leads into an object:
    `realm_access.roles`. A claim whose whole name has dots, such as `https://example.org/roles`, is found first."""
    scopes: dict[str, tuple[Scope, ...]] = Field({})
    """Our scopes by the issuer's names for scopes or roles; other names grant nothing. Empty: its names are ours."""
    tenant: Tenant = "none"
    """The tenant of all its tokens; "none" reads it in `tenant_claim`."""
    tenant_claim: str = "none"
    """The claim with the tenant, written as `scope_claim` is; "none" where `tenant` fixes it."""
    tenants: tuple[Tenant, ...] = ()
    """The tenants that `tenant_claim` may name. Empty: every one but the operators' tenant."""

    @model_validator(mode="after")
    def _require_one_tenant(self) -> "IssuerSettings":
        if (self.tenant == "none") == (self.tenant_claim == "none"):
            raise ValueError("give either tenant or tenant_claim")
        return self


class IssuerKeysSettings(Step):
    """How the issuers' public keys are read and kept."""

    refresh_s: float = Field(300, gt=0)
    """Seconds after which the keys are read anew: a key that the issuer withdraws works so much longer at most."""
    retry_s: float = Field(10, gt=0)
    """Seconds between two readings at least, after a failure or for tokens whose key is unknown."""
    max_stale_s: float = Field(3600, gt=0)
    """Seconds for which the last keys serve while the issuer does not answer; after that its tokens get 503."""
    timeout_s: float = Field(5, gt=0)
    """Seconds that one reading may take, from the connection to the last byte."""
    max_bytes: int = Field(262_144, ge=1024)
    """Most bytes of one answer of the issuer; a longer one is discarded."""
    proxy: str = "none"
    """Address of the HTTP proxy on the way to the issuers; "none" asks them directly, whatever the environment says."""
    ca_file: Path | Literal["none"] = "none"
    """PEM file with the certificate authority of the issuers; "none" trusts the public ones."""

    @model_validator(mode="after")
    def _require_order(self) -> "IssuerKeysSettings":
        if self.max_stale_s < self.refresh_s:
            raise ValueError(f"max_stale_s ({self.max_stale_s}) must not be below refresh_s ({self.refresh_s})")
        return self


class CertificateOwner(Step):
    """Whom a client certificate stands for: it is recognised by its subject or by a URI, exactly one of the two."""

    name: Name
    """Short name; the owner is called `certificate:name` in records and audit."""
    subject: str = "none"
    """The certificate's subject as the edge writes it (RFC 2253: `CN=pacs,O=Hospital`), compared character by
    character; "none" where `uri` is given."""
    uri: str = "none"
    """A URI among its alternative names, such as `spiffe://hospital/pacs`; "none" where `subject` is given."""
    tenant: Tenant
    """On whose behalf it works."""
    scopes: tuple[Scope, ...] = Field(min_length=1)
    """What it may do."""

    @model_validator(mode="after")
    def _require_one_sign(self) -> "CertificateOwner":
        if (self.subject == "none") == (self.uri == "none"):
            raise ValueError("give either subject or uri")
        return self


class ClientCertificatesSettings(Step):
    """Client certificates that the edge verified and describes in a header. Only with an edge that overwrites what
    clients send under that name, and where nobody reaches the platform but through the edge."""

    header: str = Field("none", pattern=r"^[A-Za-z0-9-]+$")
    """The header in which the edge describes the certificate; "none" ignores every such header."""
    form: Literal["xfcc", "subject"] = "xfcc"
    """What the header holds: Envoy's `x-forwarded-client-cert`, of which the last element counts, or the subject only,
    as nginx and HAProxy write it."""
    owners: tuple[CertificateOwner, ...] = ()
    """The certificates that open something; every other one is refused."""

    @property
    def is_used(self) -> bool:
        """Whether a certificate opens anything."""
        return self.header != "none"

    @model_validator(mode="after")
    def _require_distinct_owners(self) -> "ClientCertificatesSettings":
        signs = [(owner.subject, owner.uri) for owner in self.owners]
        if len(set(signs)) < len(signs):
            raise ValueError("owners has the same certificate twice")
        if self.owners and not self.is_used:
            raise ValueError("owners needs the header in which the edge describes certificates")
        if self.form == "subject" and any(owner.uri != "none" for owner in self.owners):
            raise ValueError('owners names a URI, which a header of the form "subject" never has')
        return self


class AccessSettings(Step):
    """Who may ask."""

    mode: Literal["open", "required"] = "open"
    """`open`: nobody is asked who it is, so the platform listens on loopback only, or behind something that
    authenticates; `required`: every request but health checks proves who sends it."""
    max_key_age_s: float = Field(2, gt=0, le=5)
    """Seconds for which a replica trusts what it read of an API key: a revoked key works so much longer at most."""
    operator_tenant: str = Field("operator", min_length=1)
    """The tenant whose administrators manage every tenant; those of other tenants manage their own."""
    issuers: tuple[IssuerSettings, ...] = ()
    """The issuers whose access tokens (OAuth 2.0, JWT) are accepted beside API keys; docs/access.md has an example."""
    max_token_bytes: int = Field(8192, ge=256, le=65_536)
    """Longest token that is read, in bytes; a longer one is refused unread."""
    issuer_keys: IssuerKeysSettings = IssuerKeysSettings()
    client_certificates: ClientCertificatesSettings = ClientCertificatesSettings()

    @model_validator(mode="after")
    def _require_use(self) -> "AccessSettings":
        """Reject settings that would have no effect, or two."""
        if self.mode == "open" and (self.issuers or self.client_certificates.is_used):
            raise ValueError('issuers and client_certificates need the mode "required": "open" asks nobody who it is')
        for field in ("name", "issuer"):
            values = [getattr(issuer, field) for issuer in self.issuers]
            if len(set(values)) < len(values):
                raise ValueError(f"two issuers have the same {field}")
        return self
