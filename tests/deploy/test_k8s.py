"""What stands beside the chart: images, jobs, the charts it stands on, and what installs it by itself."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from charts.render import CHART, merged, profile
from tests.deploy.conftest import CustomResources
from tests.deploy.manifests import Manifest, containers_of, of_kind, render_of

ROOT = CHART.parent.parent
K8S = ROOT / "k8s"
JOBS = sorted((K8S / "jobs").glob("*.yaml"))
PLATFORM = sorted((K8S / "platform").glob("*.yaml"))
DOCKERFILES = [K8S / "images" / "Dockerfile", K8S / "triton" / "Dockerfile"]
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pods_of(job: Manifest) -> list[Manifest]:
    cluster = job["spec"]["rayClusterSpec"]
    return [group["template"] for group in [cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", [])]]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_fits_its_definition(path: Path, custom_resources: CustomResources) -> None:
    custom_resources.validate(read(path))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_is_as_hardened_as_the_chart(path: Path) -> None:
    head = of_kind(render_of({}), "RayService")["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
    for pod in (template["spec"] for template in pods_of(read(path))):
        assert pod["securityContext"] == head["securityContext"]
        assert pod["automountServiceAccountToken"] is False
        for container in containers_of({"spec": pod}):
            assert container["securityContext"] == head["containers"][0]["securityContext"]
            assert {mount["name"] for mount in container["volumeMounts"]} == {
                volume["name"] for volume in pod["volumes"]
            }
            assert re.fullmatch(r"clara-\w+:\d+\.\d+\.\d+", container["image"])
            environment = {variable["name"]: variable.get("value") for variable in container["env"]}
            assert environment["RAY_AUTH_MODE"] == "token"
            assert environment["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_runs_something_that_is_there(path: Path) -> None:
    words = read(path)["spec"]["entrypoint"].split()
    configs = [Path(word).relative_to("/opt/clara") for word in words if word.startswith("/opt/clara/")]
    assert all((ROOT / config).is_file() for config in configs)
    assert words[:2] == ["clara", "evaluate"] or words[:3] == ["python", "-m", "training.launch"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_is_made_of_locked_packages_by_a_user_without_rights(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if "pip install" in line and "--editable" not in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert re.search(r"^USER 1000:1000$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text.rpartition("\nFROM ")[2]
    assert ":latest" not in text
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    sources = [source for sources in copied for source in sources if "$" not in source]
    assert [source for source in sources if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_stands_on_a_base_that_a_site_can_name_by_digest(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text, re.MULTILINE)
    assert {base for base, _ in stages} - {name for _, name in stages} <= {"${BASE}", "scratch"}
    assert re.search(r"^ARG BASE=[\w.]+:[\w.-]+$", text, re.MULTILINE)
    # What is built unless told, which takes its packages and none of the tools that put them there.
    assert stages[-1] == ("${BASE}", "")
    assert set(re.findall(r"--from=(\w+)", text.rpartition("\nFROM ")[2])) == {"packages"}


def test_an_image_has_a_bill_of_materials_of_what_is_installed_in_it() -> None:
    text = (K8S / "images" / "Dockerfile").read_text(encoding="utf-8")
    bill = re.search(r"^FROM packages AS bill$(.*?)^FROM scratch AS sbom$(.*?)^FROM ", text, re.MULTILINE | re.DOTALL)
    assert bill
    assert re.search(r"cyclonedx-py environment .*-o /sbom/\S+ venv/bin/python$", bill[1], re.MULTILINE | re.DOTALL)
    assert bill[2].split("\n\n")[0].strip() == "COPY --from=bill /sbom /"
    assert "cyclonedx-bom==" in (ROOT / "requirements" / "sbom.txt").read_text(encoding="utf-8")


def test_an_image_for_gpus_holds_the_compiler_that_triton_calls_and_no_cuda_toolkit() -> None:
    """What needs nvcc is off wherever an engine starts: see tests/contracts/test_start_in_a_pod.py."""
    text = (K8S / "images" / "Dockerfile").read_text(encoding="utf-8")
    added = re.search(r'case "\$SET" in gpu\|train\) echo (.+?);;', text)
    assert added
    assert {"gcc", "libc6-dev"} <= set(added[1].split())
    assert "nvcc" not in added[1] and "CUDA_HOME" not in text


def test_every_image_of_the_chart_and_the_jobs_is_built_from_a_lock_file() -> None:
    head = (K8S / "images" / "Dockerfile").read_text(encoding="utf-8").split("\nARG")[0]
    sets = set(re.findall(r"SET=(\w+)", head))
    assert all((ROOT / "requirements" / f"{name}.txt").is_file() for name in sets)
    used = {container["image"] for path in JOBS for pod in pods_of(read(path)) for container in containers_of(pod)}
    used |= {f"{DEFAULTS['image']['repository']}:0.1.0", f"{profile('laptop')['image']['repository']}:0.1.0"}
    assert used == {f"clara-{name}:0.1.0" for name in sets}


@pytest.mark.parametrize("path", PLATFORM, ids=lambda path: path.stem)
def test_a_chart_below_is_pinned_and_the_readme_names_the_same_version(path: Path) -> None:
    first_line = path.read_text(encoding="utf-8").splitlines()[0]
    named = re.match(r"# ([\w-]+/[\w-]+) (v?\d+\.\d+\.\d+) ", first_line)
    assert named
    assert f"| `{named[1]}` | {named[2]} |" in (K8S / "README.md").read_text(encoding="utf-8")
    assert isinstance(read(path), dict)


def test_the_operator_comes_first_and_needs_no_other_chart() -> None:
    """Its chart makes a ServiceMonitor unseen, and a cluster without that definition refuses the whole install."""
    values = read(K8S / "platform" / "kuberay-operator.yaml")
    assert not values.get("metrics", {}).get("serviceMonitor", {}).get("enabled", False)


def test_the_charts_below_agree_with_the_defaults_of_ours() -> None:
    operator = (K8S / "platform" / "kuberay-operator.yaml").read_text(encoding="utf-8")
    assert f"namespace {DEFAULTS['networkPolicy']['operatorNamespace']}," in operator
    monitoring = K8S / "platform" / "kube-prometheus-stack.yaml"
    assert f"namespace {DEFAULTS['networkPolicy']['monitoringNamespace']}," in monitoring.read_text(encoding="utf-8")
    spec = read(monitoring)["prometheus"]["prometheusSpec"]
    assert spec["podMonitorSelectorNilUsesHelmValues"] is spec["ruleSelectorNilUsesHelmValues"] is False
    sidecar = read(monitoring)["grafana"]["sidecar"]["dashboards"]
    assert DEFAULTS["dashboard"]["labels"] == {sidecar["label"]: sidecar["labelValue"]}


def test_what_argo_cd_installs_renders() -> None:
    helm = read(K8S / "gitops" / "argocd.yaml")["spec"]["source"]["helm"]
    files = [read(CHART / name) for name in helm["valueFiles"]]
    assert render_of(merged(files[0], helm["valuesObject"]))


def test_what_flux_installs_renders() -> None:
    documents = list(yaml.safe_load_all((K8S / "gitops" / "flux.yaml").read_text(encoding="utf-8")))
    release = next(document for document in documents if document["kind"] == "HelmRelease")["spec"]
    defaults, *files = release["chart"]["spec"]["valuesFiles"]
    assert ROOT / defaults == CHART / "values.yaml"
    assert render_of(merged(read(ROOT / files[0]), release["values"]))


def test_the_pod_that_fills_a_claim_is_as_hardened_as_the_chart() -> None:
    pod = read(K8S / "models" / "fill.yaml")
    head = of_kind(render_of({}), "RayService")["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]

    kubernetes_validate.validate(pod, "1.33", strict=True)
    assert pod["spec"]["securityContext"] == head["securityContext"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    for container in containers_of(pod):
        assert container["securityContext"] == head["containers"][0]["securityContext"]


def test_a_release_builds_every_image_that_is_named_and_signs_it() -> None:
    workflow = read(ROOT / ".github" / "workflows" / "release.yaml")
    built = {image["image"] for image in workflow["jobs"]["image"]["strategy"]["matrix"]["include"]}
    jobs = {container["image"] for path in JOBS for pod in pods_of(read(path)) for container in containers_of(pod)}
    named = {DEFAULTS["image"]["repository"], profile("laptop")["image"]["repository"], *jobs}

    assert {name.partition(":")[0] for name in named} <= built
    for image in workflow["jobs"]["image"]["strategy"]["matrix"]["include"]:
        assert (ROOT / image["file"]).is_file()
        assert (ROOT / "requirements" / f"{image['set']}.txt").is_file()
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in used)
        assert any("cosign sign" in step.get("run", "") for step in job["steps"])
