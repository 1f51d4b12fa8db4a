"""The access guide's examples are valid settings, and the token in it opens what the page says."""

import json
import re
from typing import Any

import yaml

from serve_app.access.tokens import TokenAuthenticator
from serve_app.domain.call import Scope
from serve_app.settings import Settings
from tests.docs.pages import ROOT
from tests.unit.access.issuers import RSA, Clock, principal_of, serving, signed

PAGE = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    """Find the page's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_is_valid() -> None:
    assert [Settings.model_validate(yaml.safe_load(text)).access.mode for text in examples("yaml")] == ["required"] * 2


async def test_the_example_token_opens_what_the_page_says() -> None:
    example = next(text for text in examples("yaml") if "issuers:" in text)
    [text] = examples("json")
    claims: dict[str, Any] = json.loads(text)
    with serving() as issuer:
        access = yaml.safe_load(example)["access"]
        access["issuers"][0]["jwks_url"] = issuer.jwks_url
        access["issuer_keys"] = {"timeout_s": 60}
        tokens = TokenAuthenticator(Settings.model_validate({"access": access}).access, Clock(), Clock())
        principal = await principal_of(tokens, signed({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}, claims, RSA))

    assert f"`{principal.subject}` of the tenant `{principal.tenant}`" in PAGE
    assert principal.scopes == set(Scope) - {Scope.ADMIN, Scope.METRICS, Scope.JOBS}
