"""A run goes on only from whole states, and only under the configuration that it was begun with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from training.data.manifest import Prepared
from training.stages.config import StageConfig
from training.stages.progress import OtherRunError, claim, last_complete_state, remove_incomplete_states

DATA = Prepared("this", "clara-prep-1", 64)


def state(folder: Path, step: int, *, is_whole: bool) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    if is_whole:
        (path / "whole").touch()
    return path


def test_the_newest_whole_state_is_the_one_to_go_on_from(tmp_path: Path) -> None:
    assert last_complete_state(tmp_path) is None
    state(tmp_path, 9, is_whole=True)
    newest = state(tmp_path, 10, is_whole=True)
    cut_short = state(tmp_path, 11, is_whole=False)
    assert last_complete_state(tmp_path) == newest
    remove_incomplete_states(tmp_path)
    assert not cut_short.exists()
    assert last_complete_state(tmp_path) == newest


@pytest.fixture
def run(tmp_path: Path, config: Callable[..., StageConfig]) -> Callable[..., StageConfig]:
    """A stage on a base of its own."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.safetensors").write_bytes(b"one")
    folders = {name: str(tmp_path / name) for name in ("base", "out")}
    return lambda **changes: config("findings", **{**folders, **changes})


def test_a_folder_keeps_to_its_run(run: Callable[..., StageConfig]) -> None:
    claim(run(), DATA)
    claim(run(), DATA)
    with pytest.raises(OtherRunError, match=r"another learning_rate, seed$"):
        claim(run(seed=5, learning_rate=0.5), DATA)


@pytest.mark.parametrize("file", ["model.safetensors", "model-00002-of-00002.safetensors"])
def test_a_run_does_not_go_on_over_another_base_at_the_same_path(
    file: str, run: Callable[..., StageConfig], tmp_path: Path
) -> None:
    claim(run(), DATA)
    (tmp_path / "base" / file).write_bytes(b"two")
    with pytest.raises(OtherRunError, match=r"another base_weights_sha256$"):
        claim(run(), DATA)


def test_a_run_does_not_go_on_over_other_data_at_the_same_path(run: Callable[..., StageConfig]) -> None:
    claim(run(), DATA)
    with pytest.raises(OtherRunError, match=r"another data_manifest_sha256$"):
        claim(run(), replace(DATA, manifest_sha256="other"))


def test_a_base_of_the_hub_is_known_by_its_name(run: Callable[..., StageConfig]) -> None:
    claim(run(base="somebody/model"), DATA)
    with pytest.raises(OtherRunError, match=r"another base$"):
        claim(run(base="somebody/other"), DATA)
