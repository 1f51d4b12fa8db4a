"""HAProxy in the place of Serve's own proxy, as Ray starts and feeds it."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator


def find_haproxy() -> str | None:
    """Look for the program on the path, and where Debian puts it, which is on root's path only."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


@contextlib.contextmanager
def haproxy(binary: str, longest_request_s: int, tell: Callable[[str], None]) -> Iterator[None]:
    """Have Ray start HAProxy, with its files in a folder that nobody else may enter: its socket takes commands.

    The gateway's replicas listen on loopback, as the door does. The address of HAProxy's counters cannot be configured.
    """
    places = free_port(), free_port()
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
                "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
                # With other replicas comes another HAProxy; the one before it ends when the longest request must.
                "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(longest_request_s + 10),
                # On one machine HAProxy learns at once that a replica stops.
                "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
            }
        )
        tell(f"HAProxy's counters, which hold no patient data, are open to other machines at ports {places}")
        yield


def free_port() -> int:
    """Find a TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port
