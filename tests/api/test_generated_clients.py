"""Clients that generators make from the OpenAPI document send films and read reports, in Python and in TypeScript."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.conftest import listening, open_door

SCRIPT = """
import io, sys
from clara_client import Client
from clara_client.api.first_version.predict_predict_post import sync_detailed as predict
from clara_client.api.reports.create_report_v1_reports_post import sync_detailed as report
from clara_client.models import BodyCreateReportV1ReportsPost as Form
from clara_client.models import BodyPredictPredictPost as FirstForm
from clara_client.types import File

def film():
    return File(payload=io.BytesIO(b"a film"), file_name="film.png", mime_type="image/png")

client = Client(base_url=sys.argv[1])
for answer in (
    report(client=client, body=Form(image=film(), age="63", sex="nam", view="PA")),
    report(client=client, body=Form(images=[film(), film()], views=["PA", "lateral"])),
    report(client=client, body=Form(image=film(), age="999")),
    predict(client=client, body=FirstForm(image=film())),
    predict(client=client, body=FirstForm(image=film(), age="999")),
):
    print(int(answer.status_code), type(answer.parsed).__name__)
"""


GENERATOR = (str(Path(sys.executable).parent / "uv"), "tool", "run", "openapi-python-client@0.29.1")


@pytest.mark.slow
async def test_a_generated_python_client_sends_films(tmp_path: Path) -> None:
    """The generator wants an older typer than we have, so it gets an environment of its own."""
    door = open_door()
    document, package = tmp_path / "openapi.json", tmp_path / "client"
    document.write_text(json.dumps(door.app.openapi()))
    command = [*GENERATOR, "generate", "--path", str(document), "--output-path", str(package)]
    made = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    async with listening(door.app) as address:
        command, environment = [sys.executable, "-c", SCRIPT, address], {**os.environ, "PYTHONPATH": str(package)}
        run = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)

    assert "annot parse" not in made.stdout + made.stderr
    assert run.stdout.splitlines() == [
        "200 ReportBody",
        "200 ReportBody",
        "422 Problem",
        "200 V0ReportBody",
        "422 V0ErrorBody",
    ], run.stderr


TYPESCRIPT = Path(__file__).parent / "typescript"
NPM = (
    "typescript@5.9.3",
    "@types/node@20.19.0",
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "@hey-api/openapi-ts@0.99.0",
)
COMPILER = ("--strict", "--target", "es2022", "--module", "commonjs", "--moduleResolution", "node10", "--skipLibCheck")
GENERATORS = {
    "openapi_fetch": ("openapi-typescript", "openapi.json", "--output", "schema.d.ts"),
    "hey_api": ("openapi-ts", "--input", "openapi.json", "--output", "client"),
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the generators and the compiler; the folder."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("packages")
    if npm is None:
        pytest.skip("npm is not installed")
    (folder / "package.json").write_text('{"private": true}')
    installed = subprocess.run(
        [npm, "install", "--ignore-scripts", "--no-audit", *NPM], cwd=folder, capture_output=True
    )
    if installed.returncode != 0:
        pytest.skip("npm cannot reach its registry")
    return folder


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.parametrize("name", GENERATORS)
async def test_a_generated_typescript_client_sends_films(name: str, packages: Path) -> None:
    door = open_door()
    (packages / "openapi.json").write_text(json.dumps(door.app.openapi()))
    shutil.copy(TYPESCRIPT / f"{name}.ts", packages)

    async def run(program: str, *arguments: str) -> str:
        command = [str(packages / "node_modules" / ".bin" / program) if program != "node" else "node", *arguments]
        ended = await asyncio.to_thread(subprocess.run, command, cwd=packages, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    await run(*GENERATORS[name])
    await run("tsc", *COMPILER, "--outDir", "built", f"{name}.ts")
    async with listening(door.app) as address:
        answers = await run("node", f"built/{name}.js", address)

    assert answers.splitlines() == ["200 complete", "200 complete", "422 invalid-patient", "200 serving"]
    assert [len(study.images) for _, study, _ in door.reporter.asked] == [1, 2]
