"""Who may speak to whom, as a network plugin would read the NetworkPolicies."""

import functools
import json
from typing import Any

import pytest

from charts.render import merged, profile
from tests.deploy.manifests import PORTS, Manifest, render_of

INSTANCE = {"app.kubernetes.io/name": "clara", "app.kubernetes.io/instance": "clara"}


def node(group: str) -> dict[str, str]:
    """The labels of a Ray node as the operator makes it."""
    kind = "head" if group == "headgroup" else "worker"
    return INSTANCE | {"ray.io/is-ray-node": "yes", "ray.io/node-type": kind, "ray.io/group": group}


HEAD, CPU, GPU = node("headgroup"), node("cpu"), node("gpu")
TRITON = INSTANCE | {"app.kubernetes.io/component": "triton"}
CHECK = INSTANCE | {"app.kubernetes.io/component": "check"}
PREFETCH = INSTANCE | {"app.kubernetes.io/component": "prefetch"}
STRANGER = {"app": "stranger"}
API_SERVER = 6443
"""One of networkPolicy.apiServerPorts."""
FAR = "far away"
PROXY_PORT = 3128
"""A namespace, or an address outside the cluster."""


@functools.cache
def policies_of(values: str) -> list[Manifest]:
    """Render values, given as JSON so that each are rendered once."""
    return [document for document in render_of(json.loads(values)) if document["kind"] == "NetworkPolicy"]


def admits(policies: list[Manifest], pod: dict[str, str], direction: str, peer: Any, port: int, protocol: str) -> bool:
    """Whether any policy that selects the pod lets the peer through; no policy for a direction lets everyone."""
    selecting = [
        policy["spec"]
        for policy in policies
        if policy["spec"]["podSelector"]["matchLabels"].items() <= pod.items()
        and direction in policy["spec"]["policyTypes"]
    ]
    peers = "from" if direction == "Ingress" else "to"
    return not selecting or any(
        matches(rule, peers, peer, port, protocol) for spec in selecting for rule in spec.get(direction.lower(), [])
    )


def matches(rule: Manifest, peers: str, peer: Any, port: int, protocol: str) -> bool:
    open_ports = [(entry["port"], entry["protocol"]) for entry in rule.get("ports", [])]
    is_open = not open_ports or (port, protocol) in open_ports
    return is_open and (peers not in rule or any(is_peer(entry, peer) for entry in rule[peers]))


def is_peer(entry: Manifest, peer: Any) -> bool:
    if "ipBlock" in entry:
        return bool(entry["ipBlock"]["cidr"] == peer)
    if "namespaceSelector" in entry:
        return bool(entry["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": peer})
    return isinstance(peer, dict) and entry["podSelector"]["matchLabels"].items() <= peer.items()


