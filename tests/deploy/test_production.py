"""The production overlay: what it makes is taken, is hardened, and is what the chart's values name."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import psutil
import pytest
import yaml

from charts.render import CHART, NAMESPACE, RELEASE, layers, merged, profile
from loadtests.bench.servers import free_port
from tests.deploy.conftest import CustomResources
from tests.deploy.manifests import (
    HARDENED,
    Manifest,
    containers_of,
    environment_of,
    is_core,
    of_kind,
    ray_templates_of,
    render_of,
    require_restricted,
    templates_of,
)

OVERLAY = CHART.parent.parent / "k8s" / "production"
KUSTOMIZATION = yaml.safe_load((OVERLAY / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[Manifest] = [
    document
    for name in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((OVERLAY / name).read_text(encoding="utf-8"))
]
(EDGE,) = layers("edge")[1:]
VALUES: dict[str, Any] = merged(
    merged(profile("production"), EDGE), yaml.safe_load((OVERLAY / "values.yaml").read_text(encoding="utf-8"))
)


def test_it_has_every_file_beside_it() -> None:
    assert {*KUSTOMIZATION["resources"], "kustomization.yaml", "values.yaml"} == {
        path.name for path in OVERLAY.iterdir()
    }


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_its_objects_fit_kubernetes(version: str) -> None:
    for document in OBJECTS:
        kubernetes_validate.validate(document, version, strict=True)


def test_its_pods_are_as_hardened_as_the_charts() -> None:
    (namespace,) = [document for document in OBJECTS if document["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = {name: template for document in OBJECTS for name, template in templates_of(document).items()}
    assert pods
    for template in pods.values():
        require_restricted(template)
        assert template["spec"]["automountServiceAccountToken"] is False
        assert all(container["securityContext"] == HARDENED for container in containers_of(template))


def test_everything_of_the_release_lies_in_its_namespace() -> None:
    names = {document["metadata"].get("namespace") for document in OBJECTS} - {None}
    assert names == {of_kind(OBJECTS, "Namespace")["metadata"]["name"]} == {NAMESPACE}


def test_its_values_render_and_fit(custom_resources: CustomResources) -> None:
    documents = render_of(VALUES)
    assert {"HTTPRoute", "PodMonitor", "PodDisruptionBudget"} <= {d["kind"] for d in documents}
    for document in documents:
        if is_core(document):
            kubernetes_validate.validate(document, "1.33", strict=True)
        else:
            custom_resources.validate(document)


def test_every_image_is_named_by_its_digest() -> None:
    containers = [container for document in render_of(VALUES) for container in containers_of(document)]
    # The autoscaler's options name none: it runs in the head's image.
    images = [container["image"] for container in containers if "name" in container]
    assert images
    assert [image for image in images if "@sha256:" not in image] == []
    replaced = {image["name"] for image in KUSTOMIZATION["images"] if image["digest"].startswith("sha256:")}
    assert {container["image"].partition(":")[0] for d in OBJECTS for container in containers_of(d)} == replaced


def test_the_redis_is_the_one_that_the_chart_asks() -> None:
    service, store = of_kind(OBJECTS, "Service"), of_kind(OBJECTS, "StatefulSet")
    gcs = VALUES["gcsFaultTolerance"]
    assert gcs["redisAddress"] == f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    pod = store["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (secret,) = [volume["secret"] for volume in pod["spec"]["volumes"]]
    assert secret["secretName"] == gcs["redisPasswordSecretName"]
    assert environment_of(pod) == {}


def test_the_redis_starts_as_it_is_written_and_wants_the_password(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server")
    (container,) = of_kind(OBJECTS, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    port = free_port()
    (tmp_path / "password").write_text("a-b_c.7")
    here = {
        "/var/run/secrets/redis": str(tmp_path),
        "/data": str(tmp_path),
        "-server -": f"-server - --port {port}",
    }
    script, ping = container["args"][0], container["readinessProbe"]["exec"]["command"][2]
    for there, where in here.items():
        assert there in script + ping
        script, ping = script.replace(there, where), ping.replace(there, where)
    ping = ping.replace("redis-cli", f"redis-cli -p {port}")
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL)
    try:
        subprocess.run(["sh", "-c", f"until {ping}; do sleep 0.05; done"], timeout=20, check=True)
        unknown = subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, text=True)
        assert "NOAUTH" in unknown.stdout
        assert "a-b_c.7" not in " ".join(psutil.Process(process.pid).cmdline())
        assert list(tmp_path.glob("appendonlydir/*"))
    finally:
        # The server itself, not a shell in front of it, is told to stop: it then writes its file.
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_the_redis_admits_the_ray_nodes_of_the_release_only() -> None:
    policy = of_kind(OBJECTS, "NetworkPolicy")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert "egress" not in policy
    ((peer,),) = [rule["from"] for rule in policy["ingress"]]
    by_the_operator = {"ray.io/is-ray-node": "yes"}
    for template in ray_templates_of(VALUES).values():
        labels = template["metadata"]["labels"] | by_the_operator
        assert peer["podSelector"]["matchLabels"].items() <= labels.items()
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == RELEASE


def test_every_priority_is_made_and_the_head_comes_first() -> None:
    priorities = {d["metadata"]["name"]: d["value"] for d in OBJECTS if d["kind"] == "PriorityClass"}
    pods = ray_templates_of(VALUES)
    assert priorities[pods["head"]["spec"]["priorityClassName"]] > max(
        priorities[pods[group]["spec"]["priorityClassName"]] for group in ("cpu", "gpu")
    )
