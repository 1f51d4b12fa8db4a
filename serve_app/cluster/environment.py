"""What Ray, vLLM and Hugging Face read from the environment when they are imported.

Imports none of them. A cluster gets the same from the chart; a test compares the two.
"""

import logging
import logging.handlers
import os
import resource
import secrets
from pathlib import Path

from serve_app.settings import Settings
from serve_app.telemetry.logs import withhold_texts

NOTHING_PHONES_HOME = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Switched off, Ray still reports that it is off, unless there is nowhere to report to.
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
"""What Ray, vLLM, Hugging Face and Gradio read at import, wherever one of them is started."""
ENVIRONMENT = {
    **NOTHING_PHONES_HOME,
    "TOKENIZERS_PARALLELISM": "false",
    "RAY_AUTH_MODE": "token",
    # Off: Ray takes 127.0.0.1 for this node's address, and all that it opens, /metrics too, listens there only. On, as
    # by default on Linux, it replaces a loopback address by one that other machines reach.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # A busy machine is not a dead one, so an answer may take long. A dead proxy fails a check at once, and Serve starts
    # another after three: the period alone decides how long the door stays closed.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # By default Serve's controller wakes ten times a second: 3 % of a core that a small machine can use better.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    # Replicas speak gRPC to each other, with Ray's token: less to do for every film and word than actor calls.
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    # The default is 4 MB; -1 removes the bound, because the API limits the size of an upload.
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": "-1",
    # vLLM would speak gRPC to `telemetry.otlp_endpoint`, which is an address for HTTP.
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    # vLLM would look up its own address by connecting to a public one.
    "VLLM_HOST_IP": "127.0.0.1",
    # vLLM's own configuration of logging closes every handler of the process, Serve's too: the replica's log then ends,
    # and a restarted controller, which asks for its name, replaces the healthy replica.
    "VLLM_CONFIGURE_LOGGING": "0",
    # FlashInfer compiles its sampling kernel at run time, with a CUDA toolkit that no image of ours holds: no engine
    # started on a GPU (LOG.md, 2026-11-27). Greedy reports lose nothing.
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
}
"""What every process of a platform on one machine starts with; a cluster gets its own from the chart."""


def prepare_environment(settings: Settings) -> None:
    """Set what Ray, vLLM and Hugging Face read at import; call it before any of them is imported."""
    middleware = "loopback_middleware" if settings.access.mode == "open" else "middleware"
    os.environ["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] = f"serve_app.cluster.proxy:{middleware}"
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # One token per run, in no file.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if settings.engine.enforce_eager:
        # Some samplers compile themselves with a C++ compiler otherwise, in the middle of a request.
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    if settings.model.source == "demo" or Path(settings.model.source).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"


def log_to_serve() -> None:
    """Send our lines, and vLLM's warnings, where Serve sends its own: to the log of this replica or proxy, once.

    Nothing else of what the process handles is written: no other library's texts, no core file. Serve writes every line
    to standard error too, which Ray keeps in a second file.
    """
    withhold_texts()
    # A core file would hold films, names and keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serves_own = logging.getLogger("ray.serve")
    for name in ("serve_app", "vllm"):
        logging.getLogger(name).parent = serves_own
    logging.getLogger("vllm").setLevel(logging.WARNING)
    if any(isinstance(handler, logging.handlers.MemoryHandler) for handler in serves_own.handlers):
        serves_own.handlers = [handler for handler in serves_own.handlers if type(handler) is not logging.StreamHandler]
