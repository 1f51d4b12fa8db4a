"""What Helm prints after an install, and what the manifest says to those who never see it."""

from typing import Any

import helm_python as helm
import pytest
import yaml

from charts.render import CHART, merged, profile, render
from tests.deploy.manifests import PORTS, rendered_as


@pytest.mark.parametrize(("secret", "asks"), [("", "clara report FILM.png"), ("tls", "curl --cacert CA.crt")])
def test_the_notes_ask_the_door_in_its_own_protocol(secret: str, asks: str) -> None:
    notes = rendered_as("clara", values={"serveTls": {"secretName": secret}})["clara/templates/NOTES.txt"]
    assert f"\n  {asks}" in notes
    assert (f"https://clara-serve-svc.clara.svc:{PORTS['serve']}/v1/reports" in notes) == bool(secret)


def test_the_notes_tell_the_next_command() -> None:
    with helm.Chart.load(str(CHART)) as chart:
        notes = chart.render(profile("production"), name="clara", namespace="reports")["clara/templates/NOTES.txt"]
    assert "kubectl --namespace reports wait rayservice/clara --for=condition=Ready" in notes
    assert "helm test clara --namespace reports" in notes
    assert "logs --follow job/clara-prefetch-" in notes
    assert "clara keys create --name laptop --scope reports:write" in notes
    assert "Open:" not in notes


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "asks nobody who it is. Keep it inside the cluster"),
        (
            {"edge": {"authenticatedBefore": True, "host": "x.example"}},
            "in front of https://x.example must authenticate",
        ),
    ],
)
def test_the_notes_say_that_the_service_is_open(values: dict[str, Any], words: str) -> None:
    notes = rendered_as("clara", values=values)["clara/templates/NOTES.txt"]
    assert words in notes and "Open:" in notes and "clara keys create" not in notes


def test_the_notes_say_what_the_test_lacks_and_how_to_send_a_key() -> None:
    values = {
        "database": {"secretName": "db", "keysSecretName": "keys"},
        "app": {"access": {"mode": "required"}},
        "serveTls": {"secretName": "t"},
    }
    without, with_key = (
        rendered_as("clara", values=merged(values, more))["clara/templates/NOTES.txt"]
        for more in ({}, {"check": {"apiKeySecretName": "k"}})
    )
    assert "refused with 401" in without and "refused with 401" not in with_key
    assert '-H "Authorization: Bearer $CLARA_API_KEY"' in without


def test_the_notes_name_the_way_out_of_a_conflict_and_of_a_waiting_image() -> None:
    notes = rendered_as("clara", values=profile("laptop"))["clara/templates/NOTES.txt"]
    assert "--force-conflicts" in notes
    assert "wait until you delete the cluster that runs" in notes
    assert "delete raycluster --selector ray.io/originated-from-cr-name=clara" in notes
    assert "delete raycluster" not in rendered_as("clara")["clara/templates/NOTES.txt"]


@pytest.mark.parametrize("strategy", ["NewCluster", "None"])
def test_the_manifest_says_what_does_not_reach_a_running_cluster(strategy: str) -> None:
    """Who deploys by GitOps reads manifests, and no notes."""
    text = render(merged(profile("production"), {"upgradeStrategy": strategy}))["rayservice.yaml"]
    annotations = yaml.safe_load(text)["metadata"]["annotations"]
    assert annotations["clara/pod-bounds"].startswith("cpu 3 to 6 pods, gpu 2 to 10 pods; a running RayCluster keeps")
    assert ("clara/upgrade" in annotations) == (strategy == "None")
