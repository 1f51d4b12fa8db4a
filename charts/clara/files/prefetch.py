"""Downloads a model into a volume and verifies every file before any engine loads it.

Runs as a Job of the chart. `hub` downloads from a model hub; `sums` verifies a folder that something else filled. Both
write a marker, which the engine's pods wait for.
"""

import argparse
import hashlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_CHUNK_BYTES = 16 * 1024**2
_REPORT_PERIOD_S = 10.0
_GIB = 1024**3


def broken_blobs(cache: Path) -> list[str]:
    """Name the blobs of a hub cache whose content differs from the digest in their name.

    Large files are named by their SHA-256, small ones by their Git blob id (SHA-1). Leftovers of an interrupted
    download are skipped.
    """
    blobs = [blob for blob in sorted(cache.glob("models--*/blobs/*")) if blob.suffix != ".incomplete"]
    return [blob.name for blob in blobs if _digest_like(blob) != blob.name]


def broken_files(folder: Path) -> list[str]:
    """Name the files of a folder that are missing or differ from its SHA256SUMS.

    Raises:
        FileNotFoundError: there is no SHA256SUMS.
        ValueError: it lists nothing, or a path that leads out of the folder.
    """
    listed = list(_listed(folder))
    if not listed:
        raise ValueError("SHA256SUMS lists no file")
    wrong = []
    for digest, name in listed:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(f"SHA256SUMS leads out of the folder: {name}")
        if not file.is_file() or _sha(hashlib.sha256(), file) != digest:
            wrong.append(name)
    return wrong


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition(" ")
        # A star marks a file that was read as binary.
        yield digest, name.strip().removeprefix("*")


def _digest_like(blob: Path) -> str:
    if len(blob.name) == 64:
        return _sha(hashlib.sha256(), blob)
    return _sha(hashlib.sha1(b"blob %d\0" % blob.stat().st_size), blob)


def _sha(digest: "hashlib._Hash", file: Path) -> str:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def size_bytes(folder: Path) -> int:
    """Sum the sizes of a folder's files; links are not counted."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


class Progress:
    """Logs every ten seconds how much of a folder has arrived, until its block ends."""

    def __init__(self, folder: Path, total_bytes: int) -> None:
        self._folder, self._total_bytes, self._is_done = folder, total_bytes, threading.Event()

    def __enter__(self) -> "Progress":
        threading.Thread(target=self._log, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()

    def _log(self) -> None:
        while not self._is_done.wait(_REPORT_PERIOD_S):
            here = size_bytes(self._folder)
            print(f"{here / _GIB:.1f} of {self._total_bytes / _GIB:.1f} GiB", flush=True)


def fetch_from_hub(repository: str, revision: str | None, cache: Path) -> list[str]:
    """Download a repository into a cache, continuing an earlier attempt, and name the blobs that arrived broken."""
    from huggingface_hub import HfApi, snapshot_download

    files = HfApi().model_info(repository, revision=revision, files_metadata=True).siblings or []
    cache.mkdir(parents=True, exist_ok=True)
    with Progress(cache, sum(file.size or 0 for file in files)):
        snapshot_download(repository, revision=revision, cache_dir=cache)
    wrong = broken_blobs(cache)
    for name in wrong:
        # The next attempt downloads it again. A blob may be a link into a store that repositories share.
        blob = next(cache.glob(f"models--*/blobs/{name}"))
        stored = blob.resolve()
        blob.unlink()
        stored.unlink(missing_ok=True)
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """Download or verify, then write the marker; return 1 when a file is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--marker", type=Path, required=True, help="file to write once every file is verified")
    commands = parser.add_subparsers(dest="command", required=True)
    hub = commands.add_parser("hub")
    hub.add_argument("repository")
    hub.add_argument("--revision")
    hub.add_argument("--cache", type=Path, required=True)
    commands.add_parser("sums").add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "hub":
        wrong = fetch_from_hub(given.repository, given.revision, given.cache)
    else:
        wrong = broken_files(given.folder)
    if wrong:
        # Waiting engines must not load it, even if it was whole before.
        given.marker.unlink(missing_ok=True)
        print(f"Broken: {', '.join(wrong)}", file=sys.stderr)
        return 1
    given.marker.parent.mkdir(parents=True, exist_ok=True)
    given.marker.touch()
    print("All files are there, and every checksum is right.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
