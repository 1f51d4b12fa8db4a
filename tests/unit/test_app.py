"""The wiring of the door: each way in that the settings name leads to its authenticator, and no other way does."""

from pathlib import Path
from typing import Any

import pytest

from serve_app.app import _entry_maker
from serve_app.domain.access import Credentials
from serve_app.domain.errors import Unauthenticated
from serve_app.ports import Authenticator
from serve_app.records.database import Database
from serve_app.records.schema import upgrade
from serve_app.settings import Settings
from tests.unit.access.issuers import Issuer, serving

CERTIFICATE = Credentials(certificate="Hash=00;URI=spiffe://hospital/pacs")
OWNER = {"name": "pacs", "uri": "spiffe://hospital/pacs", "tenant": "north", "scopes": ["chat"]}


async def entry(folder: Path, **access: Any) -> Authenticator:
    """Open the door over a new database."""
    records = {"url": f"sqlite:///{folder / 'records.db'}"}
    settings = Settings.model_validate(
        {"records": records, "access": {"mode": "required", "issuer_keys": {"timeout_s": 60}} | access}
    )
    await upgrade(Database(settings.records.address, settings.records.timeout_s))
    return (await _entry_maker(settings)()).authenticator


async def test_tokens_and_certificates_pass_where_the_settings_name_them(tmp_path: Path) -> None:
    with serving() as issuer:
        certificates = {"header": "x-client", "owners": [OWNER]}
        door = await entry(tmp_path, issuers=[issuer.settings()], client_certificates=certificates)

        assert (await door.authenticate(Credentials(lasting(issuer)))).subject == "hospital:anna"
        assert (await door.authenticate(CERTIFICATE)).subject == "certificate:pacs"


async def test_neither_passes_where_they_do_not(tmp_path: Path) -> None:
    with serving() as issuer:
        door = await entry(tmp_path)

        for credentials in (Credentials(lasting(issuer)), CERTIFICATE):
            with pytest.raises(Unauthenticated):
                await door.authenticate(credentials)
        assert issuer.asked.total() == 0


def lasting(issuer: Issuer) -> str:
    """Sign a token that is good by the real clock."""
    return issuer.token(iat=None, exp=1e11)
