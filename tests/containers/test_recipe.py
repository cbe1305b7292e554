"""What the images are made from: the Dockerfile is clean, and all that is installed is pinned, hashed and tested."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.home import ROOT
from tests.containers.building import FUNCTIONS

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==(\S+)", re.MULTILINE)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def pins(path: Path) -> dict[str, str]:
    """Return the version of each package that a file of requirements pins."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PIN.findall(path.read_text())}


@pytest.fixture(scope="module")
def tested() -> dict[str, str]:
    """What the tests run with."""
    dev = ROOT / "requirements-dev.txt"
    found = pins(dev)
    for room in re.findall(r"^-r (\S+)", dev.read_text(), re.MULTILINE):
        found |= pins(ROOT / room)
    return found


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    """Look a Dockerfile over."""
    program = Path(sys.executable).parent / "hadolint"
    return subprocess.run(
        [program, "--config", ROOT / ".hadolint.yaml", path], capture_output=True, text=True, check=False
    )


def test_the_dockerfile_is_clean() -> None:
    found = hadolint(ROOT / "functions" / "Dockerfile")
    assert (found.returncode, found.stdout) == (0, "")


def test_a_careless_dockerfile_is_found(tmp_path: Path) -> None:
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM debian\nRUN apt-get update && apt-get install python3\n")
    assert hadolint(careless).returncode == 1


def test_every_function_has_an_image() -> None:
    assert {path.parent.name for path in ROOT.glob("functions/*/requirements.in")} == set(FUNCTIONS)


@pytest.mark.attack("S9")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_image_installs_the_tested_versions_of_its_packages(function: str, tested: dict[str, str]) -> None:
    room = ROOT / "functions" / function
    asked, locked = pins(room / "requirements.in"), pins(room / "requirements.txt")

    assert asked.items() <= locked.items(), "run functions/lock.sh"
    assert locked.items() <= tested.items(), "run functions/lock.sh"


@pytest.mark.attack("S9")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_package_of_an_image_has_its_hashes(function: str) -> None:
    lines = (ROOT / "functions" / function / "requirements.txt").read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert HASH.match(line) or (PIN.match(line) and line.endswith(" \\") and HASH.match(following)), line
