"""The Job that fetches a model: its script on real files, and the pods that wait for it."""

import hashlib
import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from charts.render import CHART, merged
from tests.deploy.manifests import Manifest, containers_of, environment_of, of_kind, render_of, templates_of

SCRIPT = SimpleNamespace(**runpy.run_path(str(CHART / "files" / "prefetch.py")))
SMALL, LARGE = b"{}", b"weights" * 1000
FETCHED: dict[str, Any] = {"models": {"create": True}, "prefetch": {"enabled": True}}


def git_blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A hub's cache with a small and a large file, named as the hub client names them."""
    blobs = tmp_path / "hub" / "models--clara--demo" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / git_blob_id(SMALL)).write_bytes(SMALL)
    (blobs / hashlib.sha256(LARGE).hexdigest()).write_bytes(LARGE)
    return tmp_path / "hub"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint with its checksums."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(LARGE)
    (folder / "config.json").write_bytes(SMALL)
    lines = [
        f"{hashlib.sha256(LARGE).hexdigest()} *model.safetensors",
        f"{hashlib.sha256(SMALL).hexdigest()}  config.json",
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_a_whole_cache_has_no_broken_blob(cache: Path) -> None:
    assert SCRIPT.broken_blobs(cache) == []


def test_what_an_interrupted_download_left_is_no_broken_blob(cache: Path) -> None:
    (cache / "models--clara--demo" / "blobs" / f"{'0' * 64}.1f2e.incomplete").write_bytes(b"half")
    assert SCRIPT.broken_blobs(cache) == []


@pytest.mark.parametrize("data", [SMALL, LARGE])
def test_a_blob_with_one_wrong_byte_is_named(cache: Path, data: bytes) -> None:
    name = git_blob_id(data) if data == SMALL else hashlib.sha256(data).hexdigest()
    blob = cache / "models--clara--demo" / "blobs" / name
    blob.write_bytes(b"?" + data[1:])
    assert SCRIPT.broken_blobs(cache) == [name]


def test_files_that_are_missing_or_wrong_are_named(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "done" / "marker"
    assert SCRIPT.main([f"--marker={marker}", "sums", str(folder)]) == 0
    assert marker.is_file()
    (folder / "config.json").unlink()
    (folder / "model.safetensors").write_bytes(LARGE[:-1])
    assert SCRIPT.broken_files(folder) == ["model.safetensors", "config.json"]


def test_no_marker_is_written_for_a_broken_model(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.json").write_bytes(b"[]")
    assert SCRIPT.main([f"--marker={tmp_path / 'marker'}", "sums", str(folder)]) == 1
    assert "config.json" in capsys.readouterr().err
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("sums", ["", f"{'0' * 64}  ../secret"])
def test_sums_that_prove_nothing_are_refused(folder: Path, sums: str) -> None:
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
    with pytest.raises(ValueError, match="SHA256SUMS"):
        SCRIPT.broken_files(folder)


def test_a_model_from_the_hub_is_checked_and_what_is_broken_thrown_away(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    info = SimpleNamespace(siblings=[SimpleNamespace(size=len(LARGE)), SimpleNamespace(size=None)])
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *args, **kwargs: asked.append((args, kwargs)))
    arguments = [f"--marker={tmp_path / 'marker'}", "hub", "clara/demo", f"--cache={cache}", "--revision=abc"]
    assert SCRIPT.main(arguments) == 0
    assert asked == [(("clara/demo",), {"revision": "abc", "cache_dir": cache})]
    broken = cache / "models--clara--demo" / "blobs" / git_blob_id(SMALL)
    shared = broken.rename(cache / "shared")
    broken.symlink_to(shared)
    shared.write_bytes(b"[]")
    assert SCRIPT.main(arguments) == 1
    assert not broken.is_symlink()
    assert not shared.exists()
    assert not (tmp_path / "marker").exists()


def marker_of(documents: list[Manifest]) -> str:
    (job,) = templates_of(of_kind(documents, "Job")).values()
    command = job["spec"]["containers"][0]["command"]
    return next(word for word in command if "--marker" in word).removeprefix("--marker=")


def test_engines_wait_for_the_marker_that_the_job_writes() -> None:
    documents = render_of(FETCHED)
    pods = templates_of(of_kind(documents, "RayService"))
    (wait,) = pods["gpu"]["spec"]["initContainers"]
    assert f"[ -e {marker_of(documents)} ]" in wait["command"][2]
    assert "initContainers" not in pods["cpu"]["spec"]
    assert "initContainers" not in pods["head"]["spec"]
    assert environment_of(pods["gpu"])["HF_HUB_OFFLINE"] == "1"


def test_triton_waits_too() -> None:
    app = {"engine": {"backend": "triton", "scaling": {"num_gpus": 0}}}
    values = FETCHED | {"gpuWorkers": {"enabled": False}, "triton": {"enabled": True}, "app": app}
    documents = render_of(values)
    (pod,) = templates_of(of_kind(documents, "Deployment")).values()
    assert marker_of(documents) in pod["spec"]["initContainers"][0]["command"][2]


def test_another_model_is_another_job_and_another_marker() -> None:
    rendered = [render_of(merged(FETCHED, {"app": {"model": {"revision": name}}})) for name in ("one", "two", "one")]
    names = [of_kind(documents, "Job")["metadata"]["name"] for documents in rendered]
    assert names[0] == names[2] != names[1]
    assert all(re.fullmatch(r"clara-prefetch-[0-9a-f]{8}", name) for name in names)
    assert marker_of(rendered[0]) != marker_of(rendered[1])


def test_auto_over_a_commit_fetches_the_default_branch() -> None:
    at_commit = merged(FETCHED, {"app": {"model": {"revision": "0123abc"}}})
    at_auto = merged(at_commit, {"app": {"model": {"revision": "auto"}}})
    jobs = [of_kind(render_of(values), "Job") for values in (at_commit, at_auto)]
    revisions = [
        [word for word in container["args"] if "--revision" in word] for (container,) in map(containers_of, jobs)
    ]
    assert revisions == [["--revision=0123abc"], []]
    assert marker_of(render_of(at_auto)) == marker_of(render_of(FETCHED))


@pytest.mark.parametrize(
    "change",
    [{"image": {"tag": "2"}}, {"prefetch": {"resources": {"limits": {"cpu": "3"}}}}, {"scratchSizeLimit": "1Gi"}],
)
def test_a_job_that_would_change_is_another_job_for_the_same_marker(change: dict[str, Any]) -> None:
    """A server refuses to change the pod of a Job that exists."""
    before, after = render_of(FETCHED), render_of(merged(FETCHED, change))
    assert of_kind(before, "Job")["spec"] != of_kind(after, "Job")["spec"]
    assert of_kind(before, "Job")["metadata"]["name"] != of_kind(after, "Job")["metadata"]["name"]
    assert marker_of(before) == marker_of(after)


def test_the_job_runs_the_script_as_it_is_here() -> None:
    shipped = of_kind(render_of(FETCHED), "ConfigMap", "prefetch")["data"]["prefetch.py"]
    assert shipped.strip() == (CHART / "files" / "prefetch.py").read_text(encoding="utf-8").strip()


def test_the_jobs_pod_is_hardened_and_keeps_no_key_in_sight() -> None:
    bucket = {"bucket": "s3://m/x", "bucketSecretName": "keys", "copier": {"repository": "rclone", "tag": "1"}}
    values = merged(FETCHED, {"prefetch": bucket, "app": {"model": {"source": "/models/mine"}}})
    (pod,) = templates_of(of_kind(render_of(values), "Job")).values()
    assert pod["spec"]["automountServiceAccountToken"] is False
    containers = list(containers_of(pod))
    assert len(containers) == 2
    assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in containers)
    assert "HF_TOKEN" not in environment_of(pod)
