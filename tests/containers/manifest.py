"""A function's Knative Service, translated into arguments of podman.

What is not known here is an error: nothing of a manifest may be left out unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
CPU_SHARES = 1024  # what a kubelet gives for the request of one core
SECRET_MODE = 0o644
NO_METADATA_BUT = (
    "app.kubernetes.io/",
    "mp3converter.com/",
    "autoscaling.knative.dev/",
    "networking.knative.dev/visibility",
)


class Unknown(Exception):
    """A manifest has a field that is not supported here; names it."""


@dataclass(frozen=True)
class Probe:
    """A probe of a container; Knative's defaults where the manifest gives none."""

    path: str
    period_seconds: int = 10
    timeout_seconds: int = 1
    failures: int = 3


@dataclass(frozen=True)
class Secret:
    """Where a secret's keys are mounted as files, and with which mode."""

    name: str
    folder: str
    mode: int


@dataclass(frozen=True)
class Run:
    """Everything that a Service says about its container."""

    image: str
    port: int
    environment: dict[str, str]
    rights: list[str]
    limits: list[str]
    secrets: list[Secret]
    scratch: dict[str, int]
    disk_bytes: int
    concurrency: int
    grace_seconds: int
    ready: Probe
    live: Probe


def read(name: str, objects: list[Object]) -> Run:
    """Return what the Service of this name says, with the settings of the ConfigMaps that it names."""
    service = _named("Service", name, [item for item in objects if item["apiVersion"] == "serving.knative.dev/v1"])
    _known(service, "apiVersion", "kind", "metadata", "spec")
    _metadata(service["metadata"])
    _known(service["spec"], "template")
    template = service["spec"]["template"]
    _known(template, "metadata", "spec")
    _metadata(template["metadata"])
    return _pod(name, template["spec"], objects)


def _pod(name: str, pod: Object, objects: list[Object]) -> Run:
    _known(
        pod,
        "serviceAccountName",
        "automountServiceAccountToken",
        "containerConcurrency",
        "timeoutSeconds",
        "responseStartTimeoutSeconds",
        "containers",
        "volumes",
    )
    # A container without a token for the cluster's API does not use its account.
    _only(pod["automountServiceAccountToken"], False, "automountServiceAccountToken")
    (container,) = pod["containers"]
    _known(
        container,
        "image",
        "ports",
        "envFrom",
        "env",
        "readinessProbe",
        "livenessProbe",
        "resources",
        "securityContext",
        "volumeMounts",
    )
    (port,) = container["ports"]
    _known(port, "containerPort")
    limits, disk_bytes = _limits(container["resources"])
    secrets, scratch = _volumes(pod["volumes"], container["volumeMounts"])
    return Run(
        image=container["image"],
        port=port["containerPort"],
        environment={"PORT": str(port["containerPort"]), "K_SERVICE": name, **_environment(container, objects)},
        rights=_rights(container["securityContext"]),
        limits=limits,
        secrets=secrets,
        scratch=scratch,
        disk_bytes=disk_bytes,
        concurrency=pod["containerConcurrency"],
        # Knative's grace period of a pod is the timeout of a request.
        grace_seconds=pod["timeoutSeconds"],
        ready=_probe(container["readinessProbe"]),
        live=_probe(container["livenessProbe"]),
    )


