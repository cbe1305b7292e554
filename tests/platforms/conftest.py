"""The programs, each built when a test first needs it, and run without the user's settings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.manifests.building import ROOT
from tests.tools.faas_cli import faas_cli
from tests.tools.golang import CannotBuild
from tests.tools.kn import kn

TIMEOUT_SECONDS = 60

Run = Callable[..., subprocess.CompletedProcess[str]]


def _runner(find: Callable[[], Path], folder: Path) -> Run:
    try:
        binary = find()
    except CannotBuild as error:
        pytest.fail(str(error))

    def run(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", **settings}
        return subprocess.run(
            [binary, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return run


@pytest.fixture(autouse=True)
def no_registry_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset every variable that stack.yml reads."""
    monkeypatch.delenv("IMAGE_PREFIX", raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the files that faas-cli reads, with OpenFaaS's template `dockerfile`, which it would download."""
    shutil.copy(ROOT / "stack.yml", tmp_path)
    shutil.copytree(ROOT / "functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    template = tmp_path / "template" / "dockerfile"
    template.mkdir(parents=True)
    (template / "template.yml").write_text("language: dockerfile\n")
    return tmp_path


@pytest.fixture
def run_faas_cli(project: Path) -> Run:
    """Run faas-cli in the copy."""
    return _runner(faas_cli, project)


@pytest.fixture
def run_kn(tmp_path: Path) -> Run:
    """Run kn without a cluster."""
    return _runner(kn, tmp_path)
