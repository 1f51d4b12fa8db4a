"""Helm itself installs, upgrades, rolls back and uninstalls the chart, against an API server in memory."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import httpx
import pytest

from charts.render import CHART, NAMESPACE, RELEASE, merged, profile
from tests.deploy.api_server import ADDED, RESOURCES, ApiServer

PRODUCTION = profile("production")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(RESOURCES | ADDED) as server:
        yield server


@pytest.fixture
def bare_server() -> Iterator[ApiServer]:
    """One that knows KubeRay only."""
    with ApiServer(RESOURCES) as server:
        yield server


@pytest.fixture
def site(server: ApiServer, tmp_path: Path) -> Iterator[helm.Config]:
    with helm.Config(kubeconfig_path=str(server.kubeconfig(tmp_path)), namespace=NAMESPACE) as site:
        yield site


@pytest.fixture
def bare_site(bare_server: ApiServer, tmp_path: Path) -> Iterator[helm.Config]:
    with helm.Config(kubeconfig_path=str(bare_server.kubeconfig(tmp_path)), namespace=NAMESPACE) as site:
        yield site


def install(site: helm.Config, values: dict[str, Any]) -> None:
    site.install(str(CHART), RELEASE, values, create_namespace=True)


def upgrade(site: helm.Config, values: dict[str, Any]) -> str:
    """Upgrade the release; what Helm tells then."""
    return str(site.upgrade(str(CHART), RELEASE, values)["notes"])


def test_a_release_comes_changes_goes_back_and_leaves_its_model_only(server: ApiServer, site: helm.Config) -> None:
    install(site, PRODUCTION)
    installed = server.kinds()
    first = server.get("RayService", "clara")["spec"]
    assert {("RayService", "clara"), ("PodDisruptionBudget", "clara-gpu")} <= installed

    upgrade(site, profile("laptop"))
    assert server.kinds() < installed
    assert ("Job", "clara-prefetch") not in {(kind, name[:14]) for kind, name in server.kinds()}
    assert server.get("RayService", "clara")["spec"] != first

    site.rollback(RELEASE, version=1)
    assert server.kinds() == installed
    assert server.get("RayService", "clara")["spec"] == first

    site.uninstall(RELEASE)
    # 16.6 GB would have to be fetched again.
    assert server.kinds() == {("PersistentVolumeClaim", "clara-models")}

    # And it is taken up again.
    install(site, PRODUCTION)
    assert server.kinds() == installed


CLUSTERS = "/apis/ray.io/v1/namespaces/clara/rayclusters"


def running_cluster(server: ApiServer, release: str = RELEASE) -> None:
    """Make the cluster that the operator would make of the RayService as it is now."""
    cluster = server.get("RayService", "clara")["spec"]["rayClusterConfig"]
    name = f"{release}-x7k2p"
    labels = {"ray.io/originated-from-cr-name": release}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    made = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": metadata, "spec": cluster}
    server.objects[f"{CLUSTERS}/{name}"] = copy.deepcopy(made)


def patches_of(notes: str) -> dict[str, list[Any]]:
    """The patches that the notes ask for, by the cluster."""
    commands = re.findall(r"patch raycluster (\S+) --type json --patch '(.*)'$", notes, re.MULTILINE)
    return {name: json.loads(patch) for name, patch in commands}


def test_more_replicas_than_a_running_cluster_has_room_for_are_told(server: ApiServer, site: helm.Config) -> None:
    """The operator passes the bounds of a group on to new clusters only."""
    install(site, PRODUCTION)
    running_cluster(server)
    running_cluster(server, release="other")
    assert patches_of(upgrade(site, PRODUCTION)) == {}

    more = {"cpuWorkers": {"maxReplicas": 7}, "app": {"engine": {"scaling": {"min_replicas": 3, "max_replicas": 12}}}}
    told = patches_of(upgrade(site, merged(PRODUCTION, more)))

    assert told.keys() == {"clara-x7k2p"}
    groups = copy.deepcopy(server.get("RayCluster", "clara-x7k2p")["spec"]["workerGroupSpecs"])
    for operation in told["clara-x7k2p"]:
        assert operation["op"] == "replace"
        *_, index, key = operation["path"].split("/")
        groups[int(index)][key] = operation["value"]
    wanted = server.get("RayService", "clara")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    bounds = ("groupName", "minReplicas", "maxReplicas")
    assert [[group[key] for key in bounds] for group in groups] == [[group[key] for key in bounds] for group in wanted]


def test_a_new_image_that_waits_for_a_deletion_is_told(server: ApiServer, site: helm.Config) -> None:
    values = merged(PRODUCTION, {"upgradeStrategy": "None"})
    install(site, values)
    running_cluster(server)
    assert "still has another image" not in upgrade(site, values)
    notes = upgrade(site, merged(values, {"image": {"tag": "0.2.0"}}))
    assert "still has another image" in notes
    assert "kubectl --namespace clara delete raycluster clara-x7k2p" in notes


def test_an_existing_claim_for_one_node_is_refused_for_several_pods(server: ApiServer, site: helm.Config) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models"}}
    path = "/api/v1/namespaces/clara/persistentvolumeclaims/models"
    server.write(path, claim | {"spec": {"accessModes": ["ReadWriteOnce"]}}, "test")
    with pytest.raises(helm.HelmError, match=r"claim of the model is ReadWriteOnce, but up to 2 pods"):
        install(site, {"models": {"claimName": "models"}})
    server.write(path, claim | {"spec": {"accessModes": ["ReadWriteMany"]}}, "test")
    install(site, {"models": {"claimName": "models"}})


def test_every_profile_is_taken(server: ApiServer, site: helm.Config, profile_name: str) -> None:
    install(site, profile(profile_name))
    assert ("RayService", "clara") in server.kinds()


def test_the_store_of_the_cluster_state_cannot_change_in_a_running_release(site: helm.Config) -> None:
    install(site, PRODUCTION)
    other = {"backend": "rocksdb", "redisAddress": "", "redisPasswordSecretName": ""}
    rocksdb = merged(PRODUCTION, {"gcsFaultTolerance": other})
    with pytest.raises(helm.HelmError, match=r"backend is redis in the running release and can't become rocksdb"):
        upgrade(site, rocksdb)
    upgrade(site, merged(PRODUCTION, {"gcsFaultTolerance": {"redisAddress": "other:6379"}}))


def test_custom_resources_are_made_where_their_kinds_are_known(server: ApiServer, site: helm.Config) -> None:
    install(site, merged(profile("edge"), {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}))
    assert {
        ("PodMonitor", "clara"),
        ("PrometheusRule", "clara"),
        ("HTTPRoute", "clara"),
    } <= server.kinds()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"podMonitor": {"enabled": True}}, "this cluster has no PodMonitor: install the Prometheus operator"),
        (profile("edge"), "this cluster has no HTTPRoute: install the Gateway API"),
    ],
)
def test_where_they_are_not_nothing_is_installed(
    bare_server: ApiServer, bare_site: helm.Config, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(helm.HelmError, match=sentence):
        install(bare_site, merged(profile("laptop"), values))
    assert bare_server.kinds() == set()


def test_an_operator_without_rules_is_named(bare_server: ApiServer, bare_site: helm.Config) -> None:
    bare_server.resources = RESOURCES | {"monitoring.coreos.com/v1": {"podmonitors": "PodMonitor"}}
    values = {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    with pytest.raises(
        helm.HelmError, match=r"prometheusRule\.enabled is set, but this cluster has no PrometheusRule: install"
    ):
        install(bare_site, merged(profile("laptop"), values))


def test_the_server_refuses_what_does_not_fit(server: ApiServer) -> None:
    """Else the tests above would say little."""
    path = "/apis/policy/v1/namespaces/clara/poddisruptionbudgets/clara"
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "clara"}}
    headers = {"Content-Type": "application/apply-patch+yaml"}
    url = f"http://127.0.0.1:{server.server_port}{path}"
    misspelt = httpx.patch(url, json=budget | {"spec": {"minAvailabel": 1}}, headers=headers, trust_env=False)
    assert misspelt.status_code == 422
    assert "minAvailabel" in misspelt.json()["message"]
    assert httpx.patch(url, json=budget, headers=headers, trust_env=False).status_code == 200
