"""With a database every caller can be asked for a key: who opens it, who waits for it, and how the test gets in."""

from typing import Any

import pytest
import yaml
from typer.main import get_command

from charts.render import merged, profile
from serve_app.cli import app as clara
from serve_app.settings import Settings
from tests.deploy.manifests import Manifest, containers_of, environment_of, of_kind, ray_templates_of, render_of
from tests.deploy.manifests import settings_of as served_settings
from tests.deploy.test_network import CPU, FAR, GPU, HEAD, INSTANCE, may

URI = "/var/run/secrets/clara/database/uri"
VALUES: dict[str, Any] = {
    "database": {"secretName": "db", "keysSecretName": "keys"},
    "app": {"access": {"mode": "required"}},
}
MIGRATE = INSTANCE | {"app.kubernetes.io/component": "migrate"}


def job_of(values: dict[str, Any]) -> Manifest:
    return of_kind(render_of(values), "Job")


def test_the_gateway_reads_the_address_where_it_is_mounted() -> None:
    settings = served_settings(of_kind(render_of(VALUES), "RayService"))
    assert (settings.access.mode, str(settings.records.url_file)) == ("required", URI)


def test_only_the_gateways_pods_and_the_job_hold_the_password() -> None:
    pods = ray_templates_of(VALUES) | {"job": job_of(VALUES)["spec"]["template"]}
    holding = {
        name
        for name, pod in pods.items()
        if {"secretName": "db", "defaultMode": 0o440} in [volume.get("secret") for volume in pod["spec"]["volumes"]]
    }
    assert holding == {"cpu", "job"}
    for name in holding:
        for container in [*containers_of(pods[name])]:
            mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert f"{mounts['database']}/uri" == URI


def test_the_gateways_pods_wait_until_the_tables_are_those_of_their_image() -> None:
    pods = ray_templates_of(VALUES)
    waiting = {name for name, pod in pods.items() if "clara db check" in str(pod["spec"].get("initContainers"))}
    assert waiting == {"cpu"}
    init = pods["cpu"]["spec"]["initContainers"][0]
    assert (
        init["image"]
        == pods["cpu"]["spec"]["containers"][0]["image"]
        == job_of(VALUES)["spec"]["template"]["spec"]["containers"][0]["image"]
    )


def test_commands_in_a_pod_read_the_platforms_own_settings() -> None:
    settings = yaml.safe_load(of_kind(render_of(VALUES), "ConfigMap", "settings")["data"]["settings.yaml"])
    assert str(Settings.model_validate(settings).records.url_file) == URI
    pods = ray_templates_of(VALUES) | {"job": job_of(VALUES)["spec"]["template"]}
    for pod in (pods["cpu"], pods["job"]):
        folder = {mount["name"]: mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}[
            "settings"
        ]
        assert environment_of(pod)["CLARA_CONFIG"] == f"{folder}/settings.yaml"
    options = get_command(clara).commands["db"].commands["upgrade"].params
    assert "CLARA_CONFIG" in [option.envvar for option in options]


@pytest.mark.parametrize("words", [["db", "upgrade"], ["db", "check"], ["keys", "create"]])
def test_the_commands_are_there(words: list[str]) -> None:
    command: Any = get_command(clara)
    for word in words:
        command = command.commands[word]


@pytest.mark.parametrize(
    "change",
    [
        {"image": {"tag": "2"}},
        {"database": {"secretName": "other"}},
    ],
)
def test_another_image_or_database_is_another_job(change: dict[str, Any]) -> None:
    assert job_of(merged(VALUES, change))["metadata"]["name"] != job_of(VALUES)["metadata"]["name"]


def test_a_change_of_other_settings_leaves_the_job() -> None:
    """A finished Job can't change; what it would do again is nothing."""
    changed = merged(VALUES, {"app": {"gateway": {"max_uploads": 100}}, "cpuWorkers": {"maxReplicas": 4}})
    assert job_of(changed) == job_of(VALUES)


def test_the_job_is_no_hook_so_that_every_tool_runs_it() -> None:
    job = job_of(VALUES)
    assert "annotations" not in job["metadata"]


