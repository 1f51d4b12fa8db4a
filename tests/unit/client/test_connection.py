"""The API key goes to the platform and nowhere else; the authorities' file decides whom the client trusts."""

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from serve_app.access.authority import certify
from serve_app.client import AsyncClient, Client, ClientError, ProblemError, Unreachable
from tests.api.conftest import Door
from tests.unit.client.conftest import served

KEY = "clara_0123456789abcdef_" + "s3cret-" * 6 + "x"


class Recording(httpx.AsyncBaseTransport):
    """Answers every request alike, and keeps what it was asked."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.response


@contextmanager
def redirecting(status: int) -> Iterator[tuple[str, list[str | None]]]:
    """Serve a redirect to another host; give the address, and what Authorization every request had."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["authorization"])
            self.send_response(status)
            self.send_header("location", f"http://localhost:{server.server_port}/stolen")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


async def test_the_key_is_sent_as_a_bearer_token_beside_other_headers() -> None:
    transport = Recording(httpx.Response(401, json={}))
    async with AsyncClient(
        "https://clara.example", api_key=KEY, headers={"Accept-Language": "vi"}, transport=transport
    ) as client:
        with pytest.raises(ProblemError):
            await client.version()

    (request,) = transport.asked
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept-language"] == "vi"


async def test_without_a_key_none_is_sent() -> None:
    transport = Recording(httpx.Response(401, json={}))
    async with AsyncClient("https://clara.example", api_key=None, transport=transport) as client:
        with pytest.raises(ProblemError):
            await client.version()
    assert "authorization" not in transport.asked[0].headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_gets_no_key(status: int) -> None:
    with redirecting(status) as (url, seen), Client(url, api_key=KEY) as client, pytest.raises(ClientError):
        client.version()
    assert seen == [f"Bearer {KEY}"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_the_key_is_in_no_representation_log_or_error(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Client(url, api_key=KEY, max_retries=0) as client, pytest.raises(Unreachable) as failure:
        client.version()

    written = "".join(
        (*traceback.format_exception(failure.value), caplog.text, repr(client), repr(client._client._http))
    )
    assert "127.0.0.1" in written
    assert KEY not in written and KEY[-20:] not in written


def test_a_refused_key_is_not_in_the_error() -> None:
    with redirecting(403) as (url, _), Client(url, api_key=KEY) as client, pytest.raises(ClientError) as failure:
        client.version()
    assert KEY not in "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nHost: evil", "", f"{KEY} {KEY}", f"khóa-{KEY}"])
def test_a_key_that_no_header_may_hold_is_refused_without_its_text(key: str) -> None:
    """The HTTP library's own refusal would quote it."""
    with pytest.raises(ValueError, match="the API key is empty, or holds characters") as failure:
        Client("https://clara.example", api_key=key)
    assert not key or key not in str(failure.value)


def test_the_authorities_file_decides_whom_the_client_trusts(door: Door, tmp_path: Path) -> None:
    ours, theirs = (certify(tmp_path / name, [], datetime.now(UTC)) for name in ("ours", "theirs"))
    with served(door.app, ours.server_file) as url:
        with Client(url, ca_file=ours.authority_file) as client:
            assert client.version().model == "clara-demo"
        for trusted in (theirs.authority_file, None):
            with Client(url, ca_file=trusted, max_retries=0) as client, pytest.raises(Unreachable, match="not trusted"):
                client.version()


def test_a_file_without_authorities_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name, reason in (("empty.pem", "NO_CERTIFICATE_OR_CRL_FOUND|no certificate"), ("absent.pem", "No such file")):
        with pytest.raises(OSError, match=reason):
            Client("https://clara.example", ca_file=tmp_path / name)
