"""Every value of the chart outside `app` is changed once, and seen where it should be in a manifest."""

import contextlib
import copy
from dataclasses import dataclass, field
from typing import Any

import helm_python as helm
import pytest
import yaml

from charts.render import CHART, manifests, merged, profile
from charts.values_prose import read_values
from tests.deploy.manifests import PORTS, Manifest, of_kind

DEFAULTS = {
    ".".join(leaf.path): leaf.default for value in read_values(CHART / "values.yaml") for leaf in value.leaves()
}

HEAD = "RayService/spec.rayClusterConfig.headGroupSpec.template.spec"
CLUSTER = "RayService/spec.rayClusterConfig"
CPU = "RayService/spec.rayClusterConfig.workerGroupSpecs.0.template.spec"
GPU = "RayService/spec.rayClusterConfig.workerGroupSpecs.1.template.spec"
TRITON = "Deployment/spec.template.spec"
COPY = "Job/spec.template.spec.initContainers.0"
DOOR = "NetworkPolicy:ray/spec.ingress.1"
METRICS = "NetworkPolicy:ray/spec.ingress.2"
FIRST_ALERT = "PrometheusRule/spec.groups.1.rules.0"
DIGEST = "sha256:" + "a" * 64
SIZE = {"requests": {"cpu": "5", "memory": "5Gi"}, "limits": {"cpu": "5", "memory": "5Gi"}}
JOB = "Job/spec.template.spec"
SERVICE = "RayService/spec.serveService"
PROXY = "http://proxy.example.org:3128"
ADDED = ({"env": [{"name": "ADDED", "value": "1"}]}, f"{HEAD}.containers.0.env.ADDED", "1")
"""Additions, where the head shows them, and what is there then; test_extra.py has the rest."""
OBJECT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "clara-extra"},
    "data": {"from": "{{ .Release.Name }}"},
}
RULES = [{"ports": [{"port": 15012, "protocol": "TCP"}]}]
OUTSIDE = {"edge": {"authenticatedBefore": True}, "networkPolicy": {"admitCidrs": ["10.0.0.0/8"]}}
TOLERATIONS = [{"key": "other", "operator": "Exists"}]


@dataclass(frozen=True)
class Effect:
    """What setting a value does: `place` is a kind (and a name's end after a colon), then where in the object."""

    value: Any
    place: str
    becomes: Any
    beside: dict[str, Any] = field(default_factory=dict)


WITH_MONITOR = {"assumeCrds": True, "podMonitor": {"enabled": True}}
WITH_ALERTS = merged(WITH_MONITOR, {"prometheusRule": {"enabled": True}})
ONE_ENGINE = {"app": {"engine": {"scaling": {"max_surge_percent": 0}}}}
CREATED = {"models": {"create": True}}
WITH_PREFETCH = CREATED | {"prefetch": {"enabled": True}}
WITH_BUCKET = {
    "models": {"claimName": "models"},
    "prefetch": {"enabled": True, "bucket": "s3://m/x", "copier": {"repository": "rclone", "tag": "1.2"}},
    "app": {"model": {"source": "/models/mine"}},
}
DOOR_OPEN = {"assumeCrds": True, "networkPolicy": {"admitNamespaces": ["edge"]}}
AT_HOST = {"edge": {"host": "a.example.org", "authenticatedBefore": True, "tlsSecretName": "tls"}}
WITH_INGRESS = merged(merged(DOOR_OPEN, AT_HOST), {"edge": {"ingress": {"enabled": True}}})
WITH_ISSUER = merged(WITH_INGRESS, {"edge": {"issuer": {"name": "ours"}}})
WITH_GATEWAY = merged(merged(DOOR_OPEN, AT_HOST), {"edge": {"gateway": {"enabled": True, "name": "outer"}}})
WITH_REDIS = {"gcsFaultTolerance": {"backend": "redis", "redisAddress": "redis:6379"}}
WITH_ROCKSDB = {"gcsFaultTolerance": {"backend": "rocksdb"}}
REQUIRED = {"database": {"keysSecretName": "keys"}, "app": {"access": {"mode": "required"}}}
WITH_DATABASE = {"database": {"secretName": "records"}}
WITH_TRITON = profile("triton")
ENGINE_ELSEWHERE = {"gpuWorkers": {"enabled": False}, "app": {"engine": {"scaling": {"num_gpus": 0}}}}
KEY_FILE = "/var/run/secrets/clara/model-server/api-key"
SERVER = {"base_url": "https://models.example.org/v1", "api_key_file": KEY_FILE}
WITH_SERVER = merged(ENGINE_ELSEWHERE, {"app": {"engine": {"backend": "openai", "openai": SERVER}}})


