"""What the webhooks of Knative and RabbitMQ refuse, although the schemas allow it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.manifests.objects import Object, label, of_kind, services

MAX_SECONDS = 600  # max-revision-timeout-seconds of an unchanged Knative
_POD = {
    "containers",
    "volumes",
    "serviceAccountName",
    "imagePullSecrets",
    "enableServiceLinks",
    "automountServiceAccountToken",
    "containerConcurrency",
    "timeoutSeconds",
    "responseStartTimeoutSeconds",
    "idleTimeoutSeconds",
}
_CONTAINER = {
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeMounts",
    "workingDir",
}
_SECURITY = {
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "allowPrivilegeEscalation",
    "readOnlyRootFilesystem",
    "seccompProfile",
    "privileged",
    "capabilities",
}
_SCALING = {
    "class",
    "min-scale",
    "max-scale",
    "initial-scale",
    "activation-scale",
    "metric",
    "target",
    "target-utilization-percentage",
    "target-burst-capacity",
    "window",
    "scale-down-delay",
    "scale-to-zero-pod-retention-period",
    "panic-window-percentage",
    "panic-threshold-percentage",
}
_SCALING_PREFIX = "autoscaling.knative.dev/"
_INJECTED = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}
_RESERVED_PORTS = {8008, 8012, 8013, 8022, 8112, 9090, 9091}
_DURATION = re.compile(r"P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


def errors(items: list[Object]) -> list[str]:
    """Return what a webhook would refuse."""
    rules = {
        "RabbitmqSource.sources.knative.dev": _rabbitmq_source,
        "PingSource.sources.knative.dev": _ping_source,
        "Queue.rabbitmq.com": _queue,
        "Permission.rabbitmq.com": _permission,
    }
    found = [f"{label(item)}: {text}" for item in services(items) for text in _service(item)]
    return found + [
        f"{label(item)}: {text}"
        for kind, rule in rules.items()
        for item in of_kind(items, kind)
        for text in rule(item["spec"])
    ]


def _service(item: Object) -> Iterator[str]:
    metadata, template = item["metadata"], item["spec"]["template"]
    if any(name.startswith(_SCALING_PREFIX) for name in metadata.get("annotations", {})):
        yield "autoscaling annotations belong in the template"
    if metadata["labels"].get("networking.knative.dev/visibility", "cluster-local") != "cluster-local":
        yield "the only visibility is cluster-local"
    name = template["metadata"].get("name")
    if name is not None and not name.startswith(metadata["name"] + "-"):
        yield "a revision's name must start with the service's"
    yield from _scaling(template["metadata"].get("annotations", {}))
    spec = template["spec"]
    yield from (f"{field} is not allowed in a pod" for field in sorted(spec.keys() - _POD))
    if spec.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken may only be false"
    if not 0 <= spec.get("containerConcurrency", 0) <= 1000:
        yield "containerConcurrency is 0 to 1000"
    total = spec.get("timeoutSeconds", 300)
    if not 0 < total <= MAX_SECONDS:
        yield f"timeoutSeconds is at most {MAX_SECONDS}"
    if spec.get("responseStartTimeoutSeconds", 0) > total or spec.get("idleTimeoutSeconds", 0) > total:
        yield "no other time-out is longer than timeoutSeconds"
    if len(spec["containers"]) != 1:
        yield "there must be exactly one container"
    for container in spec["containers"]:
        yield from _container(container)
        yield from _volumes(spec.get("volumes", []), container.get("volumeMounts", []))


def _scaling(annotations: dict[str, str]) -> Iterator[str]:
    for name, value in annotations.items():
        if name.startswith(_SCALING_PREFIX):
            word = name.removeprefix(_SCALING_PREFIX)
            if word not in _SCALING:
                yield f"unknown annotation {name}"
            if word in ("min-scale", "max-scale", "initial-scale") and not value.isdecimal():
                yield f"{name} is a whole number"
    least, most = (annotations.get(f"{_SCALING_PREFIX}{word}", "0") for word in ("min-scale", "max-scale"))
    if least.isdecimal() and most.isdecimal() and 0 < int(most) < int(least):
        yield "max-scale is below min-scale"


def _container(container: Object) -> Iterator[str]:
    yield from (f"{field} is not allowed in a container" for field in sorted(container.keys() - _CONTAINER))
    security = container.get("securityContext", {})
    yield from (f"{field} is not allowed in a securityContext" for field in sorted(security.keys() - _SECURITY))
    if security.get("capabilities", {}).get("add"):
        yield "capabilities cannot be added"
    if security.get("privileged"):
        yield "a container cannot be privileged"
    names = [variable["name"] for variable in container.get("env", [])]
    yield from (f"Knative itself sets {name}" for name in names if name in _INJECTED)
    for variable in container.get("env", []):
        if variable.get("valueFrom", {}).keys() - {"secretKeyRef", "configMapKeyRef"}:
            yield f"{variable['name']} may only come from a Secret or a ConfigMap"
    ports = container.get("ports", [])
    if len(ports) > 1:
        yield "a container has one port"
    for port in ports:
        if port["containerPort"] in _RESERVED_PORTS:
            yield f"port {port['containerPort']} is Knative's"
        if port.get("name", "") not in ("", "http1", "h2c"):
            yield "a port's name is http1 or h2c"
    for field in ("readinessProbe", "livenessProbe", "startupProbe"):
        yield from _probe(field, container.get(field), readiness=field == "readinessProbe")


def _probe(field: str, probe: Object | None, *, readiness: bool) -> Iterator[str]:
    if probe is None:
        return
    if len(probe.keys() & {"httpGet", "tcpSocket", "exec", "grpc"}) != 1:
        yield f"a {field} has one handler"
    if readiness and not probe.get("periodSeconds") and probe.keys() & {"failureThreshold", "timeoutSeconds"}:
        yield f"a {field} without periodSeconds has neither failureThreshold nor timeoutSeconds"


def _volumes(volumes: list[Object], mounts: list[Object]) -> Iterator[str]:
    for volume in volumes:
        if len(volume) != 2 or not volume.keys() & {"secret", "configMap", "projected", "emptyDir"}:
            yield f"volume {volume['name']} has a forbidden type"
        if volume.get("emptyDir", {}).get("medium", "") not in ("", "Memory"):
            yield f"volume {volume['name']} has a forbidden medium"
    for name in {volume["name"] for volume in volumes} ^ {mount["name"] for mount in mounts}:
        yield f"{name} must be both a volume and mounted"
    paths = [mount["mountPath"].rstrip("/") for mount in mounts]
    if len(set(paths)) < len(paths) or {"", "/dev", "/dev/log"} & set(paths):
        yield "a mountPath is reserved"


def _rabbitmq_source(spec: Object) -> Iterator[str]:
    cluster, resources, delivery = (
        spec["rabbitmqClusterReference"],
        spec["rabbitmqResourcesConfig"],
        spec.get("delivery", {}),
    )
    if ("name" in cluster) == ("connectionSecret" in cluster):
        yield "the cluster must be given by its name or by a connectionSecret"
    if not resources.get("predeclared") and not resources.get("exchangeName"):
        yield "a declared exchange needs a name"
    if not 1 <= resources.get("parallelism", 1) <= 1000:
        yield "parallelism is 1 to 1000"
    if delivery.get("backoffPolicy", "linear") not in ("linear", "exponential"):
        yield "backoffPolicy is linear or exponential"
    if not _DURATION.fullmatch(delivery.get("backoffDelay", "PT1S")):
        yield "backoffDelay is an ISO 8601 duration"


def _ping_source(spec: Object) -> Iterator[str]:
    if len(spec["schedule"].split()) not in (5, 6):
        yield "a schedule has five fields, or six with seconds"
    if "data" in spec and "dataBase64" in spec:
        yield "only one kind of data is allowed"


def _queue(spec: Object) -> Iterator[str]:
    if spec.get("type") == "quorum" and not spec.get("durable"):
        yield "a quorum queue is durable"


def _permission(spec: Object) -> Iterator[str]:
    if ("user" in spec) == ("userReference" in spec):
        yield "the user must be given by user or by userReference"
