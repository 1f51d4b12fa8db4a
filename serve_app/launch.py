"""Starts the platform on this machine: environment, Ray, Serve, and the way back down.

A cluster does not come through here: there KubeRay starts Ray and the chart sets the same environment.
"""

import contextlib
import ipaddress
import logging
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from serve_app.settings import Settings
from serve_app.startup import Phase, Timeline

APP_NAME = "clara"

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
# A busy machine is not a dead one; one token per run, in no file.
_ENVIRONMENT = {
    **NOTHING_PHONES_HOME,
    "TOKENIZERS_PARALLELISM": "false",
    "RAY_AUTH_MODE": "token",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "30",
    # Serve's controller wakes ten times a second unless told: 3 % of a core, for nothing that a small machine needs.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    # Replicas speak gRPC to each other, with Ray's token: less to do for every film and word than actor calls.
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    # 4 MB unless told; -1 is no bound: how large a film may be is decided at the door.
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": "-1",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_app.api.middleware:proxy_middleware",
    # vLLM would speak gRPC to `telemetry.otlp_endpoint`, which is an address for HTTP.
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    # vLLM would find its own address by way of a public one.
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
_OBJECT_STORE_BYTES = 512 * 1024**2


class Proxy(StrEnum):
    """What stands at the door: Serve's own proxy in Python, or HAProxy, which Ray starts and feeds."""

    SERVE = "serve"
    HAPROXY = "haproxy"


class LaunchError(Exception):
    """The platform cannot be started here; the message says why."""


def require_loopback(host: str) -> None:
    """Refuse to listen beyond this machine while there is no authentication.

    Raises:
        LaunchError: `host` is no loopback address of IPv4, the only kind that Ray is given here.
    """
    is_loopback = host == "localhost"
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        is_loopback = address.is_loopback
        if is_loopback and address.version == 6:
            raise LaunchError(f"{host} is an IPv6 address, which is not served here: choose 127.0.0.1")
    if not is_loopback:
        raise LaunchError(
            f"{host} is not this machine alone: there is no authentication yet, so only 127.0.0.1 is served"
        )


def prepare_environment(settings: Settings) -> None:
    """Set what Ray, vLLM and Hugging Face read at import; call it before any of them is imported."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if settings.engine.enforce_eager:
        # Some samplers compile themselves with a C++ compiler otherwise, in the middle of a request.
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    if settings.model.source == "demo" or Path(settings.model.source).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"


def find_haproxy() -> str | None:
    """Look for the program on the path, and where Debian puts it, which is on root's path only."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


@contextlib.contextmanager
def platform(
    settings: Settings,
    host: str,
    port: int,
    metrics_port: int,
    tell: Callable[[str], None],
    proxy: Proxy = Proxy.SERVE,
) -> Iterator[str]:
    """Run the whole platform while the context lasts, and yield its address.

    Args:
        settings: the platform's settings.
        host: a loopback address.
        port: TCP port of the HTTP door.
        metrics_port: TCP port of Ray's Prometheus metrics.
        tell: called with a line for each phase of the start, and whenever a deployment's state changes.
        proxy: what stands at the door.

    Raises:
        LaunchError: the address is not loopback, the port is taken, HAProxy is missing, a deployment does not start.
    """
    require_loopback(host)
    _require_free(host, port)
    prepare_environment(settings)
    with _haproxy(settings.orchestrator.deadline_s, tell) if proxy is Proxy.HAPROXY else contextlib.nullcontext():
        yield from _running(settings, host, port, metrics_port, Timeline(tell))


@contextlib.contextmanager
def _haproxy(deadline_s: float, tell: Callable[[str], None]) -> Iterator[None]:
    """Have Ray start HAProxy, with its files in a folder that nobody else may enter: its socket takes commands.

    The gateway's replicas listen where the door does, so on loopback. HAProxy's own counters can't be told where to.
    """
    binary = find_haproxy()
    if binary is None:
        raise LaunchError("there is no haproxy here: install it (on Debian the package haproxy), or leave out --proxy")
    places = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="clara-") as folder:
        os.environ.update(
            {
                "RAY_SERVE_ENABLE_HA_PROXY": "1",
                "RAY_SERVE_HAPROXY_BINARY_PATH": binary,
                "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": f"{folder}/haproxy.cfg",
                "RAY_SERVE_HAPROXY_SOCKET_PATH": f"{folder}/admin.sock",
                "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": f"{folder}/metrics.sock",
                "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": folder,
                "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": f"{folder}/server-state",
                "RAY_SERVE_HAPROXY_STATS_PORT": str(places[0]),
                "RAY_SERVE_HAPROXY_METRICS_PORT": str(places[1]),
                "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(_free_port()),
                # With other replicas comes another HAProxy; the one before it ends when the longest report must.
                "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(round(deadline_s) + 30),
                # On one machine HAProxy has heard at once of a replica that goes.
                "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
            }
        )
        tell(f"HAProxy's counters, which tell nothing of a film, are open to other machines at ports {places}")
        yield


