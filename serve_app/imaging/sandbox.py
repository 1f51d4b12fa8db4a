"""Prepares each upload in a process of its own, which is bounded in time and memory and writes to no log.

A thread is none of that: a decoder in C holds it as long as it likes, and its memory is the service's. One process
waits with the decoders and the gate loaded and forks itself for every image.
"""

import atexit
import contextlib
import os
import pickle
import socket
import subprocess
import sys
import threading

from serve_app.domain.errors import CorruptImage, Unavailable, UploadTooLarge
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.study import StudyImage
from serve_app.settings import PreprocessorSettings

_PROCESS = "serve_app.imaging.sandbox_process"
# Loading the decoders takes a second, and many on a busy machine.
_START_S = 60.0
# A fork has one core: numpy would start threads that spin in each. A tenth of its time goes to pages that are new to
# it: they are large, and used again.
_MALLOC = {"hugetlb": 1, "mmap_threshold": 1 << 25, "trim_threshold": 1 << 28}
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in _MALLOC.items()),
}


class Sandbox:
    """Starts the waiting process at the latest with the first image, and again where it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def prepare(self, image: StudyImage, settings: PreprocessorSettings) -> Radiograph:
        """Make one image ready for the model; see `preparation.prepare`.

        Raises:
            CorruptImage: its decoder crashed.
            UploadTooLarge: it takes longer than `decode_timeout_s`, or too much memory.
            Unavailable: no process can be started.
            RuntimeError: a fault of ours; the text names its class and line only.
        """
        limit_s = settings.decode_timeout_s
        # Through a socket a film's bytes take milliseconds more. The answer overwrites the question.
        with os.fdopen(os.memfd_create("image"), "w+b") as memory:
            pickle.dump((image, settings), memory, pickle.HIGHEST_PROTOCOL)
            memory.flush()
            with self._forked(memory.fileno()) as forked:
                forked.settimeout(limit_s)
                try:
                    is_done = forked.recv(1)
                except TimeoutError:
                    raise UploadTooLarge("the image takes too long to prepare", round(limit_s), "seconds") from None
                except ConnectionError:
                    is_done = b""
            if not is_done:
                raise CorruptImage("the image is damaged: its decoder crashed")
            memory.seek(0)
            answer = pickle.load(memory)
        if isinstance(answer, Radiograph):
            return answer
        raise answer

    def start(self) -> None:
        """Start the waiting process, so that the first image need not wait for it."""
        with self._lock, contextlib.suppress(OSError):
            self._started()

    def close(self) -> None:
        """End the waiting process."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()
            self._control = None

    def _forked(self, memory: int) -> socket.socket:
        """Return a socket to a process that has begun to work on what is in the memory."""
        for _ in range(2):
            ours, theirs = socket.socketpair()
            control = self._hand_over(theirs, memory)
            ours.settimeout(_START_S)
            with contextlib.suppress(TimeoutError, ConnectionError):
                if ours.recv(1):
                    return ours
            ours.close()
            with self._lock:
                # Another thread may have started the next process already.
                self._control = None if self._control is control else self._control
        raise Unavailable("the image decoder could not be started")

    def _hand_over(self, theirs: socket.socket, memory: int) -> socket.socket | None:
        """Give the waiting process one end of a connection; an end that nobody holds tells the other one."""
        with theirs, self._lock:
            with contextlib.suppress(OSError):
                socket.send_fds(self._started(), [b"\0"], [theirs.fileno(), memory])
            return self._control

    def _started(self) -> socket.socket:
        """Return the socket of the waiting process."""
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair()
        # As this process imports, whatever folder it runs in.
        code = f"import runpy, sys; sys.path[:] = {sys.path!r}; runpy.run_module({_PROCESS!r}, run_name='__main__')"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # What interrupts the service lets the images in progress end. Not a session of its own: Linux shares
                # the cores among sessions, and those of short processes get little.
                process_group=0,
                env=os.environ | _ENVIRONMENT,
            )
        self._control = ours
        return ours


_SANDBOX = Sandbox()
prepare, start = _SANDBOX.prepare, _SANDBOX.start
