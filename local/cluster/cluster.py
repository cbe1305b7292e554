"""The cluster to work on: one that kind creates, or kubectl's current one."""

from dataclasses import dataclass

from local.cluster import images, kind, tools
from local.cluster.kubectl import Kubectl
from local.cluster.run import run
from local.problem import Problem


@dataclass(frozen=True)
class Cluster:
    """A cluster, and how it gets images."""

    kubectl: Kubectl
    registry: str = ""
    kind: str = ""

    def build(self, names: list[str], prefix: str) -> dict[str, str]:
        """Build images, and put them where the cluster's pods can pull them."""
        docker = tools.docker()
        built = images.build(docker, names, f"{self.registry}/mp3converter" if self.registry else prefix)
        if self.registry:
            images.push(docker, list(built.values()))
        else:
            kind.load(self.kind, list(built.values()))
        return built


def own(*, with_registry: bool) -> Cluster:
    """Return kind's cluster; create it if it does not exist."""
    tools.docker()
    program = tools.program("kind")
    kind.make(program)
    if with_registry:
        kind.serve_images(program)
    registry = kind.LOCAL_REGISTRY if with_registry else ""
    return Cluster(Kubectl(tools.kubectl(), kind.CONTEXT), registry, program)


def current(registry: str) -> Cluster:
    """Return kubectl's current cluster."""
    program = tools.kubectl()
    context = _current_context(program)
    if not registry:
        raise Problem(
            "Name the registry that this cluster pulls images from, such as --registry registry.example.com/you"
        )
    cluster = Cluster(Kubectl(program, context), registry)
    cluster.kubectl.run("version")
    return cluster


def reached(*, current: bool) -> Kubectl:
    """Return kubectl for its current cluster, or for kind's."""
    program = tools.kubectl()
    return Kubectl(program, _current_context(program) if current else kind.CONTEXT)


def _current_context(kubectl: str) -> str:
    advice = "kubectl has no current cluster. Set KUBECONFIG, then try again."
    return run([kubectl, "config", "current-context"], advice=advice).strip()
