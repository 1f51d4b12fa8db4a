"""Starts the platform on this machine: environment, Ray, Serve, and the way back down.

A cluster does not come through here: there KubeRay starts Ray and the chart sets the same environment.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from serve_app.access.authority import ServerCertificate
from serve_app.cluster.environment import prepare_environment
from serve_app.cluster.failures import cause_of, failure_of
from serve_app.cluster.haproxy import find_haproxy, haproxy
from serve_app.domain.errors import ClaraError, Unavailable
from serve_app.engines.checkpoint import require_checkpoint
from serve_app.records.database import Database
from serve_app.records.schema import SchemaMismatch, upgrade_if_new
from serve_app.settings import RecordsSettings, Settings
from serve_app.timeline import Phase, Timeline

APP_NAME = "clara"

_OBJECT_STORE_BYTES = 512 * 1024**2
_POLL_S = 0.5
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"


class Proxy(StrEnum):
    """What stands at the door: Serve's own proxy in Python, or HAProxy, which Ray starts and feeds."""

    SERVE = "serve"
    HAPROXY = "haproxy"


class LaunchError(Exception):
    """The platform cannot be started here; the message says why."""


def require_loopback(host: str) -> None:
    """Refuse to listen beyond this machine, as a platform must that lacks authentication or TLS.

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
            f"{host} is reachable from other machines: without authentication and TLS only 127.0.0.1 is allowed; "
            "--require-keys and --tls together allow it"
        )


@contextlib.contextmanager
def platform(
    settings: Settings,
    host: str,
    port: int,
    metrics_port: int,
    tell: Callable[[str], None],
    proxy: Proxy = Proxy.SERVE,
    certificate: ServerCertificate | None = None,
) -> Iterator[str]:
    """Run the whole platform while the context lasts, and yield its address.

    Args:
        settings: the platform's settings.
        host: a loopback address; any of IPv4 where callers are authenticated and there is a certificate.
        port: TCP port of the HTTP door.
        metrics_port: TCP port of Ray's Prometheus metrics.
        tell: called with a line for each phase of the start, and whenever a deployment's state changes.
        proxy: what stands at the door.
        certificate: what the door presents; without one it speaks plain HTTP.

    Raises:
        LaunchError: the address is not allowed, the port is taken, HAProxy is missing or cannot do what is asked, the
            database cannot be used, a deployment does not start.
    """
    is_authenticated = settings.access.mode == "required"
    if is_authenticated and certificate:
        _require_own(host)
    else:
        require_loopback(host)
    _require_free(host, port, "--port")
    _require_free(_LOOPBACK, metrics_port, "--metrics-port")
    _require_model(settings)
    if is_authenticated:
        _require_records(settings.records)
    prepare_environment(settings)
    with _door(proxy, certificate, settings.gateway.longest_request_s, tell):
        yield from _running(settings, _Listener(host, port, certificate), metrics_port, Timeline(tell))


def require_running() -> None:
    """Return if the platform that this process started still runs.

    Raises:
        LaunchError: a process of Ray that nothing restarts has ended.
    """
    if ended := _ended_processes():
        raise LaunchError(f"the platform has ended, because Ray's {' and '.join(ended)} ended: start it again")


def _ended_processes() -> list[str]:
    """Name Ray's processes that have ended and that nothing restarts."""
    from ray._private import worker

    return sorted({kind for kind, _ in worker._global_node.dead_processes()} & {"gcs_server", "raylet"})


@dataclass(frozen=True, slots=True)
class _Listener:
    """Where the door is, and what it presents."""

    host: str
    port: int
    certificate: ServerCertificate | None

    @property
    def url(self) -> str:
        """The address at which this machine reaches it."""
        host = _LOOPBACK if self.host == _EVERYWHERE else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

    @property
    def http_options(self) -> dict[str, Any]:
        """The same in Serve's words."""
        options: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.certificate is not None:
            options["ssl_keyfile"] = options["ssl_certfile"] = str(self.certificate.server_file)
        return options


def _door(
    proxy: Proxy, certificate: ServerCertificate | None, longest_request_s: int, tell: Callable[[str], None]
) -> contextlib.AbstractContextManager[None]:
    if proxy is Proxy.SERVE:
        return contextlib.nullcontext()
    if certificate is not None:
        raise LaunchError("Ray's HAProxy speaks no TLS: leave out --tls, or --proxy haproxy")
    binary = find_haproxy()
    if binary is None:
        raise LaunchError("haproxy is not installed: install it (on Debian the package haproxy), or leave out --proxy")
    return haproxy(binary, longest_request_s, tell)


