"""The package: built, installed into a new environment, and run there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120


def run(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_builds_and_installs(tmp_path: Path) -> None:
    """What it needs is there already, in the versions that the project has pinned: nothing is downloaded."""
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(packages, "project.pth").write_text(sysconfig.get_path("purelib"))
    offline = ["--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    run(python, "-m", "pip", "install", *offline, f"{ROOT}/local/client[keyring]")
    assert "Turn videos into MP3s." in run(environment / "bin" / "mp3", "--help")
    assert "--fade-in" in run(environment / "bin" / "mp3", "convert", "--help"), "its data is in it"
