"""What a client's headers may do: nothing to Serve, nothing from another web page, and not without end."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from ray.serve._private import http_util
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.api.door.headers import MAX_HEADER_BYTES
from serve_app.cluster.proxy import BoundedHeads, loopback_middleware, middleware
from tests.api.conftest import Outcomes, listening

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OWN = "http://clara"


@pytest.fixture(autouse=True)
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep what the proxy counts."""
    counted = Outcomes([])
    monkeypatch.setattr("serve_app.cluster.proxy.Recorder", lambda: counted)
    return counted.seen


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Read headers as Serve does, and answer with what a client could steer by them."""
    headers = dict(scope["headers"])
    names = [name.decode() for name in headers]
    steered = {
        "session": http_util.parse_session_id_header(headers),
        "timeout": http_util.parse_request_timeout_header(headers, None),
        "is_watched": not http_util.parse_disconnect_disabled_header(headers),
        "model": [headers[name.encode()].decode() for name in names if "multiplexed" in name],
        "trace": [headers[name].decode() for name in (b"traceparent", b"tracestate") if name in headers],
    }
    await JSONResponse(steered | {"accept": Headers(scope=scope).get("accept")})(scope, receive, send)


def surrounded(app: ASGIApp, by: Callable[[], list[Middleware]] = middleware) -> ASGIApp:
    for one in by():
        app = one.cls(app, *one.args, **one.kwargs)
    return app


async def get(
    headers: list[tuple[str | bytes, str | bytes]], by: Callable[[], list[Middleware]] = middleware, url: str = OWN
) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(surrounded(serve, by)), base_url=url) as client:
        return await client.get("/readyz", headers=headers)


UNSTEERED = {"session": "", "timeout": None, "is_watched": True, "model": [], "trace": []}


@pytest.mark.parametrize("value", [b"\xff", b"5", b"?1", b""])
@pytest.mark.parametrize(
    "name",
    [
        "serve_multiplexed_model_id",
        "Serve-Multiplexed-Model-Id",
        "x-session-id",
        "X_Session_Id",
        "x-request-timeout-seconds",
        "X-Request-Disconnect-Disabled",
        "X-Request-Id",
    ],
)
async def test_no_client_gives_serve_orders(name: str, value: bytes) -> None:
    answer = await get([(name, value)])

    assert (answer.status_code, answer.json()) == (200, UNSTEERED | {"accept": "*/*"})


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ([("traceparent", TRACEPARENT), ("tracestate", "a=1")], [TRACEPARENT, "a=1"]),
        ([("traceparent", b"\xff"), ("tracestate", b"\xff")], []),
        ([("traceparent", "00-00-00-00")], []),
    ],
)
async def test_a_trace_goes_on_if_it_is_one(headers: list[tuple[str, str | bytes]], trace: list[str]) -> None:
    assert (await get(headers)).json()["trace"] == trace


async def test_other_headers_may_hold_any_byte() -> None:
    answer = await get([("Accept", b"\xff"), ("X-Hospital", b"\xfe\xff")])

    assert (answer.status_code, answer.json()["accept"]) == (200, "ÿ")


@pytest.mark.parametrize("num_headers", [1, 300])
async def test_oversized_headers_are_refused(num_headers: int) -> None:
    answer = await get([(f"x-{number}", "a" * (MAX_HEADER_BYTES // num_headers)) for number in range(num_headers)])

    assert (answer.status_code, answer.headers["content-type"]) == (431, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, "127.0.0.1:8000", 200),
        (None, "localhost", 200),
        # The page of a name that its owner now lets resolve to this machine: a browser adds no Origin to its GET.
        (None, "evil.example:8000", 403),
        (None, "127.0.0.1.evil.example", 403),
        (None, "192.168.1.7:8000", 403),
        (None, "[", 403),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 200),
        ("http://localhost:8000", "localhost:8000", 200),
        ("http://[::1]:8000", "[::1]:8000", 200),
        ("https://evil.example", "127.0.0.1:8000", 403),
        ("null", "127.0.0.1:8000", 403),
        ("", "127.0.0.1:8000", 403),
        ("http://[", "127.0.0.1:8000", 403),
        # Another program's page on this machine.
        ("http://127.0.0.1:3000", "127.0.0.1:8000", 403),
        ("http://evil.example:8000", "evil.example:8000", 403),
        ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example", 403),
    ],
)
async def test_no_other_web_page_reaches_a_platform_on_loopback(origin: str | None, host: str, status: int) -> None:
    headers = [("Host", host)] + ([] if origin is None else [("Origin", origin)])
    answer = await get(headers, loopback_middleware)

    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "forbidden"
    assert (await get(headers)).status_code == 200, "in a cluster the edge decides"


async def test_a_report_from_another_page_is_a_bad_request(outcomes: list[str]) -> None:
    app = surrounded(serve, loopback_middleware)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.post("/v1/reports", headers={"Origin": "https://evil.example"})

    assert (answer.status_code, outcomes) == (403, ["bad_request"])


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Serve on a socket, over the protocol that Serve's servers get."""
    async with listening(surrounded(serve), http=BoundedHeads) as address:
        yield address


async def sent(address: str, pieces: list[bytes]) -> tuple[int, dict[str, object], int]:
    """Send pieces until the server answers; return its status, its body and the bytes sent till then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
    num_bytes = 0
    answering = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    for piece in pieces:
        if answering.done():
            break
        writer.write(piece)
        num_bytes += len(piece)
        await asyncio.sleep(0.001)
    head = await asyncio.wait_for(answering, 5)
    body = await reader.read(int(Headers(raw=_fields(head))["content-length"]))
    writer.close()
    return int(head.split(b" ", 2)[1]), json.loads(body), num_bytes


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:] if line]
    return [(name.lower(), value) for name, _, value in lines]


@pytest.mark.parametrize("begin", [b"GET /" + b"a" * 9, b"GET / HTTP/1.1\r\nX-Long: ", b"GET / HTTP/1.1\r\n"])
async def test_a_head_without_an_end_is_cut_off(address: str, begin: bytes) -> None:
    piece = b"X-Some: thing\r\n" * 500 if begin.endswith(b"\n") else b"a" * 8000
    status, body, num_bytes = await sent(address, [begin, *[piece] * 1000])

    assert (status, body["status"], body["code"]) == (431, 431, "request-header-fields-too-large")
    assert num_bytes < 10 * MAX_HEADER_BYTES


@pytest.mark.parametrize("request_bytes", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nX-\xff: 1\r\n\r\n"])
async def test_what_is_not_http_is_told_so_in_a_problem(address: str, request_bytes: bytes) -> None:
    status, body, _ = await sent(address, [request_bytes])

    assert (status, body["status"], body["code"]) == (400, 400, "bad-request")


async def test_bodies_and_connections_are_as_long_as_they_like(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        answers = [await client.post("/v1/reports", content=b"x" * 5 * MAX_HEADER_BYTES) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
