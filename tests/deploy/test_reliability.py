"""Pods that go, nodes that drain, groups that grow, upgrades: nobody's report is lost by it."""

import contextlib
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import yaml

from charts.render import merged, profile
from serve_app.domain.errors import EngineGone, Overloaded
from serve_app.engines.triton_engine import TritonEngine
from tests.deploy.manifests import (
    Manifest,
    application_of,
    environment_of,
    of_kind,
    ray_templates_of,
    render_of,
    settings_of,
)

STEPS = ("gateway", "orchestrator", "preprocessor", "engine")


def group_of(ray_service: Manifest, name: str) -> Manifest:
    groups = ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    return next(group for group in groups if group["groupName"] == name)


def budgets_of(documents: list[Manifest]) -> dict[str, Manifest]:
    """The disruption budgets of Ray's groups of workers, by the group."""
    budgets = [document["spec"] for document in documents if document["kind"] == "PodDisruptionBudget"]
    return {budget["selector"]["matchLabels"]["ray.io/group"]: budget for budget in budgets}


def test_ray_may_drain_longer_than_any_step_and_shorter_than_the_pod(
    ray_service: Manifest, ray_templates: dict[str, Manifest]
) -> None:
    longest_s = max(entry["graceful_shutdown_timeout_s"] for entry in application_of(ray_service)["deployments"])
    for name, template in ray_templates.items():
        container = template["spec"]["containers"][0]
        hook_s = 0 if name == "head" else int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        drain_s = int(environment_of(template)["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
        assert longest_s <= drain_s
        assert hook_s + drain_s < template["spec"]["terminationGracePeriodSeconds"]


def test_an_old_cluster_may_finish_its_reports_after_an_upgrade(ray_service: Manifest) -> None:
    assert ray_service["spec"]["rayClusterDeletionDelaySeconds"] > settings_of(ray_service).gateway.deadline_s


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({}, {}),
        (profile("laptop"), {}),
        (profile("production"), {"cpu": 1, "gpu": 1}),
        # After a peak all replicas may be on one pod, and the other is not ready.
        ({"cpuWorkers": {"minReplicas": 2}}, {}),
        ({"app": {"gateway": {"scaling": {"max_replicas_per_node": 1}}}}, {"cpu": 1}),
        ({"app": {"preprocessor": {"scaling": {"min_replicas": 5, "max_replicas_per_node": 2}}}}, {"cpu": 2}),
        (
            {"app": {"engine": {"scaling": {"min_replicas": 3, "max_replicas": 3, "max_replicas_per_node": 1}}}},
            {"gpu": 2},
        ),
        # Within the gateway the orchestrator has no replicas.
        (
            {"app": {"orchestrator": {"placement": "gateway", "scaling": {"max_replicas_per_node": 1}}}},
            {},
        ),
    ],
)
def test_a_budget_keeps_all_but_one_of_the_pods_that_surely_serve(values: dict[str, Any], kept: dict[str, int]) -> None:
    """A worker without a replica is not ready, and a budget beyond those that are would block every drain."""
    budgets = budgets_of(render_of(values))
    assert {name: budget["minAvailable"] for name, budget in budgets.items()} == kept
    assert all("maxUnavailable" not in budget for budget in budgets.values())