def _running(settings: Settings, listener: _Listener, metrics_port: int, timeline: Timeline) -> Iterator[str]:
    """Start Ray, Serve and the application, yield the address, and end them."""
    with timeline.phase("imports"):
        from ray import serve
        from ray.serve import RunTarget

        from serve_app.app import build_app

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    with timeline.phase("Ray"):
        _start_ray(metrics_port)
    is_up = False
    try:
        with timeline.phase("Serve"):
            serve.start(
                http_options=listener.http_options,
                logging_config={"enable_access_log": False, "log_level": settings.telemetry.log_level},
            )
        with timeline.phase("replicas"):
            application = RunTarget(build_app(settings.model_dump(mode="json")), APP_NAME)
            serve.run_many([application], wait_for_applications_running=False)
            _wait_until_running(timeline)
            _wait_until_answered(listener)
            if settings.engine.scaling.min_replicas > 0:
                timeline.include(_engine_phases(), of="engine")
        is_up = True
        yield listener.url
    finally:
        timeline.note("stopping")
        _stop(is_in_order=is_up and not _ended_processes())


def _stop(*, is_in_order: bool) -> None:
    """End the application in order if it runs, so that the engine stops its own processes, and then Ray in any case."""
    import ray
    from ray import serve
    from ray.exceptions import RayError

    if is_in_order:
        # Where reports outlast Serve's patience, or Serve ends meanwhile, what is left ends with Ray.
        with contextlib.suppress(TimeoutError, RayError):
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
        _node_ip_address=_LOOPBACK,
        _metrics_export_port=metrics_port,
    )


def _wait_until_running(timeline: Timeline) -> None:
    """Wait until Serve has every replica, and note what changes.

    Raises:
        LaunchError: a replica failed, be it for the first time, or Ray has ended.
    """
    from ray import serve

    seen: dict[str, str] = {}
    while (application := serve.status().applications[APP_NAME]).status != "RUNNING":
        for name, deployment in application.deployments.items():
            if seen.get(name) != deployment.status:
                seen[name] = deployment.status
                timeline.note(f"{name} {deployment.status.lower()}")
            if (cause := failure_of(deployment)) is not None:
                raise LaunchError(f"{name} cannot start: {cause}")
        if application.status == "DEPLOY_FAILED":
            raise LaunchError(f"the platform cannot start: {cause_of(application.message)}")
        require_running()
        time.sleep(_POLL_S)


def _wait_until_answered(listener: _Listener) -> None:
    """Wait until the door leads to the application: it learns the way after Serve has every replica."""
    certificate = listener.certificate
    verify = ssl.create_default_context(cafile=str(certificate.authority_file)) if certificate else True
    while True:
        try:
            if httpx.get(f"{listener.url}/healthz", trust_env=False, verify=verify).is_success:
                return
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise LaunchError(f"the certificate does not serve {listener.url}: {error}") from error
        require_running()
        time.sleep(_POLL_S)


def _engine_phases() -> tuple[Phase, ...]:
    from ray import serve

    engine = serve.get_deployment_handle("engine", APP_NAME)
    phases: tuple[Phase, ...] = engine.phases.remote().result()
    # A handle reports its load every ten seconds. Once Ray has ended, that starts another Ray, with a dashboard.
    engine.shutdown()
    return phases


def _require_model(settings: Settings) -> None:
    """Look for the model's files while the answer is quick."""
    try:
        if settings.engine.backend in ("vllm", "transformers"):
            require_checkpoint(settings.model)
    except Unavailable as error:
        raise LaunchError(error.message) from error


def _require_records(settings: RecordsSettings) -> None:
    """Open the database while the answer is quick, and make its tables where there are none yet."""

    async def work() -> None:
        database = Database(settings.address, settings.timeout_s)
        try:
            await upgrade_if_new(database)
        finally:
            await database.close()

    try:
        asyncio.run(work())
    except (ClaraError, SchemaMismatch, OSError) as error:
        raise LaunchError(f"the keys' database cannot be used: {error}") from error


def _require_own(host: str) -> None:
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
    except OSError as error:
        raise LaunchError(f"{host} is not an IPv4 address of this machine, nor a name of one") from error


def _require_free(host: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((host, port)) == 0:
            raise LaunchError(f"port {port} is in use: another platform may be running; choose another with {option}")
