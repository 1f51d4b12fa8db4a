"""Kills an engine process when its parent ends. vLLM loads this plugin into each of its processes.

A replica that is killed cannot stop its engine, and an orphan would keep the accelerator's memory.
"""

import ctypes
import multiprocessing
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends. Source: prctl(2), PR_SET_PDEATHSIG.

    Registered in vLLM's plugin group `vllm.general_plugins`. Does nothing in a process that vLLM did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent.pid:
        os.kill(os.getpid(), signal.SIGKILL)
