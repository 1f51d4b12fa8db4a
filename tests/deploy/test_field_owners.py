"""Helm, an operator that writes a RayService back, and a second client keep the same fields without a conflict."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import httpx
import pytest
import yaml

from charts.render import CHART, NAMESPACE, RELEASE, manifests, merged, profile
from tests.deploy import kuberay
from tests.deploy.api_server import ADDED, RESOURCES, ApiServer
from tests.deploy.conftest import CustomResources
from tests.deploy.managed_fields import ATOMIC_BELOW, ATOMIC_MAPS, LIST_KEYS, Conflict, apply, update
from tests.deploy.manifests import of_kind

SERVICE = f"/apis/ray.io/v1/namespaces/{NAMESPACE}/rayservices/{RELEASE}"


def size(cpu: Any, memory: Any) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}


OWN_SIDECAR = {
    "name": "side",
    "image": "side:1",
    "command": [],
    "stdin": False,
    "ports": [{"containerPort": 9000, "hostPort": 0}],
    "env": [
        {"name": "EMPTY", "value": ""},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ],
    "volumeMounts": [{"name": "big", "mountPath": "/big", "readOnly": False}],
    "readinessProbe": {
        "httpGet": {"port": 9000, "httpHeaders": [{"name": "X-Empty", "value": ""}]},
        "initialDelaySeconds": 0,
    },
}
CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}}
OWN_FORMS: dict[str, Any] = {
    "scratchSizeLimit": "8192Mi",
    "head": {"resources": size(2, "8192Mi"), "nodeSelector": {"node-role.kubernetes.io/clara": ""}},
    "autoscaler": {"resources": size(0.5, "1024Mi")},
    "cpuWorkers": {"resources": size("4000m", "16384Mi"), "affinity": {"podAntiAffinity": {}}},
    "gpuWorkers": {"resources": size("8.0", 34359738368), "tolerations": [{"operator": "Exists", "value": ""}]},
    "everyPod": {
        "volumes": [
            {"name": "big", "emptyDir": {"sizeLimit": "1.5Gi"}},
            {"name": "own", "ephemeral": {"volumeClaimTemplate": CLAIM}},
        ],
        "sidecars": [OWN_SIDECAR],
        "labels": {},
    },
    "service": {"annotations": {"internal": "true"}},
}
"""Values as people write them, none of them in the operator's form."""
VALUES = {"production": profile("production"), "own forms": OWN_FORMS}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(RESOURCES | ADDED) as server:
        yield server


@pytest.fixture
def site(server: ApiServer, tmp_path: Path) -> Iterator[helm.Config]:
    with helm.Config(kubeconfig_path=str(server.kubeconfig(tmp_path)), namespace=NAMESPACE) as site:
        yield site


def changed(values: dict[str, Any]) -> dict[str, Any]:
    """Another image, more pods, other settings: what people upgrade for."""
    change = {"image": {"tag": "0.2.0"}, "cpuWorkers": {"maxReplicas": 9}, "app": {"engine": {"max_num_seqs": 12}}}
    return merged(values, change)


@pytest.mark.parametrize("name", VALUES)
def test_a_release_that_the_operator_adopted_is_upgraded_twice_and_goes_back(
    server: ApiServer, site: helm.Config, name: str
) -> None:
    values = VALUES[name]
    site.install(str(CHART), RELEASE, values, create_namespace=True)
    kuberay.adopt(server)
    first = copy.deepcopy(server.get("RayService", RELEASE)["spec"])
    site.upgrade(str(CHART), RELEASE, values)
    site.upgrade(str(CHART), RELEASE, changed(values))
    assert server.get("RayService", RELEASE)["spec"] != first
    site.rollback(RELEASE, version=1)
    assert server.get("RayService", RELEASE)["spec"] == first


@pytest.mark.parametrize("name", VALUES)
def test_the_operator_owns_its_finalizer_only(server: ApiServer, site: helm.Config, name: str) -> None:
    site.install(str(CHART), RELEASE, VALUES[name], create_namespace=True)
    spec = copy.deepcopy(server.get("RayService", RELEASE)["spec"])
    kuberay.adopt(server)
    assert server.get("RayService", RELEASE)["spec"] == spec
    assert {path[:2] for path in server.owners[SERVICE][kuberay.MANAGER]} == {("metadata", "finalizers")}


@pytest.mark.parametrize("name", VALUES)
def test_a_second_client_applies_the_same_manifest_without_a_conflict(
    server: ApiServer, site: helm.Config, name: str
) -> None:
    site.install(str(CHART), RELEASE, VALUES[name], create_namespace=True)
    kuberay.adopt(server)
    rendered = of_kind(manifests(VALUES[name]), "RayService")
    server.apply(SERVICE, rendered, "kubectl")


def test_the_values_of_these_tests_fit_the_definition(custom_resources: CustomResources) -> None:
    custom_resources.validate(of_kind(manifests(OWN_FORMS), "RayService"))


