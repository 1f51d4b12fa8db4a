"""Loaded by every Python process of a platform under test: writes down whom it calls by name or address.

Python's audit hooks see an attempt before the network does, so a machine without a network shows it as well.
"""

import os
import sys
from typing import Any

_LOG = os.environ.get("CLARA_CONNECT_LOG")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        _write("lookup", arguments[0])
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        _write("connect", arguments[1][0])


def _write(kind: str, host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if _LOG and name:
        descriptor = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{kind} {name}\n".encode())
        os.close(descriptor)


sys.addaudithook(_watch)
