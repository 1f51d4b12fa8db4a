"""What may come in: sizes, forms, request ids; and what surrounds every answer."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from serve_app.api.door.middleware import RequestContext
from serve_app.api.door.uploads import MULTIPART_OVERHEAD_BYTES
from serve_app.settings import GatewaySettings
from tests.api.conftest import FILM, Door, ScriptedReporter, listening, open_door

SMALL = GatewaySettings(max_upload_bytes=100_000)
FILM_PART = ("name=image; filename=f", FILM)
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(*parts: tuple[str, bytes]) -> bytes:
    written = [b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data for head, data in parts]
    return b"\r\n".join([*written, b"--b--\r\n"])


async def post_body(door: Door, content: bytes | AsyncIterator[bytes], headers: dict[str, str]) -> httpx.Response:
    async with door.client() as client:
        return await client.post("/v1/reports", content=content, headers=headers)


async def test_an_image_of_exactly_the_limit_is_taken() -> None:
    door = open_door(settings=SMALL)

    response = await door.post(image=b"x" * SMALL.max_upload_bytes)

    assert response.status_code == 200
    assert len(door.reporter.asked[0][1].images[0].data) == SMALL.max_upload_bytes


@pytest.mark.parametrize("excess_bytes", [1, MULTIPART_OVERHEAD_BYTES + 1, 1_000_000])
@pytest.mark.parametrize("path", ["/v1/reports", "/predict"])
async def test_an_image_over_the_limit_is_refused(path: str, excess_bytes: int) -> None:
    door = open_door(settings=SMALL)

    response = await door.post(path, image=b"x" * (SMALL.max_upload_bytes + excess_bytes))

    assert response.status_code == 413
    assert "100000 bytes" in response.text
    assert door.reporter.asked == []
    assert door.outcomes == ["bad_request"]


async def test_a_chunked_body_is_counted_while_it_is_read() -> None:
    door = open_door(settings=SMALL)
    num_sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal num_sent
        yield form(("name=image; filename=f", b""))[:-8]
        while True:
            num_sent += 1
            yield b"x" * 10_000
            await asyncio.sleep(0)

    response = await asyncio.wait_for(post_body(door, endless(), FORM), 10)

    assert response.status_code == 413
    assert response.json()["facts"] == {"limit": 100_000, "unit": "bytes"}
    assert num_sent * 10_000 < 2 * SMALL.max_upload_bytes


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_client_that_sends_before_it_reads_is_told_why_its_upload_was_too_large(is_declared: bool) -> None:
    door = open_door(settings=GatewaySettings(max_upload_bytes=8_000_000))
    body = form(("name=image; filename=f", b"x" * 15_000_000))
    length = f"Content-Length: {len(body)}" if is_declared else "Transfer-Encoding: chunked"
    head = f"POST /v1/reports HTTP/1.1\r\nHost: clara\r\nContent-Type: {FORM['Content-Type']}\r\n{length}\r\n\r\n"
    sent = body if is_declared else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with listening(door.app) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
        writer.write(head.encode() + sent)
        await writer.drain()
        # Not a byte is read before all are written: a server that hangs up early resets the connection.
        status_line = await reader.readline()
        writer.close()

    assert status_line.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "trickling"])
@pytest.mark.parametrize(
    ("path", "shape"), [("/v1/reports", ["code", "detail", "status"]), ("/predict", ["error"])], ids=["ours", "first"]
)
async def test_a_client_that_does_not_finish_its_form_is_not_waited_for(
    path: str, shape: list[str], is_silent: bool
) -> None:
    # Between two bytes of the trickle: one sent at the very moment of closing would reset the connection.
    door = open_door(settings=GatewaySettings(upload_timeout_s=0.225))
    head = f"POST {path} HTTP/1.1\r\nHost: c\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 9999\r\n\r\n"
    async with listening(door.app) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
        writer.write(head.encode() + form(FILM_PART)[:-8])
        async with asyncio.timeout(5):
            answering = asyncio.create_task(reader.read())
            while not is_silent and not answering.done():
                writer.write(b"x")
                await asyncio.sleep(0.05)
            answer = await answering
        writer.close()

    headers, _, body = answer.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 408 ") and b"connection: close" in headers.lower()
    assert set(shape) <= set(json.loads(body))
    assert door.reporter.asked == []
    assert door.outcomes == ["bad_request"]


async def test_the_time_for_a_form_is_not_the_time_for_its_report() -> None:
    door = open_door(ScriptedReporter(slow_s=0.1), GatewaySettings(upload_timeout_s=0.2))

    assert (await door.post()).status_code == 200


async def test_an_empty_image_is_named(door: Door) -> None:
    response = await door.post(image=b"")

    assert (response.status_code, response.json()["code"]) == (400, "empty-upload")
    assert response.json()["detail"] == "The upload is empty."


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 415),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"image=film", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"anything", {"Content-Type": "multipart/form-data"}, 400),
        (b"anything", FORM, 400),
        (b"--b\r\nbroken", FORM, 400),
        (form(("name=image; filename=f", FILM)).removesuffix(b"--b--\r\n"), FORM, 400),
        (form(("filename=f", FILM)), FORM, 400),
        (b"--b\r\n\r\nno disposition\r\n--b--\r\n", FORM, 400),
        (b"--b--\r\n", FORM, 422),
        (form(("name=image", b"a word, not a file")), FORM, 422),
        (form(("name=image; filename=f", FILM), ("name=image; filename=g", FILM)), FORM, 400),
        (form(("name=image; filename=f", FILM), *[(f"name=f{i}", b"") for i in range(20)]), FORM, 400),
        (form(("name=image; filename=f", FILM), ("name=sex", b"n" * 5000)), FORM, 400),
        (form(("name=image; filename=f", FILM)), {"Content-Type": "multipart/form-data; boundary=\xe9"}, 400),
    ],
)
async def test_a_malformed_form_is_the_clients_mistake(
    door: Door, content: bytes, headers: dict[str, str], status: int
) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    response = await post_body(door, content, encoded)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert door.reporter.asked == []


@pytest.mark.parametrize("path", ["/v1/reports", "/predict"])
@pytest.mark.parametrize("values", [(b"nam", "nữ".encode()), (b"nam", b"nam"), (b"", b"nam")])
async def test_a_field_given_twice_is_refused(door: Door, path: str, values: tuple[bytes, bytes]) -> None:
    body = form(FILM_PART, *[("name=sex", value) for value in values])
    async with door.client() as client:
        response = await client.post(path, content=body, headers=FORM)

    assert response.status_code == 400
    assert "more than once" in response.text
    assert door.reporter.asked == []


@pytest.mark.parametrize("name", ["Sex", "gender", "sex ", "role"])
async def test_a_field_that_is_not_known_is_refused_and_not_repeated(door: Door, name: str) -> None:
    response = await post_body(door, form(FILM_PART, (f'name="{name}"', b"secret")), FORM)

    assert (response.status_code, response.json()["code"]) == (400, "bad-request")
    assert response.json()["detail"] == (
        "The form has an unknown field. Known fields: image, images, sex, age, view, views, confirm, correct."
    )
    assert door.reporter.asked == []


async def test_the_first_version_ignores_fields_that_it_does_not_know(door: Door) -> None:
    body = form(FILM_PART, ("name=sex", b"nam"), ("name=gender", b"f"), ("name=gender", b"m"), ("name=view", b"none"))
    async with door.client() as client:
        response = await client.post("/predict", content=body, headers=FORM)

    assert response.status_code == 200
    assert response.json()["patient_info"]["sex"] == "nam"


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=300), content_type=st.sampled_from([FORM["Content-Type"], "multipart/form-data"]))
async def test_no_body_is_our_mistake(content: bytes, content_type: str) -> None:
    door = open_door(settings=SMALL)
    for body in (content, b'--b\r\nContent-Disposition: form-data; name="image"; filename="f"' + content):
        response = await post_body(door, body, {"Content-Type": content_type})
        assert response.status_code < 500


async def test_a_film_never_touches_the_disk(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a film was written to a file")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)

    assert (await door.post(image=b"x" * 3_000_000)).status_code == 200


@pytest.mark.parametrize("sent", ["a", "01J.x_y-Z", "f" * 128])
async def test_a_clients_request_id_is_kept(door: Door, sent: str) -> None:
    async with door.client() as client:
        response = await client.get("/healthz", headers={"X-Request-Id": sent})

    assert response.headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", [None, "", "f" * 129, "two words", "a\tb", "né".encode(), "<script>"])
async def test_any_other_request_id_is_replaced(door: Door, sent: str | bytes | None) -> None:
    async with door.client() as client:
        response = await client.get("/healthz", headers={} if sent is None else {"X-Request-Id": sent})

    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize("sent", ["kept", "<script>"])
async def test_one_id_is_used_when_a_proxy_gives_ids_as_well(door: Door, sent: str) -> None:
    async def serves_proxy(scope: Scope, receive: Receive, send: Send) -> None:
        """Do what Ray Serve's proxy does: append the request's id to the answer."""

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("X-Request-ID", Headers(scope=scope)["x-request-id"])
            await send(message)

        await door.app(scope, receive, send_with_id)

    transport = httpx.ASGITransport(RequestContext(serves_proxy))
    async with httpx.AsyncClient(transport=transport, base_url="http://clara") as client:
        response = await client.get("/nowhere", headers={"X-Request-Id": sent})

    assert response.headers.get_list("x-request-id") == [response.json()["request_id"]]
    assert (response.json()["request_id"] == sent) is (sent == "kept")


@pytest.mark.parametrize("path", ["/v1/reports", "/predict", "/nowhere"])
async def test_no_answer_is_kept_or_guessed_at(door: Door, path: str) -> None:
    for response in (await door.post(path), await door.post(path, image=b"")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in response.headers


async def test_requests_do_not_share_what_they_note() -> None:
    door = open_door(ScriptedReporter())
    responses = await asyncio.gather(*(door.post() for _ in range(8)))

    assert len({response.headers["x-request-id"] for response in responses}) == 8
    assert door.outcomes == ["ok"] * 8
