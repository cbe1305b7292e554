"""Fixtures: stand-ins for docker, kind and kubectl, and small third-party manifests."""

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
KUBECONFIG = """apiVersion: v1
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
class StandIns:
    """The folder of the stand-ins: their recorded calls, and how to make one fail."""

    folder: Path

    def calls(self) -> list[str]:
        """Return all recorded command lines, in order."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [" ".join(json.loads(line)) for line in lines]

    def clear(self) -> None:
        """Delete the recorded command lines."""
        (self.folder / "calls").unlink()

    def fail(self, words: str, message: str) -> None:
        """Make command lines with these words fail with this message."""
        (self.folder / "failure").write_text(f"{words}\n{message}")


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Stand-ins on the PATH, which reach no cluster."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in NAMES:
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -E -s -m tests.cluster.stand_in {name} "$@"\n')
        script.chmod(0o755)
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setenv("STAND_IN_FOLDER", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setattr(manifests, "FOLDER", tmp_path / "manifests")
    for part in (*versions.KNATIVE, versions.OPENFAAS):
        for manifest in part.manifests:
            file = tmp_path / "manifests" / part.version / part.namespace / manifest.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(OBJECTS.format(name=file.stem, namespace=part.namespace))
    return StandIns(tmp_path)


@pytest.fixture
def checked_stand_ins(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """The same, but the real programs first check every command line."""
    found = os.environ["PATH"].partition(":")[2]
    real = {"DOCKER": shutil.which("docker", path=found), "KIND": str(programs.kind()), "KUBECTL": str(KUBECTL)}
    for name, program in real.items():
        if program:
            monkeypatch.setenv(f"REAL_{name}", program)
    return stand_ins
