"""The image step in this process: decode, screen, normalise, name; on worker threads, never on the event loop.

Knows nothing about requests or Ray.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from serve_app.domain.call import Call
from serve_app.domain.errors import NeedsConfirmation, NotAChestXray, Overloaded, UploadTooLarge
from serve_app.domain.radiograph import Correction, GateOutcome, GateVerdict, Radiograph
from serve_app.domain.study import StudyImage, View
from serve_app.imaging import sandbox
from serve_app.imaging.film import corrected, readable
from serve_app.imaging.normalize import digest, normalize
from serve_app.imaging.picture import Picture
from serve_app.imaging.sandbox import decode
from serve_app.imaging.screen import Gate
from serve_app.settings import PreprocessorSettings

T = TypeVar("T")

_NOT_A_CHEST = "the image does not look like a chest X-ray"
_UNSURE = "the image may not be a frontal chest X-ray: confirm it to go on"
_FAULTS = {
    "too-small": "the film shows no more than one of 128 pixels a side would: send the original",
    "under-exposed": "the film is so dark that too few grey levels are left: send the original",
    "flat": "the film has too few grey levels: send the original",
    Correction.INVERTED: "the film seems to be inverted, with dark bones: have it inverted, or confirm it as it is",
    Correction.TURNED_LEFT: "the film seems to be rotated: have it turned left by 90 degrees, or confirm it as it is",
    Correction.TURNED_RIGHT: "the film seems to be rotated: have it turned right by 90 degrees, or confirm it as it is",
    Correction.TURNED_AROUND: "the film seems to be upside down: have it turned by 180 degrees, or confirm it as it is",
    "lateral-chest": "the film seems to be a lateral view: declare the view, or confirm that the film is frontal",
    "laterals-are-not-judged": "the file says that it is a lateral view, which cannot be judged here: "
    "confirm it to go on",
}


class LocalPreparer:
    """Implements the `ImagePreparer` port.

    At most `num_workers` images are worked on at a time. Decoding is killed after `decode_timeout_s`. The rest runs on
    a thread, which cannot be killed: the client is answered, but the slot stays taken until it really returns.
    """

    def __init__(self, settings: PreprocessorSettings) -> None:
        self._settings = settings
        self._gate = Gate(settings.screen)
        self._threads = ThreadPoolExecutor(settings.num_workers, thread_name_prefix="prepare")
        self._slots = asyncio.Semaphore(settings.num_workers)
        self._num_busy = 0
        sandbox.start()

    @property
    def num_free(self) -> int:
        """Workers that wait for an image."""
        return self._settings.num_workers - self._num_busy

    async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
        """Make an image ready for the model; see `ports.ImagePreparer`.

        Raises:
            NotAChestXray, NeedsConfirmation: the gate's verdict under policy `enforce`, unconfirmed.
            UploadTooLarge: it takes longer than `decode_timeout_s`.
            Overloaded: no worker came free within `decode_timeout_s`.
        """
        return await self._on_worker(lambda: self._prepare(image))

    def _prepare(self, image: StudyImage) -> Radiograph:
        picture, verdict = self._judge(readable(decode(image.data, self._settings)), image)
        verdict = self._decide(verdict, image)
        pixels = normalize(picture.pixels, self._settings.max_visual_tokens)
        return Radiograph(pixels, digest(pixels), picture.source, verdict, picture.attributes, picture.reference)

    def _judge(self, picture: Picture, image: StudyImage) -> tuple[Picture, GateVerdict]:
        """Judge a film, and judge it corrected if the client lets it be and that mends it."""
        view = image.view or picture.attributes.view
        verdict = self._gate.screen(picture, view)
        if not (image.is_correctable and verdict.remedy):
            return picture, verdict
        mended = corrected(picture, verdict.remedy)
        return mended, self._gate.screen(mended, view)

    def _decide(self, verdict: GateVerdict, image: StudyImage) -> GateVerdict:
        """Stop what does not pass, unless the client confirms it or the policy only records.

        A client that declares a lateral film knows that nobody judges it; one that sends a file which says so may not.
        """
        is_declared_lateral = verdict.outcome is GateOutcome.UNJUDGED and image.view is View.LATERAL
        if verdict.outcome is GateOutcome.PASS or is_declared_lateral:
            return verdict
        if image.is_confirmed:
            return replace(verdict, is_confirmed=True)
        if self._settings.screen.policy == "record":
            return verdict
        if verdict.outcome is GateOutcome.REFUSE:
            raise NotAChestXray(_FAULTS.get(verdict.reason, _NOT_A_CHEST), verdict.reason, verdict.score or 0.0)
        question = _FAULTS.get(verdict.remedy or verdict.reason, _UNSURE)
        raise NeedsConfirmation(question, verdict.reason, verdict.score or 0.0, verdict.remedy or "")

    async def _on_worker(self, work: Callable[[], T]) -> T:
        limit_s = self._settings.decode_timeout_s
        try:
            await asyncio.wait_for(self._slots.acquire(), limit_s)
        except TimeoutError:
            raise Overloaded("too many images are being prepared") from None
        self._num_busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._release)
        try:
            return await asyncio.wait_for(asyncio.shield(future), limit_s)
        except TimeoutError:
            raise UploadTooLarge("the image takes too long to prepare", round(limit_s), "seconds") from None

    def _release(self, future: "asyncio.Future[T]") -> None:
        self._num_busy -= 1
        self._slots.release()
        if not future.cancelled():
            future.exception()  # Seen, also when the client has gone: else asyncio logs it.
