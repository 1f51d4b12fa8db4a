"""Waits for connections on standard input, a socket, and forks itself to decode one image on each.

Run as a module. What the decoders print, log or warn of goes nowhere: it may quote the file.
"""

import gc
import logging
import os
import pickle
import resource
import signal
import socket
import traceback
import warnings
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path, PurePath

from serve_app.domain.errors import ClaraError, UploadTooLarge
from serve_app.imaging.decode import decode
from serve_app.imaging.picture import Picture
from serve_app.settings import PreprocessorSettings

# An image takes so much memory beside the decoders: its file, and what the hungriest decoder keeps of each pixel.
_FILE_BYTES = 256_000_000
_BYTES_A_PIXEL = 12
# The service answers first.
_GRACE_S = 1.0


def main() -> None:
    """Fork for every connection that is handed over, until the service ends."""
    logging.disable()
    warnings.simplefilter("ignore")
    # Whoever has decoded is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    # What is loaded is shared with the forks, as long as no collection writes to it.
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            # Only the waiting process may keep the service's socket open.
            os.dup2(os.open(os.devnull, os.O_RDONLY), control.fileno())
            _serve(Connection(descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.send_bytes(b"ready")
    settings: PreprocessorSettings = connection.recv()
    signal.setitimer(signal.ITIMER_REAL, settings.decode_timeout_s + _GRACE_S)
    limit_bytes = _FILE_BYTES + _BYTES_A_PIXEL * settings.max_pixels
    _limit_memory(limit_bytes)
    _send(connection, _answer(connection.recv_bytes(), settings, limit_bytes))


def _send(connection: Connection, answer: Picture | Exception) -> None:
    """Send an answer, its pixels in memory that both share: through the socket they take as long as decoding."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(answer, 5, buffer_callback=buffers.append)
    descriptor = os.memfd_create("film")
    with os.fdopen(descriptor, "wb", closefd=False) as memory:
        for buffer in buffers:
            memory.write(buffer.raw())
    connection.send((pickled, [buffer.raw().nbytes for buffer in buffers]))
    send_handle(connection, descriptor, os.getppid())


def _limit_memory(limit_bytes: int) -> None:
    num_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (num_pages * resource.getpagesize() + limit_bytes, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(data: bytes, settings: PreprocessorSettings, limit_bytes: int) -> Picture | Exception:
    try:
        return decode(data, settings)
    except ClaraError as error:
        return error
    except MemoryError:
        return UploadTooLarge("the image takes too much memory to decode", limit_bytes, "bytes")
    except Exception as error:  # noqa: BLE001 - its text may quote the file
        last = traceback.extract_tb(error.__traceback__)[-1]
        return RuntimeError(f"decoding: {type(error).__name__} at {PurePath(last.filename).name}:{last.lineno}")


if __name__ == "__main__":
    main()
