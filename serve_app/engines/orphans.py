"""No engine process outlives its parent, however the parent ends; loaded by vLLM into each of its processes.

A replica that is killed outright cannot stop its engine, and an orphan would keep the accelerator's memory.
"""

import ctypes
import multiprocessing
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the one that started it ends. Source: prctl(2), PR_SET_PDEATHSIG.

    A plugin of vLLM's group `vllm.general_plugins`; in a process that vLLM did not start it does nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent.pid:
        os.kill(os.getpid(), signal.SIGKILL)