def may(values: dict[str, Any], source: Any, target: Any, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection opens; pods are their labels, others a namespace or a network."""
    policies = policies_of(json.dumps(values, sort_keys=True))
    leaves = not isinstance(source, dict) or admits(policies, source, "Egress", target, port, protocol)
    return leaves and (not isinstance(target, dict) or admits(policies, target, "Ingress", source, port, protocol))


@pytest.mark.parametrize("port", [PORTS["gcs-server"], PORTS["dashboard"], 8076, 10002, 52365, 43123])
def test_rays_nodes_speak_to_each_other_on_any_port(port: int) -> None:
    for source, target in ((HEAD, CPU), (CPU, HEAD), (CPU, GPU), (GPU, CPU), (HEAD, GPU)):
        assert may({}, source, target, port)


@pytest.mark.parametrize("port", [PORTS["serve"], PORTS["dashboard"], PORTS["gcs-server"], PORTS["metrics"], 10002])
@pytest.mark.parametrize("peer", [STRANGER, FAR])
def test_nobody_else_comes_in(port: int, peer: Any) -> None:
    for target in (HEAD, CPU, GPU):
        assert not may({}, peer, target, port)


@pytest.mark.parametrize("peer", ["edge", "10.1.0.0/16"])
def test_the_admitted_reach_the_door_and_no_other_port(peer: str) -> None:
    values = {"networkPolicy": {"admitNamespaces": ["edge"], "admitCidrs": ["10.1.0.0/16"]}}
    assert may(values, peer, CPU, PORTS["serve"])
    closed = (PORTS["dashboard"], PORTS["gcs-server"], PORTS["metrics"])
    assert not any(may(values, peer, target, port) for target in (HEAD, CPU) for port in closed)


def test_the_operator_reaches_the_head_and_prometheus_the_metrics() -> None:
    values = {"podMonitor": {"enabled": True}}
    assert may(values, "kuberay-system", HEAD, PORTS["dashboard"])
    assert not may(values, "kuberay-system", CPU, PORTS["dashboard"])
    scraped = (PORTS["metrics"], PORTS["as-metrics"], PORTS["dash-metrics"])
    assert all(may(values, "monitoring", HEAD, port) for port in scraped)
    assert may(values, "monitoring", GPU, PORTS["metrics"])
    assert not may(values, "monitoring", HEAD, PORTS["dashboard"])
    assert not may({}, "monitoring", HEAD, PORTS["metrics"])


def test_the_check_reaches_the_door_and_nothing_else() -> None:
    assert may({}, CHECK, CPU, PORTS["serve"])
    assert may({}, CHECK, FAR, PORTS["dns"], "UDP")
    assert not may({}, CHECK, HEAD, PORTS["dashboard"])
    assert not may({}, CHECK, FAR, PORTS["https"])


def test_names_can_be_looked_up() -> None:
    for pod in (HEAD, CPU, GPU):
        assert may({}, pod, FAR, PORTS["dns"], "UDP")
        assert may({}, pod, FAR, PORTS["dns"])


def test_only_the_engine_asks_the_hub_and_only_the_head_the_api_server() -> None:
    assert may({}, GPU, FAR, PORTS["https"])
    assert may({}, HEAD, FAR, API_SERVER)
    assert not may({}, CPU, FAR, PORTS["https"])
    assert not may({}, GPU, FAR, API_SERVER)
    assert not may({}, GPU, FAR, PORTS["http"])


METADATA = [("169.254.169.254/32", PORTS["http"]), ("169.254.169.252/32", PORTS["gke-metadata"])]
"""Where a node's own identity is asked for: at Amazon and Google, and behind GKE's Workload Identity."""


@pytest.mark.parametrize(("secret", "asks_the_node"), [("", True), ("keys", False)])
def test_a_bucket_without_a_secret_is_opened_by_the_nodes_identity(secret: str, asks_the_node: bool) -> None:
    bucket = {"bucket": "s3://m/x", "bucketSecretName": secret, "copier": {"repository": "rclone", "tag": "1"}}
    values = {
        "models": {"create": True},
        "prefetch": {"enabled": True, **bucket},
        "app": {"model": {"source": "/models/mine"}},
    }
    assert may(values, PREFETCH, FAR, PORTS["https"])
    assert [may(values, PREFETCH, address, port) for address, port in METADATA] == [asks_the_node] * 2
    assert not any(may(values, pod, METADATA[0][0], PORTS["http"]) for pod in (HEAD, CPU, GPU))


def test_a_hub_is_asked_as_nobody_of_the_cloud() -> None:
    values = {"models": {"create": True}, "prefetch": {"enabled": True}}
    assert may(values, PREFETCH, FAR, PORTS["https"])
    assert not any(may(values, PREFETCH, address, port) for address, port in METADATA)


@pytest.mark.parametrize("name", ["air-gapped", "laptop", "triton"])
def test_where_nothing_is_fetched_no_worker_is_let_out(name: str) -> None:
    pods = [CPU, TRITON] if name == "triton" else [CPU, GPU]
    assert not any(may(profile(name), pod, FAR, port) for pod in pods for port in (PORTS["https"], PORTS["http"], 8443))


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector:4318/v1/traces", 4318),
        ("https://traces.example.org/v1", PORTS["https"]),
        ("http://collector/v1", PORTS["http"]),
    ],
)
def test_traces_leave_by_the_port_of_their_collector(endpoint: str, port: int) -> None:
    values = merged(profile("laptop"), {"app": {"telemetry": {"otlp_endpoint": endpoint}}})
    assert may(values, CPU, FAR, port)
    assert not may(profile("laptop"), CPU, FAR, port)
    assert not may(merged(values, {"app": {"telemetry": {"otlp_endpoint": "none"}}}), CPU, FAR, port)


def test_the_issuers_of_tokens_are_reached_by_their_ports_or_by_the_proxy() -> None:
    issuer = {"name": "a", "issuer": "https://id.example.org/realms/x", "audience": "clara", "tenant": "north"}
    other = {"name": "b", "issuer": "https://b.example.org:8443", "jwks_url": "https://b.example.org:9443/keys"}
    access = {"mode": "required", "issuers": [issuer, issuer | other]}
    database = {"secretName": "db", "keysSecretName": "keys"}
    values = merged(profile("laptop"), {"database": database, "app": {"access": access}})
    through = merged(values, {"app": {"access": {"issuer_keys": {"proxy": f"http://proxy:{PROXY_PORT}"}}}})

    assert [port for port in (443, 8443, 9443, PROXY_PORT) if may(values, CPU, FAR, port)] == [443, 8443, 9443]
    assert [port for port in (443, 8443, 9443, PROXY_PORT) if may(through, CPU, FAR, port)] == [PROXY_PORT]
    assert not any(may(profile("laptop"), CPU, FAR, port) for port in (443, 8443, 9443, PROXY_PORT))


def test_redis_and_model_servers_are_reached_by_their_ports() -> None:
    assert may(profile("production"), HEAD, FAR, 6379)
    engine = {"backend": "openai", "openai": {"base_url": "https://models:8443/v1"}, "scaling": {"num_gpus": 0}}
    elsewhere = {"gpuWorkers": {"enabled": False}, "app": {"engine": engine}}
    assert may(elsewhere, CPU, FAR, 8443)
    triton = {"backend": "triton", "triton": {"address": "triton:9001"}, "scaling": {"num_gpus": 0}}
    assert may({"gpuWorkers": {"enabled": False}, "app": {"engine": triton}}, CPU, FAR, 9001)


PROXY = {"outbound": {"httpsProxy": f"http://proxy.example.org:{PROXY_PORT}"}}


def test_the_sites_proxy_is_reached_by_whoever_leaves_the_cluster() -> None:
    assert may(PROXY, GPU, FAR, PROXY_PORT)
    assert not may({}, GPU, FAR, PROXY_PORT)
    assert not may(PROXY, CPU, FAR, PROXY_PORT)
    assert may(PROXY | {"models": {"create": True}, "prefetch": {"enabled": True}}, PREFETCH, FAR, PROXY_PORT)
    traces = {"app": {"telemetry": {"otlp_endpoint": "https://traces.example.org/v1"}}}
    assert may(merged(PROXY, traces), CPU, FAR, PROXY_PORT)
    server = {"backend": "openai", "openai": {"base_url": "https://models:8443/v1"}, "scaling": {"num_gpus": 0}}
    elsewhere = {"gpuWorkers": {"enabled": False}, "app": {"engine": server}}
    assert all(may(merged(PROXY, elsewhere), CPU, FAR, port) for port in (PROXY_PORT, 8443))


def test_only_the_engine_asks_triton() -> None:
    values = merged(profile("triton"), {"podMonitor": {"enabled": True}})
    assert may(values, CPU, TRITON, PORTS["triton"])
    assert may(values, "monitoring", TRITON, PORTS["triton-metrics"])
    assert not any(may(values, peer, TRITON, PORTS["triton"]) for peer in (HEAD, STRANGER, FAR, "monitoring"))
