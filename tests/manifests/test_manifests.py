"""A cluster accepts every kustomization unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from local import stack_file
from tests.manifests import admission, schemas
from tests.manifests.building import KNATIVE, kustomizations, objects
from tests.manifests.checks import CHECKS
from tests.manifests.objects import services

WHOLE = [KNATIVE / "base", *sorted((KNATIVE / "overlays").iterdir())]
FUNCTIONS = sorted(stack_file.functions())


def _id(folder: Path) -> str:
    return str(folder.relative_to(KNATIVE))


@pytest.mark.parametrize("folder", kustomizations(), ids=_id)
def test_each_kustomization_matches_its_schemas(folder: Path) -> None:
    items = objects(folder)
    assert items
    assert schemas.errors(items) + admission.errors(items) == []


@pytest.mark.attack("S5", "S6")
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("folder", WHOLE, ids=_id)
def test_a_whole_system_has_no_errors(folder: Path, check: str) -> None:
    assert CHECKS[check](objects(folder)) == []


def test_every_function_has_a_service_in_its_own_file() -> None:
    """`kn service apply -f` needs one Service per file."""
    assert sorted(item["metadata"]["name"] for item in services(objects(KNATIVE / "base"))) == sorted(FUNCTIONS)
    for name in FUNCTIONS:
        (item,) = yaml.safe_load_all((KNATIVE / "base" / "functions" / f"{name}.yaml").read_text())
        assert (item["kind"], item["metadata"]["name"]) == ("Service", name)


def _files() -> list[Path]:
    return [file for room in ("base", "components", "overlays") for file in (KNATIVE / room).rglob("*.yaml")]


def test_every_file_is_part_of_a_kustomization() -> None:
    """A manifest that no kustomization names is never applied, which would go unnoticed."""
    for file in _files():
        assert file.name in ("kustomization.yaml", *_named(file.parent)), file


def _named(folder: Path) -> list[str]:
    return (folder / "kustomization.yaml").read_text().split()


def test_one_object_per_file() -> None:
    for file in _files():
        assert len(list(yaml.safe_load_all(file.read_text()))) == 1, file
