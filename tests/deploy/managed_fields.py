"""Who owns which field of an object, as an API server keeps it for server-side apply.

Source: sigs.k8s.io/structured-merge-diff v6, merge/update.go (Updater.Apply, Updater.Update, prune). An object
has one version, so nothing is converted. Paths that a client cannot own (name, namespace, uid, …) are left out, and so
is `status`, which is written through a subresource. Compared with that library on the objects of these tests.
"""

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
Path = tuple[Any, ...]
Fields = frozenset[Path]
Owners = dict[str, Fields]
"""The fields of each manager."""

LIST_KEYS = {
    "claims": ("name",),
    "containers": ("name",),
    "env": ("name",),
    "finalizers": ("",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Keys of the lists that merge by key; every other list is replaced as a whole. Ports have others."""
# Lists that a RayService's definition gives no type, which makes them atomic, and so all that is in them.
ATOMIC_BELOW = {"autoscalerOptions", "workerGroupSpecs"}
ATOMIC_MAPS = {
    "configMapKeyRef",
    "configMapRef",
    "fieldRef",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "podSelector",
    "resourceFieldRef",
    "secretKeyRef",
    "secretRef",
    "selector",
}
_UNOWNED: dict[Path, set[str]] = {
    (): {"apiVersion", "kind", "status"},
    ("metadata",): {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"},
}


class Conflict(Exception):
    """Another manager owns fields to which an apply gives other values; `fields` are theirs, by manager."""

    def __init__(self, fields: Owners) -> None:
        super().__init__(fields)
        self.fields = fields

    def __str__(self) -> str:
        return "; ".join(
            f"conflict with {manager!r}: {', '.join(sorted(dotted(path) for path in paths))}"
            for manager, paths in self.fields.items()
        )


def dotted(path: Path) -> str:
    """Write a path as the server does: .spec.template.containers[name="x"]."""
    return "".join(_element(element) for element in path)


def _element(element: Any) -> str:
    if isinstance(element, str):
        return f".{element}"
    return "[" + ",".join(f"{key}={value!r}" for key, value in element) + "]"


def apply(live: Object, config: Object, owners: Owners, manager: str, is_forced: bool) -> tuple[Object, Owners]:
    """Apply a configuration on the live object; return the object and its owners.

    Raises:
        Conflict: another manager owns a field that would change, and the apply is not forced.
    """
    fields = frozenset(_leaves(config))
    after = owners | {manager: fields}
    merged = _pruned(_merged(live, config), owners.get(manager, frozenset()), frozenset().union(*after.values()))
    return merged, _taken(live, merged, after, manager, is_forced)


def update(live: Object, new: Object, owners: Owners, manager: str) -> Owners:
    """Replace the live object; return the owners: whatever changed belongs to the manager now."""
    before, after = dict(_valued(live)), dict(_valued(new))
    changed = frozenset(path for path, value in after.items() if path not in before or before[path] != value)
    own = (owners.get(manager, frozenset()) & after.keys()) | changed
    return _taken(live, new, owners, manager, is_forced=True) | ({manager: own} if own else {})


def _taken(live: Object, new: Object, owners: Owners, manager: str, is_forced: bool) -> Owners:
    before, after = dict(_valued(live)), dict(_valued(new))
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    removed = before.keys() - after.keys()
    lost = {name: fields & changed for name, fields in owners.items() if name != manager and fields & changed}
    if lost and not is_forced:
        raise Conflict(lost)
    kept = {name: fields if name == manager else fields - changed - removed for name, fields in owners.items()}
    return {name: fields for name, fields in kept.items() if fields}


def _merged(live: Any, config: Any, path: Path = ()) -> Any:
    if isinstance(live, dict) and isinstance(config, dict) and not _is_whole(path, live):
        return {key: _merged(live.get(key), config.get(key, live.get(key)), (*path, key)) for key in live | config}
    if isinstance(live, list) and isinstance(config, list) and not _is_whole(path, config or live):
        held, given = _by_key(path, live), _by_key(path, config)
        return [_merged(held.get(key), given.get(key, held.get(key)), (*path, key)) for key in held | given]
    return config


def _pruned(merged: Object, last: Fields, owned: Fields) -> Object:
    """Drop what the manager applied last time and nobody owns now."""
    around = {path[:size] for path in owned for size in range(len(path))}
    pruned = _without(merged, (), last - owned - around)
    assert isinstance(pruned, dict)
    return pruned


def _without(node: Any, path: Path, gone: Fields) -> Any:
    """Drop paths, and the maps and lists that this empties."""
    if isinstance(node, dict):
        kept = {key: _without(value, (*path, key), gone) for key, value in node.items() if (*path, key) not in gone}
        return {key: value for key, value in kept.items() if value not in ({}, []) or node[key] == value}
    if isinstance(node, list) and not _is_whole(path, node):
        held = {(*path, key): item for key, item in _by_key(path, node).items()}
        return [_without(item, place, gone) for place, item in held.items() if place not in gone]
    return node


def _leaves(node: Any) -> Iterator[Path]:
    return (path for path, _ in _valued(node))


def _valued(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each owned field with its value; an item of a keyed list is a field itself, besides those below it."""
    if _is_whole(path, node):
        yield path, node
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in _UNOWNED.get(path, set()):
                yield from _valued(value, (*path, key))
    else:
        for name, item in _by_key(path, node).items():
            yield (*path, name), None
            if isinstance(item, dict):
                yield from _valued(item, (*path, name))


def _is_whole(path: Path, node: Any) -> bool:
    """Whether a node is one field: a scalar, an empty map or list, or one that is replaced as a whole."""
    if isinstance(node, dict):
        return not node or (path != () and path[-1] in ATOMIC_MAPS)
    return not isinstance(node, list) or not node or not _keys(path, node)


def _keys(path: Path, items: list[Any]) -> tuple[str, ...]:
    name = path[-1]
    if ATOMIC_BELOW & {element for element in path if isinstance(element, str)}:
        return ()
    if name == "ports" and "containerPort" in items[0]:
        return ("containerPort", "protocol")
    return LIST_KEYS.get(name, ())


def _by_key(path: Path, items: list[Any]) -> dict[Path, Any]:
    keys = _keys(path, items) if items else ()
    return {tuple((key, _key_of(item, key)) for key in keys): item for item in items}


def _key_of(item: Any, key: str) -> Any:
    """Read a key, which a protocol has by default; an item of a set is its own key."""
    return item.get(key, "TCP" if key == "protocol" else None) if isinstance(item, dict) else item
