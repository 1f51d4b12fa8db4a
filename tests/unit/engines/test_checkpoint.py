"""A checkpoint that is missing or not the expected one is named in a sentence; the hub finds its own."""

import shutil
from pathlib import Path

import pytest

from serve_app.domain.errors import Unavailable
from serve_app.engines.checkpoint import checkpoint_sha256, require_checkpoint, verified_sha256
from serve_app.settings import DEMO_CHECKPOINT, DEMO_SHA256, ModelSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


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


async def loaded() -> None:
    """Stand for a checkpoint that loads."""


async def not_loaded() -> None:
    raise ValueError("the weights have another shape")


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The demo checkpoint with one byte of its weights flipped."""
    folder = tmp_path / "changed"
    shutil.copytree(DEMO_CHECKPOINT, folder)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        last = weights.read(1)
        weights.seek(-1, 2)
        weights.write(bytes([last[0] ^ 1]))
    return folder


@pytest.mark.parametrize("source", ["demo", str(DEMO_CHECKPOINT)])
async def test_a_checkpoint_is_named_without_a_setting(source: str) -> None:
    assert await verified_sha256(ModelSettings(source=source), loaded()) == DEMO_SHA256


async def test_the_digest_of_the_setting_passes() -> None:
    model = ModelSettings(source=str(DEMO_CHECKPOINT), digest=DEMO_SHA256)

    assert await verified_sha256(model, loaded()) == DEMO_SHA256


async def test_a_changed_checkpoint_fails_the_start_and_names_both_digests(changed: Path) -> None:
    model = ModelSettings(source=str(changed), digest=DEMO_SHA256)

    with pytest.raises(Unavailable, match=rf"SHA-256 is {checkpoint_sha256(changed)}, but {DEMO_SHA256} is expected"):
        await verified_sha256(model, loaded())


async def test_a_changed_checkpoint_is_named_as_the_cause_when_it_does_not_load(changed: Path) -> None:
    with pytest.raises(Unavailable, match="is expected: restore its files"):
        await verified_sha256(ModelSettings(source=str(changed), digest=DEMO_SHA256), not_loaded())


async def test_a_changed_demo_fails_without_a_setting(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.settings.model.DEMO_CHECKPOINT", changed)

    with pytest.raises(Unavailable, match=f"but {DEMO_SHA256} is expected"):
        await verified_sha256(ModelSettings(), loaded())


async def test_the_files_of_a_hub_id_are_hashed_once_they_are_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    async def downloaded() -> None:
        shutil.copytree(DEMO_CHECKPOINT, tmp_path / "models--clara--demo" / "snapshots" / COMMIT)

    model = ModelSettings(source="clara/demo", revision=COMMIT, digest=DEMO_SHA256)
    assert await verified_sha256(model, downloaded()) == DEMO_SHA256


async def test_without_the_files_of_a_hub_id_only_a_wanted_digest_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    assert await verified_sha256(ModelSettings(source="clara/demo"), loaded()) is None
    with pytest.raises(Unavailable, match="SHA-256 is unknown, but"):
        await verified_sha256(ModelSettings(source="clara/demo", digest=DEMO_SHA256), loaded())


def test_the_card_and_the_sample_image_are_not_part_of_the_digest(changed: Path) -> None:
    before = checkpoint_sha256(changed)
    (changed / "README.md").write_text("another card")
    (changed / "sample.png").unlink()

    assert checkpoint_sha256(changed) == before
