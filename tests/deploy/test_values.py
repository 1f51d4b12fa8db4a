"""Values: a typo fails, a contradiction fails with a sentence, every value is read, and what is generated is fresh."""

import contextlib
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from charts import generate
from charts.render import CHART, layers, merged, profile, render
from charts.values_prose import Value, read_values
from tests.deploy.manifests import LABEL, PORTS, rendered_as, strings_under

ROOT = CHART.parent.parent
LEAVES = [leaf for value in read_values(CHART / "values.yaml") for leaf in value.leaves()]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"imagee": {}}, "imagee"),
        ({"image": {"tagg": "1"}}, "tagg"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"app": {"engin": {}}}, "engin"),
        ({"app": {"engine": {"scaling": {"max_replica": 2}}}}, "max_replica"),
        ({"app": {"gateway": {"scaling": {"max_queued_requests": 0}}}}, "max_queued_requests"),
        ({"app": {"engine": {"gpu_memory_utilization": 1.5}}}, "gpu_memory_utilization"),
        ({"app": {"model": {"dtype": "int3"}}}, "dtype"),
        ({"cpuWorkers": {"resources": {"limit": {}}}}, "limit"),
        ({"gpuWorkers": {"tolerations": [{"keyy": "x"}]}}, "keyy"),
        ({"terminationGracePeriodSeconds": 10}, "terminationGracePeriodSeconds"),
        ({"head": {"affinity": {"podAntiAfinity": {}}}}, "podAntiAfinity"),
        (
            {"head": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}}},
            "topologyKey",
        ),
        ({"jobs": {"tolerations": [{"operator": "Exits"}]}}, "operator"),
        ({"everyPod": {"envs": []}}, "envs"),
        ({"head": {"extra": {"volumes": [{"name": "x", "emptydir": {}}]}}}, "emptydir"),
        ({"podSecurity": {"runAsUser": 0}}, "runAsUser"),
        ({"outbound": {"httpsProxy": "proxy:3128"}}, "httpsProxy"),
        ({"podMonitor": {"interval": "often"}}, "interval"),
        ({"prometheusRule": {"runbooksUrl": "wiki"}}, "runbooksUrl"),
        ({"prometheusRule": {"alertLabels": {"team": 3}}}, "alertLabels"),
    ],
)
def test_a_wrong_value_fails_by_its_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(helm.HelmError, match=named):
        render(values)


