"""How the tests read rendered manifests."""

import re
from collections.abc import Iterator
from typing import Any

import helm_python as helm
import yaml

from charts.render import CHART, manifests, merged
from serve_app.settings import Scaling, Settings

Manifest = dict[str, Any]
PORTS_BLOCK = CHART / "templates" / "_ports.tpl"
PORTS = {
    name: int(number)
    for name, number in re.findall(r"^([a-z-]+): (\d+)$", PORTS_BLOCK.read_text(encoding="utf-8"), re.MULTILINE)
}
"""The chart's ports by name, from the one block that has their numbers."""
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
"""What Kubernetes takes as the value of a label."""
HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}
"""What every container may do: its work."""
# Image volumes since Kubernetes 1.33.
_VOLUMES = {"name", "emptyDir", "persistentVolumeClaim", "configMap", "secret", "projected", "image"}


def render_of(values: dict[str, Any]) -> list[Manifest]:
    """Render values, with the definitions of custom resources assumed."""
    return manifests({"assumeCrds": True, **values})


def of_kind(documents: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The one object of a kind, or the one with that name."""
    (found,) = [
        document
        for document in documents
        if document["kind"] == kind and name in (None, document["metadata"]["name"].removeprefix("clara-"))
    ]
    return found


def application_of(ray_service: Manifest) -> Manifest:
    """The one application of the Serve config."""
    (application,) = yaml.safe_load(ray_service["spec"]["serveConfigV2"])["applications"]
    assert isinstance(application, dict)
    return application


def settings_of(ray_service: Manifest) -> Settings:
    """Read the settings back: the application's args, and how Serve scales its deployments."""
    application = application_of(ray_service)
    scaling = {entry["name"]: {"scaling": scaling_of(entry)} for entry in application["deployments"]}
    return Settings.model_validate(merged(application["args"], scaling))


def scaling_of(entry: Manifest) -> Manifest:
    """Read an entry of `deployments` as our setting of the same step."""
    flat = entry | entry["autoscaling_config"] | entry["ray_actor_options"]
    return {name: flat.get(name, "none") for name in Scaling.model_fields} | {
        "memory_bytes": flat.get("memory", "none")
    }


def templates_of(document: Manifest) -> dict[str, Manifest]:
    """The pod templates of an object by name: `head` and each worker group, or the object's own name."""
    match document["kind"]:
        case "RayService":
            cluster = document["spec"]["rayClusterConfig"]
            workers = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
            return {"head": cluster["headGroupSpec"]["template"], **workers}
        case "Deployment" | "Job" | "StatefulSet":
            return {document["metadata"]["name"]: document["spec"]["template"]}
        case "Pod":
            return {document["metadata"]["name"]: document}
        case _:
            return {}


def ray_templates_of(values: dict[str, Any]) -> dict[str, Manifest]:
    """Render values; the pod templates of Ray's nodes: `head` and each worker group by its name."""
    return templates_of(of_kind(render_of(values), "RayService"))


def containers_of(node: Any) -> Iterator[Manifest]:
    """Walk all containers anywhere in an object, the autoscaler's options (a container in disguise) included."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("containers", "initContainers"):
                yield from value
            elif key == "autoscalerOptions":
                yield value
            else:
                yield from containers_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from containers_of(value)


def require_restricted(template: Manifest) -> None:
    """Assert that a pod fits the restricted Pod Security Standard; its containers are for `HARDENED`."""
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all(volume.keys() <= _VOLUMES for volume in pod.get("volumes", []))
    assert not any("hostPort" in port for container in containers_of(template) for port in container.get("ports", []))


def environment_of(template: Manifest) -> dict[str, Any]:
    """The environment of a pod's first container: a value, or where it comes from."""
    return {
        variable["name"]: variable.get("value", variable.get("valueFrom"))
        for variable in template["spec"]["containers"][0].get("env", [])
    }


def is_core(document: Manifest) -> bool:
    """Whether Kubernetes itself defines the kind."""
    group = document["apiVersion"].rpartition("/")[0]
    return group in ("", "apps", "batch", "policy", "networking.k8s.io", "scheduling.k8s.io")


def rendered_as(release: str, namespace: str = "clara", values: dict[str, Any] | None = None) -> dict[str, str]:
    """Render for another release."""
    with helm.Chart.load(str(CHART)) as chart:
        return {
            str(name): str(text) for name, text in chart.render(values or {}, name=release, namespace=namespace).items()
        }


def strings_under(node: Any, key: str) -> list[Any]:
    """The values of every map that stands under the key, anywhere in a document."""
    if isinstance(node, list):
        return [value for item in node for value in strings_under(item, key)]
    if not isinstance(node, dict):
        return []
    own = list(node[key].values()) if isinstance(node.get(key), dict) else []
    return own + [value for item in node.values() for value in strings_under(item, key)]
