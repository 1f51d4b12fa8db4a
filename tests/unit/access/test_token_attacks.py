"""Every attack on tokens is refused, and with the same sentence."""

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
from serve_app.domain.call import Scope
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
    encoded,
    principal_of,
    public,
    refused,
    serving,
    signed,
)


@pytest.fixture
def tokens(issuer: Issuer) -> TokenAuthenticator:
    """Trust the issuer."""
    return authenticator(issuer.settings())


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
