"""HAProxy in the place of Serve's own proxy: what Ray is told, and who reaches the ports that it opens."""

import re

import pytest

from charts.render import CHART, merged, profile
from tests.deploy.manifests import (
    PORTS,
    application_of,
    environment_of,
    of_kind,
    ray_templates_of,
    render_of,
    settings_of,
)
from tests.deploy.test_network import CHECK, CPU, FAR, GPU, HEAD, STRANGER, may

HAPROXY = {"proxy": {"kind": "haproxy"}}
DOCKERFILE = CHART.parent.parent / "k8s" / "images" / "Dockerfile"
BEHIND_HAPROXY = (PORTS["replicas-from"], PORTS["replicas-to"] - 1, 8404, 8500, 9101)
"""Where the gateway's replicas, HAProxy's counters and the proxy behind it listen."""


def haproxy_environment() -> dict[str, dict[str, str]]:
    """What each kind of pod is told with HAProxy that it is not told without."""
    with_it, without = (ray_templates_of(merged(profile("production"), values)) for values in (HAPROXY, {}))
    told = {group: environment_of(pod) for group, pod in with_it.items()}
    return {
        group: {name: value for name, value in told[group].items() if name not in environment_of(pod)}
        for group, pod in without.items()
    }


def test_every_node_is_told_the_same() -> None:
    """The controller on the head gives out ports; whoever deploys and whoever answers reads the rest."""
    head, *workers = haproxy_environment().values()
    assert head["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert all(worker == head for worker in workers)


def test_without_it_no_node_hears_of_haproxy() -> None:
    for template in ray_templates_of({}).values():
        assert not [name for name in environment_of(template) if "HA_PROXY" in name or "HAPROXY" in name]


def test_our_images_hold_it_where_ray_looks() -> None:
    """Debian's package; its program lies in /usr/sbin."""
    installs = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert re.search(r"apt-get install [^&]*\bhaproxy\b", installs)
    assert haproxy_environment()["cpu"]["RAY_SERVE_HAPROXY_BINARY_PATH"] == "/usr/sbin/haproxy"


def test_the_replicas_ports_are_a_hundred() -> None:
    told = haproxy_environment()["cpu"]
    first, after_last = (int(told[f"RAY_SERVE_DIRECT_INGRESS_{end}_HTTP_PORT"]) for end in ("MIN", "MAX"))
    assert range(first, after_last) == range(PORTS["replicas-from"], PORTS["replicas-to"])
    assert after_last - first == 100


@pytest.mark.parametrize("port", BEHIND_HAPROXY)
def test_no_port_of_haproxy_is_open_to_anyone_but_rays_nodes(port: int) -> None:
    admitting = merged(HAPROXY, {"networkPolicy": {"admitNamespaces": ["edge"], "admitCidrs": ["10.1.0.0/16"]}})
    assert all(may(admitting, peer, CPU, PORTS["serve"]) for peer in ("edge", "10.1.0.0/16", CHECK))
    for target in (HEAD, CPU, GPU):
        assert not any(may(admitting, peer, target, port) for peer in ("edge", "10.1.0.0/16", STRANGER, FAR, CHECK))
        assert all(may(admitting, source, target, port) for source in (HEAD, CPU, GPU))


@pytest.mark.parametrize("deadline_s", [90, 600])
def test_the_longest_report_outlives_a_change_of_replicas(deadline_s: int) -> None:
    """HAProxy is replaced when replicas come or go, and what the old one still carries ends with it."""
    longest = {"terminationGracePeriodSeconds": 800, "app": {"gateway": {"deadline_s": deadline_s}}}
    values = merged(HAPROXY, longest)
    told = environment_of(ray_templates_of(values)["cpu"])
    for name in ("RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S", "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S"):
        assert int(told[name]) > deadline_s


def test_a_gateway_that_goes_keeps_time_for_its_reports() -> None:
    """It first takes what still comes, and Serve counts that into the time that it has for going."""
    told = haproxy_environment()["cpu"]
    ray_service = of_kind(render_of(merged(profile("production"), HAPROXY)), "RayService")
    gateway = next(entry for entry in application_of(ray_service)["deployments"] if entry["name"] == "gateway")
    kept_s = gateway["graceful_shutdown_timeout_s"] - int(told["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"])
    assert kept_s > settings_of(ray_service).gateway.longest_request_s
