"""Schemas of the parts of a pod that values pass on: those of Kubernetes itself, without their descriptions."""

import json
import re
from importlib.resources import files
from typing import Any

# The newest that the package has: a field that a cluster is too old for is for its API server to refuse.
_FILE = "kubernetes-json-schema/v1.37.0-local-strict/_definitions.json"
_PASSED_ON = {
    "io.k8s.api.core.v1": ["Affinity", "Container", "EnvFromSource", "EnvVar", "Volume", "VolumeMount"],
    "io.k8s.api.networking.v1": ["NetworkPolicyEgressRule", "NetworkPolicyIngressRule"],
}


def kubernetes_definitions() -> dict[str, Any]:
    """Return every kind that values pass on and what they are made of, by the last part of its name."""
    text = files("kubernetes_validate").joinpath(_FILE).read_text(encoding="utf-8")
    known = json.loads(text)["$defs"]
    found: dict[str, Any] = {}
    waiting = [f"{package}.{kind}" for package, kinds in _PASSED_ON.items() for kind in kinds]
    while waiting:
        name = waiting.pop()
        if _short(name) not in found:
            found[_short(name)] = _stripped(known[name])
            waiting += re.findall(r'"\$ref": "[^"]*/([^"/]+)"', json.dumps(known[name]))
    return dict(sorted(found.items()))


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _stripped(node: Any) -> Any:
    """Drop descriptions and the server's own marks, and point references at the short names."""
    if isinstance(node, list):
        return [_stripped(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if not key.startswith("x-") and not _is_prose(key, value)}
    return {
        key: f"#/$defs/{_short(value.rpartition('/')[2])}" if key == "$ref" else _stripped(value)
        for key, value in kept.items()
    }


def _is_prose(key: str, value: Any) -> bool:
    return key == "description" and isinstance(value, str)
