"""What the chart renders would be taken by an API server: by its core schemas, its CRDs and its pod security."""

import functools
import json
from typing import Any

import helm_python as helm
import jsonschema
import kubernetes_validate
import pytest

from charts.render import CHART, profile, profiles
from tests.deploy.conftest import CustomResources
from tests.deploy.manifests import HARDENED, Manifest, containers_of, is_core, require_restricted

KUBERNETES_VERSIONS = [f"1.{minor}" for minor in range(29, 38)]


def test_the_profiles_are_those_of_the_chart_readme() -> None:
    assert set(profiles()) == {
        "full-size", "air-gapped", "edge", "edge-istio", "laptop", "one-gpu", "production", "triton",
    }  # fmt: skip
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    assert all(f"profiles/{name}.yaml" in readme for name in profiles() if name != "full-size")


def test_the_chart_lints(profile_name: str) -> None:
    report = helm.lint(str(CHART), profile(profile_name), strict=True, kube_version="v1.29.0")
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_objects_and_pods_fit_kubernetes(
    documents: list[Manifest], pod_templates: dict[str, Manifest], version: str
) -> None:
    pods = [{"apiVersion": "v1", "kind": "Pod", **template} for template in pod_templates.values()]
    core = [document for document in documents if is_core(document)]
    assert core
    assert pods
    for document in core + pods:
        validate_once(json.dumps(document), version)


@functools.cache
def validate_once(document: str, version: str) -> None:
    """Validate an object, given as JSON; profiles have many in common."""
    kubernetes_validate.validate(json.loads(document), version, strict=True)


def test_custom_objects_fit_their_definitions(documents: list[Manifest], custom_resources: CustomResources) -> None:
    custom = [document for document in documents if not is_core(document)]
    assert {document["kind"] for document in custom} >= {"RayService", "PodMonitor", "PrometheusRule"}
    for document in custom:
        custom_resources.validate(document)


def test_a_misspelt_field_would_be_caught(ray_service: Manifest, custom_resources: CustomResources) -> None:
    ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["tolerationz"] = []
    with pytest.raises(jsonschema.ValidationError, match="tolerationz"):
        custom_resources.validate(ray_service)


def test_no_environment_variable_is_named_twice(documents: list[Manifest]) -> None:
    """A live server refuses them in a RayService, while no schema does."""
    for container in containers_of(documents):
        names = [variable["name"] for variable in container.get("env", [])]
        assert len(names) == len(set(names))


def test_every_object_is_named_and_labelled(documents: list[Manifest]) -> None:
    for document in documents:
        assert document["metadata"]["name"].startswith("clara")
        assert document["metadata"]["namespace"] == "clara"
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == "clara"


def test_no_two_objects_share_kind_and_name(documents: list[Manifest]) -> None:
    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    assert len(names) == len(set(names))


def test_pods_meet_the_restricted_pod_security_standard(pod_templates: dict[str, Manifest]) -> None:
    for template in pod_templates.values():
        require_restricted(template)


def test_containers_may_do_nothing_but_their_work(documents: list[Manifest]) -> None:
    containers = list(containers_of(documents))
    assert len(containers) >= 3
    for container in containers:
        assert container["securityContext"] == HARDENED
        assert container["resources"].keys() == {"requests", "limits"}


def test_every_mount_has_its_volume(pod_templates: dict[str, Manifest]) -> None:
    for template in pod_templates.values():
        volumes = {volume["name"] for volume in template["spec"].get("volumes", [])}
        mounts = {mount["name"] for container in containers_of(template) for mount in container.get("volumeMounts", [])}
        assert mounts == volumes


def test_only_the_head_may_talk_to_the_api_server(pod_templates: dict[str, Manifest]) -> None:
    tokens = {
        name: template["spec"].get("automountServiceAccountToken", True) for name, template in pod_templates.items()
    }
    assert {name for name, has_token in tokens.items() if has_token} == {"head"}


def test_no_image_is_latest_or_untagged(pod_templates: dict[str, Manifest]) -> None:
    for template in pod_templates.values():
        for container in containers_of(template):
            _, _, tag = container["image"].rpartition(":")
            assert tag not in ("", "latest")
            assert "/" not in tag


def test_every_podmonitor_finds_its_pods_and_their_ports(
    documents: list[Manifest], pod_templates: dict[str, Manifest], ray_templates: dict[str, Manifest]
) -> None:
    for template in ray_templates.values():
        # As the operator does.
        template["metadata"]["labels"]["ray.io/is-ray-node"] = "yes"
    watched: dict[str, set[str]] = {}
    for monitor in (document for document in documents if document["kind"] == "PodMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        scraped = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
        for name, template in (pod_templates | ray_templates).items():
            if selector.items() <= template["metadata"]["labels"].items():
                watched.setdefault(name, set()).update(scraped & ports_of(template))
    assert watched.pop("head") == {"metrics", "as-metrics", "dash-metrics"}
    assert all("metrics" in ports for ports in watched.values())
    assert watched.keys() >= {"cpu"}


def ports_of(template: Manifest) -> set[Any]:
    return {port["name"] for container in containers_of(template) for port in container.get("ports", [])}


def test_the_dashboard_travels_whole(documents: list[Manifest]) -> None:
    (config_map,) = [document for document in documents if document["metadata"]["name"] == "clara-dashboards"]
    dashboard = json.loads(config_map["data"]["clara.json"])
    assert dashboard["uid"] == "clara"
    assert len(dashboard["panels"]) > 10
