"""The Serve config of the rendered RayService, on a real Ray: what the chart says is what the code takes."""

import os
import runpy
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from charts.render import CHART, profile
from loadtests.bench.servers import free_port
from tests.deploy.manifests import environment_of, of_kind, render_of, templates_of

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.engine, pytest.mark.timeout(600)]
STARTING_TAKES_S = 400


@pytest.fixture(scope="module")
def ray_service() -> dict[str, Any]:
    return of_kind(render_of(profile("laptop")), "RayService")


@pytest.fixture(scope="module")
def url(ray_service: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Hand the config to `serve run`, which takes it as the operator's request does, with a worker's environment."""
    folder = tmp_path_factory.mktemp("serve")
    config = yaml.safe_load(ray_service["spec"]["serveConfigV2"])
    port = free_port()
    # All that is changed: this machine alone may ask.
    config["http_options"] |= {"host": "127.0.0.1", "port": port}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "serve"), "run", "config.yaml", "--address", "local"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(ray_service, folder), stdout=log, stderr=subprocess.STDOUT
        )
    children: list[psutil.Process] = []
    try:
        yield f"http://127.0.0.1:{port}"
        children = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=90)
        finally:
            process.kill()
            for child in psutil.wait_procs(children, timeout=30)[1]:
                child.kill()


def environment(ray_service: dict[str, Any], folder: Path) -> dict[str, str]:
    rendered = environment_of(templates_of(ray_service)["cpu"])
    plain = {name: value for name, value in rendered.items() if isinstance(value, str)}
    here = {"HOME": str(folder), "HF_HOME": str(folder), "VLLM_HOST_IP": "127.0.0.1"}
    # The operator's part, and patience with a machine that does other things too.
    patience = {f"RAY_SERVE_PROXY_{name}_TIMEOUT_S": "60" for name in ("READY_CHECK", "HEALTH_CHECK")}
    return os.environ | plain | here | patience | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}


def test_the_rendered_config_serves_a_report_that_the_charts_own_check_accepts(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check = runpy.run_path(str(CHART / "files" / "check_report.py"))["main"]
    assert check([url, f"--wait-s={STARTING_TAKES_S}"]) == 0, capsys.readouterr().err
    assert "A whole report by clara-demo" in capsys.readouterr().out
