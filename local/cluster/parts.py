"""What a cluster has of each third-party part, and so what to do: nothing that is newer or unknown is replaced."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local.cluster import manifests
from local.cluster.kubectl import OURS, Kubectl
from local.cluster.versions import Part

LABEL = "app.kubernetes.io/version"
OLD_LABEL = "/release"  # how the name of the label ends in parts of Knative that have no other
_VERSION = re.compile(r"(?:knative-)?v?(\d+)\.(\d+)\.(\d+)")

Version = tuple[int, ...]
Deployments = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Decision:
    """A part, whether to apply its manifests, and what that does to the cluster."""

    part: Part
    applied: bool
    text: str


def decide(kubectl: Kubectl, parts: Iterable[Part], *, own: bool) -> list[Decision]:
    """Compare each part with what the cluster has; an own cluster has nothing from anyone else."""
    deployments, definitions = kubectl.deployments(), kubectl.definitions()
    return [_decide(part, deployments, definitions, own=own) for part in parts]


def _decide(part: Part, deployments: Deployments, definitions: dict[str, set[str]], *, own: bool) -> Decision:
    wanted, target = manifests.deployments(part), _number(part.version)
    found = [deployments[place] for place in wanted if place in deployments]
    ours = own or all(OURS in _managers(item) for item in found)
    if not found:
        foreign = [name for name in manifests.definitions(part) if OURS not in definitions.get(name, {OURS})]
        if foreign and not own:
            return Decision(part, False, f"leave (installed in another way: {foreign[0]} exists)")
        return Decision(part, True, f"install {_text(target)}")
    versions = [version for item in found if (version := _version(item, part.image))]
    if not versions:
        return Decision(part, False, "leave (its version is unknown)")
    if max(versions) > target:
        return Decision(part, False, f"leave (newer: {_text(max(versions))})")
    if min(versions) < target:
        return Decision(part, True, f"upgrade from {_text(min(versions))} to {_text(target)}")
    if ours:
        return Decision(part, True, f"apply {_text(target)} again, as this command installed it")
    if len(found) < len(wanted):
        return Decision(part, True, f"complete {_text(target)}")
    return Decision(part, False, f"leave (already {_text(target)})")


def _version(deployment: Any, image: str) -> Version:
    """Return the version that a deployment's labels or the tag of this image tell, or () if they do not."""
    labels = deployment["metadata"].get("labels", {})
    told = [labels.get(LABEL, ""), *(value for name, value in labels.items() if name.endswith(OLD_LABEL))]
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        place, _, tag = container["image"].partition("@")[0].rpartition(":")
        if image and place.rpartition("/")[2] == image:
            told.append(tag)
    return next((number for text in told if (number := _number(text))), ())


def _number(text: str) -> Version:
    match = _VERSION.match(text)
    return tuple(map(int, match.groups())) if match else ()


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _managers(item: Any) -> set[str]:
    return {entry["manager"] for entry in item["metadata"].get("managedFields", [])}