def _running(settings: Settings, host: str, port: int, metrics_port: int, timeline: Timeline) -> Iterator[str]:
    """Start Ray, Serve and the application, yield the address, and end them."""
    with timeline.phase("imports"):
        import ray
        from ray import serve

        from serve_app.app import build_app

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    with timeline.phase("Ray"):
        _start_ray(metrics_port)
    try:
        with timeline.phase("Serve"):
            serve.start(
                http_options={"host": host, "port": port},
                logging_config={"enable_access_log": False, "log_level": settings.telemetry.log_level},
            )
        with timeline.phase("replicas"), _told(timeline):
            _run(build_app(settings.model_dump(mode="json")))
            if settings.engine.scaling.min_replicas > 0:
                timeline.include(_engine_phases(), of="engine")
        yield f"http://{host}:{port}"
    finally:
        # Lets the engine stop its own processes first.
        serve.delete(APP_NAME)
        ray.shutdown()


def _start_ray(metrics_port: int) -> None:
    import ray

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=_OBJECT_STORE_BYTES,
        _node_ip_address="127.0.0.1",
        _metrics_export_port=metrics_port,
    )


def _run(app: object) -> None:
    from ray import serve

    try:
        serve.run(app, name=APP_NAME, route_prefix="/")
    except RuntimeError as error:
        raise LaunchError(_why_not_running()) from error


def _engine_phases() -> tuple[Phase, ...]:
    from ray import serve

    engine = serve.get_deployment_handle("engine", APP_NAME)
    phases: tuple[Phase, ...] = engine.phases.remote().result()
    # A handle reports its load every ten seconds. Once Ray has ended, that starts another Ray, with a dashboard.
    engine.shutdown()
    return phases


def _why_not_running() -> str:
    """Say which deployment failed, in Serve's own words."""
    from ray import serve

    application = serve.status().applications[APP_NAME]
    lines = [
        f"{name}: {deployment.message}"
        for name, deployment in application.deployments.items()
        if deployment.status != "HEALTHY"
    ]
    return "\n".join(["the platform did not start", application.message, *lines])


@contextlib.contextmanager
def _told(timeline: Timeline) -> Iterator[None]:
    """Report each deployment once it is up, and that the rest is still loading."""
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(timeline, stop), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(timeout=5)


def _watch(timeline: Timeline, stop: threading.Event) -> None:
    from ray import serve

    seen: dict[str, str] = {}
    while not stop.wait(1.0):
        application = serve.status().applications.get(APP_NAME)
        for name, deployment in application.deployments.items() if application else ():
            if seen.get(name) != deployment.status:
                seen[name] = deployment.status
                timeline.note(f"{name} {deployment.status.lower()}")


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((host, port)) == 0:
            raise LaunchError(f"port {port} is taken: another platform may be running; choose one with --port")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port
