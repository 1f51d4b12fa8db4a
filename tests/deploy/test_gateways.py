"""The Gateways of k8s/edge are those that the profiles' routes name, and let nobody pass without a token."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from charts.render import CHART, NAMESPACE, profile
from tests.deploy.conftest import CustomResources
from tests.deploy.manifests import Manifest, is_core, of_kind, render_of

EDGE = CHART.parent.parent / "k8s" / "edge"
# Where the implementation runs the proxies of a Gateway.
PROXIES_IN = {"envoy": "envoy-gateway-system", "istio": "clara-edge"}
PROFILES = {"envoy": "edge", "istio": "edge-istio"}


@pytest.fixture(params=PROXIES_IN)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def objects(name: str) -> list[Manifest]:
    return list(yaml.safe_load_all((EDGE / f"{name}.yaml").read_text(encoding="utf-8")))


def test_every_implementation_has_its_profile() -> None:
    assert {path.stem for path in EDGE.glob("*.yaml")} == set(PROFILES)


def test_the_route_leads_through_the_gateway(name: str) -> None:
    gateway = of_kind(objects(name), "Gateway")
    route = of_kind(render_of(profile(PROFILES[name])), "HTTPRoute")
    assert route["spec"]["parentRefs"] == [{key: gateway["metadata"][key] for key in ("name", "namespace")}]
    (listener,) = gateway["spec"]["listeners"]
    assert route["spec"]["hostnames"] == [listener["hostname"]]
    assert (listener["protocol"], listener["tls"]["mode"]) == ("HTTPS", "Terminate")
    chosen = listener["allowedRoutes"]["namespaces"]["selector"]["matchLabels"]
    assert chosen == {"kubernetes.io/metadata.name": NAMESPACE}


def test_only_the_gateways_proxies_are_admitted(name: str) -> None:
    assert profile(PROFILES[name])["networkPolicy"]["admitNamespaces"] == [PROXIES_IN[name]]


def test_every_policy_is_of_the_gateway_and_asks_for_a_token(name: str) -> None:
    gateway = of_kind(objects(name), "Gateway")["metadata"]
    policies = [document for document in objects(name) if "targetRefs" in document.get("spec", {})]
    assert policies
    for policy in policies:
        assert policy["metadata"]["namespace"] == gateway["namespace"]
        assert [(ref["kind"], ref["name"]) for ref in policy["spec"]["targetRefs"]] == [("Gateway", gateway["name"])]
    rules: dict[str, Any] = {policy["kind"]: policy["spec"] for policy in policies}
    if name == "envoy":
        assert all(provider["remoteJWKS"] for provider in rules["SecurityPolicy"]["jwt"]["providers"])
    else:
        assert rules["RequestAuthentication"]["jwtRules"]
        assert rules["AuthorizationPolicy"]["rules"] == [{"from": [{"source": {"requestPrincipals": ["*"]}}]}]


def test_the_objects_fit_their_definitions(name: str, custom_resources: CustomResources) -> None:
    for document in objects(name):
        if is_core(document):
            kubernetes_validate.validate(document, "1.33", strict=True)
        elif document["apiVersion"].startswith("gateway.networking.k8s.io/"):
            custom_resources.validate(document)


def test_the_certificate_is_written_where_the_gateway_reads_it(name: str) -> None:
    gateway = of_kind(objects(name), "Gateway")
    (reference,) = gateway["spec"]["listeners"][0]["tls"]["certificateRefs"]
    assert reference.keys() == {"name"}
    assert "cert-manager.io/cluster-issuer" in gateway["metadata"]["annotations"]
    platform = yaml.safe_load((Path(CHART).parents[1] / "k8s/platform/cert-manager.yaml").read_text(encoding="utf-8"))
    assert platform["config"]["enableGatewayAPI"] is True
