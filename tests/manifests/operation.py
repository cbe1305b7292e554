"""What our own rules ask of a manifest: limits that fit together, pods that may do little, events that are kept."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from tests.manifests.admission import MOST_SECONDS
from tests.manifests.objects import Object, container, label, of_kind, one, pods, services
from tests.manifests.settings import effective, environment

PREFETCH = 100  # RabbitmqSource's, which cannot be changed
# The step that a function's time limit must leave time for.
STEPS = {
    "upload": "UPLOAD_TIMEOUT_SECONDS",
    "convert": "CONVERT_TIMEOUT_SECONDS",
    "download": "DOWNLOAD_TIMEOUT_SECONDS",
    "notify": "SMTP_FINAL_TIMEOUT_SECONDS",
    "sweep": "SWEEP_PASS_SECONDS",
}
_PROBES = ("readinessProbe", "livenessProbe")


def complaints(items: list[Object]) -> list[str]:
    """Return which of our rules are broken."""
    found = [f"{label(item)}: {text}" for item in services(items) for text in _service(item, items)]
    found += pods_complaints(items)
    sources = of_kind(items, "RabbitmqSource.sources.knative.dev")
    found += [f"{label(item)}: {text}" for item in sources for text in _source(item, items)]
    found += [
        f"{label(item)}: what it holds would be deleted with it"
        for item in of_kind(items, "Queue.rabbitmq.com")
        if item["spec"].get("deletionPolicy") != "retain"
    ]
    found += [
        f"{label(item)}: {text}"
        for item in of_kind(items, "StatefulSet.apps")
        if item["metadata"]["name"] == "mongodb"
        for text in _replica_set(item, items)
    ]
    return found


def pods_complaints(items: list[Object]) -> list[str]:
    """Return what pods may that they need not, or lack."""
    return [f"{label(item)}: {text}" for item, pod in pods(items) for text in _pod(item, pod)]


def _service(item: Object, items: list[Object]) -> Iterator[str]:
    name, spec = item["metadata"]["name"], item["spec"]["template"]["spec"]
    given = effective(name, environment(item, items))
    total = spec.get("timeoutSeconds", 0)
    if total != spec.get("responseStartTimeoutSeconds") or total > MOST_SECONDS:
        yield "timeoutSeconds and responseStartTimeoutSeconds must be the same, or Knative cuts the answer after 300 s"
    if name in STEPS and not float(given[STEPS[name]]) < total:
        yield f"{STEPS[name]} must be below timeoutSeconds"
    if not float(given["GRACEFUL_TIMEOUT_SECONDS"]) < total:
        yield "GRACEFUL_TIMEOUT_SECONDS must be below timeoutSeconds, after which the pod is killed"
    if not 0 < spec.get("containerConcurrency", 0) < int(given["THREADS"]):
        yield "THREADS must leave one above containerConcurrency for probes"
    private = item["metadata"]["labels"].get("networking.knative.dev/visibility") == "cluster-local"
    if private != (name in _sinks(items)):
        yield "what events go to is cluster-local, and nothing else is"
    scale = item["spec"]["template"]["metadata"]["annotations"]
    if not scale.keys() >= {"autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/max-scale"}:
        yield "its scale needs both bounds"
    paths = [container(item).get(probe, {}).get("httpGet", {}).get("path") for probe in _PROBES]
    if paths != ["/_/ready", "/_/health"]:
        yield "its probes must ask /_/ready and /_/health"
    needed = int(given["UPLOAD_MAX_BYTES"]) + int(given["MAX_MP3_BYTES"]) if name == "convert" else 0
    rooms = [_bytes(volume["emptyDir"].get("sizeLimit", "0")) for volume in spec["volumes"] if "emptyDir" in volume]
    disk = _bytes(container(item)["resources"]["limits"].get("ephemeral-storage", "0"))
    if not needed < sum(rooms) <= disk:
        yield "its /tmp must hold the largest video and MP3, and its limit of ephemeral-storage must hold /tmp"
    if container(item)["securityContext"].get("runAsUser") != 65532:
        yield "the image's user is 65532"


def _sinks(items: list[Object]) -> set[str]:
    return {item["spec"]["sink"]["ref"]["name"] for item in items if "sink" in item.get("spec", {})}


def _bytes(quantity: str) -> int:
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    return int(quantity[:-2]) * units[quantity[-2:]] if quantity[-2:] in units else int(quantity)


def _pod(item: Object, pod: Object) -> Iterator[str]:
    spec = pod["spec"]
    if spec.get("automountServiceAccountToken") is not False:
        yield "nothing here calls the Kubernetes API"
    for part in spec["containers"]:
        if part.get("readinessProbe") is None:
            yield "nothing tells when it is ready"
        for side in ("requests", "limits"):
            if not part.get("resources", {}).get(side, {}).keys() >= {"cpu", "memory"}:
                yield f"its {side} name no cpu or no memory"
        if {mount["mountPath"] for mount in part["volumeMounts"] if mount["name"] == "tmp"} != {"/tmp"}:  # noqa: S108
            yield "nothing is mounted at /tmp"
    for part in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from _restricted(spec.get("securityContext", {}) | part.get("securityContext", {}))
    empty = [volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume]
    if not empty or not all(volume.get("sizeLimit") for volume in empty):
        yield "an emptyDir has no size limit"


def _restricted(security: Object) -> Iterator[str]:
    """Yield what the Pod Security Standard "restricted" refuses, and a root file system that can be written."""
    wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
    yield from (f"{field} must be {value}" for field, value in wanted.items() if security.get(field) is not value)
    if security.get("runAsUser") == 0:
        yield "runAsUser must not be 0"
    if security.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile must be RuntimeDefault"
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "all capabilities must be dropped"


def _replica_set(item: Object, items: list[Object]) -> Iterator[str]:
    """Yield what would keep the members of MongoDB's replica set from finding or trusting each other."""
    if item["spec"]["replicas"] % 2 == 0:
        yield "an even number of members has no more majority than one less"
    if item["spec"].get("podManagementPolicy") != "Parallel":
        yield "its members must start together: one alone has no majority"
    service = one(items, "Service", item["spec"]["serviceName"])
    if not service["spec"].get("publishNotReadyAddresses"):
        yield "its members must be found before they are ready"
    arguments = container(item).get("args", [])
    if not {"--replSet", "--keyFile"} <= set(arguments):
        yield "mongod is no member of a replica set"


def _source(item: Object, items: list[Object]) -> Iterator[str]:
    resources = item["spec"]["rabbitmqResourcesConfig"]
    if not resources.get("predeclared"):
        yield "its queue must be one that we declare: its own would have no dead letters"
    if not item["spec"].get("delivery", {}).get("retry"):
        yield "without delivery.retry a 503 is not tried again"
    sink = one(items, "Service.serving.knative.dev", item["spec"]["sink"]["ref"]["name"])
    template = sink["spec"]["template"]
    calls = max(1, resources.get("parallelism", 1))
    most = int(template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"])
    if calls != most * template["spec"]["containerConcurrency"]:
        yield "parallelism must be what the function can take at once"
    waits = math.ceil(PREFETCH / calls) * template["spec"]["timeoutSeconds"]
    (cluster,) = of_kind(items, "RabbitmqCluster.rabbitmq.com")
    match = re.search(r"^consumer_timeout = (\d+)$", cluster["spec"]["rabbitmq"]["additionalConfig"], re.M)
    if not match or int(match[1]) < waits * 1000:
        yield f"consumer_timeout must be above {waits} s, which the last of {PREFETCH} messages may wait"
