"""`faas-cli deploy` requests what stack.yml says, within the limits of the Community Edition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import stack_file
from tests.platforms.conftest import Run
from tests.platforms.gateway import Gateway, recording

pytestmark = pytest.mark.platforms

NAMES = sorted(stack_file.functions())
MAX_REPLICAS = 5
MAX_FUNCTIONS = 15
REFUSED_LABELS = ("scale.zero", "scale.zero-duration", "scale.target", "scale.type")


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway to deploy to."""
    with recording() as found:
        yield found


def deploy(run: Run, gateway: Gateway, **settings: str) -> None:
    """Deploy all functions."""
    done = run("deploy", "-f", "stack.yml", "--gateway", gateway.url, **settings)
    assert done.returncode == 0, done.stdout + done.stderr


def wanted(name: str) -> dict[str, Any]:
    """Return the expected request for an entry of stack.yml."""
    entry = stack_file.functions()[name]
    same = ("image", "secrets", "labels", "annotations", "limits", "requests")
    return {
        "service": name,
        "envVars": entry["environment"],
        "readOnlyRootFilesystem": entry["readonly_root_filesystem"],
        **{field: entry[field] for field in same},
    }


def test_each_request_is_what_stack_yml_says(run_faas_cli: Run, gateway: Gateway) -> None:
    deploy(run_faas_cli, gateway)
    assert sorted(gateway.deployed) == NAMES
    for name, request in gateway.deployed.items():
        assert {field: value for field, value in request.items() if value} == wanted(name)


def test_existing_functions_are_updated_and_others_created(run_faas_cli: Run, gateway: Gateway) -> None:
    gateway.deployed["login"] = {}
    deploy(run_faas_cli, gateway)
    by_name = {
        name: [(method, status) for method, asked, status in gateway.requests if asked == name] for name in NAMES
    }
    assert by_name.pop("login") == [("PUT", 202)]
    assert set(map(tuple, by_name.values())) == {(("PUT", 404), ("POST", 202))}


def test_images_in_another_registry(run_faas_cli: Run, gateway: Gateway) -> None:
    deploy(run_faas_cli, gateway, IMAGE_PREFIX="registry.example.com/mp3")
    assert {name: request["image"] for name, request in gateway.deployed.items()} == {
        name: f"registry.example.com/mp3/{name}:latest" for name in NAMES
    }


def test_a_lost_setting_is_found(run_faas_cli: Run, gateway: Gateway, project: Path) -> None:
    """faas-cli ignores unknown fields, so a misspelt one is silently lost."""
    file = project / "stack.yml"
    file.write_text(file.read_text().replace("readonly_root_filesystem", "read_only_root_filesystem"))
    deploy(run_faas_cli, gateway)
    assert not any(request.get("readOnlyRootFilesystem") for request in gateway.deployed.values())


def test_the_community_edition_accepts_the_functions() -> None:
    entries = stack_file.functions()
    assert len(entries) <= MAX_FUNCTIONS
    for entry in entries.values():
        assert not {f"com.openfaas.{label}" for label in REFUSED_LABELS} & entry["labels"].keys()
        least, most = (int(entry["labels"][f"com.openfaas.scale.{bound}"]) for bound in ("min", "max"))
        assert 1 <= least <= most <= MAX_REPLICAS
        assert not any("amazonaws.com" in name or "gke.io" in name for name in entry["annotations"])
