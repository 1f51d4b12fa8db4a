"""Waits for connections on standard input, a socket, and forks itself to prepare one image for each.

Run as a module. What the decoders print, log or warn of goes nowhere: it may quote the file.
"""

import ctypes
import gc
import io
import logging
import os
import pickle
import resource
import signal
import socket
import traceback
import warnings
from pathlib import Path, PurePath
from typing import BinaryIO

from PIL import Image

from serve_app.domain.errors import ClaraError, UploadTooLarge
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.study import StudyImage
from serve_app.imaging.preparation import prepare
from serve_app.settings import PreprocessorSettings

# An image takes so much memory beside the decoders: its file, and what the hungriest decoder keeps of each pixel.
_FILE_BYTES = 256_000_000
_BYTES_A_PIXEL = 12
# The service answers first.
_GRACE_S = 1.0


def warm_up() -> None:
    """Load what is loaded on first use, so that forks share it, and keep their memory as it is."""
    for kind in ("PNG", "JPEG"):
        file = io.BytesIO()
        Image.linear_gradient("L").resize((640, 640)).save(file, kind)
        prepare(StudyImage(file.getvalue(), is_confirmed=True), PreprocessorSettings())
    gc.collect()
    # No collection writes to what is shared, and no new object lies beside it.
    gc.freeze()
    ctypes.CDLL(None).malloc_trim(0)


def main() -> None:
    """Fork for every connection that is handed over, until the service ends."""
    logging.disable()
    warnings.simplefilter("ignore")
    # Whoever has worked is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            return
        if os.fork() == 0:
            # Only the waiting process may keep the service's socket open.
            os.dup2(os.open(os.devnull, os.O_RDONLY), control.fileno())
            _serve(socket.socket(fileno=descriptors[0]), os.fdopen(descriptors[1], "r+b"))
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _serve(connection: socket.socket, memory: BinaryIO) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.send(b"\0")
    memory.seek(0)
    image, settings = pickle.load(memory)
    signal.setitimer(signal.ITIMER_REAL, settings.decode_timeout_s + _GRACE_S)
    limit_bytes = _FILE_BYTES + _BYTES_A_PIXEL * settings.max_pixels
    _limit_memory(limit_bytes)
    answer = _answer(image, settings, limit_bytes)
    memory.seek(0)
    pickle.dump(answer, memory, pickle.HIGHEST_PROTOCOL)
    memory.flush()
    connection.send(b"\0")


def _limit_memory(limit_bytes: int) -> None:
    num_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (num_pages * resource.getpagesize() + limit_bytes, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(image: StudyImage, settings: PreprocessorSettings, limit_bytes: int) -> Radiograph | Exception:
    try:
        return prepare(image, settings)
    except ClaraError as error:
        return error
    except MemoryError:
        return UploadTooLarge("the image takes too much memory to prepare", limit_bytes, "bytes")
    except Exception as error:  # noqa: BLE001 - its text may quote the file
        last = traceback.extract_tb(error.__traceback__)[-1]
        return RuntimeError(f"preparing: {type(error).__name__} at {PurePath(last.filename).name}:{last.lineno}")


if __name__ == "__main__":
    warm_up()
    main()
