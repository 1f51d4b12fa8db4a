"""An engine starts with what every pod of ours has: no compiler, hardly a program, and two writable folders."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from serve_app.cluster.environment import prepare_environment
from serve_app.settings import Settings

ROOT = Path(__file__).parents[2]
# In a namespace of mounts: one folder stays writable, as the pod's scratch and home, and the root does not.
SHELL = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount --bind / / && mount -o remount,bind,ro / || exit 77
mount --bind "$1" "$1" && cd "$1" || exit 77
exec /usr/bin/env -i HOME="$1" TMPDIR="$1" PYTHONPATH="$2" PATH="$1/bin" "$3" -c "$4" "$5"
"""
PROGRAM = """
import asyncio, pathlib, shutil, sys
from serve_app.cluster.environment import prepare_environment
from serve_app.settings import Settings
from serve_app.timeline import Timeline

def main():
    assert [shutil.which(name) for name in ("gcc", "cc", "c++", "ninja", "nvcc")] == [None] * 5
    try:
        pathlib.Path(sys.prefix, "written").touch()
        raise SystemExit("the root is writable")
    except OSError:
        pass
    settings = Settings.model_validate({"engine": {"backend": sys.argv[1]}})
    prepare_environment(settings)
    from serve_app.app import _engine_maker
    asyncio.run(run(_engine_maker(settings)(Timeline())))

async def run(engine):
    await engine.start()
    await engine.stop()
    print("started")

if __name__ == "__main__":
    main()
"""


@pytest.mark.engine
@pytest.mark.parametrize("backend", ["vllm", pytest.param("transformers", marks=pytest.mark.slow)])
def test_an_engine_starts_without_a_compiler_or_a_writable_root(backend: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    # vLLM counts a CPU's cores with it; it belongs to Debian's essential packages, as no compiler does.
    (tmp_path / "bin" / "lscpu").symlink_to(shutil.which("lscpu") or "/usr/bin/lscpu")
    words = [str(tmp_path), str(ROOT), sys.executable, PROGRAM, backend]

    run = subprocess.run(
        ["unshare", "--mount", "sh", "-c", SHELL, "sh", *words],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    if run.returncode in (1, 77) and "not permitted" in run.stderr:
        pytest.skip("a read-only root needs the right to mount")
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["started"]), run.stderr[-3000:]


def test_no_engine_of_ours_samples_with_a_kernel_that_must_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM's choice on a GPU. Without our environment it goes on to FlashInfer, which compiles at its first run."""
    prepare_environment(Settings())
    from vllm.v1.sample.ops import topk_topp_sampler as sampler

    monkeypatch.setattr(sampler, "current_platform", SimpleNamespace(is_cuda=lambda: True))

    assert sampler.flashinfer_sampler_supported() is False
    monkeypatch.delenv("VLLM_USE_FLASHINFER_SAMPLER")
    with pytest.raises((ModuleNotFoundError, AttributeError), match=r"flashinfer|get_device_capability"):
        sampler.flashinfer_sampler_supported()
