"""The client is a program of its own: it knows the service by its document alone."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import mp3converter_client
from tests.unit.test_imports import imported

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "local" / "client"
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
NEEDED = {line.partition(">")[0] for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["keyring"]}


@pytest.mark.parametrize("file", sorted(CLIENT.rglob("*.py")), ids=lambda file: file.name)
def test_a_module_imports_what_the_package_needs_and_nothing_else(file: Path) -> None:
    found = {module.partition(".")[0] for module in imported(file.read_text())}
    assert found <= {*sys.stdlib_module_names, *NEEDED, "mp3converter_client"}


def test_its_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (mp3converter_client.__version__, PROJECT["requires-python"]) == (
        project["version"],
        project["requires-python"],
    )


def test_its_readme_lists_the_codes_that_are_its_own() -> None:
    """All others are the service's."""
    document = (ROOT / "functions" / "jobs" / "openapi.json").read_text()
    theirs = {example["value"]["code"] for example in json.loads(document)["components"]["examples"].values()}
    sources = "".join(file.read_text() for file in CLIENT.rglob("*.py"))
    paragraph = next(line for line in (CLIENT / "README.md").read_text().splitlines() if line.startswith("`code` is"))
    named = set(re.findall(r"`(\w+)`", paragraph)) - {"code"}
    assert named == set(re.findall(r'\bFailure\(\s*"(\w+)"', sources))
    assert named & theirs == set()