def test_kubernetes_cannot_ask_a_ray_cluster_how_many_pods_it_wants(shared_data: Path) -> None:
    """The reason for minAvailable as a number: for maxUnavailable and percentages it asks the owner's scale."""
    definition = shared_data.parent / "kubernetes" / "crds" / "ray.io_rayclusters.yaml"
    if not definition.is_file():
        pytest.skip("no definitions of custom resources beside CLARA_SHARED_DATA")
    versions = yaml.load(definition.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["spec"]["versions"]
    assert all("scale" not in version.get("subresources", {}) for version in versions)


def test_a_budget_holds_the_pods_of_its_group_and_no_others(rendered_profiles: dict[str, list[Manifest]]) -> None:
    documents = rendered_profiles["production"]
    ray_service = of_kind(documents, "RayService")
    for name, budget in budgets_of(documents).items():
        ours, ray_group = dict(budget["selector"]["matchLabels"]), {"ray.io/group": name}
        # The operator's own label, which tells one group of workers from another and from the head.
        assert ours.items() >= ray_group.items()
        labels = group_of(ray_service, name)["template"]["metadata"]["labels"]
        assert ours.items() <= (labels | ray_group).items()


@pytest.mark.parametrize(("servers", "budgets"), [(1, []), (3, [{"maxUnavailable": 1}])])
def test_several_triton_servers_go_one_at_a_time(servers: int, budgets: list[Manifest]) -> None:
    """A Deployment has a scale, so Kubernetes can count what is gone."""
    documents = render_of(merged(profile("triton"), {"triton": {"replicas": servers}}))
    found = [document["spec"] for document in documents if document["kind"] == "PodDisruptionBudget"]
    assert [{"maxUnavailable": spec["maxUnavailable"]} for spec in found] == budgets
    selector = of_kind(documents, "Deployment")["spec"]["selector"]
    assert all(spec["selector"] == selector for spec in found)


def test_triton_may_finish_its_reports_before_its_pod_ends() -> None:
    """It gives them 30 s unless told."""
    values = merged(profile("triton"), {"terminationGracePeriodSeconds": 350})
    pod = of_kind(render_of(values), "Deployment")["spec"]["template"]["spec"]
    assert "--exit-timeout-secs=340" in pod["containers"][0]["args"]
    assert pod["terminationGracePeriodSeconds"] == 350


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (None, contextlib.nullcontext()),
        (Overloaded("full"), contextlib.nullcontext()),
        (EngineGone("dead"), pytest.raises(EngineGone)),
    ],
)
def test_a_triton_with_a_full_queue_is_not_restarted(
    failure: Exception | None, outcome: contextlib.AbstractContextManager[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = AsyncMock(side_effect=failure)
    monkeypatch.setattr(TritonEngine, "start", start)
    check = of_kind(render_of(profile("triton")), "ConfigMap", "triton")["data"]["check.py"]
    with outcome:
        exec(compile(check, "check.py", "exec"), {})
    start.assert_awaited_once()


def test_production_survives_the_loss_of_any_pod(rendered_profiles: dict[str, list[Manifest]]) -> None:
    ray_service = of_kind(rendered_profiles["production"], "RayService")
    cluster = ray_service["spec"]["rayClusterConfig"]
    assert cluster["gcsFaultToleranceOptions"]["backend"] == "redis"
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] >= 2
        spread = group["template"]["spec"]["topologySpreadConstraints"]
        assert {constraint["labelSelector"]["matchLabels"]["ray.io/group"] for constraint in spread} == {
            group["groupName"]
        }
    settings = settings_of(ray_service)
    for step in ("gateway", "orchestrator", "preprocessor"):
        scaling = getattr(settings, step).scaling
        assert scaling.max_replicas_per_node < scaling.min_replicas, f"one pod may hold every {step}"
        assert scaling.max_replicas_per_node * group_of(ray_service, "cpu")["maxReplicas"] >= scaling.max_replicas
    assert group_of(ray_service, "gpu")["minReplicas"] >= 2


@pytest.mark.parametrize(
    ("scaling", "gpus_per_pod", "pods"),
    [
        ({"min_replicas": 1, "max_replicas": 1}, 1, (1, 1)),
        ({"min_replicas": 0, "max_replicas": 4}, 1, (0, 4)),
        ({"min_replicas": 2, "max_replicas": 5}, 2, (1, 3)),
        ({"min_replicas": 3, "max_replicas": 8, "num_gpus": 0.5}, 1, (2, 4)),
        ({"min_replicas": 1, "max_replicas": 3, "num_gpus": 2}, 4, (1, 2)),
        ({"min_replicas": 1, "max_replicas": 3, "num_gpus": 2}, 3, (1, 3)),
        ({"min_replicas": 2, "max_replicas": 6, "max_replicas_per_node": 2}, 4, (1, 3)),
        ({"min_replicas": 2, "max_replicas": 6, "max_replicas_per_node": 9}, 4, (1, 3)),
        ({"min_replicas": 2, "max_replicas": 6, "num_cpus": 2}, 4, (1, 2)),
        # A pod has eight cores.
        ({"min_replicas": 4, "max_replicas": 4}, 4, (2, 2)),
        ({"min_replicas": 2, "max_replicas": 5, "num_cpus": 4.5}, 4, (2, 5)),
        ({"min_replicas": 4, "max_replicas": 4, "num_cpus": 0}, 4, (1, 1)),
        # Room for those that come before others go.
        ({"min_replicas": 1, "max_replicas": 1, "max_surge_percent": 100}, 1, (1, 2)),
        ({"min_replicas": 2, "max_replicas": 5, "max_surge_percent": 25}, 1, (2, 7)),
        ({"min_replicas": 2, "max_replicas": 4, "max_surge_percent": 100, "num_cpus": 2}, 4, (1, 2)),
    ],
)
def test_there_are_as_many_gpu_pods_as_the_engine_may_need(
    scaling: dict[str, Any], gpus_per_pod: int, pods: tuple[int, int]
) -> None:
    still = {"max_surge_percent": 0}
    values = {"gpuWorkers": {"gpusPerPod": gpus_per_pod}, "app": {"engine": {"scaling": still | scaling}}}
    group = group_of(of_kind(render_of(values), "RayService"), "gpu")
    assert (group["minReplicas"], group["maxReplicas"]) == pods
    assert group["replicas"] == pods[0]


@pytest.mark.parametrize(
    ("requested", "limit", "pods"),
    [
        # Ray counts a started core as a whole one, as the operator tells it.
        ("7500m", "7500m", 1),
        (4, 4.5, 2),
        ("4", None, 2),
        # All cores of the node, which nobody knows here.
        (None, None, 1),
    ],
)
def test_the_cores_of_a_gpu_pod_are_what_ray_counts(requested: Any, limit: Any, pods: int) -> None:
    gpu = {"gpusPerPod": 2, "resources": {"requests": {"cpu": requested}, "limits": {"cpu": limit}}}
    values = {"gpuWorkers": gpu, "app": {"engine": {"scaling": {"min_replicas": 2, "max_replicas": 2}}}}
    assert group_of(of_kind(render_of(values), "RayService"), "gpu")["minReplicas"] == pods


def test_a_gpu_pod_asks_for_its_gpus_and_its_pool() -> None:
    pool = {
        "nodeSelector": {"gpu": "l4"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "reports",
        "runtimeClassName": "nvidia",
    }
    pods = ray_templates_of({"gpuWorkers": pool | {"gpusPerPod": 2}})
    assert pods["gpu"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert pool.items() <= pods["gpu"]["spec"].items()
    assert not pool.keys() & pods["cpu"]["spec"].keys()


def test_rocksdb_has_a_volume_of_its_own() -> None:
    gcs = {"backend": "rocksdb", "rocksdbSize": "2Gi", "rocksdbStorageClassName": "fast"}
    cluster = of_kind(render_of({"gcsFaultTolerance": gcs}), "RayService")["spec"]["rayClusterConfig"]
    assert cluster["gcsFaultToleranceOptions"] == {
        "backend": "rocksdb",
        "storage": {"size": "2Gi", "storageClassName": "fast"},
    }


def test_a_site_with_a_single_gpu_never_waits_for_a_second(rendered_profiles: dict[str, list[Manifest]]) -> None:
    for name in ("one-gpu", "laptop"):
        ray_service = of_kind(rendered_profiles[name], "RayService")
        assert ray_service["spec"]["upgradeStrategy"] == {"type": "None"}
        assert settings_of(ray_service).engine.scaling.max_surge_percent == 0
        assert [group["maxReplicas"] for group in ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"]][1:] in (
            [],
            [1],
        )
