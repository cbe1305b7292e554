"""The images of all functions: built, and pushed to a registry."""

from local import stack_file, version
from local.cluster.run import run

ADVICE = "Building needs the base image and the Python package index. Check this machine's internet connection."
SHORT = 12


def build(docker: str, names: list[str], prefix: str) -> dict[str, str]:
    """Build each image; return it by name, with a tag that changes with its content."""
    return {name: _build(docker, name, f"{prefix}/{name}") for name in names}


def _build(docker: str, name: str, repository: str) -> str:
    arguments = ["--build-arg", f"FUNCTION={name}", "--build-arg", f"VERSION={version.own()}"]
    command = [docker, "build", "--quiet", *arguments, "--tag", f"{repository}:dev", "functions"]
    identity = run(command, advice=ADVICE).strip().rpartition(":")[2]
    # A cluster compares only names: under the same one it would keep using the old image.
    image = f"{repository}:dev-{identity[:SHORT]}"
    run([docker, "tag", f"{repository}:dev", image], advice=ADVICE)
    return image


def push(docker: str, images: list[str]) -> None:
    """Push images to their registry."""
    for image in images:
        run([docker, "push", "--quiet", image], advice="Log in with docker login, then try again.")


def functions() -> list[str]:
    """Return the names of all functions."""
    return list(stack_file.functions())
