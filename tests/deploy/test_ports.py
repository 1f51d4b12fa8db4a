"""A port is a number in one place of the chart; everything else takes it by its name."""

import re
from pathlib import Path

import pytest
import yaml

from charts.render import CHART, merged, profile
from tests.deploy.manifests import PORTS, PORTS_BLOCK, containers_of, of_kind, ray_templates_of, render_of

TEMPLATES = CHART / "templates"
WRITTEN = re.compile(r"(?i:port)\w*\"?[ :=]+\"?\d|\bports?\b.*\[\s*\d+[,\]]|//[^/\s\"]+:\d|[a-z]:\d{2,5}\b")
"""How a port would be written elsewhere: after a key that ends in port, in a list of ports, or in an address."""


def is_port(line: str) -> bool:
    """Whether a line of a template writes a port as a number, whichever port it is, or has the number of ours."""
    numbers = {int(number) for number in re.findall(r"(?<![\w.-])\d+(?![\w.-])", line)}
    return bool(WRITTEN.search(line)) or bool(numbers & {number for number in PORTS.values() if number > 100})


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.*")), ids=lambda path: path.name)
def test_a_template_writes_no_port_as_a_number(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert path == PORTS_BLOCK or [line for line in lines if is_port(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "- {port: 9000, protocol: TCP}",
        "ports: [8001]",
        "containerPort: 8000",
        "  targetPort: 8001",
        '- {name: A_HTTP_PORT, value: "30000"}',
        "svc:8000/v1/reports",
        'value: "http://127.0.0.1:9"',
        f"service/clara-serve-svc {PORTS['serve']}",
        '{{- $ports = append $ports "443" }}',
        '{{- include "clara.egressToPorts" (list 443) }}',
    ],
)
def test_a_port_as_a_number_would_be_found(line: str) -> None:
    assert is_port(line)


def test_every_named_port_is_taken() -> None:
    others = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.*") if path != PORTS_BLOCK)
    assert PORTS.keys() >= {"serve", "metrics", "gcs-server", "dashboard"}
    assert [name for name in PORTS if f'"{name}"' not in others] == []


def test_ray_nodes_open_the_ports_of_the_block(profile_name: str) -> None:
    for template in ray_templates_of(profile(profile_name)).values():
        opened = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
        assert opened.items() <= PORTS.items()
        assert opened.keys() >= {"serve", "metrics"}


def test_monitors_watch_ports_that_containers_open() -> None:
    documents = render_of(merged(profile("triton"), {"podMonitor": {"enabled": True}}))
    monitors = [document for document in documents if document["kind"] == "PodMonitor"]
    watched = {endpoint["port"] for monitor in monitors for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    opened = {
        port["name"] for document in documents for one in containers_of(document) for port in one.get("ports", [])
    }
    assert len(monitors) == 2
    assert watched <= opened


def test_serve_listens_where_its_service_sends() -> None:
    config = yaml.safe_load(of_kind(render_of(profile("laptop")), "RayService")["spec"]["serveConfigV2"])
    assert config["http_options"]["port"] == PORTS["serve"]


@pytest.mark.parametrize(
    ("address", "grpc", "metrics"), [("0.0.0.0", "0.0.0.0", "0.0.0.0"), ("::", "[::]", "ipv6:::")], ids=["IPv4", "IPv6"]
)
def test_triton_listens_where_the_workers_do(address: str, grpc: str, metrics: str) -> None:
    """Each of its two servers has a form of its own for IPv6; with a bare `::` it ended at once."""
    values = merged(profile("triton"), {"listenAddress": address})
    args = of_kind(render_of(values), "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {f"--grpc-address={grpc}", f"--metrics-address={metrics}"} <= set(args)
