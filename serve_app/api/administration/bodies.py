"""Writes what administrators read, as the wire models of `serve_app.client.administration`."""

from datetime import UTC, datetime

from serve_app.client.administration import KeyBody, NewKeyBody, Scope
from serve_app.domain.access import ApiKey


def key_body(key: ApiKey) -> KeyBody:
    """Write a key without anything that opens."""
    return KeyBody(
        id=key.id,
        tenant=key.tenant,
        name=key.name,
        scopes=[Scope(scope) for scope in sorted(key.scopes)],
        created=_time(key.created_unix_s),
        expires=_time_or_none(key.expires_unix_s),
        revoked=_time_or_none(key.revoked_unix_s),
        last_used=_time_or_none(key.last_used_unix_s),
    )


def new_key_body(key: ApiKey, text: str) -> NewKeyBody:
    """Write a new key with its text."""
    return NewKeyBody(key=text, **key_body(key).model_dump())


def _time(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)


def _time_or_none(unix_s: float | None) -> datetime | None:
    return None if unix_s is None else _time(unix_s)
