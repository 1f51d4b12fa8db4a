"""A real Ray on this machine that serves a rendered RayService: the operator's part, with a worker's environment."""

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import yaml

from loadtests.bench.servers import free_port
from tests.deploy.manifests import Manifest, environment_of, templates_of

SERVE = Path(sys.executable).parent / "serve"


@dataclass(frozen=True)
class RealServe:
    """A running `serve run`, and what the operator would do with it next."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def deploy(self, ray_service: Manifest) -> None:
        """Send another config to the dashboard, as the operator does after an upgrade."""
        config = write_config(ray_service, self.folder, self.port)
        found = re.search(r"dashboard at \S*?(127\.0\.0\.1:\d+)", self.log())
        assert found, self.log()
        command = [SERVE, "deploy", config.name, "--address", f"http://{found[1]}"]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True, capture_output=True)

    def replicas(self, deployment: str) -> set[int]:
        """The processes of a deployment's replicas."""
        found = set()
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if f"ServeReplica:clara:{deployment}" in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found

    def readiness(self) -> str:
        """What /readyz says; nothing where nobody answers."""
        try:
            return str(httpx.get(f"{self.url}/readyz", timeout=10, trust_env=False).json().get("reason", ""))
        except (httpx.TransportError, ValueError):
            return ""

    def wait_until(self, is_so: Callable[[], bool], timeout_s: float) -> None:
        """Wait for something to come true; if it does not, fail with the end of the log."""
        deadline = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"it never came; the log ends: {self.log()[-6000:]}")
            time.sleep(0.5)

    def log(self) -> str:
        return (self.folder / "serve.log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def served(ray_service: Manifest, folder: Path, cluster: "RealCluster | None" = None) -> Iterator[RealServe]:
    """Hand the config to `serve run`, which takes it as the operator's request does; stop it as Ctrl-C does."""
    port = free_port()
    config = write_config(ray_service, folder, port)
    environment = cluster.environment if cluster else environment_for(ray_service, folder)
    command = [SERVE, "run", config.name, "--address", cluster.address if cluster else "local"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    children: list[psutil.Process] = []
    try:
        yield RealServe(port, process, folder, environment)
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=90)
        finally:
            process.kill()
            for child in psutil.wait_procs(children, timeout=30)[1]:
                child.kill()


@dataclass(frozen=True)
class RealCluster:
    """A Ray of several nodes on this machine: the head, and one of each group of workers, by the group's name."""

    address: str
    nodes: dict[str, subprocess.Popen[bytes]]
    environment: dict[str, str]

    def replicas(self, group: str) -> list[str]:
        """The deployments of the replicas on a node."""
        titles = []
        for child in psutil.Process(self.nodes[group].pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                titles += re.findall(r"ServeReplica:clara:(\w+)", " ".join(child.cmdline()))
        return sorted(titles)


@contextlib.contextmanager
def clustered(ray_service: Manifest, folder: Path) -> Iterator[RealCluster]:
    """Start the nodes as the operator has them started, each with what its group says of itself."""
    cluster = ray_service["spec"]["rayClusterConfig"]
    environment = environment_for(ray_service, folder)
    address = f"127.0.0.1:{free_port()}"
    nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str, *arguments: str) -> None:
        command = [SERVE.parent / "ray", "start", "--block", "--object-store-memory=100000000", *arguments]
        with (folder / f"{name}.log").open("wb") as log:
            nodes[name] = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while "Ray runtime started" not in (folder / f"{name}.log").read_text(encoding="utf-8"):
            assert time.monotonic() < deadline, (folder / f"{name}.log").read_text(encoding="utf-8")
            time.sleep(0.2)

    try:
        head = [f"--{name}={value}" for name, value in cluster["headGroupSpec"]["rayStartParams"].items()]
        host, _, port = address.partition(":")
        start("head", "--head", f"--node-ip-address={host}", f"--port={port}", "--include-dashboard=false", *head)
        for group in cluster["workerGroupSpecs"]:
            limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
            labels = ",".join(f"{key}={value}" for key, value in group.get("labels", {}).items())
            start(
                group["groupName"],
                f"--address={address}",
                f"--node-ip-address={host}",
                f"--num-cpus={limits['cpu']}",
                f"--num-gpus={limits.get('nvidia.com/gpu', 0)}",
                f"--labels={labels}",
            )
        yield RealCluster(address, nodes, environment)
    finally:
        for node in reversed(nodes.values()):
            node.terminate()
        for node in nodes.values():
            node.wait(timeout=60)


def write_config(ray_service: Manifest, folder: Path, port: int) -> Path:
    """Write the Serve config as it is but for one thing: this machine alone may ask."""
    config = yaml.safe_load(ray_service["spec"]["serveConfigV2"])
    config["http_options"] |= {"host": "127.0.0.1", "port": port}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def environment_for(ray_service: Manifest, folder: Path) -> dict[str, str]:
    """A worker's environment, less what is the cluster's."""
    rendered = environment_of(templates_of(ray_service)["cpu"])
    plain = {name: value for name, value in rendered.items() if isinstance(value, str)}
    here = {"HOME": str(folder), "HF_HOME": str(folder), "VLLM_HOST_IP": "127.0.0.1"}
    # The operator's part, and patience with a machine that does other things too.
    patience = {f"RAY_SERVE_PROXY_{name}_TIMEOUT_S": "60" for name in ("READY_CHECK", "HEALTH_CHECK")}
    return os.environ | plain | here | patience | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
