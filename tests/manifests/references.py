"""Every name in an object must exist: Secrets and keys, sinks, queues, images, ports."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from local.cluster import credentials
from tests.manifests.building import ROOT
from tests.manifests.objects import Object, container, key, label, of_kind, pods, services

FUNCTIONS_FOLDER = ROOT / "functions"
FOREIGN_IMAGES = {"caddy", "mysql", "mongo", "axllent/mailpit"}

Names = dict[tuple[str, str, str], Any]


def errors(items: list[Object]) -> list[str]:
    """Return names that do not exist."""
    known: Names = {key(item): item for item in [*items, *_secrets(_for_openfaas(items))]}
    found = [f"{key(item)} exists twice" for item in items if sum(key(item) == key(other) for other in items) > 1]
    found += [f"{label(item)}: {text}" for item, pod in pods(items) for text in _pod(item, pod["spec"], known)]
    found += [f"{label(item)}: {text}" for item in items for text in _events(item, known, items)]
    found += [f"{label(item)}: {text}" for item in of_kind(items, "Service") for text in _selected(item, items)]
    namespaces = {item["metadata"]["name"] for item in of_kind(items, "Namespace")}
    return found + [
        f"{label(item)}: there is no namespace {item['metadata'].get('namespace')!r}"
        for item in items
        if item["kind"] != "Namespace" and item["metadata"].get("namespace") not in namespaces
    ]


@cache
def _secrets(openfaas: bool) -> list[Object]:
    make = credentials.make_for_openfaas if openfaas else credentials.make
    return make("mongodb/x", "mysql/x", "rabbitmq", "smtp://relay")


def _for_openfaas(items: list[Object]) -> bool:
    return any(item["metadata"]["name"] == "connector" for item in of_kind(items, "Deployment.apps"))


def _pod(item: Object, spec: Object, known: Names) -> Iterator[str]:
    namespace = item["metadata"]["namespace"]
    if ("ServiceAccount", namespace, spec.get("serviceAccountName")) not in known:
        yield f"there is no service account {spec.get('serviceAccountName')!r}"
    for part in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from _image(part["image"])
        for source in part.get("envFrom", []):
            yield from _keys(source.get("configMapRef"), "ConfigMap", namespace, [], known)
            yield from _keys(source.get("secretRef"), "Secret", namespace, [], known)
        for variable in part.get("env", []):
            if variable["name"].endswith("_FILE"):
                yield from _file(variable["value"], spec, part, namespace, known)
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                reference = variable.get("valueFrom", {}).get(field)
                yield from _keys(reference, kind, namespace, [reference["key"]] if reference else [], known)
        ports = {port.get("name"): port["containerPort"] for port in part.get("ports", [])}
        for probe in (part.get("readinessProbe", {}), part.get("livenessProbe", {})):
            for handler in ("httpGet", "tcpSocket"):
                port = probe.get(handler, {}).get("port")
                if port is not None and port not in ports and port not in ports.values():
                    yield f"a probe uses the unknown port {port}"
    for volume in spec.get("volumes", []):
        wanted = [entry["key"] for entry in volume.get("secret", {}).get("items", [])]
        if "secret" in volume:
            yield from _keys({"name": volume["secret"]["secretName"]}, "Secret", namespace, wanted, known)
        if "configMap" in volume:
            yield from _keys(volume["configMap"], "ConfigMap", namespace, [], known)


def _keys(reference: Any, kind: str, namespace: str, keys: list[str], known: Names) -> Iterator[str]:
    if reference is None:
        return
    target = known.get((kind, namespace, reference["name"]))
    if target is None:
        yield f"there is no {kind} {reference['name']!r} in {namespace}"
        return
    values = target.get("stringData", {}) | target.get("data", {})
    yield from (f"{kind} {reference['name']!r} has no {name!r}" for name in keys if name not in values)


def _file(path: str, spec: Object, part: Object, namespace: str, known: Names) -> Iterator[str]:
    folder, _, name = path.rpartition("/")
    mounted = [mount["name"] for mount in part["volumeMounts"] if mount["mountPath"] == folder]
    secret = [volume["secret"]["secretName"] for volume in spec["volumes"] if [volume["name"]] == mounted]
    if not secret:
        yield f"no Secret is mounted at {folder}"
    for found in secret:
        yield from _keys({"name": found}, "Secret", namespace, [name], known)


def _image(image: str) -> Iterator[str]:
    path, _, tag = image.rpartition(":")
    if not path or "/" in tag:
        yield f"image {image} has no tag"
    name = path.rpartition("/")[2]
    ours = "mp3converter/" in path and (FUNCTIONS_FOLDER / name / "requirements.txt").is_file()
    if not ours and path not in FOREIGN_IMAGES:
        yield f"image {image} has no folder in functions/"


def _events(item: Object, known: Names, items: list[Object]) -> Iterator[str]:
    spec, namespace = item.get("spec", {}), item["metadata"].get("namespace", "")
    sink = spec.get("sink", {}).get("ref")
    if sink:
        group = sink["apiVersion"].partition("/")[0]
        if (f"{sink['kind']}.{group}", sink.get("namespace", namespace), sink["name"]) not in known:
            yield f"there is no sink {sink['name']!r} in {sink.get('namespace', namespace)}"
    names = {(entry["kind"], entry["spec"].get("name")) for entry in items if "rabbitmq.com" in entry["apiVersion"]}
    resources = spec.get("rabbitmqResourcesConfig", {})
    wanted = [
        ("Queue", resources.get("queueName")),
        ("Exchange", resources.get("exchangeName")),
        ("Vhost", resources.get("vhost") or spec.get("vhost")),
    ]
    if item["kind"] == "Binding":
        wanted += [("Exchange", spec["source"]), (spec["destinationType"].capitalize(), spec["destination"])]
    arguments = spec.get("arguments", {})
    wanted.append(("Exchange", arguments.get("x-dead-letter-exchange")))
    yield from (f"there is no {kind} {name!r}" for kind, name in wanted if name and (kind, name) not in names)
    cluster = spec.get("rabbitmqClusterReference", {})
    if "name" in cluster and ("RabbitmqCluster.rabbitmq.com", namespace, cluster["name"]) not in known:
        yield f"there is no RabbitmqCluster {cluster['name']!r}"
    keys = ["uri", "username", "password", "port"]
    yield from _keys(cluster.get("connectionSecret"), "Secret", namespace, keys, known)
    yield from _keys(spec.get("importCredentialsSecret"), "Secret", namespace, ["username", "password"], known)
    user = spec.get("userReference")
    if user and ("User.rabbitmq.com", namespace, user["name"]) not in known:
        yield f"there is no User {user['name']!r}"


def _selected(item: Object, items: list[Object]) -> Iterator[str]:
    selector = item["spec"]["selector"].items()
    behind = [
        owner
        for owner, pod in pods(items)
        if selector <= pod["metadata"]["labels"].items()
        and owner["metadata"]["namespace"] == item["metadata"]["namespace"]
    ]
    if not behind or behind[0] in services(items):
        yield "it selects no pod"
        return
    ports = {port.get("name") for port in container(behind[0])["ports"]}
    yield from (
        f"its port targets the unknown port {port['targetPort']}"
        for port in item["spec"]["ports"]
        if port["targetPort"] not in ports
    )
