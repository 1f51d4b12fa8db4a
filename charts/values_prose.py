"""Reads values.yaml: each key with its default, the comment above it and its `@schema` line.

The chart's schema and its table of values are made from them. `app` is left out: `Settings` describes it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_ANNOTATION = "@schema "
_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}

# Schemas that values.yaml refers to by name, besides Kubernetes' own; a quantity may be a number or text.
DEFINITIONS: dict[str, Any] = {
    "Id": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]},
    "Url": {"type": "string", "pattern": "^(https?://[^/@]+/?)?$"},
    "Names": {"type": "array", "items": {"type": "string", "minLength": 1}},
    "Quantities": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    "Resources": {
        "type": "object",
        "additionalProperties": False,
        "required": ["requests", "limits"],
        "properties": {"requests": {"$ref": "#/$defs/Quantities"}, "limits": {"$ref": "#/$defs/Quantities"}},
    },
    "Labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "NodeSelector": {"type": "object", "additionalProperties": {"type": "string"}},
    "Tolerations": {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "key": {"type": "string"},
                "operator": {"enum": ["Exists", "Equal"]},
                "value": {"type": "string"},
                "effect": {"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
                "tolerationSeconds": {"type": "integer"},
            },
        },
    },
    "Extra": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "labels": {"$ref": "#/$defs/Labels"},
            "annotations": {"$ref": "#/$defs/Labels"},
            "serviceAccountName": {"type": "string"},
            "env": {"type": "array", "items": {"$ref": "#/$defs/EnvVar"}},
            "envFrom": {"type": "array", "items": {"$ref": "#/$defs/EnvFromSource"}},
            "volumes": {"type": "array", "items": {"$ref": "#/$defs/Volume"}},
            "volumeMounts": {"type": "array", "items": {"$ref": "#/$defs/VolumeMount"}},
            "initContainers": {"type": "array", "items": {"$ref": "#/$defs/Container"}},
            "sidecars": {"type": "array", "items": {"$ref": "#/$defs/Container"}},
        },
    },
}


@dataclass(frozen=True, slots=True)
class Value:
    """One key of values.yaml; `children` are the keys below it, empty for a value that is set as a whole."""

    path: tuple[str, ...]
    default: Any
    prose: str
    annotation: dict[str, Any] | None
    children: tuple["Value", ...] = ()

    def schema(self) -> dict[str, Any]:
        """Return the value's schema, in which unknown keys are an error.

        Raises:
            ValueError: the default does not show the type, and there is no `@schema` line.
        """
        described = {"description": self.prose} if self.prose else {}
        if self.children:
            return described | object_schema(self.children)
        if self.annotation is not None:
            return described | self.annotation
        if type(self.default) not in _TYPES:
            raise ValueError(f"{'.'.join(self.path)} needs an @schema line")
        return described | {"type": _TYPES[type(self.default)]}

    def leaves(self) -> Iterator["Value"]:
        """Yield the values that are set as a whole."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def object_schema(values: tuple[Value, ...]) -> dict[str, Any]:
    """Return the schema of a map; every key is required, because the defaults always fill it in."""
    names = [value.path[-1] for value in values]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": names,
        "properties": {value.path[-1]: value.schema() for value in values},
    }


def read_values(path: Path) -> tuple[Value, ...]:
    """Read the top-level keys of values.yaml, except `app`.

    Raises:
        ValueError: the file is not a map.
    """
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path} is not a map of values")
    return tuple(value for value in _children(root, (), text.splitlines()) if value.path != ("app",))


def _children(node: yaml.MappingNode, path: tuple[str, ...], lines: list[str]) -> tuple[Value, ...]:
    return tuple(_value(key, child, path, lines) for key, child in node.value)


def _value(key: yaml.ScalarNode, node: yaml.Node, parent: tuple[str, ...], lines: list[str]) -> Value:
    path = (*parent, key.value)
    prose, annotation = _comment_above(key.start_mark.line, lines)
    children: tuple[Value, ...] = ()
    if isinstance(node, yaml.MappingNode) and annotation is None and not node.flow_style:
        children = _children(node, path, lines)
    return Value(path, yaml.safe_load(yaml.serialize(node)), prose, annotation, children)


def _comment_above(line: int, lines: list[str]) -> tuple[str, dict[str, Any] | None]:
    start = line
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    comments = [text.lstrip(" #") for text in lines[start:line]]
    annotations = [text.removeprefix(_ANNOTATION) for text in comments if text.startswith(_ANNOTATION)]
    prose = " ".join(text for text in comments if not text.startswith(_ANNOTATION))
    return prose, json.loads(annotations[0]) if annotations else None
