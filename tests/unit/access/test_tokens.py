"""Good tokens open what they name, for the tenant that their issuer may name."""

from typing import Any

import pytest

from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import InvalidToken
from tests.unit.access.issuers import (
    ALGORITHMS,
    NOW_S,
    OTHER_RSA,
    RSA,
    Issuer,
    answer,
    authenticator,
    principal_of,
    public,
    refused,
    serving,
    signed,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_good_token_names_its_owner(issuer: Issuer, algorithm: str) -> None:
    tokens = authenticator(issuer.settings())

    assert await principal_of(tokens, issuer.token(algorithm)) == Principal(
        "hospital:anna", "north", frozenset({Scope.REPORTS_WRITE, Scope.REPORTS_READ})
    )


async def test_the_keys_are_found_by_discovery(issuer: Issuer) -> None:
    issuer.answers["/.well-known/openid-configuration"] = answer({"issuer": issuer.url, "jwks_uri": issuer.jwks_url})

    assert await principal_of(authenticator(issuer.settings(jwks_url="discover")), issuer.token())


async def test_each_issuer_has_its_own_keys_and_its_own_name(issuer: Issuer) -> None:
    with serving() as second:
        second.publish(OTHER_RSA)
        tokens = authenticator(issuer.settings(), second.settings(name="clinic"))
        theirs = signed({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}, second.claims(), OTHER_RSA)

        assert (await principal_of(tokens, issuer.token())).subject == "hospital:anna"
        assert (await principal_of(tokens, theirs)).subject == "clinic:anna"
        forged = signed({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}, issuer.claims(), OTHER_RSA)
        with pytest.raises(InvalidToken):
            await principal_of(tokens, forged)


async def test_times_are_kept_to_the_clock_skew(issuer: Issuer) -> None:
    tokens = authenticator(issuer.settings(clock_skew_s=60))

    assert await principal_of(tokens, issuer.token(exp=NOW_S - 59, nbf=NOW_S + 60, iat=NOW_S + 60))
    for late in ({"exp": NOW_S - 60}, {"nbf": NOW_S + 61}):
        with pytest.raises(InvalidToken):
            await principal_of(tokens, issuer.token(**late))


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_type_of_access_tokens_is_accepted(issuer: Issuer, kind: str) -> None:
    assert await principal_of(authenticator(issuer.settings()), issuer.token(header={"typ": kind}))


async def test_other_types_are_accepted_only_where_a_setting_says_so(issuer: Issuer) -> None:
    tokens = authenticator(issuer.settings(require_type="none"))

    assert await principal_of(tokens, issuer.token(header={"typ": "JWT"}))
    with pytest.raises(InvalidToken):
        await principal_of(tokens, issuer.token(header={"typ": "logout+jwt"}))


async def test_a_token_without_key_id_is_verified_by_the_only_key_of_its_type(issuer: Issuer) -> None:
    tokens = authenticator(issuer.settings())
    token = signed({"alg": "RS256", "typ": "at+jwt"}, issuer.claims(), RSA)
    assert await principal_of(tokens, token)

    other = OTHER_RSA.as_dict(private=False) | {"kid": "second"}
    issuer.answers["/keys"] = answer({"keys": [*public(RSA)["keys"], other]})
    await refused(issuer, token)


@pytest.mark.parametrize(
    ("claims", "setting", "scopes"),
    [
        ({"scope": "chat"}, {}, {"chat"}),
        ({"scope": ["chat", "jobs"]}, {}, {"chat", "jobs"}),
        ({"scope": "chat openid profile superuser"}, {}, {"chat"}),
        ({"scope": None}, {}, set()),
        ({"realm_access": {"roles": ["admin"]}, "scope": None}, {"scope_claim": "realm_access.roles"}, {"admin"}),
        ({"https://x.org/roles": ["chat"]}, {"scope_claim": "https://x.org/roles"}, {"chat"}),
        ({"https://x.org/c": {"roles": "chat"}}, {"scope_claim": "https://x.org/c.roles"}, {"chat"}),
        ({"realm_access": ["admin"]}, {"scope_claim": "realm_access.roles"}, set()),
        (
            {"roles": ["radiologist", "chat", "gardener"]},
            {"scope_claim": "roles", "scopes": {"radiologist": ["reviews:sign", "reports:read"]}},
            {"reviews:sign", "reports:read"},
        ),
    ],
)
async def test_scopes_are_read_from_the_claim_of_the_setting(
    issuer: Issuer, claims: dict[str, Any], setting: dict[str, Any], scopes: set[str]
) -> None:
    tokens = authenticator(issuer.settings(**setting))

    assert (await principal_of(tokens, issuer.token(**claims))).scopes == scopes


async def test_the_tenant_is_the_claims_or_the_settings(issuer: Issuer) -> None:
    fixed = authenticator(issuer.settings(tenant="south"))
    nested = authenticator(issuer.settings(tenant_claim="org.name"))

    assert (await principal_of(fixed, issuer.token())).tenant == "south"
    assert (await principal_of(nested, issuer.token(org={"name": "west"}))).tenant == "west"


async def test_an_issuer_names_only_tenants_that_it_may_name(issuer: Issuer) -> None:
    limited = authenticator(issuer.settings(tenants=["north", "operator"]))

    assert (await principal_of(limited, issuer.token(tenant="north"))).tenant == "north"
    assert (await principal_of(limited, issuer.token(tenant="operator"))).tenant == "operator"
    await refused(issuer, issuer.token(tenant="south"), tenants=["north"])


async def test_a_request_without_a_token_is_refused(issuer: Issuer) -> None:
    with pytest.raises(InvalidToken):
        await authenticator(issuer.settings()).authenticate(Credentials())
