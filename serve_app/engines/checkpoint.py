"""Rejects a checkpoint or an adapter that is not there, before anything that loads it is started."""

import re
from pathlib import Path

from serve_app.domain.errors import Unavailable
from serve_app.settings import ModelSettings

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def require_checkpoint(model: ModelSettings) -> None:
    """Look for the folders that the settings name.

    Raises:
        Unavailable: one of them is missing or is not a checkpoint.
    """
    if model.source != "demo" and not _is_hub_id(model.source):
        _require_file(
            Path(model.source), "config.json", "model.source", "write demo, a folder, or a hub id (owner/name)"
        )
    for name, folder in model.adapters.items():
        _require_file(folder, "adapter_config.json", f"model.adapters.{name}", "write the folder of a LoRA adapter")


def _is_hub_id(source: str) -> bool:
    """Whether it has the form of a hub id, and does not lie in a folder of this machine."""
    return _HUB_ID.fullmatch(source) is not None and not Path(source).parent.is_dir()


def _require_file(folder: Path, file: str, setting: str, right: str) -> None:
    if not folder.is_dir():
        raise Unavailable(f"{setting} names the folder {folder}, which does not exist: {right}")
    if not (folder / file).is_file():
        raise Unavailable(f"{setting} names the folder {folder}, which has no {file}: {right}")
