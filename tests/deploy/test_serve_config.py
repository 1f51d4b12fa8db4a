"""The Serve config inside the RayService is `Settings`, and Ray takes it."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from ray.serve.schema import ServeDeploySchema

from charts.render import CHART, manifests, merged, profile
from serve_app import launch
from serve_app.settings import Settings

Manifest = dict[str, Any]


def serve_config(ray_service: Manifest) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(ray_service["spec"]["serveConfigV2"])
    return config


def settings_of(values: dict[str, Any]) -> Settings:
    """Read a rendered chart's settings back, as `build_app` would."""
    ray_service = next(
        document for document in manifests({"assumeCrds": True, **values}) if document["kind"] == "RayService"
    )
    return Settings.model_validate(serve_config(ray_service)["applications"][0]["args"])


def defaulted_nullables(model: type[BaseModel], parent: str = "") -> Iterator[str]:
    """Name the settings that may be null but are not by default."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from defaulted_nullables(field.annotation, f"{parent}{name}.")
        elif type(None) in getattr(field.annotation, "__args__", ()) and field.get_default() is not None:
            yield f"{parent}{name}"


def test_ray_takes_the_config(ray_service: Manifest) -> None:
    config = ServeDeploySchema.model_validate(serve_config(ray_service))
    (application,) = config.applications
    assert application.import_path == "serve_app.app:build_app"
    assert application.route_prefix == "/"


def test_the_args_are_what_the_values_say(profile_name: str) -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["app"]
    app = merged(defaults, profile(profile_name).get("app", {}))
    if profile_name == "triton":
        app["engine"]["triton"] = {"address": "clara-triton:8001"}
    assert settings_of(profile(profile_name)) == Settings.model_validate(app)


def test_the_laptop_profile_is_the_embedded_demo() -> None:
    assert settings_of(profile("laptop")) == Settings()


def test_the_full_size_model_gets_a_whole_gpu_and_its_own_cache_size() -> None:
    engine = settings_of({}).engine
    assert (engine.scaling.num_gpus, engine.kv_cache_bytes, engine.block_size_tokens) == (1, None, None)


def test_both_turns_fit_the_model() -> None:
    settings = settings_of({})
    answers = settings.orchestrator.max_findings_tokens + settings.orchestrator.max_impression_tokens
    assert settings.preprocessor.max_visual_tokens + 100 + answers <= settings.model.max_model_len


def test_big_integers_stay_integers() -> None:
    settings = settings_of(
        {"app": {"gateway": {"max_upload_bytes": 50_000_001}, "engine": {"kv_cache_bytes": 3 * 2**30}}}
    )
    assert settings.gateway.max_upload_bytes == 50_000_001
    assert settings.engine.kv_cache_bytes == 3_221_225_472


def test_null_survives_where_helm_would_drop_it(ray_service: Manifest) -> None:
    """Absent would mean the demo's number; the template's list must name every such setting."""
    names = list(defaulted_nullables(Settings))
    assert names
    full_size = next(document for document in manifests({}) if document["kind"] == "RayService")
    args = serve_config(full_size)["applications"][0]["args"]
    for name in names:
        step, key = name.split(".")
        assert args[step][key] is None


def test_the_cpu_replicas_fit_the_workers(profile_name: str, ray_service: Manifest) -> None:
    settings = settings_of(profile(profile_name))
    groups = ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    offered = sum(
        group["maxReplicas"] * float(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
        for group in groups
    )
    steps = (settings.gateway, settings.orchestrator, settings.preprocessor, settings.engine)
    assert sum(step.scaling.max_replicas * step.scaling.num_cpus for step in steps) <= offered


def test_ray_demands_a_token(ray_service: Manifest, ray_templates: dict[str, Manifest]) -> None:
    assert ray_service["spec"]["rayClusterConfig"]["authOptions"]["mode"] == "token"
    for template in ray_templates.values():
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in template["spec"]["containers"][0]["env"]


def test_the_token_can_come_from_a_secret_of_ours() -> None:
    ray_service = next(
        document for document in manifests({"rayAuth": {"secretName": "ray-token"}}) if document["kind"] == "RayService"
    )
    assert ray_service["spec"]["rayClusterConfig"]["authOptions"] == {"mode": "token", "secretName": "ray-token"}


def test_the_head_runs_no_replica(ray_service: Manifest) -> None:
    head = ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert ray_service["spec"]["excludeHeadPodFromServeSvc"] is True


AS_ON_ONE_MACHINE = (
    "DO_NOT_TRACK",
    "HF_HUB_DISABLE_TELEMETRY",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "RAY_USAGE_STATS_ENABLED",
    "VLLM_NO_USAGE_STATS",
)


@pytest.mark.parametrize("name", AS_ON_ONE_MACHINE)
def test_what_libraries_read_is_what_they_read_on_one_machine(name: str, ray_templates: dict[str, Manifest]) -> None:
    for template in ray_templates.values():
        environment = {variable["name"]: variable.get("value") for variable in template["spec"]["containers"][0]["env"]}
        assert environment[name] == launch._ENVIRONMENT[name]
