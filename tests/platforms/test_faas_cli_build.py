"""`faas-cli build` passes Docker a complete context and the function's name."""

from __future__ import annotations

import filecmp
import os
from itertools import pairwise
from pathlib import Path

import pytest

from local import stack_file, version
from tests.platforms.conftest import Run

pytestmark = pytest.mark.platforms

# A fake docker that records what it should build.
DOCKER = """#!/bin/sh
printf '%s\\n' "$@" >words
"""


@pytest.mark.parametrize("name", sorted(stack_file.functions()))
def test_a_build_has_its_context_and_arguments(name: str, run_faas_cli: Run, project: Path) -> None:
    docker = project / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)

    done = run_faas_cli("build", "-f", "stack.yml", "--filter", name, PATH=f"{docker.parent}:{os.defpath}")

    assert done.returncode == 0, done.stdout + done.stderr
    context = project / "build" / name
    words = (context / "words").read_text().splitlines()
    assert words[0] == "build"
    assert words[-1] == "."
    pairs = list(pairwise(words))
    assert ("--build-arg", f"FUNCTION={name}") in pairs
    assert ("--build-arg", f"VERSION={version.own()}") in pairs
    assert ("--tag", f"mp3converter/{name}:latest") in pairs
    assert differences(filecmp.dircmp(project / "functions", context)) == ["words"]


def differences(found: filecmp.dircmp[str]) -> list[str]:
    """Return the names that are only in one of two trees, or differ."""
    below = [name for part in found.subdirs.values() for name in differences(part)]
    return [*found.left_only, *found.right_only, *found.diff_files, *found.funny_files, *below]
