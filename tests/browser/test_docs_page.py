"""The documentation page in a real browser: it is complete in itself and loads nothing from elsewhere."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.api.conftest import listening, open_door

pytestmark = pytest.mark.browser

# Headless, and without the calls that the browser itself would make.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the system."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    return program


async def test_the_page_names_every_route_and_loads_nothing_from_elsewhere(chromium: str, tmp_path: Path) -> None:
    async with listening(open_door().app) as url:
        # No name but this machine's resolves: whatever the page wanted from elsewhere would be missing.
        command = [
            chromium,
            *FLAGS,
            f"--user-data-dir={tmp_path}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        process = await asyncio.create_subprocess_exec(
            *command, "--dump-dom", f"{url}/docs", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        page = (await asyncio.wait_for(process.communicate(), 120))[0].decode()

    for route in ("POST /v1/reports", "GET /readyz", "GET /version", "POST /predict"):
        assert route in page.replace("</code>", "").replace("<code>", "")
    assert "Bản nháp do AI tạo" in page
    assert "<script" not in page and 'src="http' not in page
