"""The images, built from the Dockerfile on a base image that was made here."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import cache
from pathlib import Path

from local import stack_file, version
from local.home import ROOT
from tests.containers import storage
from tests.containers.image import Image
from tests.containers.storage import CommandError, run

HERE = Path(__file__).resolve().parent
FUNCTIONS = (*stack_file.functions(), "connector")
PROGRAMS = ("buildah", "podman", "runc", "conmon", "mmdebstrap", "iptables")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
BASE = "docker.io/library/python:3.11-slim"
BASE_SECONDS = 600
BUILD_SECONDS = 600


@cache
def base() -> Image:
    """Return the base image; make it unless the same script has already made it."""
    if os.geteuid() != 0:
        raise CommandError("Images are built as root here: run the tests of containers as root.")
    storage.prepare()
    if not all(shutil.which(program, path=storage.environment()["PATH"]) for program in PROGRAMS):
        run("sh", HERE / "packages.sh", seconds=BASE_SECONDS)
    script = HERE / "base.sh"
    made_by = storage.FOLDER / "base.made-by"
    digest = hashlib.sha256(script.read_bytes()).hexdigest()
    if not _is_there(BASE) or not made_by.exists() or made_by.read_text() != digest:
        run("sh", script, storage.FOLDER, BASE, seconds=BASE_SECONDS)
        made_by.write_text(digest)
    return Image(BASE)


def name(function: str) -> str:
    """Return what a function's image is called."""
    return f"localhost/mp3converter/{function}:latest"


@cache
def build(function: str) -> Image:
    """Build a function's image on first use."""
    run(
        "buildah",
        "bud",
        "--layers",
        "--pull-never",
        "--isolation",
        "oci",
        "--runtime",
        "runc",
        "--network",
        "host",
        *_ways_to_the_package_index(),
        "--build-arg",
        f"FUNCTION={function}",
        "--build-arg",
        f"PYTHON_DIGEST={base().digest}",
        "--build-arg",
        f"VERSION={version.own()}",
        # The second name is used by the manifests for development.
        "--tag",
        name(function),
        "--tag",
        f"dev.local/mp3converter/{function}:dev",
        ROOT / "functions",
        seconds=BUILD_SECONDS,
    )
    return Image(name(function))


def build_all() -> None:
    """Build every image."""
    for function in FUNCTIONS:
        build(function)


def _is_there(image: str) -> bool:
    try:
        run("podman", "image", "exists", image)
    except CommandError:
        return False
    return True


def _ways_to_the_package_index() -> list[str]:
    """Return the mounts that let pip use this machine's package index."""
    files = {os.environ.get("SSL_CERT_FILE", CERTIFICATES): CERTIFICATES, "/etc/pip.conf": "/etc/pip.conf"}
    return [f"--volume={here}:{there}:ro" for here, there in files.items() if Path(here).is_file()]
