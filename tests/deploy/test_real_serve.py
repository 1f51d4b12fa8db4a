"""The Serve config of the rendered RayService, on a real Ray: what the chart says is what the code takes."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from charts.render import merged, profile
from serve_app.cli import app as clara
from tests.deploy.manifests import Manifest, of_kind, render_of
from tests.deploy.real_serve import RealServe, clustered, served

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(600)]
STARTING_TAKES_S = 400
STEPS = ("gateway", "orchestrator", "preprocessor", "engine")


def scripted(deadline_s: float = 120, **engine_scaling: float) -> Manifest:
    """The laptop's RayService with all four deployments and an engine that recites."""
    app = {
        "engine": {"backend": "scripted", "scaling": engine_scaling},
        "gateway": {"deadline_s": deadline_s},
        "orchestrator": {
            "placement": "separate",
            "scaling": {"min_replicas": 1, "max_replicas": 1, "num_cpus": 0.1},
        },
    }
    return of_kind(render_of(merged(profile("laptop"), {"app": app})), "RayService")


@pytest.fixture
def recited(tmp_path: Path) -> Iterator[RealServe]:
    with served(scripted(), tmp_path) as serve:
        serve.wait_until(lambda: serve.readiness() == "serving", STARTING_TAKES_S)
        yield serve


def replicas(serve: RealServe) -> dict[str, set[int]]:
    return {step: serve.replicas(step) for step in STEPS}


def checked(url: str) -> int:
    return int(clara(["check", url, f"--wait-s={STARTING_TAKES_S}"], standalone_mode=False) or 0)


@pytest.mark.engine
def test_the_rendered_config_serves_a_report_that_the_charts_own_check_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(of_kind(render_of(profile("laptop")), "RayService"), tmp_path) as serve:
        assert checked(serve.url) == 0, capsys.readouterr().err
    assert "A whole report by clara-demo" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/usr/sbin/haproxy").exists(), reason="haproxy is not installed")
def test_haproxy_as_the_chart_tells_ray_serves_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"proxy": {"kind": "haproxy"}, "app": {"engine": {"backend": "scripted"}}}
    with served(of_kind(render_of(merged(profile("laptop"), values)), "RayService"), tmp_path) as serve:
        assert checked(serve.url) == 0, capsys.readouterr().err
        children = psutil.Process(serve.process.pid).children(recursive=True)
        (door,) = [child for child in children if child.name() == "haproxy"]
        listened = {found.laddr.port for found in door.net_connections("inet") if found.status == psutil.CONN_LISTEN}
        assert serve.port in listened


def test_beside_gpu_nodes_only_the_engine_takes_them(tmp_path: Path) -> None:
    """Serve spreads replicas over all nodes with room, and a GPU node has more cores than its engine takes."""
    one = {"min_replicas": 1}
    app = {"gateway": {"scaling": one}, "orchestrator": {"scaling": one}, "preprocessor": {"scaling": one}}
    ray_service = of_kind(render_of({"app": app}), "RayService")
    ray_service["spec"]["serveConfigV2"] = reciting(ray_service["spec"]["serveConfigV2"])
    with clustered(ray_service, tmp_path) as cluster, served(ray_service, tmp_path, cluster) as serve:
        serve.wait_until(lambda: serve.readiness() == "serving", STARTING_TAKES_S)
        assert cluster.replicas("gpu") == ["engine"]
        assert cluster.replicas("cpu") == ["gateway", "orchestrator", "preprocessor"]
        assert cluster.replicas("head") == []


def reciting(serve_config: str) -> str:
    """The same config with fixed text instead of the full-size model."""
    config = yaml.safe_load(serve_config)
    (application,) = config["applications"]
    application["args"] |= {"model": {"source": "demo"}, "engine": {"backend": "scripted"}}
    return yaml.safe_dump(config)


def test_another_scaling_is_in_force_without_a_restart(recited: RealServe) -> None:
    before = replicas(recited)
    assert [len(pids) for pids in before.values()] == [1, 1, 1, 1]

    recited.deploy(scripted(min_replicas=2, max_replicas=2, max_ongoing_requests=24))
    recited.wait_until(lambda: len(recited.replicas("engine")) == 2, 120)
    grown = replicas(recited)
    assert grown["engine"] > before["engine"]
    assert grown | {"engine": before["engine"]} == before

    # The gateway is told nothing, and knows from Serve that none is what is wanted.
    recited.deploy(scripted(min_replicas=0, max_replicas=2, downscale_delay_s=0))
    recited.wait_until(lambda: recited.readiness() == "at-zero", 180)
    assert replicas(recited) == before | {"engine": set()}


def test_an_engine_that_died_is_not_taken_for_one_at_rest(recited: RealServe) -> None:
    (victim,) = recited.replicas("engine")
    psutil.Process(victim).kill()
    reasons: list[str] = []

    def is_back() -> bool:
        reasons.append(recited.readiness())
        return reasons[-1] == "serving" and bool(recited.replicas("engine") - {victim})

    recited.wait_until(is_back, 120)
    assert "no-engine" in reasons
    assert "at-zero" not in reasons


def test_with_room_for_a_surge_an_engine_goes_after_the_next_has_come(tmp_path: Path) -> None:
    """Unless told, Serve stops the only engine first, and a model takes minutes to load."""
    with served(scripted(max_surge_percent=100), tmp_path) as serve:
        serve.wait_until(lambda: serve.readiness() == "serving", STARTING_TAKES_S)
        before = serve.replicas("engine")
        seen: list[set[int]] = []
        reasons: list[str] = []
        serve.deploy(scripted(deadline_s=119, max_surge_percent=100))

        def is_replaced() -> bool:
            seen.append(serve.replicas("engine"))
            reasons.append(serve.readiness())
            return bool(seen[-1]) and not seen[-1] & before and reasons[-1] == "serving"

        serve.wait_until(is_replaced, 120)
        assert any(now > before for now in seen)
        assert "no-engine" not in reasons


def test_other_settings_replace_every_replica(recited: RealServe) -> None:
    """What a change of scaling would do among the args."""
    before = replicas(recited)
    recited.deploy(scripted(deadline_s=119))
    recited.wait_until(lambda: all(now and not now & before[step] for step, now in replicas(recited).items()), 120)
