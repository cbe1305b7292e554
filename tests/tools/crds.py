"""The CustomResourceDefinitions of Knative and RabbitMQ, from the Go modules in which their projects publish them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.cluster import versions
from local.cluster.versions import Part
from tests.tools.golang import TOOLS, download, one_at_a_time


@dataclass(frozen=True)
class Module:
    """A pinned Go module, its definitions, and what the cluster installs from the same project."""

    path: str
    version: str
    sum: str
    installed: Part
    folder: str
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the module's path with its version, as the go command takes it."""
        return f"{self.path}@{self.version}"


# Version 0.N of a Knative module is release 1.(N - 27): v0.50.0 is knative-v1.23.0. Some modules are not in the exact
# version that the cluster installs, because not every module proxy serves it; their definitions lack at most one field,
# which the manifests do not use.
MODULES = (
    Module(
        "knative.dev/serving",
        "v0.50.0",
        "h1:9XUQq2yqUPN1YZUuGH6nF8IMvuumNvGXzCrSTYu44bA=",
        versions.SERVING,
        "config/core/300-resources",
        ("service.yaml",),
    ),
    Module(
        "knative.dev/eventing",
        "v0.49.2",
        "h1:eUrW+9EHznHGS/cwO/SpCIVqY+ZRyoRO+n0RLnYlIj0=",
        versions.EVENTING,
        "config/core/resources",
        ("pingsource.yaml",),
    ),
    Module(
        "knative.dev/eventing-rabbitmq",
        "v0.48.0",
        "h1:x20TB0TI+eF5Y9G2Irchtbr/FFRppWiZkoge78S5s/c=",
        versions.RABBITMQ_SOURCE,
        "config/source",
        ("300-rabbitmqsource.yaml",),
    ),
    Module(
        "github.com/rabbitmq/cluster-operator/v2",
        "v2.22.1",
        "h1:sZo4DBRs1fCdffLYU3RlJTB/9oeWaLtDIYcuZL1ijlw=",
        versions.CLUSTER_OPERATOR,
        "config/crd/bases",
        ("rabbitmq.com_rabbitmqclusters.yaml",),
    ),
    Module(
        "github.com/rabbitmq/messaging-topology-operator",
        "v1.20.1",
        "h1:luvT/zMd7QhCC+3FU9AXNt92y3JKUzKJXH/Ms25gelY=",
        versions.TOPOLOGY_OPERATOR,
        "config/crd/bases",
        tuple(
            f"rabbitmq.com_{kind}.yaml"
            for kind in ("bindings", "exchanges", "permissions", "queues", "users", "vhosts")
        ),
    ),
)


def definitions(modules: tuple[Module, ...] = MODULES, cache: Path = TOOLS / "crds") -> list[Path]:
    """Return the files of the definitions; download them if they are not in the cache."""
    folder = cache / hashlib.sha256(repr(modules).encode()).hexdigest()[:16]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(cache):
            _fetch(modules, folder)
    return sorted(folder.iterdir())


def _fetch(modules: tuple[Module, ...], folder: Path) -> None:
    found = download({module.name: module.sum for module in modules})
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        copies = Path(unfinished) / "copies"
        copies.mkdir()
        for module in modules:
            for file in module.files:
                shutil.copyfile(found[module.name] / module.folder / file, copies / file)
        if not folder.exists():  # another process may have been first
            copies.rename(folder)
