"""The definitions for checking manifests are the published ones, of the releases that the cluster installs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.tools.crds import MODULES, Module, definitions
from tests.tools.golang import CannotBuild

SMALLEST = MODULES[-1]
# Version 0.50 of a Knative module is release 1.23, and one module is one release behind the cluster.
KNATIVE_OFFSET = 27
BEHIND = {"knative.dev/eventing-rabbitmq": 1}


def minor(version: str) -> int:
    """Return the second number of a version."""
    return int(version.split(".")[1])


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.path)
def test_definitions_have_the_release_that_the_cluster_installs(module: Module) -> None:
    offset = KNATIVE_OFFSET if module.path.startswith("knative.dev/") else 0
    assert minor(module.version) - offset == minor(module.installed.version) - BEHIND.get(module.path, 0)


def test_every_file_is_a_definition() -> None:
    found = [yaml.load(file.read_text(), yaml.CSafeLoader) for file in definitions()]
    assert {item["kind"] for item in found} == {"CustomResourceDefinition"}
    assert len(found) == sum(len(module.files) for module in MODULES)


def test_a_module_with_another_checksum_is_refused(tmp_path: Path) -> None:
    changed = replace(SMALLEST, sum="h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    with pytest.raises(CannotBuild, match=r"v1\.20\.1 has the checksum h1:luvT.*= instead of h1:AAAA"):
        definitions((changed,), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_module_proxy_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    with pytest.raises(CannotBuild, match=r"GOPROXY"):
        definitions((SMALLEST,), tmp_path / "cache")


def test_a_second_run_downloads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = definitions((SMALLEST,), tmp_path)
    monkeypatch.delattr("tests.tools.crds.download")
    assert definitions((SMALLEST,), tmp_path) == first