def _environment(container: Object, objects: list[Object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        _known(source, "configMapRef")
        _known(source["configMapRef"], "name")
        found |= _named("ConfigMap", source["configMapRef"]["name"], objects)["data"]
    for setting in container["env"]:
        _known(setting, "name", "value")
        found[setting["name"]] = setting["value"]
    return found


def _rights(context: Object) -> list[str]:
    _known(
        context,
        "runAsNonRoot",
        "runAsUser",
        "runAsGroup",
        "readOnlyRootFilesystem",
        "allowPrivilegeEscalation",
        "capabilities",
        "seccompProfile",
    )
    if context["runAsNonRoot"] and context["runAsUser"] == 0:
        raise Unknown("runAsNonRoot, and runAsUser is root")
    _only(context["readOnlyRootFilesystem"], True, "readOnlyRootFilesystem")
    _only(context["allowPrivilegeEscalation"], False, "allowPrivilegeEscalation")
    _known(context["capabilities"], "drop")
    _only(context["seccompProfile"], {"type": "RuntimeDefault"}, "seccompProfile")  # podman's own, unless told
    return [
        f"--user={context['runAsUser']}:{context['runAsGroup']}",
        # Without the second argument podman makes more places writable than Kubernetes.
        "--read-only",
        "--read-only-tmpfs=false",
        "--security-opt=no-new-privileges",
        *(f"--cap-drop={name.lower()}" for name in context["capabilities"]["drop"]),
    ]


def _limits(resources: Object) -> tuple[list[str], int]:
    _known(resources, "requests", "limits")
    requests, limits = resources["requests"], resources["limits"]
    # Requests of memory and disk only decide on which node a pod runs.
    _known(requests, "cpu", "memory", "ephemeral-storage")
    _known(limits, "cpu", "memory", "ephemeral-storage")
    memory = _bytes(limits["memory"])
    words = [
        f"--cpus={_cores(limits['cpu'])}",
        f"--cpu-shares={int(_cores(requests['cpu']) * CPU_SHARES)}",
        f"--memory={memory}",
        f"--memory-swap={memory}",  # Kubernetes gives no swap
    ]
    return words, _bytes(limits["ephemeral-storage"])


def _volumes(volumes: list[Object], mounts: list[Object]) -> tuple[list[Secret], dict[str, int]]:
    places = {}
    for mount in mounts:
        _known(mount, "name", "mountPath", "readOnly")
        places[mount["name"]] = mount["mountPath"]
    secrets, scratch = [], {}
    for volume in volumes:
        place = places.pop(volume["name"], None)
        if place is None:
            raise Unknown(f"the volume {volume['name']}, which is mounted nowhere")
        if "emptyDir" in volume:
            _known(volume, "name", "emptyDir")
            _known(volume["emptyDir"], "sizeLimit")
            scratch[place] = _bytes(volume["emptyDir"]["sizeLimit"])
        else:
            _known(volume, "name", "secret")
            _known(volume["secret"], "secretName", "defaultMode")
            mode = volume["secret"].get("defaultMode", SECRET_MODE)
            secrets.append(Secret(volume["secret"]["secretName"], place, mode))
    _only(places, {}, "volumeMounts")
    return secrets, scratch


def _probe(probe: Object) -> Probe:
    _known(probe, "httpGet", "periodSeconds", "timeoutSeconds", "failureThreshold")
    _known(probe["httpGet"], "path")
    words = {"periodSeconds": "period_seconds", "timeoutSeconds": "timeout_seconds", "failureThreshold": "failures"}
    return Probe(probe["httpGet"]["path"], **{ours: probe[theirs] for theirs, ours in words.items() if theirs in probe})


def _metadata(metadata: Object) -> None:
    _known(metadata, "name", "namespace", "labels", "annotations")
    names = [*metadata.get("labels", {}), *metadata.get("annotations", {})]
    foreign = [name for name in names if not name.startswith(NO_METADATA_BUT)]
    _only(foreign, [], "metadata")


def _named(kind: str, name: str, objects: list[Object]) -> Object:
    (found,) = (item for item in objects if item["kind"] == kind and item["metadata"]["name"] == name)
    return found


def _known(thing: Object, *names: str) -> None:
    if unknown := set(thing) - set(names):
        raise Unknown(f"{', '.join(sorted(unknown))} beside {', '.join(names)}")


def _only(value: object, understood: object, name: str) -> None:
    if value != understood:
        raise Unknown(f"{name}: {value}, and only {understood} is understood")


def _bytes(quantity: object) -> int:
    text = str(quantity)
    digits = text.rstrip("KMGi")
    try:
        return int(digits) * UNITS[text[len(digits) :]]
    except (ValueError, KeyError) as error:
        raise Unknown(f"the quantity {text}") from error


def _cores(quantity: object) -> float:
    text = str(quantity)
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)
