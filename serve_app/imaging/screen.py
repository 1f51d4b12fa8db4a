"""The gate: is this film a frontal chest X-ray, upright and not inverted? A small network and four plain checks.

Knows nothing about files or reports; the network, its training and its confusion tables: serve_app/models/gate.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import GateOutcome, GateVerdict
from serve_app.domain.study import View
from serve_app.imaging.picture import Picture
from serve_app.settings import ScreenSettings

GATE_CHECKPOINT = Path(__file__).parent.parent / "models" / "gate" / "gate.onnx"
THUMBNAIL_PX = 96
# The network's three answers, in the order of its outputs.
CLASSES = ("frontal-chest", "unusual-chest", "no-chest")
# Smaller than a gate's thumbnail cannot be judged, let alone read.
_MIN_SIDE_PX = 64
# Chest films are between 2:3 and 3:2; an image three times as long as wide is not a chest film.
_MAX_ASPECT = 3.0
# Grey levels between the 1st and 99th percentile; below it there is nothing to see.
_MIN_SPREAD = 10.0
# A film is grey: a picture with more colour than annotations have counts half.
_MAX_COLOUR_RATIO = 0.15
_DEFAULTS = ScreenSettings()


def thumbnail(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Make the network's input: a letterboxed square, contrast stretched between the 1st and 99th percentile.

    Args:
        pixels: uint8, shape (height, width).

    Returns:
        float32 of shape (96, 96), 0 to 1, and the stretched range in grey levels (0 to 255).
    """
    height_px, width_px = pixels.shape
    scale = THUMBNAIL_PX / max(height_px, width_px)
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    small = np.asarray(
        Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0), dtype=np.float32
    )
    low, high = (float(level) for level in np.percentile(small, (1, 99)))
    square = np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), dtype=np.float32)
    top, left = (THUMBNAIL_PX - size[1]) // 2, (THUMBNAIL_PX - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = np.clip((small - low) / max(high - low, 1.0), 0, 1)
    return square, high - low


class Gate:
    """Judges pictures; safe to share between threads."""

    def __init__(self, settings: ScreenSettings = _DEFAULTS, checkpoint: Path = GATE_CHECKPOINT) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(checkpoint, options, providers=["CPUExecutionProvider"])
        self._settings = settings
        # The first run imports and allocates; a client should not wait for that.
        self.probabilities(thumbnail(np.zeros((640, 480), dtype=np.uint8))[0][None])

    def screen(self, picture: Picture, view: View | None = None) -> GateVerdict:
        """Judge one picture of a declared view; a lateral passes the plain checks only.

        The score is the probability of a frontal chest film plus half that of a chest film taken or turned
        otherwise; the reason is one of `frontal-chest`, `unusual-chest`, `no-chest`, `coloured`, `too-small`,
        `extreme-aspect`, `uniform`, `laterals-are-not-judged`.
        """
        height_px, width_px = picture.pixels.shape
        if min(height_px, width_px) < _MIN_SIDE_PX:
            return _refused("too-small")
        if max(height_px, width_px) > _MAX_ASPECT * min(height_px, width_px):
            return _refused("extreme-aspect")
        square, spread = thumbnail(picture.pixels)
        if spread < _MIN_SPREAD:
            return _refused("uniform")
        if view is View.LATERAL:
            # It was trained on drawn laterals only: scores of real ones overlap those of other pictures (its card).
            is_coloured = picture.colour_ratio > _MAX_COLOUR_RATIO
            unjudged = GateVerdict(GateOutcome.UNJUDGED, None, "laterals-are-not-judged")
            return _refused("coloured") if is_coloured else unjudged
        return self._judge(self.probabilities(square[None])[0], picture.colour_ratio)

    def probabilities(self, thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
        """Ask the network: (n, 96, 96) in, (n, 3) out, in the order of `CLASSES`."""
        answer: NDArray[np.float32] = self._network.run(None, {"film": thumbnails[:, None]})[0]
        return answer

    def _judge(self, probabilities: NDArray[np.float32], colour_ratio: float) -> GateVerdict:
        score = float(probabilities[0] + probabilities[1] / 2)
        reason = CLASSES[int(np.argmax(probabilities))]
        if colour_ratio > _MAX_COLOUR_RATIO:
            score, reason = score / 2, "coloured"
        score = round(min(1.0, max(0.0, score)), 4)
        return GateVerdict(self._outcome(score), score, reason)

    def _outcome(self, score: float) -> GateOutcome:
        if score >= self._settings.pass_score:
            return GateOutcome.PASS
        return GateOutcome.REFUSE if score < self._settings.refuse_score else GateOutcome.CONFIRM


def _refused(reason: str) -> GateVerdict:
    return GateVerdict(GateOutcome.REFUSE, 0.0, reason)
