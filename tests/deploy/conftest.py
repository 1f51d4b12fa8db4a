"""The rendered chart, once per profile."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from charts.render import manifests, profile, profiles

Manifest = dict[str, Any]


@pytest.fixture(scope="session", params=profiles())
def profile_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def documents(profile_name: str) -> list[Manifest]:
    """Every object of a profile, the PodMonitor and the dashboard included."""
    extras = {"podMonitor": {"enabled": True, "assumeCrd": True}, "dashboard": {"enabled": True}}
    return manifests(profile(profile_name) | extras)


@pytest.fixture
def ray_service(documents: list[Manifest]) -> Manifest:
    return copy.deepcopy(next(document for document in documents if document["kind"] == "RayService"))


@pytest.fixture
def pod_templates(ray_service: Manifest) -> dict[str, Manifest]:
    """The pod templates of a RayService: `head` and each worker group by its name."""
    cluster = ray_service["spec"]["rayClusterConfig"]
    workers = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
    return {"head": cluster["headGroupSpec"]["template"], **workers}


@pytest.fixture(scope="session")
def crd_schemas(shared_data: Path) -> Path:
    """The folder of strict JSON schemas of custom resources, beside the folder of films."""
    folder = shared_data.parent / "kubernetes" / "crd-schemas"
    if not folder.is_dir():
        pytest.skip("no schemas of custom resources beside CLARA_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def containers_of() -> Callable[[Manifest], Iterator[Manifest]]:
    """Walk all containers anywhere in an object, the autoscaler's options (a container in disguise) included."""

    def walk(node: Any) -> Iterator[Manifest]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("containers", "initContainers"):
                    yield from value
                elif key == "autoscalerOptions":
                    yield value
                else:
                    yield from walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)

    return walk
