"""A run goes on only from whole states, and only under the configuration that it was begun with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from training.stages.config import StageConfig
from training.stages.progress import OtherRunError, claim, clear_cut_short, last_whole_state


def state(folder: Path, step: int, *, is_whole: bool) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    if is_whole:
        (path / "whole").touch()
    return path


def test_the_newest_whole_state_is_the_one_to_go_on_from(tmp_path: Path) -> None:
    assert last_whole_state(tmp_path) is None
    state(tmp_path, 9, is_whole=True)
    newest = state(tmp_path, 10, is_whole=True)
    cut_short = state(tmp_path, 11, is_whole=False)
    assert last_whole_state(tmp_path) == newest
    clear_cut_short(tmp_path)
    assert not cut_short.exists()
    assert last_whole_state(tmp_path) == newest


@pytest.fixture
def run(tmp_path: Path, config: Callable[..., StageConfig]) -> Callable[..., StageConfig]:
    """A stage on a base and data of its own."""
    for name, content in (("base/model.safetensors", b"one"), ("data/manifest.json", b"{}")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(content)
    folders = {name: str(tmp_path / name) for name in ("base", "data", "out")}
    return lambda **changes: config("findings", **{**folders, **changes})


def test_a_folder_keeps_to_its_run(run: Callable[..., StageConfig]) -> None:
    claim(run())
    claim(run())
    with pytest.raises(OtherRunError, match=r"another learning_rate, seed$"):
        claim(run(seed=5, learning_rate=0.5))


@pytest.mark.parametrize(
    ("file", "content", "other"),
    [
        ("base/model.safetensors", b"two", "base_weights_sha256"),
        ("base/model-00002-of-00002.safetensors", b"more", "base_weights_sha256"),
        ("data/manifest.json", b'{"seed": 1}', "data_manifest_sha256"),
    ],
)
def test_a_run_does_not_go_on_over_what_has_changed_at_the_same_path(
    file: str, content: bytes, other: str, run: Callable[..., StageConfig], tmp_path: Path
) -> None:
    claim(run())
    (tmp_path / file).write_bytes(content)
    with pytest.raises(OtherRunError, match=f"another {other}$"):
        claim(run())


def test_a_base_of_the_hub_is_known_by_its_name(run: Callable[..., StageConfig]) -> None:
    claim(run(base="somebody/model"))
    with pytest.raises(OtherRunError, match=r"another base$"):
        claim(run(base="somebody/other"))
