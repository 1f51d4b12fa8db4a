"""The door over a scripted reporter, served by a thread of this process, as a client without an event loop finds it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from serve_app.api.bodies import named_event
from serve_app.api.examples import EVENTS
from tests.api.conftest import door

__all__ = ["door"]

PROMPTLY_S = 2.0


def stream_bytes(ending: str = "\r\n", *, with_ping: bool = False) -> bytes:
    """Write the example report as the server streams it."""
    ping = f": ping{ending}{ending}" if with_ping else ""
    named = (named_event(event) for event in EVENTS)
    events = (f"event: {name}{ending}data: {body.model_dump_json()}{ending}{ending}" for name, body in named)
    return (ping + ping.join(events)).encode()


@contextlib.contextmanager
def served(app: FastAPI, certificate: Path | None = None) -> Iterator[str]:
    """Serve an application from a thread; give its address. The certificate's file also holds its key."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
            ssl_keyfile=certificate and str(certificate),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does; fail when it does not do it promptly."""
    end_s = time.monotonic() + PROMPTLY_S
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.005)