def test_an_edit_by_hand_makes_the_next_upgrade_conflict(server: ApiServer, site: helm.Config) -> None:
    """Else the tests above would say little."""
    site.install(str(CHART), RELEASE, {}, create_namespace=True)
    edited = copy.deepcopy(server.get("RayService", RELEASE))
    edited["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["maxReplicas"] = 5
    server.write(SERVICE, edited, "kubectl-edit")
    with pytest.raises(
        helm.HelmError, match=r"conflict with 'kubectl-edit': \.spec\.rayClusterConfig\.workerGroupSpecs"
    ):
        site.upgrade(str(CHART), RELEASE, {})


def test_the_server_answers_a_conflict_and_takes_a_forced_apply(server: ApiServer) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/x"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": NAMESPACE}}
    server.apply(path, config | {"data": {"key": "theirs"}}, "helm")
    mine = config | {"data": {"key": "mine"}}
    url = f"http://127.0.0.1:{server.server_port}{path}?fieldManager=other"
    headers = {"Content-Type": "application/apply-patch+yaml"}
    refused = httpx.patch(url, json=mine, headers=headers, trust_env=False)
    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")
    assert "conflict with 'helm': .data.key" in refused.json()["message"]
    assert httpx.patch(f"{url}&force=true", json=mine, headers=headers, trust_env=False).json()["data"] == mine["data"]
    assert "other" in server.owners[path]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (2, "2"), ("2000m", "2"), ("8192Mi", "8Gi"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("1000", "1k"),
        ("1e3", "1e3"),
        ("12000Mi", "12000Mi"), ("0.5Ki", "512"), ("100n", "100n"), (0, "0"),
        ("21.117", "21.117"), ("1000Ki", "1000Ki"), ("16.12Mi", "16903045120m"), ("0.1", "100m"),
    ],
)  # fmt: skip
def test_a_quantity_is_written_as_go_does(written: Any, form: str) -> None:
    """Compared with what Go wrote of these and 4,000 others (k8s.io/apimachinery 0.36.2)."""
    assert kuberay.canonical(str(written)) == form


def definition_of(folder: Path) -> Any:
    """The schema of a RayService's `spec`, as the operator installs it."""
    file = folder / "kubernetes" / "crds" / "ray.io_rayservices.yaml"
    if not file.is_file():
        pytest.skip("no definitions of custom resources beside CLARA_SHARED_DATA")
    definition = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    (version,) = [version for version in definition["spec"]["versions"] if version["name"] == "v1"]
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]


def fields_of(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from fields_of(child, (*path, name))
    if node.get("type") == "array":
        yield from fields_of(node["items"], path)


NOT_MERGED = ATOMIC_BELOW | {"historyServerOptions", "networkPolicy"}
"""Whole fields, and what the chart does not render."""


def test_lists_and_maps_merge_as_the_definition_says(shared_data: Path) -> None:
    lists: dict[str, set[tuple[str, ...]]] = {}
    for path, node in fields_of(definition_of(shared_data.parent)):
        if not path or NOT_MERGED & set(path):
            continue
        if node.get("type") == "array":
            lists.setdefault(path[-1], set()).add(tuple(node.get("x-kubernetes-list-map-keys", ())))
        if node.get("type") == "object" and path[-1] in ATOMIC_MAPS:
            assert node.get("x-kubernetes-map-type") == "atomic", path
    for name, keys in LIST_KEYS.items():
        assert name == "finalizers" or lists[name] == {keys}
    assert {name for name, keys in lists.items() if keys != {()}} - LIST_KEYS.keys() == {
        "conditions",
        "ephemeralContainers",
        "ports",
        "resourceClaims",
        "schedulingGates",
    }


OWNED = {"helm": frozenset({("spec", "a"), ("spec", "b")})}
LIVE = {"spec": {"a": 1, "b": 2}}


def test_the_same_value_is_shared_and_another_conflicts() -> None:
    _, owners = apply(LIVE, {"spec": {"a": 1}}, OWNED, "other", is_forced=False)
    assert owners["other"] == {("spec", "a")}
    assert owners["helm"] == OWNED["helm"]
    with pytest.raises(Conflict, match=r"conflict with 'helm': \.spec\.a"):
        apply(LIVE, {"spec": {"a": 3}}, OWNED, "other", is_forced=False)


def test_force_takes_a_field_over() -> None:
    merged_object, owners = apply(LIVE, {"spec": {"a": 3}}, OWNED, "other", is_forced=True)
    assert merged_object["spec"] == {"a": 3, "b": 2}
    assert owners == {"helm": {("spec", "b")}, "other": {("spec", "a")}}


def test_what_a_manager_no_longer_applies_goes_unless_another_owns_it() -> None:
    shared = OWNED | {"other": frozenset({("spec", "a")})}
    merged_object, owners = apply(LIVE, {"spec": {}}, shared, "helm", is_forced=False)
    assert merged_object["spec"] == {"a": 1}
    assert owners == {"helm": {("spec",)}, "other": {("spec", "a")}}


def test_an_update_owns_what_it_changed() -> None:
    owners = update(LIVE, {"spec": {"a": 1, "b": 3, "c": 4}}, OWNED, "operator")
    assert owners == {"helm": {("spec", "a")}, "operator": {("spec", "b"), ("spec", "c")}}


def test_items_of_a_keyed_list_are_merged_and_other_lists_are_whole() -> None:
    live = {"containers": [{"name": "a", "args": ["1", "2"]}, {"name": "b"}]}
    merged_object, _ = apply(live, {"containers": [{"name": "a", "args": ["3"]}]}, {}, "helm", is_forced=False)
    assert merged_object == {"containers": [{"name": "a", "args": ["3"]}, {"name": "b"}]}
