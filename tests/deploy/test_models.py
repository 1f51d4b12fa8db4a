"""Where the model comes from, and which pods get to know."""

import functools
import operator
from typing import Any

import pytest

from charts.render import merged
from tests.deploy.manifests import PORTS, Manifest, environment_of, of_kind, ray_templates_of, render_of, templates_of

OFFLINE = {"laptop", "edge", "edge-istio", "triton", "air-gapped", "production"}
SERVER = "https://models.example.org/v1"
CPU_ONLY: dict[str, Any] = {
    "gpuWorkers": {"enabled": False},
    "app": {"engine": {"backend": "openai", "openai": {"base_url": SERVER}, "scaling": {"num_gpus": 0}}},
}


def test_only_a_hub_model_may_ask_the_hub(
    profile_name: str, documents: list[Manifest], ray_templates: dict[str, Manifest]
) -> None:
    servers = [templates_of(document) for document in documents if document["kind"] == "Deployment"]
    for name, template in functools.reduce(operator.or_, servers, ray_templates).items():
        assert ("HF_HUB_OFFLINE" in environment_of(template)) == (profile_name in OFFLINE), name


def test_the_claim_and_the_hub_token_reach_the_engine_only() -> None:
    pods = ray_templates_of({"models": {"claimName": "models"}, "huggingFace": {"tokenSecretName": "hub"}})
    assert {"name": "models", "persistentVolumeClaim": {"claimName": "models"}} in pods["gpu"]["spec"]["volumes"]
    assert environment_of(pods["gpu"])["HF_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": "token"}}
    assert environment_of(pods["gpu"])["HF_HOME"].startswith("/models/")
    assert environment_of(pods["gpu"])["VLLM_CACHE_ROOT"].startswith("/models/")
    assert not {"HF_TOKEN", "HF_HOME", "VLLM_CACHE_ROOT"} & environment_of(pods["cpu"]).keys()
    assert "models" not in {volume["name"] for volume in pods["cpu"]["spec"]["volumes"]}


def test_a_model_in_an_image_is_mounted_read_only_and_nothing_is_written_beside_it() -> None:
    app = {"model": {"source": "/models/mine"}}
    pod = ray_templates_of({"models": {"image": "registry.example.org/mine:1"}, "app": app})["gpu"]
    mount = {"name": "models", "mountPath": "/models", "readOnly": True}
    assert mount in pod["spec"]["containers"][0]["volumeMounts"]
    assert not {"HF_HOME", "VLLM_CACHE_ROOT"} & environment_of(pod).keys()


def test_an_air_gapped_site_loads_a_hub_model_from_its_claim() -> None:
    pod = ray_templates_of({"airGapped": True, "models": {"claimName": "models"}})["gpu"]
    assert environment_of(pod)["HF_HUB_OFFLINE"] == "1"


def test_the_key_of_a_model_server_is_mounted_where_the_engine_runs() -> None:
    file = "/var/run/secrets/clara/model-server/api-key"
    app = {"engine": CPU_ONLY["app"]["engine"] | {"openai": {"base_url": SERVER, "api_key_file": file}}}
    pod = ray_templates_of(CPU_ONLY | {"modelServer": {"apiKeySecretName": "server-key"}, "app": app})["cpu"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if "secret" in volume]
    assert volume["secret"]["secretName"] == "server-key"
    mount = {"name": volume["name"], "mountPath": "/var/run/secrets/clara/model-server", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]


@pytest.mark.parametrize("backend", ["openai", "scripted"])
def test_an_engine_that_holds_no_model_gets_none(backend: str) -> None:
    values = merged(CPU_ONLY, {"app": {"engine": {"backend": backend}}})
    pod = ray_templates_of(values)["cpu"]["spec"]
    assert {volume["name"] for volume in pod["volumes"]} == {"scratch", "home"}


def test_triton_has_the_platforms_settings_and_the_model(rendered_profiles: dict[str, list[Manifest]]) -> None:
    documents = rendered_profiles["triton"]
    served = of_kind(documents, "ConfigMap", "triton")["data"]["settings.yaml"]
    assert "source: demo" in served
    (pod,) = templates_of(of_kind(documents, "Deployment")).values()
    assert environment_of(pod)["CLARA_SETTINGS"] == "/etc/clara/settings.yaml"
    assert "models" in {volume["name"] for volume in pod["spec"]["volumes"]}


def test_triton_answers_where_the_engine_asks(rendered_profiles: dict[str, list[Manifest]]) -> None:
    documents = rendered_profiles["triton"]
    service = of_kind(documents, "Service")
    address = f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert f"address: {address}" in of_kind(documents, "RayService")["spec"]["serveConfigV2"]
    (pod,) = templates_of(of_kind(documents, "Deployment")).values()
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports[service["spec"]["ports"][0]["targetPort"]] == PORTS["triton"]


def test_a_triton_that_is_there_already_needs_no_other() -> None:
    engine = {"backend": "triton", "scaling": {"num_gpus": 0}, "triton": {"address": "triton.models:8001"}}
    documents = render_of({"gpuWorkers": {"enabled": False}, "app": {"engine": engine}})
    assert not [document for document in documents if document["kind"] == "Deployment"]
    assert "address: triton.models:8001" in of_kind(documents, "RayService")["spec"]["serveConfigV2"]