OPEN_EDGE = {"host": "x", "authenticatedBefore": True, "tlsSecretName": "tls", "ingress": {"enabled": True}}
ONE_ENGINE_POD = {"app": {"engine": {"scaling": {"max_surge_percent": 0}}}}
AUTHENTICATED = {"database": {"secretName": "db", "keysSecretName": "keys"}, "app": {"access": {"mode": "required"}}}
FETCHED = {"models": {"create": True}, "prefetch": {"enabled": True}}
CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"image": {"tag": "latest"}}, "image.tag must not be `latest`"),
    (
        {"app": {"engine": {"scaling": {"min_replicas": 2}}}},
        "engine.scaling.min_replicas is 2, more than its max_replicas",
    ),
    ({"cpuWorkers": {"minReplicas": 4}}, "cpuWorkers.minReplicas is 4, more than cpuWorkers.maxReplicas, 3"),
    ({"app": {"engine": {"backend": "openai"}}}, "they would hold GPUs and not use them"),
    ({"gpuWorkers": {"enabled": False}}, "the engine would wait for a GPU for ever"),
    ({"app": {"engine": {"scaling": {"num_gpus": 0}}}}, "the GPUs would idle"),
    ({"app": {"engine": {"scaling": {"num_gpus": 2}}}}, "more than the 1 of gpuWorkers.gpusPerPod"),
    ({"app": {"engine": {"scaling": {"num_cpus": 9}}}}, "more than the 8 cores of a pod of gpuWorkers"),
    ({"app": {"preprocessor": {"scaling": {"min_replicas": 8, "num_cpus": 2}}}}, "replicas of app take 18 cores"),
    ({"models": {"image": "model:1", "claimName": "models"}}, "the model can come from one of them only"),
    ({"app": {"model": {"source": "/models/mine"}}}, "the folder would be empty"),
    ({"models": {"image": "model:1"}}, "the image would not be read"),
    ({"airGapped": True}, "there is nothing to load it from"),
    ({"modelServer": {"apiKeySecretName": "server-key"}}, "no key would be sent"),
    ({"triton": {"enabled": True}}, "no engine would use Triton"),
    (
        merged(profile("triton"), {"app": {"engine": {"triton": {"address": "other:1"}}}}),
        f"Triton is clara-triton:{PORTS['triton']}",
    ),
    (merged(profile("triton"), {"triton": {"enabled": False}}), "set app.engine.triton.address to your server"),
    ({"app": {"gateway": {"deadline_s": 181}}}, "a stopping pod would cut off reports within their deadline"),
    ({"head": {"resources": {"requests": {"cpu": "2500m"}}}}, "head.resources requests 2500m of cpu"),
    (
        {"scratchSizeLimit": "1Gi", "head": {"resources": {"limits": {"cpu": "two"}}}},
        "the quantity two can't be used here",
    ),
    ({"head": {"resources": {"limits": {"memory": "4.3Gi"}}}}, "is not a whole number of a smaller unit"),
    ({"app": {"engine": {"tensor_parallel_size": 2}}}, "would not get the GPUs that share its weights"),
    ({"models": {"create": True, "accessMode": "ReadWriteOnce"}}, "pods on a second node would never start"),
    (
        merged(FETCHED, {"models": {"accessMode": "ReadWriteOnce"}} | ONE_ENGINE_POD),
        "the Job and the engine would wait for each other for ever",
    ),
    (
        {
            "gpuWorkers": {"enabled": False},
            "app": {"engine": {"backend": "openai", "scaling": {"num_gpus": 0}}},
        },
        "set app.engine.openai.base_url to your server",
    ),
    ({"service": {"type": "NodePort"}}, "anyone who reaches it could send images and read reports"),
    (
        merged(AUTHENTICATED, {"service": {"type": "LoadBalancer"}}),
        "service.type is LoadBalancer, but serveTls.secretName is empty: keys and images would travel unencrypted",
    ),
    ({"app": {"access": {"mode": "required"}}}, "app.records.url is auto, a SQLite file of each pod's own"),
    (
        merged(AUTHENTICATED, {"database": {"keysSecretName": ""}}),
        "every replica would make keys of its own for what it encrypts and signs",
    ),
    (
        merged(AUTHENTICATED, {"app": {"audit": {"key_file": "/mine/audit.pem"}}}),
        "database.keysSecretName is set, but so is app.records.encryption_key_file or app.audit.key_file",
    ),
    (
        merged(AUTHENTICATED, {"app": {"records": {"url_file": "/mine/uri"}}}),
        "app.records.url_file is /mine/uri: leave it out",
    ),
    (
        merged(AUTHENTICATED, {"app": {"records": {"url": "postgresql://clara@db/clara"}}}),
        "the address comes from one of them only",
    ),
    (
        {"service": {"type": "LoadBalancer"}, "edge": {"authenticatedBefore": True}},
        "no client outside the cluster would be admitted",
    ),
    ({"head": {"extra": {"env": [{"name": "RAY_AUTH_MODE"}]}}}, "token authentication can't be turned off"),
    ({"gcsFaultTolerance": {"backend": "redis"}}, "gcsFaultTolerance.redisAddress is empty"),
    ({"gcsFaultTolerance": {"redisAddress": "redis:6379"}}, "the cluster's state would not be kept there"),
    ({"gcsFaultTolerance": {"redisPasswordSecretName": "redis"}}, "the password would not be used"),
    ({"prefetch": {"bucket": "s3://models/mine"}}, "nothing would be copied from it"),
    ({"models": {"create": True, "claimName": "models"}}, "let the chart create the claim, or name an existing one"),
    ({"prefetch": {"enabled": True}}, "there is no claim to fetch into"),
    (merged(FETCHED, {"app": {"model": {"source": "/models/mine"}}}), "which is not a hub id"),
    (merged(FETCHED, {"prefetch": {"bucket": "s3://models/mine"}}), "name the folder under /models"),
    (
        merged(FETCHED, {"prefetch": {"bucket": "s3://m/mine"}, "app": {"model": {"source": "/models/mine"}}}),
        "name an image that contains rclone",
    ),
    (FETCHED | {"airGapped": True}, "prefetch would download from a hub"),
    ({"proxy": {"kind": "haproxy"}, "serveTls": {"secretName": "tls"}}, "Ray's HAProxy speaks no TLS"),
    (
        {"edge": OPEN_EDGE | {"authenticatedBefore": False}},
        "anyone who reaches the host could send images and read reports",
    ),
    ({"edge": OPEN_EDGE | {"host": ""}}, "requests for every host would come here"),
    ({"edge": OPEN_EDGE | {"tlsSecretName": ""}}, "images would travel unencrypted"),
    ({"edge": {"host": "x", "authenticatedBefore": True, "gateway": {"enabled": True}}}, "belong to no Gateway"),
    ({"edge": {"issuer": {"name": "ours"}}}, "cert-manager would have no Secret to write to"),
    ({"edge": {"issuer": {"name": "ours"}, "tlsSecretName": "tls"}}, "the certificate would name no host"),
    (
        {
            "edge": OPEN_EDGE | {"ingress": {}, "gateway": {"enabled": True, "name": "outer"}},
            "serveTls": {"secretName": "inner"},
        },
        "the Gateway would speak plain HTTP to workers that accept TLS only",
    ),
    ({"edge": OPEN_EDGE}, "networkPolicy admits no client"),
    ({"edge": {"gateway": {"backendCaConfigMapName": "ca"}}}, "would speak TLS to workers that speak plain HTTP"),
    ({"podMonitor": {"enabled": True}}, "this cluster has no PodMonitor: install the Prometheus operator"),
    ({"prometheusRule": {"enabled": True}}, "the alerts would read a job that Prometheus does not scrape"),
]
NEEDS_A_SERVER = 1
"""Failures that only a running release can bring about; tests/deploy/test_release.py has them."""
NEEDS_A_NAME = 1
"""Failures that only the release's name can bring about, tested below."""


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTIONS, ids=[sentence for _, sentence in CONTRADICTIONS])
def test_a_contradiction_fails_with_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(helm.HelmError, match=re.escape(sentence)):
        render(values)


