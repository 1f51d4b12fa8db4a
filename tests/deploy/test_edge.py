"""The way in from outside: TLS, and room for the largest film and the longest report."""

from typing import Any

import pytest
import yaml
from ray.serve.schema import HTTPOptionsSchema

from charts.render import merged
from tests.deploy.conftest import CustomResources
from tests.deploy.manifests import PORTS, Manifest, is_core, of_kind, ray_templates_of, render_of

HOST = {"host": "clara.example.org", "authenticatedBefore": True, "tlsSecretName": "clara-tls"}
ADMITTED = {"networkPolicy": {"admitNamespaces": ["edge"]}}
APP = {"gateway": {"max_upload_bytes": 60_000_000, "deadline_s": 99.5}}
TIMEOUT_S, BODY_BYTES = 230, 61_048_576


def with_ingress(controller: str, **further: Any) -> dict[str, Any]:
    ingress = {"enabled": True, "controller": controller}
    return ADMITTED | {"edge": HOST | {"ingress": ingress}, "app": APP, **further}


def with_gateway(**further: Any) -> dict[str, Any]:
    return ADMITTED | {"edge": HOST | {"gateway": {"enabled": True, "name": "outer"}}, "app": APP, **further}


EVERYTHING = merged(
    with_gateway(serveTls={"secretName": "inner-tls"}),
    {"edge": {"issuer": {"name": "ours"}, "ingress": {"enabled": True}, "gateway": {"backendCaConfigMapName": "ca"}}},
)


def annotations(controller: str, **further: Any) -> dict[str, str]:
    found: dict[str, str] = of_kind(render_of(with_ingress(controller, **further)), "Ingress")["metadata"][
        "annotations"
    ]
    return found


def test_nginx_takes_the_largest_film_and_waits_for_the_longest_report() -> None:
    told = annotations("nginx")
    prefix = "nginx.ingress.kubernetes.io"
    assert told[f"{prefix}/proxy-body-size"] == str(BODY_BYTES)
    assert told[f"{prefix}/proxy-read-timeout"] == told[f"{prefix}/proxy-send-timeout"] == str(TIMEOUT_S)
    assert told[f"{prefix}/proxy-buffering"] == "off"


def test_haproxy_takes_the_largest_film_and_waits_for_the_longest_report() -> None:
    told = annotations("haproxy")
    assert told["haproxy-ingress.github.io/proxy-body-size"] == str(BODY_BYTES)
    assert told["haproxy-ingress.github.io/timeout-server"] == f"{TIMEOUT_S}s"
    # A global key of that controller's, which it ignores on an Ingress.
    assert "haproxy-ingress.github.io/timeout-client" not in told


def test_a_load_balancer_does_not_call_a_report_idle() -> None:
    attributes = annotations("alb")["alb.ingress.kubernetes.io/load-balancer-attributes"]
    assert attributes == f"idle_timeout.timeout_seconds={TIMEOUT_S}"


def test_another_controller_is_told_nothing() -> None:
    assert annotations("other") in ({}, None)


def test_a_route_waits_for_the_longest_report() -> None:
    (rule,) = of_kind(render_of(with_gateway()), "HTTPRoute")["spec"]["rules"]
    assert rule["timeouts"] == {"request": f"{TIMEOUT_S}s", "backendRequest": f"{TIMEOUT_S}s"}


@pytest.mark.parametrize("values", [with_ingress("nginx"), with_gateway()], ids=["ingress", "route"])
def test_the_way_leads_to_the_service_that_the_operator_makes(values: dict[str, Any]) -> None:
    edge = next(document for document in render_of(values) if document["kind"] in ("Ingress", "HTTPRoute"))
    assert "'name': 'clara-serve-svc'" in str(edge["spec"])
    assert str(PORTS["serve"]) in str(edge["spec"])


def test_only_one_host_leads_here_and_only_by_tls() -> None:
    ingress = of_kind(render_of(with_ingress("nginx")), "Ingress")["spec"]
    assert [rule["host"] for rule in ingress["rules"]] == ["clara.example.org"]
    assert ingress["tls"] == [{"hosts": ["clara.example.org"], "secretName": "clara-tls"}]


def test_the_certificate_is_written_where_the_ingress_reads_it() -> None:
    documents = render_of(EVERYTHING)
    certificate = of_kind(documents, "Certificate")["spec"]
    assert certificate["secretName"] == of_kind(documents, "Ingress")["spec"]["tls"][0]["secretName"]
    assert certificate["dnsNames"] == ["clara.example.org"]


def test_the_edge_fits_its_definitions(custom_resources: CustomResources) -> None:
    custom = [document for document in render_of(EVERYTHING) if not is_core(document)]
    assert {document["kind"] for document in custom} >= {"HTTPRoute", "BackendTLSPolicy", "Certificate"}
    for document in custom:
        custom_resources.validate(document)


def test_workers_with_a_certificate_speak_tls_only() -> None:
    documents = render_of(EVERYTHING)
    config = yaml.safe_load(of_kind(documents, "RayService")["spec"]["serveConfigV2"])
    http = HTTPOptionsSchema.model_validate(config["http_options"])
    for name, pod in ray_templates_of(EVERYTHING).items():
        container = pod["spec"]["containers"][0]
        folder = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "serve-tls")
        assert (http.ssl_certfile, http.ssl_keyfile) == (f"{folder}/tls.crt", f"{folder}/tls.key")
        assert name == "head" or container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    told = annotations("nginx", serveTls={"secretName": "inner-tls"})
    assert told["nginx.ingress.kubernetes.io/backend-protocol"] == "HTTPS"
    policy = of_kind(documents, "BackendTLSPolicy")["spec"]
    assert policy["validation"]["hostname"] == "clara-serve-svc.clara.svc"


def test_without_a_certificate_probes_are_the_operators(ray_templates: dict[str, Manifest]) -> None:
    for template in ray_templates.values():
        assert not {"readinessProbe", "livenessProbe"} & template["spec"]["containers"][0].keys()
