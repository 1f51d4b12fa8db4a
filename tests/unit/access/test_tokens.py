"""Tokens: the right ones open what they name, and every attack is refused with the same sentence."""

import base64
import hmac
import json
import logging
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from serve_app.access.tokens import TokenAuthenticator
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import InvalidToken
from tests.unit.access.issuers import (
    ALGORITHMS,
    AUDIENCE,
    KEYS,
    NOW_S,
    OTHER_RSA,
    RSA,
    Issuer,
    answer,
    authenticator,
    principal_of,
    public,
    serving,
    signed,
)

SENTENCE = "the token is not valid here"


@pytest.fixture
def tokens(issuer: Issuer) -> TokenAuthenticator:
    """Trust the issuer."""
    return authenticator(issuer.settings())


def encoded(part: Any) -> str:
    """Encode one part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refused(issuer: Issuer, token: str, **changed: Any) -> None:
    """Require that a token is refused, in the words for every refusal."""
    tokens = authenticator(issuer.settings(**changed))
    with pytest.raises(InvalidToken) as caught:
        await principal_of(tokens, token)
    assert caught.value.message == SENTENCE


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


async def test_a_token_without_a_signature_is_refused(issuer: Issuer) -> None:
    for algorithm in ("none", "None", "NONE", "", None):
        header = encoded({"alg": algorithm, "typ": "at+jwt", "kid": "rsa"})
        await refused(issuer, f"{header}.{encoded(issuer.claims())}.")


async def test_the_public_key_is_no_secret_to_sign_with(issuer: Issuer) -> None:
    set_as_text = json.dumps(public(RSA)["keys"][0]).encode()
    signing_input = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'rsa'})}.{encoded(issuer.claims())}"
    for secret in (RSA.as_pem(private=False), RSA.as_der(private=False), set_as_text, b""):
        signature = hmac.digest(secret, signing_input.encode(), "sha256")
        await refused(issuer, f"{signing_input}.{encoded(signature)}")


async def test_a_symmetric_key_in_the_issuers_set_verifies_nothing(issuer: Issuer) -> None:
    secret = OctKey.import_key(b"k" * 32, {"kid": "oct"})
    issuer.answers["/keys"] = answer({"keys": [secret.as_dict(private=True)]})

    await refused(issuer, signed({"alg": "HS256", "typ": "at+jwt", "kid": "oct"}, issuer.claims(), secret))


async def test_an_algorithm_that_the_issuer_does_not_use_is_refused(issuer: Issuer) -> None:
    await refused(issuer, issuer.token("ES256"), algorithms=["RS256"])


async def test_a_key_of_another_type_under_the_tokens_key_id_verifies_nothing(issuer: Issuer) -> None:
    await refused(issuer, issuer.token("ES256", header={"kid": "rsa"}))
    await refused(issuer, issuer.token("RS256", header={"kid": "ec"}))


async def test_a_key_that_is_for_encryption_verifies_nothing(issuer: Issuer) -> None:
    issuer.answers["/keys"] = answer({"keys": [RSA.as_dict(private=False) | {"use": "enc"}]})

    await refused(issuer, issuer.token())


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"aud": f"{AUDIENCE} another"},
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"exp": None},
        {"exp": NOW_S - 61},
        {"nbf": NOW_S + 61},
        {"iat": NOW_S + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": "line\nbreak"},
        {"sub": "x" * 256},
        {"tenant": None},
        {"tenant": "North"},
        {"tenant": "north\n"},
        {"tenant": "../north"},
        {"tenant": ["north"]},
        {"tenant": "operator"},
        {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
    ],
)
async def test_a_wrong_claim_is_refused(issuer: Issuer, changed: dict[str, Any]) -> None:
    await refused(issuer, issuer.token(**changed))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "tenant"])
@pytest.mark.parametrize("value", [True, {}, {"a": 1}, [1], [[]], -0.5, float("nan"), "\x00"], ids=repr)
async def test_a_claim_of_the_wrong_kind_opens_no_more(issuer: Issuer, name: str, value: Any) -> None:
    tokens = authenticator(issuer.settings())
    try:
        principal = await principal_of(tokens, issuer.token(**{name: value}))
    except InvalidToken:
        return
    assert (principal.tenant, principal.subject) == ("north", "hospital:anna")
    assert principal.scopes <= {Scope.REPORTS_WRITE, Scope.REPORTS_READ}


async def test_times_are_kept_to_the_clock_skew(issuer: Issuer) -> None:
    tokens = authenticator(issuer.settings(clock_skew_s=60))

    assert await principal_of(tokens, issuer.token(exp=NOW_S - 59, nbf=NOW_S + 60, iat=NOW_S + 60))
    for late in ({"exp": NOW_S - 60}, {"nbf": NOW_S + 61}):
        with pytest.raises(InvalidToken):
            await principal_of(tokens, issuer.token(**late))


async def test_a_claim_or_parameter_given_twice_is_refused(issuer: Issuer) -> None:
    payload = json.dumps(issuer.claims())
    header: dict[str, Any] = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}
    twice = f'{{"tenant": "south", {payload[1:]}'.encode()
    await refused(issuer, signed(header, twice, RSA))
    nested = f'{{"x": {{"a": 1, "a": 2}}, {payload[1:]}'.encode()
    await refused(issuer, signed(header, nested, RSA))
    token = issuer.token()
    doubled = base64.urlsafe_b64encode(b'{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"rsa"}').rstrip(b"=").decode()
    await refused(issuer, ".".join([doubled, *token.split(".")[1:]]))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"typ": "JWT"},
        {"typ": ["at+jwt"]},
        {"typ": "dpop+jwt"},
        {"kid": ["rsa"]},
        {"kid": {"rsa": 1}},
        {"kid": 1},
    ],
    ids=repr,
)
async def test_a_header_that_is_not_understood_is_refused(issuer: Issuer, header: dict[str, Any]) -> None:
    good = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}
    claims = encoded(issuer.claims())
    signing_input = f"{encoded(good | header)}.{claims}"
    signature = encoded(_rs256(signing_input.encode()))

    await refused(issuer, f"{signing_input}.{signature}")


def _rs256(data: bytes) -> bytes:
    assert RSA.private_key is not None
    return RSA.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_type_of_access_tokens_is_accepted(issuer: Issuer, kind: str) -> None:
    assert await principal_of(authenticator(issuer.settings()), issuer.token(header={"typ": kind}))


async def test_other_types_are_accepted_only_where_a_setting_says_so(issuer: Issuer) -> None:
    tokens = authenticator(issuer.settings(require_type="none"))

    assert await principal_of(tokens, issuer.token(header={"typ": "JWT"}))
    with pytest.raises(InvalidToken):
        await principal_of(tokens, issuer.token(header={"typ": "logout+jwt"}))


async def test_keys_that_a_token_brings_along_are_neither_used_nor_fetched(issuer: Issuer) -> None:
    with serving() as evil:
        evil.publish(OTHER_RSA)
        for header in (
            {"jku": evil.jwks_url},
            {"x5u": f"{evil.url}/chain"},
            {"jwk": OTHER_RSA.as_dict(private=False)},
            {"x5c": ["MIIB"]},
            {"kid": evil.jwks_url},
        ):
            whole = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"} | header
            await refused(issuer, signed(whole, issuer.claims(), OTHER_RSA))

        assert evil.asked.total() == 0


@pytest.mark.parametrize(
    "kid", ["../../keys", "/dev/null", "' OR 1=1 --", "rsa\x00", "", "x" * 300, "file:///etc/passwd", "rsa;ec"]
)
async def test_a_key_id_is_only_compared(issuer: Issuer, kid: str) -> None:
    await refused(issuer, issuer.token(header={"kid": kid}))

    assert set(issuer.asked) == {"/keys"}


async def test_a_token_without_key_id_is_verified_by_the_only_key_of_its_type(issuer: Issuer) -> None:
    tokens = authenticator(issuer.settings())
    token = signed({"alg": "RS256", "typ": "at+jwt"}, issuer.claims(), RSA)
    assert await principal_of(tokens, token)

    other = OTHER_RSA.as_dict(private=False) | {"kid": "second"}
    issuer.answers["/keys"] = answer({"keys": [*public(RSA)["keys"], other]})
    await refused(issuer, token)


async def test_a_token_that_is_too_long_is_refused_unread(issuer: Issuer) -> None:
    await refused(issuer, issuer.token(filler="x" * 8192))
    assert issuer.asked.total() == 0

    await refused(issuer, "x" * 50_000_000)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30.e30",
        "bnVsbA.bnVsbA.",
        "W10.W10.W10",
        "WyJhbGciXQ.e30.",
        "é.é.é",
        encoded(b"[" * 5000) + ".e30.",
        "e30." + encoded(b'{"a":' * 1000) + ".",
        "e30." + encoded(b'{"a":' + b"9" * 5000 + b"}") + ".",
        "e30." + encoded(b'{"iss":"\xff"}') + ".",
    ],
    ids=lambda token: token[:16],
)
async def test_what_is_no_token_is_refused(issuer: Issuer, token: str) -> None:
    await refused(issuer, token)
    assert issuer.asked.total() == 0


async def test_an_encrypted_token_is_refused(issuer: Issuer) -> None:
    token = jwe.encrypt_compact(
        {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa"},
        json.dumps(issuer.claims()).encode(),
        OTHER_RSA,
        algorithms=["RSA-OAEP", "A256GCM"],
    )

    await refused(issuer, token)


async def test_the_answer_is_silent_about_the_reason_and_the_log_is_not(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "serve_app")
    token = issuer.token(exp=NOW_S - 100)

    await refused(issuer, token)

    assert [record.getMessage() for record in caplog.records if record.name == "serve_app.access.tokens"] == [
        "a token was refused: expired_token"
    ]
    assert token not in caplog.text and "anna" not in caplog.text


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


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_no_token_with_a_changed_character_passes(
    issuer: Issuer, tokens: TokenAuthenticator, data: st.DataObject
) -> None:
    token = issuer.token(data.draw(st.sampled_from(ALGORITHMS), label="algorithm"))
    place = data.draw(st.integers(0, len(token) - 1), label="place")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \t\x00"
    letter = data.draw(st.sampled_from([*alphabet, "", "A" + token[place]]), label="letter")
    changed = token[:place] + letter + token[place + 1 :]

    if changed != token:
        with pytest.raises(InvalidToken):
            await principal_of(tokens, changed)


async def test_no_last_character_of_a_signature_has_a_twin(issuer: Issuer) -> None:
    """The last base64 character has spare bits, which a careless decoder ignores."""
    tokens = authenticator(issuer.settings())
    for algorithm in KEYS:
        token = issuer.token(algorithm)
        for letter in set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") - {token[-1]}:
            with pytest.raises(InvalidToken):
                await principal_of(tokens, token[:-1] + letter)


async def test_a_request_without_a_token_is_refused(issuer: Issuer) -> None:
    with pytest.raises(InvalidToken):
        await authenticator(issuer.settings()).authenticate(Credentials())