def test_an_address_without_a_password_needs_no_secret() -> None:
    records = {"url": "postgresql://clara@db.example.org/clara"}
    values = {"database": {"keysSecretName": "keys"}, "app": {"access": {"mode": "required"}, "records": records}}
    assert served_settings(of_kind(render_of(values), "RayService")).records.url == records["url"]
    assert {"name": "database"} not in [
        {"name": one["name"]} for one in job_of(values)["spec"]["template"]["spec"]["volumes"]
    ]


@pytest.mark.parametrize("name", ["full-size", "laptop", "one-gpu"])
def test_without_a_database_nothing_of_it_is_made(name: str) -> None:
    documents = render_of(profile(name))
    names = {document["metadata"]["name"] for document in documents}
    assert not {"clara-settings", "clara-gateway", "clara-migrate"} & names
    assert "wait-for-database" not in str(documents)


def test_production_asks_every_caller() -> None:
    settings = served_settings(of_kind(render_of(profile("production")), "RayService"))
    assert settings.access.mode == "required"


def test_the_database_is_reached_by_whoever_opens_it() -> None:
    for pod in (CPU, MIGRATE):
        assert may(VALUES, pod, FAR, 5432)
        assert may(merged(VALUES, {"database": {"port": 6432}}), pod, FAR, 6432)
    assert may(VALUES, MIGRATE, FAR, 53, "UDP")
    for pod in (HEAD, GPU):
        assert not may(VALUES, pod, FAR, 5432)
    assert not may({}, CPU, FAR, 5432)
    assert not any(may(VALUES, peer, MIGRATE, port) for peer in (HEAD, FAR) for port in (8000, 22))


def test_helm_test_sends_the_key_of_its_secret() -> None:
    pod = of_kind(render_of(merged(VALUES, {"check": {"apiKeySecretName": "check-key"}})), "Pod")["spec"]
    (volume,), container = pod["volumes"], pod["containers"][0]
    folder = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}[volume["name"]]
    assert volume["secret"]["secretName"] == "check-key"
    assert f"--key-file={folder}/api-key" in container["args"]


EDGES: dict[str, dict[str, Any]] = {
    "ingress": {"tlsSecretName": "tls", "ingress": {"enabled": True}},
    "route": {"gateway": {"enabled": True, "name": "outer"}},
}


@pytest.mark.parametrize("way", EDGES)
def test_a_platform_that_asks_for_keys_opens_without_anything_in_front(way: str) -> None:
    outside = {"networkPolicy": {"admitNamespaces": ["edge"]}, "edge": {"host": "a.example.org", **EDGES[way]}}
    kinds = {document["kind"] for document in render_of(merged(VALUES, outside | {"assumeCrds": True}))}
    assert kinds & {"Ingress", "HTTPRoute"}


def test_beyond_the_cluster_a_service_speaks_tls() -> None:
    outside = {
        "service": {"type": "LoadBalancer"},
        "serveTls": {"secretName": "tls"},
        "networkPolicy": {"admitCidrs": ["10.0.0.0/8"]},
    }
    service = of_kind(render_of(merged(VALUES, outside)), "RayService")["spec"]["serveService"]
    assert service["spec"]["type"] == "LoadBalancer"


def test_a_route_tells_browsers_to_stay_with_https() -> None:
    values = merged(VALUES, {"assumeCrds": True, "networkPolicy": {"admitNamespaces": ["edge"]}})
    values = merged(values, {"edge": {"host": "a.example.org", **EDGES["route"]}})
    (rule,) = of_kind(render_of(values), "HTTPRoute")["spec"]["rules"]
    (header,) = rule["filters"][0]["responseHeaderModifier"]["set"]
    assert header == {"name": "Strict-Transport-Security", "value": "max-age=31536000"}
    silent = of_kind(render_of(merged(values, {"edge": {"hstsMaxAgeSeconds": 0}})), "HTTPRoute")["spec"]["rules"]
    assert "filters" not in silent[0]
