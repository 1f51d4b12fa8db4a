"""An API server in memory: enough of it for Helm to install, upgrade, roll back and uninstall a chart.

Keeps objects as they are sent, with the owners of their fields, and serves them again; those of Kubernetes' own kinds
only if they fit its strict schema. Knows no controllers, and no defaults but those of a RayService.
"""

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import yaml

from tests.deploy import managed_fields
from tests.deploy.manifests import containers_of, is_core
from tests.deploy.protobuf import is_protobuf, read_secret

Object = dict[str, Any]
# apiVersion: plural name: kind. All of them live in a namespace but the namespace itself.
RESOURCES: dict[str, dict[str, str]] = {
    "v1": {
        "namespaces": "Namespace",
        "secrets": "Secret",
        "configmaps": "ConfigMap",
        "services": "Service",
        "pods": "Pod",
        "persistentvolumeclaims": "PersistentVolumeClaim",
    },
    "apps/v1": {"deployments": "Deployment"},
    "batch/v1": {"jobs": "Job"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy", "ingresses": "Ingress"},
    "ray.io/v1": {"rayservices": "RayService", "rayclusters": "RayCluster"},
}
KUBERNETES_VERSION = "1.33"
ADDED = {
    "monitoring.coreos.com/v1": {"podmonitors": "PodMonitor", "prometheusrules": "PrometheusRule"},
    "cert-manager.io/v1": {"certificates": "Certificate"},
    "gateway.networking.k8s.io/v1": {"httproutes": "HTTPRoute"},
}
"""Custom resources that a cluster may have."""


class ApiServer(ThreadingHTTPServer):
    """Serves on a free loopback port while it is entered; `objects` is what it holds, by path."""

    daemon_threads = True

    def __init__(self, resources: dict[str, dict[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.resources = resources
        self.objects: dict[str, Object] = {}
        self.owners: dict[str, managed_fields.Owners] = {}

    def __enter__(self) -> "ApiServer":
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def kubeconfig(self, folder: Path) -> Path:
        """Write what a client needs to find this server."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}],
            "users": [{"name": "fake", "user": {}}],
        }
        file = folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return file

    def kinds(self) -> set[tuple[str, str]]:
        """(kind, name) of everything that a chart made; Helm's own records left out."""
        held = {(thing["kind"], thing["metadata"]["name"]) for thing in self.objects.values()}
        return {(kind, name) for kind, name in held if kind not in ("Secret", "Namespace")}

    def get(self, kind: str, name: str) -> Object:
        """The one object of that kind and name."""
        (found,) = [o for o in self.objects.values() if (o["kind"], o["metadata"]["name"]) == (kind, name)]
        return found

    def apply(self, path: str, config: Object, manager: str, is_forced: bool = False) -> Object:
        """Apply a configuration from the server's side.

        Raises:
            managed_fields.Conflict: another manager owns a field that would change.
        """
        live, owners = self.objects.get(path, {}), self.owners.get(path, {})
        merged, self.owners[path] = managed_fields.apply(live, config, owners, manager, is_forced)
        return self._keep(path, _defaulted(merged))

    def write(self, path: str, body: Object, manager: str) -> Object:
        """Replace an object, or make it."""
        live, owners = self.objects.get(path, {}), self.owners.get(path, {})
        body = _defaulted(body)
        self.owners[path] = managed_fields.update(live, body, owners, manager)
        return self._keep(path, body)

    def remove(self, path: str) -> Object | None:
        """Delete an object; None where there is none."""
        self.owners.pop(path, None)
        return self.objects.pop(path, None)

    def _keep(self, path: str, body: Object) -> Object:
        before = self.objects.get(path, {}).get("metadata", {})
        version = int(before.get("resourceVersion", "0")) + 1
        body["metadata"] |= {"resourceVersion": str(version), "uid": before.get("uid", f"uid-{path}")}
        self.objects[path] = body
        return body


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path.rstrip("/"), self._query()
        if (found := _described(self.server.resources, path)) is not None:
            self._answer(200, found)
        elif path in self.server.objects:
            self._answer(200, self.server.objects[path])
        elif kind := self._kind(path):
            wanted = dict(pair.split("=", 1) for pair in query.get("labelSelector", [""])[0].split(",") if "=" in pair)
            held = [thing for key, thing in self.server.objects.items() if key.rpartition("/")[0] == path]
            items = [thing for thing in held if wanted.items() <= thing["metadata"].get("labels", {}).items()]
            self._answer(200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": items})
        else:
            self._missing()

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        key = f"{path}/{body['metadata']['name']}"
        if key in self.server.objects:
            self._answer(409, _status("AlreadyExists", 409))
        else:
            self._answer(201, self.server.write(key, body, self._manager()))

    def do_PUT(self) -> None:
        self._answer(200, self.server.write(urlsplit(self.path).path, self._body(), self._manager()))

    def do_PATCH(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        if "apply" in self.headers["Content-Type"]:
            self._apply(path, body)
        elif path in self.server.objects:
            patched = _patched(self.server.objects[path], body)
            self._answer(200, self.server.write(path, patched, self._manager()))
        else:
            self._missing()

    def _apply(self, path: str, body: Object) -> None:
        try:
            if is_core(body):
                kubernetes_validate.validate(body, KUBERNETES_VERSION, strict=True)
            is_forced = self._query().get("force") == ["true"]
            self._answer(200, self.server.apply(path, body, self._manager(), is_forced))
        except kubernetes_validate.ValidationError as error:
            self._answer(422, _status("Invalid", 422, error.message))
        except managed_fields.Conflict as conflict:
            self._answer(409, _status("Conflict", 409, f"Apply failed with conflicts: {conflict}"))

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.remove(urlsplit(self.path).path) is None:
            self._missing()
        else:
            self._answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def _manager(self) -> str:
        """Name the client as the server does: as it says, or by the first part of its user agent."""
        named = self._query().get("fieldManager", [self.headers.get("User-Agent", "unknown").partition("/")[0]])
        return named[0]

    def _kind(self, path: str) -> str | None:
        plural = path.rpartition("/")[2]
        return next((kinds[plural] for kinds in self.server.resources.values() if plural in kinds), None)

    def _body(self) -> Object:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # JSON is YAML too, and server-side apply sends either.
        return read_secret(data) if is_protobuf(data) else yaml.safe_load(data) or {}

    def _missing(self) -> None:
        self._answer(404, _status("NotFound", 404))

    def _answer(self, status: int, body: Object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _described(resources: dict[str, dict[str, str]], path: str) -> Object | None:
    """What the server says about itself; None where the path is none of that."""
    name = path.removeprefix("/openapi/v3/").removeprefix("/apis/").removeprefix("/api/")
    match path:
        case "/version":
            return {"major": "1", "minor": KUBERNETES_VERSION[2:], "gitVersion": f"v{KUBERNETES_VERSION}.0"}
        case "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        case "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(n) for n in resources if "/" in n]}
        case "/openapi/v3":
            roots = {n: f"apis/{n}" if "/" in n else f"api/{n}" for n in resources}
            return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{n}"} for n, root in roots.items()}}
        case _ if name not in resources or "/namespaces" in path:
            return None
        case _ if path.startswith("/openapi"):
            kinds = resources[name].values()
            return {"openapi": "3.0.0", "paths": {f"/{kind}": _validated(name, kind) for kind in kinds}}
        case _:
            listed = [_resource(plural, kind) for plural, kind in resources[name].items()]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}


def _group(name: str) -> Object:
    version = {"groupVersion": name, "version": name.split("/")[1]}
    return {"name": name.split("/")[0], "versions": [version], "preferredVersion": version}


def _resource(plural: str, kind: str) -> Object:
    is_namespaced = kind != "Namespace"
    return {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": is_namespaced, "verbs": []}


def _validated(name: str, kind: str) -> Object:
    """Describe a resource whose fields the server itself validates, so that clients don't."""
    group, _, version = name.rpartition("/")
    about = {"group": group, "version": version, "kind": kind}
    parameters = [{"name": "fieldValidation", "in": "query"}]
    return {"patch": {"parameters": parameters, "x-kubernetes-group-version-kind": about}}


def _status(reason: str, code: int, message: str = "") -> Object:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return status | {"reason": reason, "code": code, "message": message or reason}


def _defaulted(thing: Object) -> Object:
    """Fill in the defaults that a RayService's definition has for what the chart renders."""
    if thing["kind"] != "RayService":
        return thing
    thing = copy.deepcopy(thing)
    cluster = thing["spec"]["rayClusterConfig"]
    for group in cluster["workerGroupSpecs"]:
        for key, value in {"numOfHosts": 1, "priority": 0, "replicas": 0}.items():
            group.setdefault(key, value)
    for container in containers_of(cluster):
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")
    return thing


def _patched(below: Object, above: Object) -> Object:
    """Merge by RFC 7396."""
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _patched(merged.get(key, {}), value) if isinstance(value, dict) else value
    return merged
