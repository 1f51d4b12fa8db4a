"""Names and labels fit Kubernetes and KubeRay, however long the release's name is."""

import yaml

from charts.render import merged, profile
from tests.deploy.manifests import LABEL, rendered_as, strings_under

LONGEST = "a" * 52 + "b"
"""Helm takes 53 characters."""


def test_every_name_and_label_fits_at_the_longest_release_name() -> None:
    values = [profile("production"), merged(profile("triton"), {"triton": {"replicas": 2}})]
    documents = [
        document
        for each in values
        for template, text in rendered_as(LONGEST, values=each).items()
        if not template.endswith((".tpl", "NOTES.txt"))
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader)
        if document
    ]
    names = {(document["kind"], document["metadata"]["name"]) for document in documents}
    assert {"Job", "RayService", "Deployment"} <= {kind for kind, _ in names}
    # What Kubernetes and KubeRay make of a name is a label of the pods, or a Service.
    assert {name for _, name in names if len(name) > 63} == set()
    (service,) = {name for kind, name in names if kind == "RayService"}
    assert len(service) <= 47
    assert len(f"{service}-xxxxx-head-svc") <= 63
    for document in documents:
        for value in [*strings_under(document, "labels"), *strings_under(document, "matchLabels")]:
            assert LABEL.fullmatch(str(value))


def test_two_long_releases_share_no_name() -> None:
    first, second = (rendered_as(name)["clara/templates/rayservice.yaml"] for name in (LONGEST, "a" * 53))
    assert yaml.safe_load(first)["metadata"]["name"] != yaml.safe_load(second)["metadata"]["name"]
