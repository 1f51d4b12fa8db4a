"""Of a traceback in Serve's status, a user reads the cause."""

from types import SimpleNamespace

import pytest

from serve_app.cluster.failures import cause_of, failure_of, without_places
from serve_app.cluster.service import _without_engine
from serve_app.domain.service import Readiness

OURS = """A replica failed to start with exception. Retrying 2 more time(s). Error:
ray::ServeReplica:clara:engine.initialize_and_get_metadata() (pid=1, ip=127.0.0.1)
  File "replica.py", line 1, in initialize
RuntimeError: Traceback (most recent call last):
  File "vllm_engine.py", line 1, in _load
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}

The above exception was the direct cause of the following exception:

  File "deployments.py", line 1, in __init__
serve_app.domain.errors.Unavailable: vLLM cannot start: FileNotFoundError: [Errno 2] No such file: 'ninja'
"""
FAILED = "No engine can start: vLLM cannot start: FileNotFoundError: [Errno 2] No such file: 'ninja'"


def test_our_own_sentence_stands_alone() -> None:
    assert cause_of(OURS) == "vLLM cannot start: FileNotFoundError: [Errno 2] No such file: 'ninja'"


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            "Error:\nTraceback\n  x\ntorch.OutOfMemoryError: CUDA out of memory. Tried\n",
            "torch.OutOfMemoryError: CUDA out of memory. Tried",
        ),
        ("Error:\nthe actor died\n  at once", "Error: the actor died at once"),
    ],
)
def test_others_keep_their_kind_or_all_their_words(message: str, cause: str) -> None:
    assert cause_of(message) == cause


@pytest.mark.parametrize(
    ("status", "message", "replicas", "readiness"),
    [
        ("HEALTHY", "", {}, Readiness(True, "at-zero")),
        ("UPDATING", "", {"STARTING": 1}, Readiness(False, "no-engine")),
        ("UPDATING", OURS, {"STARTING": 1}, Readiness(False, "engine-failed", FAILED)),
        ("DEPLOY_FAILED", OURS, {}, Readiness(False, "engine-failed", FAILED)),
    ],
)
def test_an_engine_that_cannot_start_is_not_one_on_its_way(
    status: str, message: str, replicas: dict[str, int], readiness: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SimpleNamespace(status=status, message=message, replica_states=replicas)
    clara = SimpleNamespace(deployments={"engine": engine})
    monkeypatch.setattr("ray.serve.status", lambda: SimpleNamespace(applications={"clara": clara}))

    assert _without_engine("clara") == readiness
    assert (failure_of(engine) is None) is (message == "")


@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        ("OSError: cannot read /models/site/x.json", "OSError: cannot read …"),
        ("OSError: cannot read '/models/site 7b/x.json'", "OSError: cannot read '…'"),
        ("No such file: '~/.cache/x'", "No such file: '…'"),
        ("[./models/x.safetensors] is damaged", "[…] is damaged"),
        ("the server at http://10.1.2.3:8001/v1 (10.1.2.3:8001) refused", "the server at … (…) refused"),
        ("Qwen/Qwen2-VL-7B-Instruct has 1280/640 tokens", "Qwen/Qwen2-VL-7B-Instruct has 1280/640 tokens"),
        ("vLLM 0.32.0 wants torch 2.13", "vLLM 0.32.0 wants torch 2.13"),
        ("x" * 400, "x" * 300),
    ],
)
def test_a_client_reads_a_cause_without_places(cause: str, shown: str) -> None:
    assert without_places(cause) == shown
