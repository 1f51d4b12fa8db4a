"""The image step of a service: each image in a process of its own, a few at a time, never on the event loop.

Knows nothing about requests or Ray.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serve_app.domain.call import Call
from serve_app.domain.errors import Overloaded, UploadTooLarge
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.study import StudyImage
from serve_app.imaging import sandbox
from serve_app.settings import PreprocessorSettings

T = TypeVar("T")


class LocalPreparer:
    """Implements the `ImagePreparer` port.

    At most `num_workers` images are worked on at a time, each on a thread that waits for its process. That is killed
    after `decode_timeout_s`; the slot stays taken until the thread returns.
    """

    def __init__(self, settings: PreprocessorSettings) -> None:
        self._settings = settings
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
        return await self._on_worker(lambda: sandbox.prepare(image, self._settings))

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
