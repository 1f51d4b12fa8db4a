"""Stores prepared rows on disk: one Hugging Face data set per split, written as streams."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, Value
from datasets.arrow_writer import ArrowWriter

from training.data.splits import Split

FEATURES = Features(
    {
        "study_id": Value("string"),
        "patient_id": Value("string"),
        "pixels": Value("binary"),
        "height_px": Value("int32"),
        "width_px": Value("int32"),
        "digest": Value("string"),
        "sex": Value("string"),
        "age": Value("string"),
        "view": Value("string"),
        "findings": Value("string"),
        "impression": Value("string"),
        "facts": Value("string"),
    }
)
"""The features of a `PreparedRow`."""
_ROWS_A_BATCH = 16
_SHARD_SIZE = "500MB"


@contextmanager
def split_writers(folder: Path) -> Iterator[dict[Split, ArrowWriter]]:
    """Open one stream per split. They are complete when the context ends without an error."""
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(
                ArrowWriter(features=FEATURES, path=str(_stream_of(folder, split)), writer_batch_size=_ROWS_A_BATCH)
            )
            for split in Split
        }
        yield writers
        for writer in writers.values():
            writer.finalize()


def save_splits(folder: Path) -> None:
    """Convert the streams to folders for `load_from_disk`. Streams are memory-mapped."""
    for split in Split:
        stream = _stream_of(folder, split)
        rows = Dataset.from_file(str(stream))
        # An empty split would have no shard, and `load_from_disk` could not read it.
        size: dict[str, Any] = {"max_shard_size": _SHARD_SIZE} if len(rows) else {"num_shards": 1}
        rows.save_to_disk(str(folder / split), **size)
        stream.unlink()


def _stream_of(folder: Path, split: Split) -> Path:
    return folder / f"{split}.arrow"
