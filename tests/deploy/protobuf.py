"""Reads a Secret as Go clients send it: in Kubernetes' protobuf envelope, and only the fields that Helm fills.

Field numbers: k8s.io/apimachinery runtime.Unknown and meta.v1.ObjectMeta, k8s.io/api core.v1.Secret.
"""

import base64
from collections.abc import Iterator
from typing import Any

_MAGIC = b"k8s\0"


def is_protobuf(body: bytes) -> bool:
    """Whether a body is in the envelope rather than JSON."""
    return body.startswith(_MAGIC)


def read_secret(body: bytes) -> dict[str, Any]:
    """Write the Secret as the JSON API would."""
    (raw,) = _all(body.removeprefix(_MAGIC), 2)
    (metadata,) = _all(raw, 1)
    (name,) = _all(metadata, 1)
    data = {key: base64.b64encode(value).decode() for key, value in _map(raw, 2)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name.decode(), "labels": {key: value.decode() for key, value in _map(metadata, 11)}},
        "data": data,
        "type": next(_all(raw, 3)).decode(),
    }


def _map(message: bytes, field: int) -> Iterator[tuple[str, bytes]]:
    for entry in _all(message, field):
        yield next(_all(entry, 1)).decode(), next(_all(entry, 2), b"")


def _all(message: bytes, field: int) -> Iterator[bytes]:
    """Walk the length-delimited fields of one number."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        size, at = _varint(message, at)
        if wire == 2:
            if number == field:
                yield message[at : at + size]
            at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
