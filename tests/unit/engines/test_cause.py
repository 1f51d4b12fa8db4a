"""Why an engine's process failed reaches the process that started it, whichever of its descendants knew first."""

import logging
import multiprocessing
import stat

from serve_app.engines.cause import _file, in_one_line, keep_cause, take_cause


def fail(*words: str) -> None:
    """Play a process of vLLM: it logs what it catches."""
    keep_cause()
    for one in words:
        try:
            raise FileNotFoundError(2, "No such file or directory", one)
        except FileNotFoundError:
            logging.getLogger("vllm.v1.engine.core").exception("EngineCore failed to start.")


def fail_with_a_worker() -> None:
    """Play a core whose worker fails first."""
    worker = multiprocessing.get_context("spawn").Process(target=fail, args=("ninja",))
    worker.start()
    worker.join()
    fail("worker")


def test_the_first_cause_comes_up_from_a_grandchild_and_only_once() -> None:
    core = multiprocessing.get_context("spawn").Process(target=fail_with_a_worker)
    core.start()
    core.join()

    assert take_cause() == "FileNotFoundError: [Errno 2] No such file or directory: 'ninja'"
    assert take_cause() == ""


def test_nobody_else_may_read_it() -> None:
    child = multiprocessing.get_context("spawn").Process(target=fail, args=("nvcc",))
    child.start()
    child.join()

    assert stat.S_IMODE(_file().stat().st_mode) == 0o600
    assert "nvcc" in take_cause()


def test_a_cause_is_the_innermost_error_in_one_line() -> None:
    error = RuntimeError("See root cause above.")
    error.__cause__ = ValueError("no memory\n  for the cache")

    assert in_one_line(error) == "ValueError: no memory for the cache"
