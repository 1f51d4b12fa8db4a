"""Rejects a checkpoint or an adapter that is missing, and a checkpoint that differs from the expected one."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Iterable
from pathlib import Path

from serve_app.domain.errors import Unavailable
from serve_app.settings import ModelSettings, or_none
from serve_app.telemetry.logs import Event, Log

log = Log(__name__)

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
# A checkpoint's card and sample image, which no engine loads.
_NOT_LOADED = frozenset({".md", ".png"})


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


async def verified_sha256(model: ModelSettings, loading: Awaitable[None]) -> str | None:
    """Hash a checkpoint, a folder's while it loads; null where a hub's files are not in the hub's cache.

    Raises:
        Unavailable: it differs from the expected one, also if loading failed: that is the likely cause.
    """
    if model.source != "demo" and _is_hub_id(model.source):
        # Loading downloads the files.
        await loading
        return await asyncio.to_thread(_require_digest, model)
    hashing = asyncio.get_running_loop().run_in_executor(None, _require_digest, model)
    try:
        await loading
    finally:
        digest = await hashing
    return digest


def _require_digest(model: ModelSettings) -> str | None:
    try:
        folder = _folder(model)
        digest = None if folder is None else checkpoint_sha256(folder)
    except OSError as error:
        raise Unavailable(f"the checkpoint cannot be read: {error}") from error
    if model.expected_digest not in (None, digest):
        raise Unavailable(
            f"the checkpoint's SHA-256 is {digest or 'unknown'}, but {model.expected_digest} is expected: "
            "restore its files, or correct model.digest"
        )
    return digest


def _folder(model: ModelSettings) -> Path | None:
    if (folder := Path(model.location)).is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        revision = or_none(model.revision, "auto")
        return Path(snapshot_download(model.location, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        log.warning(Event.CHECKPOINT_UNKNOWN)
        return None


def checkpoint_sha256(folder: Path) -> str:
    """Hash the files that an engine loads from a checkpoint's folder."""
    return sha256_of(sorted(file for file in folder.iterdir() if file.is_file() and file.suffix not in _NOT_LOADED))


def sha256_of(files: Iterable[Path]) -> str:
    """Hash the contents of files together. Their order matters; their names and paths do not."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()
