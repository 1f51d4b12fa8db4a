"""Every time limit of a request that must cover another one, on every profile."""

import re
from collections.abc import Iterator
from inspect import signature
from math import inf
from typing import Any

import helm_python as helm
import pytest
import yaml
from pydantic import ValidationError
from ray.serve.deployment import deployment_to_schema
from ray.serve.schema import HTTPOptionsSchema

from charts.render import merged, profile
from serve_app.cli import check
from serve_app.client import DEFAULT_DEADLINE_S
from serve_app.client.asynchronous import _LIMITS, SERVICE_DEADLINE_S
from serve_app.cluster.scaling import deployment
from serve_app.settings import Scaling, Settings
from tests.deploy.manifests import (
    Manifest,
    application_of,
    environment_of,
    of_kind,
    render_of,
    rendered_as,
    settings_of,
    templates_of,
)

Pair = tuple[str, float, float]
"""What must hold, the limit that is covered, and the one that covers it."""
ENVOY_IDLE_S = 3600
"""After which Envoy, by default, closes a connection to a worker that nobody uses."""


def within_the_application(settings: Settings) -> Iterator[Pair]:
    gateway, engine = settings.gateway, settings.engine
    yield "an upload may begin within its limit", gateway.upload_timeout_s, gateway.max_upload_s
    yield "the largest upload has 4 Mbit/s", gateway.max_upload_bytes / 500_000, gateway.max_upload_s
    yield "an image waits and is decoded", 2 * settings.preprocessor.decode_timeout_s, gateway.deadline_s
    yield "a stalled engine is noticed", engine.stall_timeout_s, gateway.deadline_s
    for server in (engine.triton, engine.openai):
        yield "a silent model server is noticed", server.connect_timeout_s + server.read_timeout_s, gateway.deadline_s
    yield "a client of /readyz waits for the engines", gateway.readiness_timeout_s, SERVICE_DEADLINE_S
    yield "a client waits for its report", gateway.longest_request_s, DEFAULT_DEADLINE_S


def around_the_application(ray_service: Manifest) -> Iterator[Pair]:
    longest_s = settings_of(ray_service).gateway.longest_request_s
    options = HTTPOptionsSchema.model_validate(yaml.safe_load(ray_service["spec"]["serveConfigV2"])["http_options"])
    yield "Serve waits for an answer", longest_s, options.request_timeout_s or inf
    yield "our client lets go of a connection first", _LIMITS.keepalive_expiry or inf, options.keep_alive_timeout_s
    yield "Envoy lets go of a connection first", ENVOY_IDLE_S, options.keep_alive_timeout_s
    yield "an old cluster finishes", longest_s, ray_service["spec"]["rayClusterDeletionDelaySeconds"]
    shutdowns_s = [entry["graceful_shutdown_timeout_s"] for entry in application_of(ray_service)["deployments"]]
    yield "a stopping replica finishes", longest_s, min(shutdowns_s)
    for name, template in templates_of(ray_service).items():
        if name != "head":
            yield from of_worker(template, longest_s, max(shutdowns_s))


def of_worker(template: Manifest, longest_s: float, shutdown_s: float) -> Iterator[Pair]:
    told, pod = environment_of(template), template["spec"]
    drain_s = int(told["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    hook_s = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    yield "a draining node waits for its replicas", shutdown_s, drain_s
    yield "a stopping pod waits for its node", hook_s + drain_s, pod["terminationGracePeriodSeconds"]
    learning_s = int(told.get("RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S", 0))
    yield "a stopping gateway finishes what still came", learning_s + longest_s, shutdown_s
    for name in ("RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S", "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S"):
        yield name, longest_s, float(told.get(name, inf))


def of_other_objects(documents: list[Manifest], longest_s: float) -> Iterator[Pair]:
    for document in documents:
        match document["kind"]:
            case "HTTPRoute":
                (rule,) = document["spec"]["rules"]
                for name, limit in rule["timeouts"].items():
                    yield f"a route's {name}", longest_s, float(limit.removesuffix("s"))
            case "Ingress":
                for name, limit in (document["metadata"]["annotations"] or {}).items():
                    if "timeout" in f"{name}{limit}":
                        yield name, longest_s, float(limit.rpartition("=")[2].removesuffix("s"))
            case "Deployment":
                pod = document["spec"]["template"]["spec"]
                exit_s = next(int(arg[20:]) for arg in pod["containers"][0]["args"] if arg.startswith("--exit-timeout"))
                yield "a stopping Triton finishes", longest_s, exit_s
                yield "Triton's pod waits for it", exit_s, pod["terminationGracePeriodSeconds"]
            case "Pod":
                args = document["spec"]["containers"][0]["args"]
                limit_s = next(float(arg[12:]) for arg in args if arg.startswith("--timeout-s="))
                yield "`helm test` waits for its report", longest_s, limit_s


def violated(documents: list[Manifest]) -> list[Pair]:
    ray_service = of_kind(documents, "RayService")
    settings = settings_of(ray_service)
    pairs = [
        *within_the_application(settings),
        *around_the_application(ray_service),
        *of_other_objects(documents, settings.gateway.longest_request_s),
    ]
    return [(what, covered_s, covering_s) for what, covered_s, covering_s in pairs if covered_s > covering_s]


@pytest.mark.parametrize("kind", ["serve", "haproxy"])
def test_every_limit_covers_what_it_must(profile_name: str, kind: str) -> None:
    assert violated(render_of(merged(profile(profile_name), {"proxy": {"kind": kind}}))) == []


@pytest.mark.parametrize("controller", ["nginx", "haproxy", "alb", "other"])
def test_the_edge_covers_the_longest_request(controller: str) -> None:
    door = {"host": "x", "authenticatedBefore": True, "tlsSecretName": "tls", "gateway": {"enabled": True, "name": "g"}}
    values = {
        "edge": door | {"ingress": {"enabled": True, "controller": controller}},
        "networkPolicy": {"admitNamespaces": ["edge"]},
        "terminationGracePeriodSeconds": 1000,
        "app": {"gateway": {"deadline_s": 250.5, "max_upload_s": 300.25}},
    }
    assert [what for what, _, _ in violated(render_of(values))] == ["a client waits for its report"]


@pytest.mark.parametrize(
    ("values", "needed_s"),
    [
        ({"terminationGracePeriodSeconds": 339}, 340),
        ({"endpointDrainSeconds": 11}, 342),
        ({"app": {"gateway": {"max_upload_s": 120.5}}}, 341),
    ],
)
def test_a_pod_that_would_end_before_its_requests_is_refused(values: dict[str, Any], needed_s: int) -> None:
    with pytest.raises(helm.HelmError, match=f"less than the {needed_s} s"):
        render_of(values)


def test_helm_waits_for_its_test() -> None:
    (limit_min,) = re.findall(r"helm test .* --timeout (\d+)m", rendered_as("clara")["clara/templates/NOTES.txt"])
    ready_s = signature(check).parameters["wait_s"].default
    assert ready_s + DEFAULT_DEADLINE_S < 60 * int(limit_min)


def test_a_replica_on_one_machine_may_finish_the_longest_request() -> None:
    longest_s = Settings().gateway.longest_request_s
    scaled = deployment_to_schema(deployment(object, "gateway", Scaling(), longest_s))
    assert scaled.graceful_shutdown_timeout_s > longest_s


def test_a_deadline_that_passes_while_an_image_is_decoded_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"at least twice preprocessor\.decode_timeout_s"):
        Settings.model_validate({"gateway": {"deadline_s": 60}, "preprocessor": {"decode_timeout_s": 31}})