@pytest.mark.parametrize(
    ("job", "engine", "is_taken"),
    [
        ({"kubernetes.io/hostname": "a"}, {"kubernetes.io/hostname": "a"}, True),
        ({"kubernetes.io/hostname": "a"}, {"kubernetes.io/hostname": "b"}, False),
        ({}, {"kubernetes.io/hostname": "a"}, False),
    ],
)
def test_a_claim_for_one_node_is_fetched_into_where_its_engine_runs(
    job: dict[str, str], engine: dict[str, str], is_taken: bool
) -> None:
    claim = merged(FETCHED, {"models": {"accessMode": "ReadWriteOnce"}} | ONE_ENGINE_POD)
    values = merged(claim, {"jobs": {"nodeSelector": job}, "gpuWorkers": {"nodeSelector": engine}})
    refused = contextlib.nullcontext() if is_taken else pytest.raises(helm.HelmError, match=r"gpuWorkers\.nodeSelector")
    with refused:
        render(values)


def test_every_fail_in_the_templates_is_tested() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").rglob("*.*"))
    assert len(re.findall(r"\bfail [\"(]", templates)) == len(CONTRADICTIONS) + NEEDS_A_SERVER + NEEDS_A_NAME


@pytest.mark.parametrize("release", ["2024", "1clara", "clara.v1"])
def test_a_name_that_kuberay_would_refuse_fails_with_a_sentence(release: str) -> None:
    with pytest.raises(helm.HelmError, match="must begin with a letter and hold only small letters, digits and dashes"):
        rendered_as(release)


