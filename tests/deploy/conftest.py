"""The rendered chart, once per profile, and the schemas that judge it."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from charts.render import manifests, merged, profile, profiles
from tests.deploy.manifests import Manifest, of_kind, templates_of

WATCHED: Manifest = {
    "assumeCrds": True,
    "podMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
}
"""What the profiles leave to the site, switched on so that it is checked too."""


@pytest.fixture(scope="session", params=profiles())
def profile_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def rendered_profiles() -> dict[str, list[Manifest]]:
    """Every object of every profile."""
    return {name: manifests(merged(profile(name), WATCHED)) for name in profiles()}


@pytest.fixture
def documents(rendered_profiles: dict[str, list[Manifest]], profile_name: str) -> list[Manifest]:
    """Every object of a profile."""
    return copy.deepcopy(rendered_profiles[profile_name])


@pytest.fixture
def ray_service(documents: list[Manifest]) -> Manifest:
    return of_kind(documents, "RayService")


@pytest.fixture
def pod_templates(documents: list[Manifest]) -> dict[str, Manifest]:
    """The pod template of everything that makes pods."""
    return {name: template for document in documents for name, template in templates_of(document).items()}


@pytest.fixture
def ray_templates(ray_service: Manifest) -> dict[str, Manifest]:
    """The pod templates of Ray's nodes: `head` and each worker group by its name."""
    return templates_of(ray_service)


class CustomResources:
    """Strict schemas of custom resources, each made ready once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._validators: dict[Path, jsonschema.Draft202012Validator] = {}

    def validate(self, document: Manifest) -> None:
        """Raise jsonschema.ValidationError when a server would refuse the object by its schema."""
        group, _, version = document["apiVersion"].rpartition("/")
        file = self._folder / group / f"{document['kind'].lower()}_{version}.json"
        if file not in self._validators:
            self._validators[file] = jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))
        self._validators[file].validate(without_nulls(document))


def without_nulls(node: Any) -> Any:
    """Prune as the server does before it checks."""
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return [without_nulls(value) for value in node] if isinstance(node, list) else node


@pytest.fixture(scope="session")
def custom_resources(shared_data: Path) -> CustomResources:
    """The schemas of custom resources, beside the folder of films."""
    folder = shared_data.parent / "kubernetes" / "crd-schemas"
    if not folder.is_dir():
        pytest.skip("no schemas of custom resources beside CLARA_SHARED_DATA")
    return CustomResources(folder)
