"""Defaults are only in the code: stack.yml, the manifests and the local system set only what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import plan, services, stack_file
from local.home import Home
from tests import declared
from tests.local.private import EXTERNAL
from tests.manifests.building import KNATIVE, ROOT, objects
from tests.manifests.objects import pods

FOLDERS = [KNATIVE / "base", *sorted((KNATIVE / "overlays").iterdir()), ROOT / "local" / "cluster" / "openfaas"]


def _stack_file() -> dict[str, list[str]]:
    return {name: declared.repeated(stack_file.settings(name)) for name in stack_file.functions()}


def _local(home: Path) -> dict[str, list[str]]:
    planned = plan.make(Home(home), gateway_port=None, environ=EXTERNAL)
    return {name: declared.repeated(program.environment) for name, program in planned.programs.items()}


def test_stack_yml_repeats_no_default() -> None:
    assert set().union(*_stack_file().values()) == set()


def test_the_local_system_repeats_no_default(tmp_path: Path) -> None:
    assert set().union(*_local(tmp_path).values()) == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_manifest_repeats_a_default(folder: Path) -> None:
    items = objects(folder)
    given = [part.get("env", []) for _, pod in pods(items) for part in pod["spec"]["containers"]]
    values = [{entry["name"]: entry["value"] for entry in entries if "value" in entry} for entries in given]
    values += [item["data"] for item in items if item["kind"] == "ConfigMap"]
    assert any(values)
    assert [declared.repeated(value) for value in values if declared.repeated(value)] == []


@pytest.mark.parametrize(
    ("differs", "default", "name"),
    [
        ('THREADS: "6"', 'THREADS: "4"', "THREADS"),
        ('UPLOAD_TIMEOUT_SECONDS: "540"', 'UPLOAD_TIMEOUT_SECONDS: "3600"', "UPLOAD_TIMEOUT_SECONDS"),
        ('THREADS: "6"', 'MYSQL_TIMEOUT_SECONDS: "5.0"', "MYSQL_TIMEOUT_SECONDS"),
    ],
)
def test_a_repeated_default_in_stack_yml_is_found(
    differs: str, default: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "stack.yml"
    planted.write_text(stack_file.FILE.read_text().replace(differs, default))
    monkeypatch.setattr(stack_file, "FILE", planted)
    assert set().union(*_stack_file().values()) == {name}


def test_a_repeated_default_in_the_local_system_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(services.LOCAL_SETTINGS, "CONVERT_TIMEOUT_SECONDS", "540")
    found = _local(tmp_path)
    assert {name for name, names in found.items() if names} == set(stack_file.functions())
    assert set().union(*found.values()) == {"CONVERT_TIMEOUT_SECONDS"}