@pytest.mark.parametrize("name", ["true", "null", "e1"])
def test_names_that_look_like_something_else_stay_text(name: str) -> None:
    values = merged(profile("production"), {"networkPolicy": {"admitNamespaces": [name]}, "kueue": {"queueName": name}})
    for template, text in rendered_as(name, namespace="2024", values=values).items():
        if template.endswith((".tpl", "NOTES.txt")):
            continue
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
            # The operator copies what is in a pod's template, and a server refuses labels that are no text.
            kubernetes_names = [*strings_under(document, "labels"), *strings_under(document, "matchLabels")]
            assert [value for value in kubernetes_names if not isinstance(value, str)] == []
            assert document is None or document["metadata"]["namespace"] == "2024"


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "a" * 64
    text = render({"image": {"digest": digest, "tag": "1.2.3"}})["rayservice.yaml"]
    assert f"clara-gpu@{digest}" in text
    assert "1.2.3" not in text


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: ".".join(leaf.path))
def test_every_value_is_explained(leaf: Value) -> None:
    assert leaf.prose.endswith(".")


def test_a_profile_holds_differences_only(profile_name: str) -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    *below, top = [{}, *layers(profile_name)]
    given = functools.reduce(merged, below, defaults)
    for path, value in leaves_of(top):
        node = given
        for key in path[:-1]:
            node = node.get(key, {})
        assert node.get(path[-1]) != value or path[-2] in ("requests", "limits"), f"{path} repeats the default"


def leaves_of(node: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if not isinstance(node, dict):
        return [(path, node)]
    return [leaf for key, value in node.items() for leaf in leaves_of(value, (*path, key))]


def test_generated_files_are_fresh() -> None:
    files = generate.sources() | generate.rendered()
    assert len(files) >= 5
    assert [str(path.relative_to(ROOT)) for path in generate.stale(files)] == []


def test_the_check_fails_on_a_stale_file(tmp_path: Any) -> None:
    fresh, old = tmp_path / "fresh", tmp_path / "old"
    fresh.write_text("a")
    old.write_text("a")
    assert generate.stale({fresh: "a", old: "b", tmp_path / "gone": ""}) == [old, tmp_path / "gone"]


def test_the_generator_runs_as_a_command() -> None:
    run = subprocess.run([sys.executable, "-m", "charts.generate", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_a_value_whose_type_is_unclear_must_say_it() -> None:
    with pytest.raises(ValueError, match=r"a\.b needs an @schema line"):
        Value(("a", "b"), None, "", None).schema()


def test_the_annotation_of_changes_is_the_newest_part_of_the_changelog() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    changelog = (CHART / "CHANGELOG.md").read_text(encoding="utf-8")
    title, _, newest = changelog.partition("\n## ")[2].partition("\n## ")[0].partition("\n")
    assert title.startswith(chart["version"])
    annotated = yaml.safe_load(chart["annotations"]["artifacthub.io/changes"])
    assert newest.strip().splitlines() == [f"- {entry['kind']}: {entry['description']}" for entry in annotated]


@pytest.mark.parametrize("version", ["0.1.0+1", "0.1.0-rc.1+" + "0" * 12 + "." + "a" * 40])
def test_a_chart_whose_version_was_built_upon_has_labels_that_kubernetes_takes(version: str, tmp_path: Path) -> None:
    """Flux writes such versions, and so does `helm package --version`."""
    copy = shutil.copytree(CHART, tmp_path / "clara")
    text = (copy / "Chart.yaml").read_text(encoding="utf-8")
    (copy / "Chart.yaml").write_text(text.replace("\nversion: 0.1.0\n", f"\nversion: {version}\n"), encoding="utf-8")
    with helm.Chart.load(str(copy)) as chart:
        rendered = chart.render(profile("laptop"), name="clara", namespace="clara")
    labels = yaml.safe_load(rendered["clara/templates/rayservice.yaml"])["metadata"]["labels"]
    assert labels["helm.sh/chart"].startswith("clara-0.1.0")
    assert [value for value in labels.values() if not LABEL.fullmatch(value)] == []


def test_no_template_is_long() -> None:
    lengths = {path.name: path.read_text().count("\n") for path in (CHART / "templates").rglob("*.*")}
    assert {name for name, length in lengths.items() if length > 120} == set()


def test_every_row_of_the_readmes_tables_is_one_line() -> None:
    rows = [line for line in (CHART / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(rows) > 100
    assert [row for row in rows if not row.endswith("|")] == []
