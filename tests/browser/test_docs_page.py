"""The documentation page in a real browser: it shows every route, works behind a prefix and loads nothing foreign."""

import asyncio
import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.api import docs
from serve_app.domain.study import StudyImage, View
from tests.api.conftest import Door, example_report, listening, open_door

pytestmark = pytest.mark.browser

# Headless, and without the calls that the browser itself would make. The page has this much of its own time to load.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--virtual-time-budget=30000",
    "--enable-logging=stderr",
]  # fmt: skip
PREFIX = "/hospital/clara"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the system."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    return program


class StripPrefix:
    """What a reverse proxy does that serves the API under a path of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].removeprefix(PREFIX)}
        await self._app(scope, receive, send)


class Typist:
    """Adds to the page's script what a person does: choose a film, press Execute, wait for the answer."""

    ACTIONS = """
        const found = async (selector) => {
          while (!document.querySelector(selector)) await new Promise((done) => setTimeout(done, 50));
          return document.querySelector(selector);
        };
        const picker = await found("input[type=file]"), chosen = new DataTransfer();
        chosen.items.add(new File(["film"], "film.png"));
        picker.files = chosen.files;
        picker.dispatchEvent(new Event("change", { bubbles: true }));
        (await found("button.execute")).click();
        await found(".live-responses-table .response");
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] == "/docs/swagger-initializer.js":
            script = docs.INITIALIZER + self.ACTIONS
            await Response(script, media_type="text/javascript")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def report_link(door: Door) -> str:
    """Link to the operation that makes a report."""
    operation = door.app.openapi()["paths"]["/v1/reports"]["post"]
    return f"#/{operation['tags'][0]}/{operation['operationId']}"


async def rendered(chromium: str, address: str, profile: Path) -> tuple[str, str]:
    """Load a page; give its text with tags as the browser made it, and what it wrote to the console."""
    # No name but this machine's resolves: whatever the page wanted from elsewhere would be missing.
    resolve = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    process = await asyncio.create_subprocess_exec(
        chromium, *FLAGS, f"--user-data-dir={profile}", resolve, "--dump-dom", address,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    page, log = await asyncio.wait_for(process.communicate(), 120)
    return unescape(page.decode()), "\n".join(line for line in log.decode().splitlines() if "CONSOLE" in line)


def foreign(page: str, url: str) -> list[str]:
    """Find the addresses that the page loads from elsewhere than `url`."""
    loaded = re.findall(r'<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)="([^"]*)"', page)
    return [address for address in loaded if "//" in address and not address.startswith(url)]


@pytest.mark.parametrize("prefix", ["", PREFIX])
async def test_the_page_shows_the_routes_and_loads_nothing_foreign(prefix: str, chromium: str, tmp_path: Path) -> None:
    async with listening(StripPrefix(open_door().app)) as url:
        page, console = await rendered(chromium, f"{url}{prefix}/docs", tmp_path)

    for route in ("/v1/reports", "/readyz", "/version", "/predict"):
        assert f'data-path="{route}"' in page
    assert "Bản nháp do AI tạo" in page
    assert f"{url}{prefix}</option>" in re.sub(r"\s+</option>", "</option>", page)
    # The policy allows this server only; the browser reports on its console whatever it blocked.
    assert "Content Security Policy" not in console
    assert foreign(page, url) == []


async def test_the_form_sends_a_film(chromium: str, tmp_path: Path) -> None:
    door = open_door()
    async with listening(Typist(door.app)) as url:
        page, _ = await rendered(chromium, f"{url}/docs{report_link(door)}", tmp_path)

    [(_, study, _)] = door.reporter.asked
    assert study.images == (StudyImage(b"film", View.PA),)
    assert example_report().id in page


async def test_a_deep_link_opens_the_form_of_a_report(chromium: str, tmp_path: Path) -> None:
    door = open_door()
    operation = door.app.openapi()["paths"]["/v1/reports"]["post"]
    async with listening(door.app) as url:
        page, _ = await rendered(chromium, f"{url}/docs{report_link(door)}", tmp_path)

    text = re.sub(r"<[^>]+>", "", page)
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].rsplit("/", 1)[-1]
    fields = door.app.openapi()["components"]["schemas"][form]["properties"]
    assert fields
    for name, field in fields.items():
        assert re.search(rf'class="parameter__name[^"]*">{name}\b', page), name
        assert field["description"].replace("`", "") in text
    assert re.search(r'<input[^>]*type="file"', page)
