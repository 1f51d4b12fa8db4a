"""The baseline: the simplest program that makes a report, with Pillow and vLLM in one process and no gate."""

import asyncio
import hashlib
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loadtests.bench.targets import InProcess
from serve_app.domain.call import Call
from serve_app.domain.radiograph import PATCH_UNIT_PX, GateOutcome, GateVerdict, Radiograph, Source
from serve_app.domain.study import StudyImage
from serve_app.imaging.normalize import fit_tokens
from serve_app.imaging.preparer import LocalPreparer
from serve_app.ports import Engine
from serve_app.reasoning.local import local_call
from serve_app.settings import Settings

_UNSEEN = GateVerdict(GateOutcome.PASS, 1.0, "not-looked-at")


class PlainPreparer:
    """Implements the `ImagePreparer` port as in Pillow's documentation: open, convert, resize; on threads."""

    async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
        """Prepare an image for the model."""
        return await asyncio.to_thread(plainly_prepared, image.data)


def plainly_prepared(data: bytes) -> Radiograph:
    """Decode at full size, convert to RGB, resize to the model's grid."""
    image = Image.open(io.BytesIO(data))
    columns, rows = fit_tokens(*image.size, Settings().preprocessor.max_visual_tokens)
    size = (columns * PATCH_UNIT_PX, rows * PATCH_UNIT_PX)
    pixels = plain_pixels(image, size)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Radiograph(pixels, digest, Source(image.format or "", *image.size, 8), _UNSEEN)


def plain_pixels(image: Image.Image, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize to shape (height, width, 3), with the resampling of the platform's preparation."""
    return np.asarray(image.convert("RGB").resize(size_px, Image.Resampling.BICUBIC))


class PreparedBeforehand(InProcess):
    """The upper limit: vLLM without any preparation time. Prepares the images beforehand, as serving does."""

    def __init__(self, engine: Engine) -> None:
        self._images: dict[bytes, Radiograph] = {}
        super().__init__(self, engine)

    async def preload(self, films: list[bytes]) -> None:
        """Prepare a round's images before it is timed."""
        preparer = LocalPreparer(Settings().preprocessor)
        self._images = {
            film: await preparer.prepare(local_call("bench", 600.0), StudyImage(film, is_confirmed=True))
            for film in films
        }

    async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
        """Return the prepared image."""
        return self._images[image.data]
