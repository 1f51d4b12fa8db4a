"""Renders the chart without a cluster and without a helm binary.

Uses Helm's template engine only; whether an API server accepts the result is for the tests to check.
"""

import functools
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

CHART = Path(__file__).parent / "clara"
RELEASE = "clara"
NAMESPACE = "clara"
LAYERS = {
    "edge": ["laptop", "edge"],
    "edge-istio": ["laptop", "edge", "edge-istio"],
    "triton": ["laptop", "triton"],
}
"""Profiles that need others below them, the lowest first."""


def profile(name: str) -> dict[str, Any]:
    """Read a profile's values, merged over the profiles below it; `full-size` is the chart's own defaults."""
    return functools.reduce(merged, layers(name), {})


def layers(name: str) -> list[dict[str, Any]]:
    """Read a profile's files in the order in which Helm applies them."""
    names = [] if name == "full-size" else LAYERS.get(name, [name])
    return [yaml.safe_load((CHART / "profiles" / f"{layer}.yaml").read_text(encoding="utf-8")) for layer in names]


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge values over others as Helm does: maps merge, anything else replaces."""
    nested = {key: merged(below.get(key, {}), value) for key, value in above.items() if isinstance(value, dict)}
    return below | above | nested


def profiles() -> list[str]:
    """Name every profile."""
    return ["full-size", *sorted(path.stem for path in (CHART / "profiles").glob("*.yaml"))]


def render(values: dict[str, Any]) -> dict[str, str]:
    """Render every template that yields a manifest, as text by template name.

    Raises:
        helm.HelmError: the values violate the schema, or a template rejects them; the message names the value.
    """
    # A render changes its chart handle, so each render loads its own.
    with helm.Chart.load(str(CHART)) as chart:
        rendered = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    texts = {
        name.removeprefix("clara/templates/"): text.strip().removeprefix("---\n")
        for name, text in sorted(rendered.items())
    }
    return {name: text for name, text in texts.items() if text and not name.endswith((".tpl", "NOTES.txt"))}


def manifests(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Render and parse every document."""
    # The parser in C is ten times as fast, which the tests need.
    documents = [d for text in render(values).values() for d in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    return [document for document in documents if document]
