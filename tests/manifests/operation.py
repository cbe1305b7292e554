"""Our own rules for manifests: consistent limits, pods with few rights, no lost events."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from functions.login import arguments as login_arguments
from tests.manifests.admission import MAX_SECONDS
from tests.manifests.objects import Object, container, jobs, label, of_kind, one, pods, services
from tests.manifests.settings import effective, environment

PREFETCH = 100  # RabbitmqSource's, which cannot be configured
# The step whose time limit must be below the function's.
STEPS = {
    "upload": "UPLOAD_TIMEOUT_SECONDS",
    "convert": "CONVERT_TIMEOUT_SECONDS",
    "download": "DOWNLOAD_TIMEOUT_SECONDS",
    "notify": "SMTP_FINAL_TIMEOUT_SECONDS",
    "sweep": "SWEEP_PASS_SECONDS",
}
_PROBES = ("readinessProbe", "livenessProbe")
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 10, 360  # of a Job's controller before it tries again


def errors(items: list[Object]) -> list[str]:
    """Return violations of our rules."""
    found = [f"{label(item)}: {text}" for item in services(items) for text in _service(item, items)]
    found += pods_errors(items)
    found += [f"{label(item)}: {text}" for item in jobs(items) for text in _job(item, items)]
    sources = of_kind(items, "RabbitmqSource.sources.knative.dev")
    found += [f"{label(item)}: {text}" for item in sources for text in _source(item, items)]
    found += [
        f"{label(item)}: its messages would be deleted with it"
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


def pods_errors(items: list[Object]) -> list[str]:
    """Return unnecessary rights of pods, and what they lack."""
    return [f"{label(item)}: {text}" for item, pod in pods(items) for text in _pod(item, pod)]


def _service(item: Object, items: list[Object]) -> Iterator[str]:
    name, spec = item["metadata"]["name"], item["spec"]["template"]["spec"]
    given = effective(name, environment(item, items))
    total = spec.get("timeoutSeconds", 0)
    if total != spec.get("responseStartTimeoutSeconds") or total > MAX_SECONDS:
        yield "timeoutSeconds and responseStartTimeoutSeconds must be equal, or Knative ends the response after 300 s"
    if name in STEPS and not float(given[STEPS[name]]) < total:
        yield f"{STEPS[name]} must be below timeoutSeconds"
    if not float(given["GRACEFUL_TIMEOUT_SECONDS"]) < total:
        yield "GRACEFUL_TIMEOUT_SECONDS must be below timeoutSeconds, after which the pod is killed"
    if not 0 < spec.get("containerConcurrency", 0) < int(given["THREADS"]):
        yield "THREADS must be above containerConcurrency, to leave one for probes"
    private = item["metadata"]["labels"].get("networking.knative.dev/visibility") == "cluster-local"
    if private != (name in _sinks(items)):
        yield "only event sinks must be cluster-local"
    scale = item["spec"]["template"]["metadata"]["annotations"]
    if not scale.keys() >= {"autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/max-scale"}:
        yield "its scale needs both bounds"
    paths = [container(item).get(probe, {}).get("httpGet", {}).get("path") for probe in _PROBES]
    if paths != ["/_/ready", "/_/health"]:
        yield "its probes must use /_/ready and /_/health"
    needed = int(given["UPLOAD_MAX_BYTES"]) + int(given["MAX_MP3_BYTES"]) if name == "convert" else 0
    rooms = [_bytes(volume["emptyDir"].get("sizeLimit", "0")) for volume in spec["volumes"] if "emptyDir" in volume]
    disk = _bytes(container(item)["resources"]["limits"].get("ephemeral-storage", "0"))
    if not needed < sum(rooms) <= disk:
        yield "its /tmp must hold the largest video and MP3, and its limit of ephemeral-storage must hold /tmp"
    if container(item)["securityContext"].get("runAsUser") != 65532:
        yield "the user must be the image's, 65532"


def _job(item: Object, items: list[Object]) -> Iterator[str]:
    spec, part = item["spec"], container(item)
    if item["metadata"]["name"] != f"migrate-{part['image'].rpartition(':')[2]}":
        yield "its name must end with its image's tag, because a Job cannot be changed"
    if part["image"] != container(one(items, "Service.serving.knative.dev", "login"))["image"]:
        yield "its image must be login's"
    if not spec.keys() >= {"backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"}:
        yield "its tries and its time must have an end, and so must what is left of it"
    if spec["template"]["spec"]["restartPolicy"] != "Never":
        yield "restartPolicy must be Never, or the logs of failed pods are lost"
    waits = sum(min(FIRST_WAIT_SECONDS * 2**tries, LONGEST_WAIT_SECONDS) for tries in range(spec["backoffLimit"]))
    if not waits < spec["activeDeadlineSeconds"]:
        yield "activeDeadlineSeconds must be above the waits between its tries"
    python, option, module, *arguments = part["command"]
    if (python, option, module) != ("python", "-m", "functions.login") or not _parsed(arguments):
        yield "its command must be one of login's"


def _parsed(arguments: list[str]) -> bool:
    try:
        login_arguments.parser("login").parse_args(arguments)
    except SystemExit:
        return False
    return True


def _sinks(items: list[Object]) -> set[str]:
    return {item["spec"]["sink"]["ref"]["name"] for item in items if "sink" in item.get("spec", {})}


def _bytes(quantity: str) -> int:
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    return int(quantity[:-2]) * units[quantity[-2:]] if quantity[-2:] in units else int(quantity)


def _pod(item: Object, pod: Object) -> Iterator[str]:
    spec = pod["spec"]
    if spec.get("automountServiceAccountToken") is not False:
        yield "no pod needs the Kubernetes API"
    for part in spec["containers"]:
        if part.get("readinessProbe") is None and item["kind"] != "Job":
            yield "it has no readiness probe"
        for side in ("requests", "limits"):
            if not part.get("resources", {}).get(side, {}).keys() >= {"cpu", "memory"}:
                yield f"its {side} lack cpu or memory"
        if {mount["mountPath"] for mount in part["volumeMounts"] if mount["name"] == "tmp"} != {"/tmp"}:  # noqa: S108
            yield "nothing is mounted at /tmp"
    for part in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from _restricted(spec.get("securityContext", {}) | part.get("securityContext", {}))
    empty = [volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume]
    if not empty or not all(volume.get("sizeLimit") for volume in empty):
        yield "an emptyDir has no size limit"


def _restricted(security: Object) -> Iterator[str]:
    """Yield violations of the Pod Security Standard "restricted", and a writable root file system."""
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
        yield "an even number of members does not improve the majority"
    if item["spec"].get("podManagementPolicy") != "Parallel":
        yield "its members must start together, because one alone has no majority"
    service = one(items, "Service", item["spec"]["serviceName"])
    if not service["spec"].get("publishNotReadyAddresses"):
        yield "its members must be found before they are ready"
    arguments = container(item).get("args", [])
    if not {"--replSet", "--keyFile"} <= set(arguments):
        yield "mongod is not a member of a replica set"


def _source(item: Object, items: list[Object]) -> Iterator[str]:
    resources = item["spec"]["rabbitmqResourcesConfig"]
    if not resources.get("predeclared"):
        yield "its queue must be declared here: one of its own would have no dead letters"
    if not item["spec"].get("delivery", {}).get("retry"):
        yield "without delivery.retry a 503 is not retried"
    sink = one(items, "Service.serving.knative.dev", item["spec"]["sink"]["ref"]["name"])
    template = sink["spec"]["template"]
    calls = max(1, resources.get("parallelism", 1))
    most = int(template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"])
    if calls != most * template["spec"]["containerConcurrency"]:
        yield "parallelism must equal the function's capacity"
    waits = math.ceil(PREFETCH / calls) * template["spec"]["timeoutSeconds"]
    (cluster,) = of_kind(items, "RabbitmqCluster.rabbitmq.com")
    match = re.search(r"^consumer_timeout = (\d+)$", cluster["spec"]["rabbitmq"]["additionalConfig"], re.M)
    if not match or int(match[1]) < waits * 1000:
        yield f"consumer_timeout must be above {waits} s, which the last of {PREFETCH} messages may wait"