def in_namespace(name: str) -> dict[str, str]:
    return {"kubernetes.io/metadata.name": name}


def pool(group: str, spec: str, beside: dict[str, Any] | None = None) -> dict[str, Effect]:
    """The values that every group of pods has."""
    beside = beside or {}
    return {
        f"{group}.resources": Effect(SIZE, f"{spec}.containers.0.resources.requests", SIZE["requests"], beside),
        f"{group}.nodeSelector": Effect({"disk": "ssd"}, f"{spec}.nodeSelector", {"disk": "ssd"}, beside),
        f"{group}.tolerations": Effect(TOLERATIONS, f"{spec}.tolerations", TOLERATIONS, beside),
    }


def placed(group: str, spec: str) -> dict[str, Effect]:
    """The values of groups that matter to the cluster."""
    return {
        f"{group}.affinity": Effect({"podAntiAffinity": {}}, f"{spec}.affinity", {"podAntiAffinity": {}}),
        f"{group}.priorityClassName": Effect("reports", f"{spec}.priorityClassName", "reports"),
    }


def spread(group: str, spec: str) -> dict[str, Effect]:
    place = f"{spec}.topologySpreadConstraints.0.topologyKey"
    return {f"{group}.spreadOver": Effect(["zone"], place, "zone")}


EFFECTS: dict[str, Effect] = {
    "image.registry": Effect("mirror/x", f"{HEAD}.containers.0.image", "mirror/x/clara-gpu:0.1.0"),
    "image.repository": Effect("mine", f"{CPU}.containers.0.image", "mine:0.1.0"),
    "image.tag": Effect("2", f"{GPU}.containers.0.image", "clara-gpu:2"),
    "image.digest": Effect(DIGEST, f"{GPU}.containers.0.image", f"clara-gpu@{DIGEST}", {"image": {"tag": "3"}}),
    "image.pullPolicy": Effect("Always", f"{HEAD}.containers.0.imagePullPolicy", "Always"),
    "image.pullSecrets": Effect(["door"], f"{GPU}.imagePullSecrets", [{"name": "door"}]),
    "airGapped": Effect(True, f"{GPU}.containers.0.env.HF_HUB_OFFLINE", "1", {"models": {"claimName": "models"}}),
    "assumeCrds": Effect(True, "PodMonitor/metadata.name", "clara", WITH_MONITOR),
    "global.imageRegistry": Effect("shared/x", f"{HEAD}.containers.0.image", "shared/x/clara-gpu:0.1.0"),
    "rayAuth.secretName": Effect("token", f"{CLUSTER}.authOptions", {"mode": "token", "secretName": "token"}),
    "upgradeStrategy": Effect("None", "RayService/spec.upgradeStrategy.type", "None"),
    "terminationGracePeriodSeconds": Effect(350, f"{CPU}.terminationGracePeriodSeconds", 350),
    "endpointDrainSeconds": Effect(
        20, f"{CPU}.containers.0.lifecycle.preStop.exec.command.1", "20", {"terminationGracePeriodSeconds": 360}
    ),
    "scratchSizeLimit": Effect("11Gi", f"{HEAD}.volumes.0.emptyDir.sizeLimit", "11Gi"),
    "everyPod": Effect(*ADDED),
    "podSecurity.runAsUser": Effect("auto", f"{HEAD}.securityContext.runAsUser", None),
    "podSecurity.runAsGroup": Effect(1001, f"{GPU}.securityContext.runAsGroup", 1001),
    "podSecurity.fsGroup": Effect("auto", f"{CPU}.securityContext.fsGroup", None),
    "outbound.httpProxy": Effect(PROXY, f"{GPU}.containers.0.env.HTTP_PROXY", PROXY),
    "outbound.httpsProxy": Effect(PROXY, f"{GPU}.containers.0.env.HTTPS_PROXY", PROXY),
    "outbound.noProxy": Effect(
        ["10.0.0.0/8"],
        f"{GPU}.containers.0.env.NO_PROXY",
        "localhost,127.0.0.1,::1,.svc,.cluster.local,clara-triton,10.0.0.0/8",
        {"outbound": {"httpsProxy": PROXY}},
    ),
    "outbound.caConfigMapName": Effect("site-ca", f"{HEAD}.volumes.2.configMap.name", "site-ca"),
    "database.keysSecretName": Effect("k", "Job/spec.template.spec.volumes.2.secret.secretName", "k", WITH_DATABASE),
    "database.secretName": Effect("db", "Job/spec.template.spec.volumes.1.secret.secretName", "db", REQUIRED),
    "database.port": Effect(6432, "NetworkPolicy:gateway/spec.egress.0.ports.0.port", 6432, WITH_DATABASE),
    "database.migrationResources": Effect(SIZE, f"{JOB}.containers.0.resources", SIZE, WITH_DATABASE),
    "check.apiKeySecretName": Effect("check-key", "Pod:check/spec.volumes.0.secret.secretName", "check-key"),
    "service.type": Effect("LoadBalancer", f"{SERVICE}.spec.type", "LoadBalancer", OUTSIDE),
    "service.annotations": Effect({"internal": "true"}, f"{SERVICE}.metadata.annotations", {"internal": "true"}),
    "service.ipFamilyPolicy": Effect("RequireDualStack", f"{SERVICE}.spec.ipFamilyPolicy", "RequireDualStack"),
    "service.ipFamilies": Effect(["IPv6"], "Service:triton/spec.ipFamilies", ["IPv6"], WITH_TRITON),
    "listenAddress": Effect("::", "RayService/spec.serveConfigV2.http_options.host", "::"),
    "jobs.nodeSelector": Effect({"disk": "ssd"}, f"{JOB}.nodeSelector", {"disk": "ssd"}, WITH_PREFETCH),
    "jobs.tolerations": Effect(TOLERATIONS, "Pod:check/spec.tolerations", TOLERATIONS),
    "jobs.extra": Effect(ADDED[0], "Pod:check/spec.containers.0.env.ADDED", ADDED[2]),
    "head.extra": Effect(*ADDED),
    "cpuWorkers.extra": Effect(ADDED[0], f"{CPU}.containers.0.env.ADDED", ADDED[2]),
    "gpuWorkers.extra": Effect(ADDED[0], f"{GPU}.containers.0.env.ADDED", ADDED[2]),
    "triton.extra": Effect(ADDED[0], f"{TRITON}.containers.0.env.ADDED", ADDED[2], WITH_TRITON),
    "extraObjects": Effect([OBJECT], "ConfigMap:extra/data.from", "clara"),
    **pool("head", HEAD),
    **placed("head", HEAD),
    "autoscaler.idleTimeoutSeconds": Effect(9, f"{CLUSTER}.autoscalerOptions.idleTimeoutSeconds", 9),
    "autoscaler.resources": Effect(SIZE, f"{CLUSTER}.autoscalerOptions.resources", SIZE),
    "cpuWorkers.minReplicas": Effect(2, f"{CLUSTER}.workerGroupSpecs.0.minReplicas", 2),
    "cpuWorkers.maxReplicas": Effect(9, f"{CLUSTER}.workerGroupSpecs.0.maxReplicas", 9),
    **pool("cpuWorkers", CPU),
    **placed("cpuWorkers", CPU),
    **spread("cpuWorkers", CPU),
    "gpuWorkers.enabled": Effect(False, f"{CLUSTER}.workerGroupSpecs.1", None, ENGINE_ELSEWHERE),
    "gpuWorkers.gpusPerPod": Effect(4, f"{GPU}.containers.0.resources.limits.nvidia~com/gpu", "4"),
    "gpuWorkers.gpuResourceName": Effect("amd.com/gpu", f"{GPU}.containers.0.resources.limits.amd~com/gpu", "1"),
    **pool("gpuWorkers", GPU),
    **placed("gpuWorkers", GPU),
    **spread("gpuWorkers", GPU),
    "gpuWorkers.runtimeClassName": Effect("nvidia", f"{GPU}.runtimeClassName", "nvidia"),
    "gcsFaultTolerance.backend": Effect("rocksdb", f"{CLUSTER}.gcsFaultToleranceOptions.backend", "rocksdb"),
    "gcsFaultTolerance.redisAddress": Effect(
        "other:6380", f"{CLUSTER}.gcsFaultToleranceOptions.redisAddress", "other:6380", WITH_REDIS
    ),
    "gcsFaultTolerance.redisPasswordSecretName": Effect(
        "pass", f"{CLUSTER}.gcsFaultToleranceOptions.redisPassword.valueFrom.secretKeyRef.name", "pass", WITH_REDIS
    ),
    "gcsFaultTolerance.rocksdbSize": Effect(
        "3Gi", f"{CLUSTER}.gcsFaultToleranceOptions.storage.size", "3Gi", WITH_ROCKSDB
    ),
    "gcsFaultTolerance.rocksdbStorageClassName": Effect(
        "fast", f"{CLUSTER}.gcsFaultToleranceOptions.storage.storageClassName", "fast", WITH_ROCKSDB
    ),
    "disruptionBudgets.enabled": Effect(
        False, "PodDisruptionBudget:cpu/spec", None, {"app": {"gateway": {"scaling": {"max_replicas_per_node": 1}}}}
    ),
    "networkPolicy.enabled": Effect(False, "NetworkPolicy:ray/spec", None),
    "networkPolicy.admitNamespaces": Effect(
        ["door"], f"{DOOR}.from.1.namespaceSelector.matchLabels", in_namespace("door")
    ),
    "networkPolicy.admitCidrs": Effect(["10.0.0.0/8"], f"{DOOR}.from.1.ipBlock.cidr", "10.0.0.0/8"),
    "networkPolicy.operatorNamespace": Effect(
        "ray", "NetworkPolicy:head/spec.ingress.0.from.0.namespaceSelector.matchLabels", in_namespace("ray")
    ),
    "networkPolicy.monitoringNamespace": Effect(
        "prom", f"{METRICS}.from.0.namespaceSelector.matchLabels", in_namespace("prom"), WITH_MONITOR
    ),
    "networkPolicy.apiServerPorts": Effect([16443], "NetworkPolicy:head/spec.egress.0.ports.0.port", 16443),
    "networkPolicy.extraIngress": Effect(RULES, "NetworkPolicy:extra/spec.ingress", RULES),
    "networkPolicy.extraEgress": Effect(RULES, "NetworkPolicy:extra/spec.egress", RULES),
    "edge.host": Effect("b.example.org", "Ingress/spec.rules.0.host", "b.example.org", WITH_INGRESS),
    "edge.authenticatedBefore": Effect(True, "Ingress/metadata.name", "clara", WITH_INGRESS),
    "edge.hstsMaxAgeSeconds": Effect(
        60,
        "HTTPRoute/spec.rules.0.filters.0.responseHeaderModifier.set.Strict-Transport-Security",
        "max-age=60",
        WITH_GATEWAY,
    ),
    "edge.tlsSecretName": Effect("mine", "Ingress/spec.tls.0.secretName", "mine", WITH_INGRESS),
    "edge.issuer.name": Effect("ours", "Certificate/spec.issuerRef.name", "ours", WITH_INGRESS),
    "edge.issuer.kind": Effect("Issuer", "Certificate/spec.issuerRef.kind", "Issuer", WITH_ISSUER),
    "edge.ingress.enabled": Effect(True, "Ingress/spec.rules.0.host", "a.example.org", WITH_INGRESS),
    "edge.ingress.className": Effect("inner", "Ingress/spec.ingressClassName", "inner", WITH_INGRESS),
    "edge.ingress.controller": Effect(
        "haproxy",
        "Ingress/metadata.annotations.haproxy-ingress~github~io/timeout-server",
        "310s",
        WITH_INGRESS,
    ),
    "edge.ingress.annotations": Effect({"auth": "here"}, "Ingress/metadata.annotations.auth", "here", WITH_INGRESS),
    "edge.gateway.enabled": Effect(True, "HTTPRoute/spec.hostnames", ["a.example.org"], WITH_GATEWAY),
    "edge.gateway.name": Effect("inner", "HTTPRoute/spec.parentRefs.0.name", "inner", WITH_GATEWAY),
    "edge.gateway.namespace": Effect("doors", "HTTPRoute/spec.parentRefs.0.namespace", "doors", WITH_GATEWAY),
    "edge.gateway.sectionName": Effect("https", "HTTPRoute/spec.parentRefs.0.sectionName", "https", WITH_GATEWAY),
    "edge.gateway.backendCaConfigMapName": Effect(
        "ca",
        "BackendTLSPolicy/spec.validation.caCertificateRefs.0.name",
        "ca",
        merged(WITH_GATEWAY, {"serveTls": {"secretName": "tls"}}),
    ),
    "serveTls.secretName": Effect("tls", f"{HEAD}.volumes.2.secret.secretName", "tls"),
    "proxy.kind": Effect("haproxy", f"{CPU}.containers.0.env.RAY_SERVE_ENABLE_HA_PROXY", "1"),
    "kueue.queueName": Effect("reports", "RayService/metadata.labels.kueue~x-k8s~io/queue-name", "reports"),
    "models.claimName": Effect("models", f"{GPU}.volumes.2.persistentVolumeClaim.claimName", "models"),
    "models.image": Effect(
        "mine:1", f"{GPU}.volumes.2.image.reference", "mine:1", {"app": {"model": {"source": "/models/mine"}}}
    ),
    "models.create": Effect(True, "PersistentVolumeClaim:models/spec.accessModes", ["ReadWriteMany"]),
    "models.accessMode": Effect(
        "ReadWriteOnce", "PersistentVolumeClaim/spec.accessModes.0", "ReadWriteOnce", merged(CREATED, ONE_ENGINE)
    ),
    "models.storageClassName": Effect("fast", "PersistentVolumeClaim/spec.storageClassName", "fast", CREATED),
    "prefetch.enabled": Effect(True, "ConfigMap:prefetch/metadata.name", "clara-prefetch", CREATED),
    "prefetch.bucket": Effect("gs://m/x", f"{COPY}.args", [":gcs:m/x", "/models/mine"], WITH_BUCKET),
    "prefetch.bucketSecretName": Effect("keys", f"{COPY}.envFrom.0.secretRef.name", "keys", WITH_BUCKET),
    "prefetch.bucketPort": Effect(9000, "NetworkPolicy:prefetch/spec.egress.1.ports.0.port", 9000, WITH_BUCKET),
    "prefetch.copier.repository": Effect("other", f"{COPY}.image", "other:1.2", WITH_BUCKET),
    "prefetch.copier.tag": Effect("3", f"{COPY}.image", "rclone:3", WITH_BUCKET),
    "prefetch.copier.digest": Effect(DIGEST, f"{COPY}.image", f"rclone@{DIGEST}", WITH_BUCKET),
    "prefetch.resources": Effect(SIZE, "Job/spec.template.spec.containers.0.resources", SIZE, WITH_PREFETCH),
    "models.sizeLimit": Effect("41Gi", f"{GPU}.volumes.2.emptyDir.sizeLimit", "41Gi"),
    "huggingFace.tokenSecretName": Effect("hub", f"{GPU}.containers.0.env.HF_TOKEN.secretKeyRef.name", "hub"),
    "modelServer.apiKeySecretName": Effect("key", f"{CPU}.volumes.2.secret.secretName", "key", WITH_SERVER),
    "triton.enabled": Effect(True, "Service:triton/spec.ports.0.port", PORTS["triton"], WITH_TRITON),
    "triton.image.repository": Effect("mine", f"{TRITON}.containers.0.image", "mine:0.1.0", WITH_TRITON),
    "triton.image.tag": Effect("2", f"{TRITON}.containers.0.image", "clara-triton:2", WITH_TRITON),
    "triton.image.digest": Effect(DIGEST, f"{TRITON}.containers.0.image", f"clara-triton@{DIGEST}", WITH_TRITON),
    "triton.replicas": Effect(2, "Deployment/spec.replicas", 2, WITH_TRITON),
    "triton.gpus": Effect(1, f"{TRITON}.containers.0.resources.limits.nvidia~com/gpu", "1", WITH_TRITON),
    "triton.gpuResourceName": Effect(
        "nvidia.com/mig-1g.5gb",
        f"{TRITON}.containers.0.resources.limits.nvidia~com/mig-1g~5gb",
        "1",
        merged(WITH_TRITON, {"triton": {"gpus": 1}}),
    ),
    **pool("triton", TRITON, WITH_TRITON),
    "triton.runtimeClassName": Effect("nvidia", f"{TRITON}.runtimeClassName", "nvidia", WITH_TRITON),
    "podMonitor.enabled": Effect(True, "PodMonitor/spec.podMetricsEndpoints.0.port", "metrics", {"assumeCrds": True}),
    "podMonitor.interval": Effect("31s", "PodMonitor/spec.podMetricsEndpoints.0.interval", "31s", WITH_MONITOR),
    "podMonitor.labels": Effect({"release": "p"}, "PodMonitor/metadata.labels.release", "p", WITH_MONITOR),
    "prometheusRule.enabled": Effect(True, f"{FIRST_ALERT}.alert", "ClaraAbsent", WITH_MONITOR),
    "prometheusRule.labels": Effect({"release": "p"}, "PrometheusRule/metadata.labels.release", "p", WITH_ALERTS),
    "prometheusRule.alertLabels": Effect(
        {"severity": "critical"}, f"{FIRST_ALERT}.labels.severity", "critical", WITH_ALERTS
    ),
    "prometheusRule.runbooksUrl": Effect(
        "https://wiki.example.org/clara/",
        f"{FIRST_ALERT}.annotations.runbook_url",
        "https://wiki.example.org/clara/ClaraAbsent.md",
        WITH_ALERTS,
    ),
    "dashboard.enabled": Effect(False, "ConfigMap:dashboards/data", None),
    "dashboard.labels": Effect({"grafana": "x"}, "ConfigMap:dashboards/metadata.labels.grafana", "x"),
}


