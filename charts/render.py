"""Renders the chart without a cluster and without a helm binary.

Knows Helm's template engine only; whether an API server would take the result is for the tests to say.
"""

import functools
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

CHART = Path(__file__).parent / "clara"
RELEASE = "clara"
NAMESPACE = "clara"
LAYERS = {"edge": ["laptop", "edge"], "triton": ["laptop", "triton"]}
"""Profiles that are given to Helm together, the later on top."""


def profile(name: str) -> dict[str, Any]:
    """Read the values that a profile sets, with those it lies on; `full-size` is the chart's own defaults."""
    return functools.reduce(merged, layers(name), {})


def layers(name: str) -> list[dict[str, Any]]:
    """Read the files of a profile, in the order in which Helm is given them."""
    names = [] if name == "full-size" else LAYERS.get(name, [name])
    return [yaml.safe_load((CHART / "profiles" / f"{layer}.yaml").read_text(encoding="utf-8")) for layer in names]


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay values over others as Helm does: maps merge, all else replaces."""
    nested = {key: merged(below.get(key, {}), value) for key, value in above.items() if isinstance(value, dict)}
    return below | above | nested


def profiles() -> list[str]:
    """Name every profile."""
    return ["full-size", *sorted(path.stem for path in (CHART / "profiles").glob("*.yaml"))]


def render(values: dict[str, Any]) -> dict[str, str]:
    """Render every template that yields a manifest, as text by template name.

    Raises:
        helm.HelmError: the values do not fit the schema, or a template refuses them; the message says which.
    """
    # A chart handle keeps what a render did to it, so each render loads its own.
    with helm.Chart.load(str(CHART)) as chart:
        rendered = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    texts = {
        name.removeprefix("clara/templates/"): text.strip().removeprefix("---\n")
        for name, text in sorted(rendered.items())
    }
    return {name: text for name, text in texts.items() if text and not name.endswith((".tpl", "NOTES.txt"))}


def manifests(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Render and parse every document."""
    # The parser in C is ten times as fast, and tests parse a lot.
    documents = [d for text in render(values).values() for d in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    return [document for document in documents if document]
