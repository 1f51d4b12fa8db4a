"""Decodes each upload in a process of its own, which is bounded in time and memory and writes to no log.

A thread is none of that: a decoder in C holds it as long as it likes, and its memory is the service's. One process
waits with the decoders loaded and forks itself for every image.
"""

import atexit
import contextlib
import itertools
import mmap
import multiprocessing
import os
import pickle
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from serve_app.domain.errors import CorruptImage, Unavailable, UploadTooLarge
from serve_app.imaging.picture import Picture
from serve_app.settings import PreprocessorSettings

_PROCESS = "serve_app.imaging.sandbox_process"
# Loading the decoders takes a second, and many on a busy machine.
_START_S = 60.0


class Sandbox:
    """Starts the waiting process at the latest with the first image, and again where it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def decode(self, data: bytes, settings: PreprocessorSettings) -> Picture:
        """Decode one image; see `decode.decode`.

        Raises:
            CorruptImage: its decoder crashed.
            UploadTooLarge: it takes longer than `decode_timeout_s`, or too much memory.
            Unavailable: no process can be started.
            RuntimeError: a fault of ours; the text names its class and line only.
        """
        limit_s = settings.decode_timeout_s
        with self._connection() as connection:
            try:
                connection.send(settings)
                connection.send_bytes(data)
                if not connection.poll(limit_s):
                    raise UploadTooLarge("the image takes too long to decode", round(limit_s), "seconds")
                answer = _received(connection)
            except (EOFError, ConnectionError):
                raise CorruptImage("the image is damaged: its decoder crashed") from None
        if isinstance(answer, Picture):
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

    def _connection(self) -> Connection:
        for _ in range(2):
            ours, theirs = multiprocessing.Pipe()
            control = self._hand_over(theirs)
            with contextlib.suppress(EOFError, ConnectionError):
                if ours.poll(_START_S) and ours.recv_bytes():
                    return ours
            ours.close()
            with self._lock:
                # Another thread may have started the next process already.
                self._control = None if self._control is control else self._control
        raise Unavailable("the image decoder could not be started")

    def _hand_over(self, connection: Connection) -> socket.socket | None:
        """Give the waiting process one end of a connection; an end that nobody holds tells the other one."""
        with connection, self._lock:
            with contextlib.suppress(OSError):
                socket.send_fds(self._started(), [b"\0"], [connection.fileno()])
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
                # What interrupts the service lets the images in progress end.
                start_new_session=True,
            )
        self._control = ours
        return ours


def _received(connection: Connection) -> Picture | Exception:
    """Receive an answer; its buffers are mapped from the other process's memory, writable as a copy of ours."""
    pickled, sizes = connection.recv()
    with os.fdopen(recv_handle(connection), "rb") as memory:
        mapped = memoryview(mmap.mmap(memory.fileno(), sum(sizes), access=mmap.ACCESS_COPY) if sizes else b"")
    ends = list(itertools.accumulate(sizes))
    buffers = [mapped[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    answer: Picture | Exception = pickle.loads(pickled, buffers=buffers)
    return answer


_SANDBOX = Sandbox()
decode, start = _SANDBOX.decode, _SANDBOX.start
