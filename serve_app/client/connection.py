"""How the platform is reached: the API key, the certificate authorities, and what else httpx needs to know."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import httpx


class ConnectionOptions(TypedDict, total=False):
    """How the platform is reached; every key may be left out."""

    api_key: str | None
    """The caller's API key, or a token of a trusted issuer. Redirects are not followed, so no other host gets it."""
    ca_file: str | Path | None
    """PEM file of the certificate authorities to trust in place of certifi's."""
    headers: Mapping[str, str]
    """Sent with every request."""
    verify: ssl.SSLContext | bool
    """Certificate authorities to trust, as an SSL context. True, the default: those of certifi."""
    trust_env: bool
    """Whether images may pass through the proxies that the environment names. False unless given."""
    transport: httpx.AsyncBaseTransport
    """Replaces the network, in tests."""


def httpx_options(options: ConnectionOptions) -> dict[str, Any]:
    """Say the same in httpx's words.

    Raises:
        ValueError: the key holds what no header may.
        OSError: the file of authorities is not there, or holds no certificate.
    """
    wanted: dict[str, Any] = {"trust_env": False, **options}
    api_key, ca_file = wanted.pop("api_key", None), wanted.pop("ca_file", None)
    if api_key is not None:
        wanted["headers"] = {**wanted.get("headers", {}), "Authorization": f"Bearer {_checked(api_key)}"}
    if ca_file is not None:
        wanted["verify"] = ssl.create_default_context(cafile=str(ca_file))
    return wanted


def _checked(api_key: str) -> str:
    """Refuse here what h11 would refuse in words that hold the whole key."""
    if not (api_key.isascii() and api_key.isprintable()) or not api_key or " " in api_key:
        raise ValueError("the API key is empty, or holds characters that no key has, such as a line break")
    return api_key
