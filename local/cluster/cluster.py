"""The cluster to work on: one of our own by kind, or the one that kubectl speaks to now."""

from dataclasses import dataclass

from local.cluster import images, kind, tools
from local.cluster.kubectl import Kubectl
from local.cluster.run import run
from local.problem import Problem


@dataclass(frozen=True)
class Cluster:
    """A cluster, and how images come into it."""

    kubectl: Kubectl
    registry: str = ""
    kind: str = ""

    def build(self, names: list[str], prefix: str) -> dict[str, str]:
        """Build images, and put them where the cluster's pods find them."""
        docker = tools.docker()
        built = images.build(docker, names, f"{self.registry}/mp3converter" if self.registry else prefix)
        if self.registry:
            images.push(docker, list(built.values()))
        else:
            kind.load(self.kind, list(built.values()))
        return built


def own(*, with_registry: bool) -> Cluster:
    """Return the cluster of kind's, made if it is not there."""
    tools.docker()
    program = tools.program("kind")
    kind.make(program)
    if with_registry:
        kind.serve_images(program)
    registry = kind.LOCAL_REGISTRY if with_registry else ""
    return Cluster(Kubectl(tools.kubectl(), kind.CONTEXT), registry, program)


def current(registry: str) -> Cluster:
    """Return the cluster that kubectl speaks to now."""
    program = tools.kubectl()
    context = run(
        [program, "config", "current-context"], advice="kubectl knows no cluster: set KUBECONFIG, then try again."
    ).strip()
    if not registry:
        raise Problem("Say with --registry where this cluster takes images from, such as registry.example.com/you")
    cluster = Cluster(Kubectl(program, context), registry)
    cluster.kubectl.run("version")
    return cluster
