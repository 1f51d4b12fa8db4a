"""The Serve config inside the RayService is `Settings`, and Ray takes it."""

import functools
import importlib
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import helm_python as helm
import pytest
import yaml
from pydantic import BaseModel
from ray.serve.deployment import deployment_to_schema
from ray.serve.schema import DeploymentSchema, ServeDeploySchema

from charts.render import CHART, merged, profile
from serve_app.cluster import proxy
from serve_app.cluster.environment import ENVIRONMENT
from serve_app.cluster.scaling import deployment
from serve_app.settings import Scaling, Settings
from tests.deploy.manifests import PORTS, Manifest, application_of, of_kind, render_of, settings_of


def rendered_settings(values: dict[str, Any]) -> Settings:
    return settings_of(of_kind(render_of(values), "RayService"))


def test_ray_takes_the_config(ray_service: Manifest) -> None:
    config = ServeDeploySchema.model_validate(yaml.safe_load(ray_service["spec"]["serveConfigV2"]))
    (application,) = config.applications
    assert application.import_path == "serve_app.app:build_app"
    assert application.route_prefix == "/"


def test_the_config_is_what_the_values_say(profile_name: str) -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["app"]
    app = merged(defaults, profile(profile_name).get("app", {}))
    if profile_name == "triton":
        app["engine"]["triton"] = {"address": f"clara-triton:{PORTS['triton']}"}
    if "database" in profile(profile_name):
        mounted = "/var/run/secrets/clara"
        app["records"] = {"url_file": f"{mounted}/database/uri", "encryption_key_file": f"{mounted}/keys/records.key"}
        app["audit"] = {"key_file": f"{mounted}/keys/audit.pem"}
    if app["orchestrator"]["placement"] == "gateway":
        # Nothing is scaled that is not there.
        del app["orchestrator"]["scaling"]
    assert rendered_settings(profile(profile_name)) == Settings.model_validate(app)


CHANGED = {
    "min_replicas": 2,
    "max_replicas": 3,
    "target_ongoing_requests": 5.5,
    "max_ongoing_requests": 11,
    "max_queued_requests": -1,
    "upscale_delay_s": 1.5,
    "downscale_delay_s": 61,
    "num_cpus": 0.25,
    "num_gpus": 0.5,
    "memory_bytes": 3_000_000_001,
    "max_replicas_per_node": 1,
    "max_surge_percent": 50,
    "health_check_period_s": 3,
    "health_check_timeout_s": 31,
}


APP: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["app"]
OTHER = {
    "source": "Qwen/Qwen2-VL-2B-Instruct",
    "dtype": "float16",
    "gpu_memory_utilization": 0.5,
    "enforce_eager": True,
    "kv_cache_bytes": 3_000_000_001,
    "block_size_tokens": 16,
}


def test_every_setting_in_the_values_reaches_the_config() -> None:
    """Each of them is set to something else, all at once, and all are read back, but the placement: tested below."""
    scaling = {step: {"scaling": CHANGED} for step, settings in APP.items() if "scaling" in settings}
    names = {(step, name) for step, settings in APP.items() for name in settings} - {(s, "scaling") for s in scaling}
    kept = {("orchestrator", "placement")}
    others = {(step, name): OTHER[name] if name in OTHER else APP[step][name] + 1 for step, name in names - kept}
    assert all(APP[step][name] != value for (step, name), value in others.items())
    app = {step: {name: value for (of, name), value in others.items() if of == step} for step in APP}
    app["orchestrator"]["placement"] = APP["orchestrator"]["placement"]
    wanted = merged(app, scaling)
    values = {"app": wanted, "terminationGracePeriodSeconds": 900}
    assert rendered_settings(values) == Settings.model_validate(wanted)


def app_with(step: str, scaling: dict[str, Any]) -> dict[str, Any]:
    return {"app": {step: {"scaling": scaling}}}


def schema_of(entry: dict[str, Any]) -> dict[str, Any]:
    return DeploymentSchema.model_validate(entry).model_dump(exclude_unset=True)


@pytest.mark.parametrize("step", ["gateway", "orchestrator", "preprocessor", "engine"])
def test_the_chart_scales_a_step_as_the_code_would(step: str) -> None:
    """Whatever the setting: else it would be lost on the way, or Serve's own default be in force."""
    assert CHANGED.keys() == Scaling.model_fields.keys()
    for changed in (CHANGED, {"min_replicas": 0, "num_cpus": 0}):
        ray_service = of_kind(render_of(app_with(step, changed)), "RayService")
        entry = next(entry for entry in application_of(ray_service)["deployments"] if entry["name"] == step)
        # Which nodes there are is the cluster's business.
        entry["ray_actor_options"].pop("label_selector", None)
        wanted = getattr(rendered_settings({}), step).scaling.model_copy(update=changed)
        coded = deployment_to_schema(deployment(object, step, wanted, rendered_settings({}).gateway.longest_request_s))
        assert schema_of(entry) == coded.model_dump(exclude_unset=True)


