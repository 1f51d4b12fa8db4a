"""A client that a generator makes from the OpenAPI document sends films and reads reports."""

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


async def test_a_generated_python_client_sends_films(tmp_path: Path) -> None:
    generator = shutil.which("openapi-python-client")
    if generator is None:
        pytest.skip("openapi-python-client is not installed")
    door = open_door()
    document, package = tmp_path / "openapi.json", tmp_path / "client"
    document.write_text(json.dumps(door.app.openapi()))
    command = [generator, "generate", "--path", str(document), "--output-path", str(package)]
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
