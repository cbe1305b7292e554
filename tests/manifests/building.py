"""The kustomizations in knative/, and the objects that kubectl builds from them."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
KNATIVE = ROOT / "knative"
KUBECTL = Path(sys.executable).parent / "kubectl"

Object = dict[str, Any]


def kustomizations() -> list[Path]:
    """Return every folder that can be built alone; components are only part of others."""
    files = sorted(KNATIVE.rglob("kustomization.yaml"))
    return [file.parent for file in files if yaml.safe_load(file.read_text())["kind"] == "Kustomization"]


@cache
def _build(folder: Path) -> str:
    result = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert not result.stderr, f"kubectl printed warnings: {result.stderr}"
    return json.dumps([item for item in yaml.load_all(result.stdout, yaml.CSafeLoader) if item])


def objects(folder: Path) -> list[Object]:
    """Return the objects that `kubectl kustomize` builds from a folder; each caller gets its own copy."""
    found: list[Object] = json.loads(_build(folder))
    return found