@pytest.mark.parametrize("step", ["gateway", "orchestrator", "preprocessor", "engine"])
def test_a_change_of_scaling_leaves_the_args_alone(step: str) -> None:
    """Other args are other code to Serve, and every replica would be replaced."""
    before, after = (
        application_of(of_kind(render_of(values), "RayService")) for values in ({}, app_with(step, CHANGED))
    )
    assert before["deployments"] != after["deployments"]
    assert before | {"deployments": None} == after | {"deployments": None}


def test_an_orchestrator_within_the_gateway_is_not_scaled() -> None:
    """Serve refuses an application with an entry for a deployment that it does not have."""
    ray_service = of_kind(render_of({"app": {"orchestrator": {"placement": "gateway"}}}), "RayService")
    names = {entry["name"] for entry in application_of(ray_service)["deployments"]}
    assert names == {"gateway", "preprocessor", "engine"}


def settings_that_differ(values: Any, defaults: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The settings of values.yaml whose values are not the code's defaults."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from settings_that_differ(value, defaults[key], (*path, key))
    elif values != defaults:
        yield path


DIFFERENT = list(settings_that_differ(APP, Settings().model_dump(mode="json")))


@pytest.mark.parametrize("path", DIFFERENT, ids=".".join)
def test_a_null_is_refused_where_the_demos_default_would_take_its_place(path: tuple[str, ...]) -> None:
    """Helm drops the key, and the code would serve a 7B model with 256 MiB of cache."""
    values: Any = None
    for key in reversed(("app", *path)):
        values = {key: values}
    with pytest.raises(helm.HelmError, match=f"/app/{'/'.join(path[:-1])}': missing property '{path[-1]}'"):
        render_of(values)


def test_the_laptop_profile_is_the_embedded_demo() -> None:
    assert rendered_settings(profile("laptop")) == Settings()


def test_the_full_size_model_gets_a_whole_gpu_and_its_own_cache_size() -> None:
    engine = rendered_settings({}).engine
    assert (engine.scaling.num_gpus, engine.kv_cache_bytes, engine.block_size_tokens) == (1, "auto", "auto")


def test_both_turns_fit_the_model() -> None:
    settings = rendered_settings({})
    answers = settings.orchestrator.max_findings_tokens + settings.orchestrator.max_impression_tokens
    assert settings.preprocessor.max_visual_tokens + 100 + answers <= settings.model.max_model_len


def test_big_integers_stay_integers() -> None:
    settings = rendered_settings(
        {"app": {"gateway": {"max_upload_bytes": 50_000_001}, "engine": {"kv_cache_bytes": 3 * 2**30}}}
    )
    assert settings.gateway.max_upload_bytes == 50_000_001
    assert settings.engine.kv_cache_bytes == 3_221_225_472


def worded(step: type[BaseModel] = Settings, below: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Every setting with a word for null: where it is, the word, and another value."""
    for name, field in step.model_fields.items():
        kind, path = field.annotation, (*below, name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from worded(kind, path)
        taken = [field.default, *(literal for part in get_args(kind) for literal in get_args(part))]
        for word in ("auto", "none", "never"):
            if word in taken:
                text = "0" * 64 if name == "digest" else "given"
                yield path, word, text if kind is str or Path in get_args(kind) else 7


WORDED = list(worded())


def test_every_word_is_tried() -> None:
    assert {word for _, word, _ in WORDED} == {"auto", "none", "never"}


@pytest.mark.parametrize(("path", "word", "value"), WORDED, ids=lambda part: str(part) if part else "")
def test_a_word_in_an_overlay_replaces_a_value(path: tuple[str, ...], word: str, value: Any) -> None:
    given, over = (
        functools.reduce(lambda inner, key: {key: inner}, reversed(("app", *path)), end) for end in (value, word)
    )
    asked = {"database": {"secretName": "db", "keysSecretName": "keys"}, "app": {"access": {"mode": "required"}}}
    wanted = asked if path[0] == "access" else {"app": {"model": {"adapters": {"given": "/given"}}}}
    below = merged(wanted, given)
    read = operator.attrgetter(".".join(path))
    assert str(read(rendered_settings(below))) == str(value)
    assert read(rendered_settings(merged(below, over))) == word


@pytest.mark.parametrize("key", ["kv_cache_bytes", "block_size_tokens"])
def test_a_word_over_a_number_reaches_the_engine(key: str) -> None:
    """The demo has a number, which an overlay could not take away by null: Helm would drop the key."""
    overlay = merged(profile("laptop"), {"app": {"engine": {key: "auto"}}})
    assert isinstance(getattr(rendered_settings(profile("laptop")).engine, key), int)
    assert getattr(rendered_settings(overlay).engine, key) == "auto"


@pytest.mark.parametrize(
    ("scaling", "place"),
    [({"memory_bytes": 3_000_000_001}, "memory"), ({"max_replicas_per_node": 2}, "max_replicas_per_node")],
)
def test_none_over_a_number_lifts_it(scaling: dict[str, Any], place: str) -> None:
    number, word = (
        of_kind(render_of(merged(app_with("gateway", scaling), app_with("gateway", over))), "RayService")
        for over in ({}, dict.fromkeys(scaling, "none"))
    )
    numbered, lifted = (
        next(entry for entry in application_of(ray_service)["deployments"] if entry["name"] == "gateway")
        for ray_service in (number, word)
    )
    assert place in numbered | numbered["ray_actor_options"]
    assert place not in lifted | lifted["ray_actor_options"]


def test_one_replica_a_node_is_lifted_from_the_pods_too() -> None:
    bound = app_with("gateway", {"max_replicas_per_node": 1})
    lifted = merged(bound, app_with("gateway", {"max_replicas_per_node": "none"}))
    budgets = [
        [document["metadata"]["name"] for document in render_of(values) if document["kind"] == "PodDisruptionBudget"]
        for values in (bound, lifted)
    ]
    assert budgets == [["clara-cpu"], []]


def pools_of(ray_service: Manifest) -> dict[str, list[Manifest]]:
    """The deployments by the only group of workers that may hold them, or `""` where any may."""
    groups = ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    pools: dict[str, list[Manifest]] = {}
    for entry in application_of(ray_service)["deployments"]:
        options = entry["ray_actor_options"]
        wanted = options.get("label_selector", {}).items()
        fitting = [
            group["groupName"]
            for group in groups
            if wanted <= group.get("labels", {}).items()
            and (not options["num_gpus"] or group["groupName"] == "gpu" or len(groups) == 1)
        ]
        assert fitting, f"no node may hold {entry['name']}"
        pools.setdefault(fitting[0] if len(fitting) == 1 else "", []).append(entry)
    return pools


def test_beside_gpu_nodes_only_the_engine_takes_them(ray_service: Manifest) -> None:
    """Serve spreads replicas over all nodes with room; tests/deploy/test_real_serve.py has the two kinds for real."""
    names = {pool: {entry["name"] for entry in entries} for pool, entries in pools_of(ray_service).items()}
    if len(ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"]) == 2:
        assert names.pop("gpu") == {"engine"}
    assert names.keys() == {"cpu"}


def test_the_replicas_fit_their_workers(ray_service: Manifest) -> None:
    pools = pools_of(ray_service)
    for group in ray_service["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        cores = float(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
        taken = sum(
            entry["autoscaling_config"]["max_replicas"] * entry["ray_actor_options"]["num_cpus"]
            for entry in pools[group["groupName"]]
        )
        assert taken <= group["maxReplicas"] * cores


def test_ray_demands_a_token(ray_service: Manifest, ray_templates: dict[str, Manifest]) -> None:
    assert ray_service["spec"]["rayClusterConfig"]["authOptions"]["mode"] == "token"
    for template in ray_templates.values():
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in template["spec"]["containers"][0]["env"]


def test_the_token_can_come_from_a_secret_of_ours() -> None:
    ray_service = of_kind(render_of({"rayAuth": {"secretName": "ray-token"}}), "RayService")
    assert ray_service["spec"]["rayClusterConfig"]["authOptions"] == {"mode": "token", "secretName": "ray-token"}


def test_the_head_runs_no_replica(ray_service: Manifest) -> None:
    head = ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert ray_service["spec"]["excludeHeadPodFromServeSvc"] is True


AS_ON_ONE_MACHINE = (
    "DO_NOT_TRACK",
    "HF_HUB_DISABLE_TELEMETRY",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT",
    "RAY_USAGE_STATS_ENABLED",
    "VLLM_CONFIGURE_LOGGING",
    "VLLM_NO_USAGE_STATS",
    "VLLM_USE_FLASHINFER_SAMPLER",
)


def test_serves_proxy_is_surrounded_by_what_belongs_to_a_cluster(ray_templates: dict[str, Manifest]) -> None:
    for template in ray_templates.values():
        environment = {variable["name"]: variable.get("value") for variable in template["spec"]["containers"][0]["env"]}
        module, _, name = environment["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"].partition(":")
        assert getattr(importlib.import_module(module), name) is proxy.middleware


@pytest.mark.parametrize("name", AS_ON_ONE_MACHINE)
def test_what_libraries_read_is_what_they_read_on_one_machine(name: str, ray_templates: dict[str, Manifest]) -> None:
    for template in ray_templates.values():
        environment = {variable["name"]: variable.get("value") for variable in template["spec"]["containers"][0]["env"]}
        assert environment[name] == ENVIRONMENT[name]
