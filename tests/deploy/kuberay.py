"""A KubeRay operator that only adopts a RayService: it adds its finalizer, and so writes the object back in Go's form.

Source: KubeRay 1.7.0, rayservice_controller.go (Reconcile: AddFinalizer, then Update with the decoded object), and the
Go types of ray.io/v1 and k8s.io 0.36 (core/v1, resource.Quantity). Go drops an empty field that has `omitempty` and is
not a pointer, and always writes a struct. It was compared with those types themselves, compiled.
"""

import copy
import math
import re
from fractions import Fraction
from typing import Any

from tests.deploy.api_server import ApiServer

MANAGER = "ray-operator"
FINALIZER = "ray.io/rayservice-finalizer"
_TEXTS = {"labels", "annotations", "nodeSelector", "matchLabels", "rayStartParams", "volumeAttributes", "options"}
_POINTERS = {"storageClassName", "volumeName", "runtimeClassName", "apiGroup"}
_PLAIN_FLAGS = {
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "sslEnabled",
    "publishNotReadyAddresses",
}
_PLAIN_NUMBERS = {
    "hostPort",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "partition",
}
_SI = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"]
_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]


def adopt(server: ApiServer) -> None:
    """Reconcile every RayService once."""
    for path, thing in list(server.objects.items()):
        finalizers = thing["metadata"].get("finalizers", [])
        if thing["kind"] == "RayService" and FINALIZER not in finalizers:
            decoded = decode(copy.deepcopy(thing))
            decoded["metadata"]["finalizers"] = [*finalizers, FINALIZER]
            server.write(path, decoded, MANAGER)


def decode(node: Any, key: str = "") -> Any:
    """Rewrite a part of a RayService as Go decodes and encodes it."""
    if key == "httpHeaders":
        return node
    if isinstance(node, list):
        return [decode(item, f"{key}[]") for item in node]
    if key in ("requests", "limits"):
        return {name: canonical(str(amount)) for name, amount in node.items()}
    if not isinstance(node, dict):
        return canonical(str(node)) if key in ("sizeLimit", "size", "divisor") else node
    if key in _TEXTS:
        return node
    rewritten = {name: decode(value, name) for name, value in node.items() if value is not None}
    return _structs(key) | {name: value for name, value in rewritten.items() if not _is_omitted(name, value)}


def _structs(key: str) -> dict[str, Any]:
    """Return the fields that Go writes even when nothing set them."""
    match key:
        case "workerGroupSpecs[]":
            return {"scaleStrategy": {}}
        case "containers[]" | "initContainers[]":
            return {"resources": {}}
        case "serveService" | "headService":
            return {"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}
        case "template" | "volumeClaimTemplate":
            return {"metadata": {}}
        case "resourceFieldRef":
            return {"divisor": "0"}
        case _:
            return {}


def _is_omitted(key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return not value and key in _PLAIN_FLAGS
    if isinstance(value, int):
        return value == 0 and key in _PLAIN_NUMBERS
    if isinstance(value, dict):
        return not value and key in (_TEXTS | {"requests", "limits"}) - {"rayStartParams"}
    return (value == "" and key not in _POINTERS) or value == []


def canonical(text: str) -> str:
    """Write a quantity as the Go library does: a whole number with the largest suffix, unless it keeps the text."""
    found = re.fullmatch(r"([0-9]+)(?:\.([0-9]*))?([eE][+-]?[0-9]+|[A-Za-z]*)", text)
    assert found, f"{text} is not a quantity"
    whole, decimals, suffix = found[1].lstrip("0") or "0", found[2] or "", found[3]
    number = Fraction(int(whole + decimals), 10 ** len(decimals))
    if suffix in _BINARY[1:]:
        exact = number * 1024 ** _BINARY.index(suffix)
        if not decimals and int(whole) % 8:
            return text
        return _scaled(exact, _BINARY, 1024) if exact >= 1024 and exact.denominator == 1 else _si(exact)
    is_exponent = suffix[:1] in ("e", "E") and suffix != "E"
    power = int(suffix[1:]) if is_exponent else 3 * (_SI.index(suffix) - 3)
    shifted = whole + decimals
    scale = power - len(decimals)
    if scale >= -9 and scale % 3 == 0 and not shifted.endswith("000") and shifted[0] != "0":
        return text
    exact = number * Fraction(10) ** power
    return _scaled(exact, [f"e{n}" if n else "" for n in range(0, 19, 3)], 1000) if is_exponent else _si(exact)


def _si(number: Fraction) -> str:
    return _scaled(Fraction(math.ceil(number * 10**9)), _SI, 1000)


def _scaled(number: Fraction, suffixes: list[str], step: int) -> str:
    power = 0
    while number and power + 1 < len(suffixes) and number % step == 0:
        number, power = number / step, power + 1
    return f"{int(number)}{suffixes[power] if number else ''}"
