"""A chest CT becomes laterals and slices: the body without its table, never twice the same."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from training.gate.volumes import VOXEL_MM, Scan

SIDE, NUM_SLICES, SPACING_MM = 64, 40, 5.0
TABLE_ROW = 58


def hounsfield(height: int) -> np.ndarray:
    """Draw one slice: a body with two lungs, above a table."""
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    plane = np.full((SIDE, SIDE), -1000)
    plane[((across - 32) / 26) ** 2 + ((down - 32) / 18) ** 2 < 1] = 40
    for centre in (20, 44):
        plane[((across - centre) / 8) ** 2 + ((down - 32) / 12) ** 2 < (1 if height < 30 else 0)] = -800
    plane[TABLE_ROW - 1 : TABLE_ROW + 2] = 200
    return plane


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder: Path = tmp_path_factory.mktemp("ct")
    for height in range(NUM_SLICES):
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, f"1.2.{height}"
        one.Rows, one.Columns, one.SamplesPerPixel, one.PhotometricInterpretation = SIDE, SIDE, 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        one.PixelSpacing, one.ImagePositionPatient = [SPACING_MM, SPACING_MM], [0, 0, -height * SPACING_MM]
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.PixelData = (hounsfield(height) + 1024).astype(np.uint16).tobytes()
        one.save_as(folder / f"{NUM_SLICES - height:03}.dcm", enforce_file_format=True)
    return Scan.read(folder)


def test_the_scan_has_even_voxels_head_first_and_the_body_has_no_table(scan: Scan) -> None:
    scale = SPACING_MM / VOXEL_MM
    assert scan.whole.shape == (NUM_SLICES * scale, SIDE * scale, SIDE * scale)
    middle = round(SIDE * scale / 2)
    assert scan.whole[10, middle, round(20 * scale)] < -700 < scan.whole[-4, middle, round(20 * scale)]
    table = round(TABLE_ROW * scale)
    assert scan.whole[10, table, middle] > 100
    assert (scan.body[:, table] == -1000).all()


@pytest.mark.parametrize("kind", ["lateral", "frontal", "coronal", "sagittal", "axial"])
def test_every_picture_shows_something_new_each_time(scan: Scan, kind: str) -> None:
    rng = np.random.default_rng(0)
    first, second = (getattr(scan, kind)(rng) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.ndim == 2
    assert np.ptp(first) > 40
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_from_the_side_a_body_is_narrower_than_from_the_front(scan: Scan) -> None:
    rng = np.random.default_rng(0)
    widths = {
        kind: np.mean([(getattr(scan, kind)(rng) > 60).mean(axis=1).max() for _ in range(8)])
        for kind in ("lateral", "frontal")
    }
    assert widths["lateral"] < widths["frontal"]
