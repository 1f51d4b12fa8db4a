"""Tokens and certificates at the door: what is read of a request, and how a refusal is worded."""

import re
from typing import Any

import httpx
import pytest

from serve_app.access.certificates import CertificateAuthenticator
from serve_app.access.door import AnyOf
from serve_app.settings import AccessSettings
from tests.api.conftest import FILM, open_door
from tests.unit.access.issuers import Issuer, answer, authenticator, serving

HEADER = "x-forwarded-client-cert"
PACS = "By=spiffe://edge;Hash=00;URI=spiffe://hospital/pacs"
CERTIFICATES = {
    "header": HEADER,
    "owners": [{"name": "pacs", "uri": "spiffe://hospital/pacs", "tenant": "north", "scopes": ["reports:write"]}],
}


async def ask(issuer: Issuer, headers: list[tuple[str, str]], certificates: dict[str, Any] | None = None) -> Any:
    """Post a film with these headers; return the answer and who the door took the caller for."""
    access = AccessSettings.model_validate({"mode": "required", "client_certificates": certificates or {}})
    entry = AnyOf(
        keys=None,
        tokens=authenticator(issuer.settings()),
        certificates=CertificateAuthenticator(access.client_certificates),
    )
    door = open_door(authenticator=entry, access=access)
    async with door.client() as client:
        response = await client.post("/v1/reports", files={"image": ("film.png", FILM)}, headers=headers)
    return response, door.reporter.asked[0][0].principal.subject if door.reporter.asked else None


def bearer(token: str) -> tuple[str, str]:
    """Write the header of a token."""
    return ("Authorization", f"Bearer {token}")


@pytest.fixture(name="issuer")
def issuer_of_tokens() -> Any:
    """Run an issuer of tokens."""
    with serving() as running:
        yield running


def challenge_of(response: httpx.Response) -> str:
    """Return the challenge of a refusal."""
    assert response.status_code == 401
    return response.headers["www-authenticate"]


async def test_a_token_opens_the_door(issuer: Issuer) -> None:
    response, subject = await ask(issuer, [bearer(issuer.token())])

    assert (response.status_code, subject) == (200, "hospital:anna")


async def test_a_refused_token_gets_one_challenge_whatever_is_wrong_with_it(issuer: Issuer) -> None:
    wrong = [issuer.token(aud="x"), issuer.token(exp=1), issuer.token(iss="https://x.example.org"), "a.b.c"]
    refused = [(await ask(issuer, [bearer(token)]))[0] for token in wrong]

    [challenge] = {challenge_of(response) for response in refused}
    assert challenge == 'Bearer realm="clara", error="invalid_token", error_description="the token is not valid here"'
    assert re.fullmatch(r'Bearer( \w+="[ !#-\[\]-~]*",?)+', challenge)
    assert {response.json()["code"] for response in refused} == {"invalid-token"}


async def test_without_a_credential_the_challenge_names_no_error(issuer: Issuer) -> None:
    response, _ = await ask(issuer, [])

    assert challenge_of(response) == 'Bearer realm="clara"'


async def test_a_token_without_the_scope_is_forbidden(issuer: Issuer) -> None:
    response, subject = await ask(issuer, [bearer(issuer.token(scope="reports:read"))])

    assert (response.status_code, subject) == (403, None)


async def test_while_the_issuer_is_out_its_tokens_get_503_and_when_to_try_again(issuer: Issuer) -> None:
    issuer.answers["/keys"] = answer({}, status=500)

    response, _ = await ask(issuer, [bearer(issuer.token())])

    assert (response.status_code, response.headers["retry-after"]) == (503, "10")


async def test_a_forwarded_certificate_opens_the_door_only_where_the_setting_is_on(issuer: Issuer) -> None:
    response, subject = await ask(issuer, [(HEADER, PACS)], CERTIFICATES)
    assert (response.status_code, subject) == (200, "certificate:pacs")

    for settings in (None, CERTIFICATES | {"header": "x-other"}):
        response, subject = await ask(issuer, [(HEADER, PACS)], settings)
        assert (response.status_code, subject) == (401, None)


async def test_beside_a_token_the_certificate_has_no_say(issuer: Issuer) -> None:
    _, subject = await ask(issuer, [bearer(issuer.token()), (HEADER, PACS)], CERTIFICATES)
    assert subject == "hospital:anna"

    response, _ = await ask(issuer, [bearer(issuer.token(scope="chat")), (HEADER, PACS)], CERTIFICATES)
    assert response.status_code == 403
    response, _ = await ask(issuer, [bearer("a.b.c"), (HEADER, PACS)], CERTIFICATES)
    assert response.status_code == 401


async def test_a_certificate_header_sent_twice_is_refused(issuer: Issuer) -> None:
    response, _ = await ask(issuer, [(HEADER, PACS), (HEADER, PACS)], CERTIFICATES)

    assert response.status_code == 401
