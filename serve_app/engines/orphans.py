"""Ties an engine process to its parent. vLLM loads this plugin into each of its processes.

A replica that is killed cannot stop its engine, and an orphan would keep the accelerator's memory. Nor does a replica
learn why its engine failed, unless the engine leaves that for it.
"""

import ctypes
import multiprocessing
import os
import signal

from serve_app.engines.cause import keep_cause

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, and keep the cause of a failure for the parent.

    Registered in vLLM's plugin group `vllm.general_plugins`. Does nothing in a process that vLLM did not start.
    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    keep_cause()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent.pid:
        os.kill(os.getpid(), signal.SIGKILL)
