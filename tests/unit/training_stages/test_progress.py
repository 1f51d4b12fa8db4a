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


def test_a_folder_keeps_to_its_run(tmp_path: Path, config: Callable[..., StageConfig]) -> None:
    claim(config("findings", out=tmp_path))
    claim(config("findings", out=tmp_path))
    with pytest.raises(OtherRunError, match="learning_rate, seed"):
        claim(config("findings", out=tmp_path, seed=5, learning_rate=0.5))