def seen(documents: list[Manifest], place: str) -> Any:
    """Look a place up; None where the object or the path is not there. In names of keys `~` is a dot."""
    kind, _, path = place.partition("/")
    kind, _, name = kind.partition(":")
    try:
        node: Any = of_kind(documents, kind, name or None)
    except ValueError:
        return None
    for key in path.split("."):
        if isinstance(node, str):
            node = yaml.safe_load(node)
        if isinstance(node, list) and not key.isdigit():
            node = {item["name"]: item.get("value", item.get("valueFrom")) for item in node}
        try:
            node = node[int(key)] if isinstance(node, list) else node[key.replace("~", ".")]
        except (KeyError, IndexError):
            return None
    return node


def with_value(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return merged(copy.deepcopy(values), value)


def test_the_table_has_every_value() -> None:
    assert EFFECTS.keys() == DEFAULTS.keys()


@pytest.mark.parametrize("path", EFFECTS)
def test_a_value_is_seen_in_a_manifest(path: str) -> None:
    effect = EFFECTS[path]
    assert seen(manifests(with_value(effect.beside, path, effect.value)), effect.place) == effect.becomes


@pytest.mark.parametrize("path", EFFECTS)
def test_without_it_the_manifest_is_another(path: str) -> None:
    effect = EFFECTS[path]
    with contextlib.suppress(helm.HelmRenderError):
        assert seen(manifests(with_value(effect.beside, path, DEFAULTS[path])), effect.place) != effect.becomes
