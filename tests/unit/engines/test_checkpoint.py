"""A checkpoint that is not there is said in a sentence; the hub's checkpoints are the hub's to find."""

from pathlib import Path

import pytest

from serve_app.domain.errors import Unavailable
from serve_app.engines.checkpoint import require_checkpoint
from serve_app.settings import DEMO_CHECKPOINT, ModelSettings


@pytest.mark.parametrize("source", ["demo", str(DEMO_CHECKPOINT), "Qwen/Qwen2-VL-7B-Instruct"])
def test_what_may_be_there_passes(source: str) -> None:
    require_checkpoint(ModelSettings(source=source))


@pytest.mark.parametrize(
    "source", ["/nowhere/clara", "~/clara", "clara-demoo", "models/clara/", "./clara", "models/clara"]
)
def test_a_folder_that_does_not_exist_is_named_with_its_setting(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()

    with pytest.raises(Unavailable, match=r"^model\.source names the folder .*clara.*, which does not exist: "):
        require_checkpoint(ModelSettings(source=source))


def test_a_folder_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"which has no config\.json: "):
        require_checkpoint(ModelSettings(source=str(tmp_path)))


def test_an_adapter_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "adapter_config.json").touch()
    adapters = {"first": tmp_path / "there", "second": tmp_path / "missing"}

    with pytest.raises(
        Unavailable, match=r"^model\.adapters\.second names the folder .*missing, which does not exist: "
    ):
        require_checkpoint(ModelSettings(adapters=adapters))
