"""Settings of the door refuse what would open too much, or nothing."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from serve_app.client.administration import Tenant as ClientTenant
from serve_app.settings import AccessSettings, Settings
from serve_app.settings.access import Tenant

ISSUER = {"name": "hospital", "issuer": "https://id.example.org/realms/x", "audience": "clara", "tenant": "north"}
OWNER = {"name": "pacs", "uri": "spiffe://hospital/pacs", "tenant": "north", "scopes": ["chat"]}


def access(issuers: list[dict[str, Any]] | None = None, **changed: Any) -> AccessSettings:
    """Read the settings of a door that asks."""
    return AccessSettings.model_validate({"mode": "required", "issuers": issuers or []} | changed)


def test_an_issuer_needs_no_more_than_who_it_is_whom_it_names_and_for_whom() -> None:
    [issuer] = access([ISSUER]).issuers

    assert issuer.require_type == "at+jwt" and issuer.jwks_url == "discover"
    assert issuer.algorithms == ("RS256", "PS256", "ES256", "EdDSA")


@pytest.mark.parametrize(
    "changed",
    [
        {"algorithms": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"issuer": "http://id.example.org"},
        {"issuer": "http://127.0.0.1.example.org"},
        {"issuer": "https://user:word@id.example.org"},
        {"issuer": "https://id.example.org?x=1"},
        {"issuer": "id.example.org"},
        {"jwks_url": "http://169.254.169.254/keys"},
        {"jwks_url": "file:///etc/passwd"},
        {"audience": ""},
        {"clock_skew_s": 301},
        {"tenant": "none"},
        {"tenant_claim": "org"},
        {"tenant": "North"},
        {"name": "key"},
        {"name": "local"},
        {"name": "certificate"},
        {"name": "a:b"},
        {"scopes": {"radiologist": ["reports:everything"]}},
        {"require_type": "JWT"},
    ],
    ids=repr,
)
def test_an_issuer_that_opens_too_much_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        access([ISSUER | changed])


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:8080/realms/x", "http://localhost", "http://[::1]:1"])
def test_plain_http_is_for_loopback_only(issuer: str) -> None:
    assert access([ISSUER | {"issuer": issuer}])


@pytest.mark.parametrize("second", [ISSUER | {"name": "other"}, ISSUER | {"issuer": "https://other.example.org"}])
def test_two_issuers_share_neither_name_nor_address(second: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="two issuers"):
        access([ISSUER, second])


@pytest.mark.parametrize("args", [{"issuers": [ISSUER]}, {"client_certificates": {"header": "x-client"}}])
def test_a_door_that_asks_nobody_takes_no_issuers_and_no_certificates(args: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="required"):
        AccessSettings.model_validate({"mode": "open"} | args)


@pytest.mark.parametrize(
    "changed",
    [
        {"header": "x client"},
        {"header": "x-client", "owners": [OWNER, OWNER | {"name": "again"}]},
        {"header": "x-client", "owners": [OWNER | {"subject": "CN=pacs"}]},
        {"header": "x-client", "owners": [OWNER | {"uri": "none"}]},
        {"header": "x-client", "owners": [OWNER | {"scopes": []}]},
        {"header": "x-client", "form": "subject", "owners": [OWNER]},
        {"owners": [OWNER]},
    ],
    ids=repr,
)
def test_certificates_that_are_ambiguous_or_without_effect_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        access(client_certificates=changed)


def test_stale_keys_serve_no_shorter_than_fresh_ones() -> None:
    with pytest.raises(ValidationError, match="max_stale_s"):
        access(issuer_keys={"refresh_s": 600, "max_stale_s": 300})


def test_the_settings_survive_the_serve_config() -> None:
    scopes = {"radiologist": ["reports:write", "reviews:sign"]}
    certificates = {"header": "x-client", "owners": [OWNER]}
    settings = Settings(access=access([ISSUER | {"scopes": scopes}], client_certificates=certificates))

    assert Settings.model_validate(settings.model_dump(mode="json")) == settings


def test_a_tenant_is_called_the_same_everywhere() -> None:
    assert get_args(Tenant)[1].pattern == get_args(ClientTenant)[1].pattern
