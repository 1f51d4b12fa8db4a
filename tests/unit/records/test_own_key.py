"""Key files that a platform makes for itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from serve_app.records.own_key import make_once


def test_of_many_that_make_a_key_at_once_the_first_wins_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "records.key"

    def made(number: int) -> bytes:
        make_once(path, b"%d" % number * 10_000)
        return path.read_bytes()

    with ThreadPoolExecutor(16) as threads:
        read = set(threads.map(made, range(100)))

    assert len(read) == 1
    assert [file.name for file in path.parent.iterdir()] == ["records.key"]
    assert path.stat().st_mode & 0o777 == 0o600
