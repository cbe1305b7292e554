"""A cluster created by kind, in one Docker container."""

from local.cluster import tools
from local.cluster.run import run
from local.cluster.versions import NODE, REGISTRY

NAME = "mp3converter"
CONTEXT = f"kind-{NAME}"
WAIT = "300s"
# OpenFaaS's Community Edition pulls images only from public registries and from localhost.
REGISTRY_NAME, REGISTRY_PORT = "mp3converter-registry", 5001
LOCAL_REGISTRY = f"localhost:{REGISTRY_PORT}"
ADVICE = "Try again, or start over with ./local/cluster/down."
HOSTS = f"/etc/containerd/certs.d/{LOCAL_REGISTRY}"
HOSTS_TOML = f'[host."http://{REGISTRY_NAME}:5000"]\n'


def exists(kind: str) -> bool:
    """Tell whether the cluster exists."""
    return NAME in run([kind, "get", "clusters"], advice=ADVICE).split()


def make(kind: str) -> None:
    """Create the cluster, unless it exists."""
    if not exists(kind):
        run([kind, "create", "cluster", "--name", NAME, "--image", NODE, "--wait", WAIT], advice=ADVICE)
    run([kind, "export", "kubeconfig", "--name", NAME], advice=ADVICE)


def load(kind: str, images: list[str]) -> None:
    """Load images into the cluster's node; images that it already has are skipped."""
    run([kind, "load", "docker-image", "--name", NAME, *images], advice=ADVICE)


def serve_images(kind: str) -> None:
    """Run a registry that has the same address on this machine and in the cluster."""
    docker = tools.docker()
    if not run([docker, "ps", "-q", "--filter", f"name=^{REGISTRY_NAME}$"], advice=ADVICE).strip():
        remove_registry(docker)
        port = f"127.0.0.1:{REGISTRY_PORT}:5000"
        run([docker, "run", "-d", "-p", port, "--network", "kind", "--name", REGISTRY_NAME, REGISTRY], advice=ADVICE)
    for node in run([kind, "get", "nodes", "--name", NAME], advice=ADVICE).split():
        run([docker, "exec", node, "mkdir", "-p", HOSTS], advice=ADVICE)
        write = [docker, "exec", "-i", node, "cp", "/dev/stdin", f"{HOSTS}/hosts.toml"]
        run(write, advice=ADVICE, given=HOSTS_TOML)


def remove(kind: str) -> None:
    """Remove the cluster and the registry, if they exist."""
    run([kind, "delete", "cluster", "--name", NAME], advice=ADVICE)
    remove_registry(tools.docker())


def remove_registry(docker: str) -> None:
    """Remove the registry, if it exists."""
    run([docker, "rm", "--force", "--volumes", REGISTRY_NAME], advice=ADVICE)
