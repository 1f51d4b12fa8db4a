"""What the chart renders would be taken by an API server: by its core schemas, its CRDs and its pod security."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import jsonschema
import kubernetes_validate
import pytest

from charts.render import CHART, profile

Manifest = dict[str, Any]
KUBERNETES_VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
CORE_KINDS = {"ConfigMap"}


def without_nulls(node: Any) -> Any:
    """Prune as the server does before it checks."""
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return [without_nulls(value) for value in node] if isinstance(node, list) else node


def test_the_chart_lints(profile_name: str) -> None:
    report = helm.lint(str(CHART), profile(profile_name), strict=True, kube_version="v1.29.0")
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_core_objects_fit_kubernetes(documents: list[Manifest], version: str) -> None:
    core = [document for document in documents if document["kind"] in CORE_KINDS]
    assert core
    for document in core:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_pod_templates_fit_kubernetes(pod_templates: dict[str, Manifest], version: str) -> None:
    assert pod_templates
    for template in pod_templates.values():
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        kubernetes_validate.validate(pod, version, strict=True)


def test_custom_objects_fit_their_definitions(documents: list[Manifest], crd_schemas: Path) -> None:
    custom = [document for document in documents if document["kind"] not in CORE_KINDS]
    assert {document["kind"] for document in custom} == {"RayService", "PodMonitor"}
    for document in custom:
        group, version = document["apiVersion"].split("/")
        schema = json.loads((crd_schemas / group / f"{document['kind'].lower()}_{version}.json").read_text())
        jsonschema.validate(without_nulls(document), schema)


def test_a_misspelt_field_would_be_caught(ray_service: Manifest, crd_schemas: Path) -> None:
    schema = json.loads((crd_schemas / "ray.io" / "rayservice_v1.json").read_text())
    ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["tolerationz"] = []
    with pytest.raises(jsonschema.ValidationError, match="tolerationz"):
        jsonschema.validate(ray_service, schema)


def test_no_environment_variable_is_named_twice(
    ray_service: Manifest, containers_of: Callable[[Manifest], Iterator[Manifest]]
) -> None:
    """A live server refuses them in a RayService, while no schema does."""
    for container in containers_of(ray_service):
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names))


def test_every_object_is_named_and_labelled(documents: list[Manifest]) -> None:
    for document in documents:
        assert document["metadata"]["name"].startswith("clara")
        assert document["metadata"]["namespace"] == "clara"
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == "clara"


def test_pods_meet_the_restricted_pod_security_standard(pod_templates: dict[str, Manifest]) -> None:
    allowed_volumes = {"name", "emptyDir", "persistentVolumeClaim", "configMap", "secret", "projected"}
    for template in pod_templates.values():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(volume.keys() <= allowed_volumes for volume in pod["volumes"])
        assert not any("hostPort" in port for container in pod["containers"] for port in container["ports"])


def test_containers_may_do_nothing_but_their_work(
    ray_service: Manifest, containers_of: Callable[[Manifest], Iterator[Manifest]]
) -> None:
    containers = list(containers_of(ray_service))
    assert len(containers) >= 3
    for container in containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}


def test_every_mount_has_its_volume(pod_templates: dict[str, Manifest]) -> None:
    for template in pod_templates.values():
        volumes = {volume["name"] for volume in template["spec"]["volumes"]}
        mounts = {mount["name"] for mount in template["spec"]["containers"][0]["volumeMounts"]}
        assert mounts == volumes


def test_only_the_head_may_talk_to_the_api_server(pod_templates: dict[str, Manifest]) -> None:
    tokens = {
        name: template["spec"].get("automountServiceAccountToken", True) for name, template in pod_templates.items()
    }
    assert {name for name, has_token in tokens.items() if has_token} == {"head"}


def test_no_image_is_latest_or_untagged(pod_templates: dict[str, Manifest]) -> None:
    for template in pod_templates.values():
        _, _, tag = template["spec"]["containers"][0]["image"].partition(":")
        assert tag
        assert tag != "latest"


def test_the_podmonitor_finds_the_pods_and_their_ports(
    documents: list[Manifest], pod_templates: dict[str, Manifest]
) -> None:
    spec = next(document for document in documents if document["kind"] == "PodMonitor")["spec"]
    # The operator adds this one to every pod it makes.
    selector = {key: value for key, value in spec["selector"]["matchLabels"].items() if key != "ray.io/is-ray-node"}
    ports = {endpoint["port"] for endpoint in spec["podMetricsEndpoints"]}
    for name, template in pod_templates.items():
        assert selector.items() <= template["metadata"]["labels"].items()
        offered = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert ports <= offered if name == "head" else "metrics" in offered & ports


def test_the_dashboard_travels_whole(documents: list[Manifest]) -> None:
    config_map = next(document for document in documents if document["kind"] == "ConfigMap")
    dashboard = json.loads(config_map["data"]["clara.json"])
    assert dashboard["uid"] == "clara"
    assert len(dashboard["panels"]) > 10
