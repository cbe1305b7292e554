"""A machine with stand-ins for docker, kind and kubectl, and other people's manifests at hand."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cluster import manifests, versions
from tests.manifests.building import KUBECTL
from tests.tools import programs

NAMES = ("docker", "kind", "kubectl")
NOWHERE = """apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: kind-mp3converter, context: {cluster: nowhere}}]
"""
OBJECTS = """apiVersion: v1
kind: ConfigMap
metadata: {{name: x, namespace: default}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
"""


@dataclass(frozen=True)
class Machine:
    """What was asked of the programs, and how to break one."""

    folder: Path

    def asked(self) -> list[str]:
        """Return every line, in order."""
        lines = (self.folder / "asked").read_text().splitlines()
        return [" ".join(json.loads(line)) for line in lines]

    def forget(self) -> None:
        """Forget what was asked."""
        (self.folder / "asked").unlink()

    def breaks(self, words: str, message: str) -> None:
        """Let lines with these words fail with this message."""
        (self.folder / "broken").write_text(f"{words}\n{message}")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose programs reach nothing."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in NAMES:
        script = place / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -E -s -m tests.cluster.stand_in {name} "$@"\n')
        script.chmod(0o755)
    (tmp_path / "kubeconfig").write_text(NOWHERE)
    monkeypatch.setenv("STAND_IN_FOLDER", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    monkeypatch.setattr(manifests, "FOLDER", tmp_path / "manifests")
    for part in (*versions.KNATIVE, versions.OPENFAAS):
        for manifest in part.manifests:
            file = tmp_path / "manifests" / part.version / part.namespace / manifest.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(OBJECTS.format(name=file.stem, namespace=part.namespace))
    return Machine(tmp_path)


@pytest.fixture
def checked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The same, where the real programs are asked first whether they understand the words."""
    found = os.environ["PATH"].partition(":")[2]
    real = {"DOCKER": shutil.which("docker", path=found), "KIND": str(programs.kind()), "KUBECTL": str(KUBECTL)}
    for name, program in real.items():
        if program:
            monkeypatch.setenv(f"REAL_{name}", program)
    return machine
