"""The gate: is this film a frontal chest X-ray, upright and not inverted? A small network and plain checks.

Knows nothing about files or reports; the network, its training and its confusion tables: serve_app/models/gate.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import Correction, GateOutcome, GateVerdict
from serve_app.domain.study import View
from serve_app.imaging.film import REMEDIES, count_middle_levels, is_dark
from serve_app.imaging.picture import Picture
from serve_app.imaging.resolution import SIDE_PX, is_fine
from serve_app.settings import ScreenSettings

GATE_CHECKPOINT = Path(__file__).parent.parent / "models" / "gate" / "gate.onnx"
THUMBNAIL_PX = 96
# The network's answers, in the order of its outputs.
CLASSES = ("frontal-chest", "unusual-chest", "lateral-chest", "no-chest")
# How much each counts: an unusual chest or a lateral is in doubt, a lateral a little more, as none was trained on.
_COUNTS = np.array([1, 0.5, 0.4, 0], np.float32)
# A film of fewer pixels shows no more than a postage stamp, nor does one enlarged from fewer.
_MIN_SIDE_PX = 128
# Chest films are between 2:3 and 3:2; an image three times as long as wide is not a chest film.
_MAX_ASPECT = 3.0
# Grey levels in the middle 90 % of a film: below the first nothing can be seen, below the second too little is certain.
_MIN_LEVELS, _MIN_TRUSTED_LEVELS = 4, 16
# A film is grey: a picture with more colour than annotations have counts half.
_MAX_COLOUR_RATIO = 0.15
_DEFAULTS = ScreenSettings()


def thumbnail(film: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Make the network's input: a letterboxed square, contrast stretched between the 1st and 99th percentile.

    Args:
        film: uint8, shape (height, width).

    Returns:
        float32 of shape (96, 96), 0 to 1.
    """
    small = reduced(film, THUMBNAIL_PX / max(film.shape)).astype(np.float32)
    low, high = (float(level) for level in np.percentile(small, (1, 99)))
    square = np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), dtype=np.float32)
    top, left = ((THUMBNAIL_PX - length) // 2 for length in small.shape)
    stretched = np.clip((small - low) / max(high - low, 1.0), 0, 1)
    square[top : top + small.shape[0], left : left + small.shape[1]] = stretched
    return square


def reduced(film: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height_px, width_px = (max(1, round(length * scale)) for length in film.shape)
    image = Image.fromarray(film).resize((width_px, height_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(image)


@lru_cache
def _loaded(checkpoint: Path) -> onnxruntime.InferenceSession:
    """Load a network; with one thread it runs on the caller's, also in a fork."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(checkpoint, options, providers=["CPUExecutionProvider"])


class Gate:
    """Judges pictures; safe to share between threads."""

    def __init__(self, settings: ScreenSettings = _DEFAULTS, checkpoint: Path = GATE_CHECKPOINT) -> None:
        self._network = _loaded(checkpoint)
        self._settings = settings

    def screen(self, picture: Picture, view: View | None = None) -> GateVerdict:
        """Judge a film (see `film.readable`) of a declared view; a lateral passes the plain checks only.

        The score is the probability of a frontal chest film plus half that of one turned, inverted or cut and 0.4 of
        that of a lateral. The reason is one of `frontal-chest`, `unusual-chest`, `lateral-chest`, `inverted`,
        `rotated`, `no-chest`, `coloured`, `too-small`, `extreme-aspect`, `under-exposed`, `flat`,
        `laterals-are-not-judged`.
        """
        return replace(self._screen(picture, view), corrections=picture.corrections)

    def _screen(self, picture: Picture, view: View | None) -> GateVerdict:
        shorter_px, longer_px = sorted(picture.pixels.shape)
        if shorter_px < _MIN_SIDE_PX:
            return _refused("too-small")
        if longer_px > _MAX_ASPECT * shorter_px:
            return _refused("extreme-aspect")
        num_levels = count_middle_levels(picture.pixels)
        if num_levels < _MIN_LEVELS:
            return _refused(_exposure(picture))
        small = reduced(picture.pixels, SIDE_PX / shorter_px)
        verdict = self._judge_view(small, picture.colour_ratio, view)
        if verdict.outcome is GateOutcome.REFUSE:
            return verdict
        if num_levels < _MIN_TRUSTED_LEVELS:
            return replace(verdict, outcome=GateOutcome.CONFIRM, reason=_exposure(picture))
        if not is_fine(picture.pixels, small, _MIN_SIDE_PX):
            return replace(verdict, outcome=GateOutcome.CONFIRM, reason="too-small")
        return verdict

    def _judge_view(self, small: NDArray[np.uint8], colour_ratio: float, view: View | None) -> GateVerdict:
        if view is not View.LATERAL:
            return self._judge(small, colour_ratio)
        # It was trained on drawn laterals only: scores of real ones overlap those of other pictures (its card).
        unjudged = GateVerdict(GateOutcome.UNJUDGED, None, "laterals-are-not-judged")
        return _refused("coloured") if colour_ratio > _MAX_COLOUR_RATIO else unjudged

    def probabilities(self, thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
        """Ask the network: (n, 96, 96) in, (n, 4) out, in the order of `CLASSES`."""
        answer: NDArray[np.float32] = self._network.run(None, {"film": thumbnails[:, None]})[0]
        return answer

    def _judge(self, small: NDArray[np.uint8], colour_ratio: float) -> GateVerdict:
        probabilities = self.probabilities(thumbnail(small)[None])[0]
        score = float(probabilities @ _COUNTS)
        reason = CLASSES[int(np.argmax(probabilities))]
        if colour_ratio > _MAX_COLOUR_RATIO:
            score, reason = score / 2, "coloured"
        score = round(min(1.0, max(0.0, score)), 4)
        verdict = GateVerdict(self._outcome(score), score, reason)
        return self._with_remedy(verdict, small) if reason in CLASSES[1:3] else verdict

    def _with_remedy(self, verdict: GateVerdict, small: NDArray[np.uint8]) -> GateVerdict:
        """Name what is wrong with a film that would pass inverted or turned."""
        changed = np.stack([thumbnail(change(small)) for change in REMEDIES.values()])
        frontal = self.probabilities(changed)[:, 0]
        remedy = list(REMEDIES)[int(np.argmax(frontal))]
        if verdict.outcome is not GateOutcome.CONFIRM or frontal.max() < self._settings.pass_score:
            return verdict
        return replace(verdict, reason="inverted" if remedy is Correction.INVERTED else "rotated", remedy=remedy)

    def _outcome(self, score: float) -> GateOutcome:
        if score >= self._settings.pass_score:
            return GateOutcome.PASS
        return GateOutcome.REFUSE if score < self._settings.refuse_score else GateOutcome.CONFIRM


def _refused(reason: str) -> GateVerdict:
    return GateVerdict(GateOutcome.REFUSE, 0.0, reason)


def _exposure(picture: Picture) -> str:
    """Name what left so few grey levels."""
    was_dark = Correction.BRIGHTNESS_RESTORED in picture.corrections
    return "under-exposed" if was_dark or is_dark(picture.pixels) else "flat"
