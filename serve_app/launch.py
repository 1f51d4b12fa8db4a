"""Starts the platform on this machine: environment, Ray, Serve, and the way back down.

A cluster does not come through here: there KubeRay starts Ray and the chart sets the same environment.
"""

import contextlib
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum

from serve_app.cluster.environment import prepare_environment
from serve_app.cluster.haproxy import find_haproxy, haproxy
from serve_app.settings import Settings
from serve_app.timeline import Phase, Timeline

APP_NAME = "clara"

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
        LaunchError: `host` is not an IPv4 loopback address.
    """
    is_loopback = host == "localhost"
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        is_loopback = address.is_loopback
        if is_loopback and address.version == 6:
            raise LaunchError(f"{host} is an IPv6 address, which is not supported: choose 127.0.0.1")
    if not is_loopback:
        raise LaunchError(
            f"{host} is reachable from other machines: there is no authentication yet, so only 127.0.0.1 is allowed"
        )


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
    _require_free(host, port, "--port")
    _require_free(host, metrics_port, "--metrics-port")
    prepare_environment(settings)
    with _door(proxy, settings.gateway.deadline_s, tell):
        yield from _running(settings, host, port, metrics_port, Timeline(tell))


def _door(proxy: Proxy, deadline_s: float, tell: Callable[[str], None]) -> contextlib.AbstractContextManager[None]:
    if proxy is Proxy.SERVE:
        return contextlib.nullcontext()
    binary = find_haproxy()
    if binary is None:
        raise LaunchError("haproxy is not installed: install it (on Debian the package haproxy), or leave out --proxy")
    return haproxy(binary, deadline_s, tell)


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
        with timeline.phase("replicas"), _progress(timeline):
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
def _progress(timeline: Timeline) -> Iterator[None]:
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


def _require_free(host: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((host, port)) == 0:
            raise LaunchError(f"port {port} is in use: another platform may be running; choose another with {option}")
