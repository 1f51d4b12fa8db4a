"""Whatever an engine loads leaves the replica's process as Serve has set it up."""

import json
import subprocess
import sys

import pytest

# A replica has imported Serve, and has a log handler like this; it loses its file when all handlers are closed.
PROGRAM = """
import asyncio, builtins, gc, json, logging, logging.handlers, multiprocessing, os, signal, sys, threading

from serve_app.cluster.environment import prepare_environment
from serve_app.settings import Settings
from serve_app.timeline import Timeline

settings = Settings.model_validate({"engine": {"backend": sys.argv[1]}})
prepare_environment(settings)
from serve_app.app import _engine_maker

log = logging.handlers.MemoryHandler(1, target=logging.FileHandler(os.devnull))
logging.getLogger("ray.serve").addHandler(log)

def state():
    return {
        "log": log.target is not None and log in logging.getLogger("ray.serve").handlers,
        "root": (logging.root.level, len(logging.root.handlers), logging.root.manager.disable),
        "record factory": logging.getLogRecordFactory(),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "excepthooks": (sys.excepthook, threading.excepthook),
        "streams": (sys.stdout, sys.stderr, builtins.print),
        "event loops": type(asyncio.get_event_loop_policy()),
        "start method": multiprocessing.get_start_method(allow_none=True),
        "folder and mask": (os.getcwd(), os.umask(0o22)),
        "collector": gc.isenabled(),
    }

os.umask(0o22)
before = state()
engine = _engine_maker(settings)(Timeline())
if sys.argv[1] == "vllm":
    engine._args.create_engine_config()
after = state()
print(json.dumps({name: [str(before[name]), str(after[name])] for name in before if before[name] != after[name]}))
"""


@pytest.mark.parametrize("backend", ["vllm", "transformers", "triton", "openai", "scripted"])
def test_the_process_of_a_replica_stays_as_serve_has_set_it_up(backend: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, backend], capture_output=True, text=True, timeout=120, check=False
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {}
