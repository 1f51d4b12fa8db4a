"""Small tables of reported studies."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from training.data import BadRow

Row = dict[str, Any]


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """Draw a small grey picture; another seed gives another one."""

    def draw_png(seed: int = 0) -> bytes:
        file = io.BytesIO()
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 36), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    return draw_png


@pytest.fixture
def row(png: Callable[[int], bytes]) -> Callable[..., Row]:
    """Make one row in ViX-Ray's columns; keywords replace cells."""

    def make(seed: int = 0, **cells: Any) -> Row:
        return {
            "image": {"bytes": png(seed), "path": None},
            "findings": "- Bóng tim to.",
            "impressions": "- Tim to.",
            "Ages": "84",
            "sex": "Nam",
            "view": "PA",
            "Ghi chú": None,
            "Kỹ thuật": "Chụp Xquang tim phổi thẳng",
            **cells,
        }

    return make


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write rows to a Parquet file under the test's folder."""

    def write(rows: list[Row], name: str = "data/part.parquet", row_group_size: int = 1000) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=row_group_size)
        return path

    return write


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows, or lines as they are, to a JSONL file under the test's folder."""

    def write(rows: list[Row | str], name: str = "data/part.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in rows)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    return write


@pytest.fixture
def bad_rows() -> list[BadRow]:
    """Collect what a reader leaves out: pass `bad_rows.append`."""
    return []
