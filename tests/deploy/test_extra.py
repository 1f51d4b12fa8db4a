"""A site's additions reach the pods that it names, and only those."""

from typing import Any

import pytest

from charts.render import merged, profile
from tests.deploy.manifests import Manifest, environment_of, of_kind, ray_templates_of, render_of, templates_of

SIDECAR = {"name": "side", "image": "side:1"}
EXTRA: Manifest = {
    "labels": {"team": "radiology", "app.kubernetes.io/name": "other"},
    "annotations": {"sidecar.istio.io/inject": "true"},
    "serviceAccountName": "reader",
    "env": [{"name": "ADDED", "value": "1"}, {"name": "DO_NOT_TRACK", "value": "2"}],
    "envFrom": [{"secretRef": {"name": "site"}}],
    "volumes": [{"name": "site", "emptyDir": {"sizeLimit": "1Gi"}}],
    "volumeMounts": [{"name": "site", "mountPath": "/site"}],
    "initContainers": [{"name": "first", "image": "first:1"}],
    "sidecars": [SIDECAR],
}
FETCHED = {"models": {"create": True}, "prefetch": {"enabled": True}}
GROUPS = ["head", "cpuWorkers", "gpuWorkers", "triton", "jobs"]


def pods_of(values: dict[str, Any], group: str) -> list[Manifest]:
    """The pods of a group of the values, in a release that has one."""
    if group == "triton":
        return list(templates_of(of_kind(render_of(merged(profile("triton"), values)), "Deployment")).values())
    documents = render_of(merged(FETCHED, values))
    if group == "jobs":
        return [of_kind(documents, "Pod"), *templates_of(of_kind(documents, "Job")).values()]
    return [templates_of(of_kind(documents, "RayService"))[group.removesuffix("Workers")]]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("where", ["own", "everyPod"])
def test_every_addition_is_in_the_pods_of_its_group(group: str, where: str) -> None:
    values = {group: {"extra": EXTRA}} if where == "own" else {"everyPod": EXTRA}
    for pod in pods_of(values, group):
        metadata, spec = pod["metadata"], pod["spec"]
        main = spec["containers"][0]
        assert metadata["labels"]["team"] == "radiology"
        assert metadata["labels"]["app.kubernetes.io/name"] == "clara"
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "true"
        assert spec["serviceAccountName"] == "reader"
        assert environment_of(pod)["ADDED"] == "1"
        assert EXTRA["envFrom"][0] in main["envFrom"]
        assert EXTRA["volumes"][0] in spec["volumes"]
        assert EXTRA["volumeMounts"][0] in main["volumeMounts"]
        assert [one["name"] for one in spec["initContainers"]][-1] == "first"
        assert [one["name"] for one in spec["containers"]][1:] == ["side"]
        assert spec["containers"][1]["securityContext"] == main["securityContext"]


@pytest.mark.parametrize("group", GROUPS)
def test_an_addition_to_one_group_is_in_no_other(group: str) -> None:
    for other in {*GROUPS} - {group}:
        for pod in pods_of({group: {"extra": EXTRA}}, other):
            assert "ADDED" not in environment_of(pod)
            assert "team" not in pod["metadata"]["labels"]


def test_a_variable_replaces_ours_and_a_group_replaces_every_pods() -> None:
    values = {"everyPod": EXTRA, "gpuWorkers": {"extra": {"env": [{"name": "ADDED", "value": "3"}]}}}
    templates = ray_templates_of(values)
    assert environment_of(templates["gpu"])["ADDED"] == "3"
    for template in templates.values():
        names = [variable["name"] for variable in template["spec"]["containers"][0]["env"]]
        assert len(names) == len(set(names))
        assert environment_of(template)["DO_NOT_TRACK"] == "2"


def test_the_copying_container_has_the_proxy_and_the_authorities_too() -> None:
    values = {
        "models": {"create": True},
        "prefetch": {"enabled": True, "bucket": "s3://m/x", "copier": {"repository": "rclone", "tag": "1"}},
        "app": {"model": {"source": "/models/mine"}},
        "outbound": {"httpsProxy": "http://proxy:3128", "caConfigMapName": "site-ca"},
    }
    job = of_kind(render_of(values), "Job")["spec"]["template"]["spec"]
    for container in (job["initContainers"][0], job["containers"][0]):
        env = {variable["name"]: variable["value"] for variable in container["env"]}
        assert env["HTTPS_PROXY"] == "http://proxy:3128"
        (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "ca-bundle"]
        assert env["SSL_CERT_FILE"] == env["REQUESTS_CA_BUNDLE"] == f"{mount['mountPath']}/ca-bundle.crt"
    assert {"name": "ca-bundle", "configMap": {"name": "site-ca"}} in job["volumes"]


def test_no_proxy_variable_reaches_the_grpc_of_rays_nodes() -> None:
    """Its library reads the names in small letters only, and knows no networks in no_proxy."""
    for template in ray_templates_of({"outbound": {"httpProxy": "http://proxy:3128"}}).values():
        assert not {"http_proxy", "https_proxy", "grpc_proxy"} & environment_of(template).keys()


def test_one_accelerator_is_asked_for_and_ray_is_told_how_many() -> None:
    slice_of_gpu = "nvidia.com/mig-3g.20gb"
    cluster = of_kind(render_of({"gpuWorkers": {"gpuResourceName": slice_of_gpu}}), "RayService")
    group = cluster["spec"]["rayClusterConfig"]["workerGroupSpecs"][1]
    assert group["rayStartParams"] == {"num-gpus": "1"}
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert {name for name in limits if "/" in name} == {slice_of_gpu}


def test_the_cluster_chooses_the_ids_where_it_must() -> None:
    values = {"podSecurity": {"runAsUser": "auto", "runAsGroup": "auto", "fsGroup": "auto"}}
    for document in render_of(values | FETCHED):
        for template in templates_of(document).values():
            assert not {"runAsUser", "runAsGroup", "fsGroup"} & template["spec"]["securityContext"].keys()
            assert template["spec"]["securityContext"]["runAsNonRoot"] is True
