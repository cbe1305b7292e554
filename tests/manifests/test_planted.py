"""Each check has teeth: a mistake that is planted is found, in every kind of object."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manifests.building import KNATIVE, objects
from tests.manifests.checks import CHECKS
from tests.manifests.objects import Object, kind
from tests.manifests.planted import GONE, MISTAKES, Mistake

DEV = KNATIVE / "overlays" / "dev"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.name}-{mistake.path}-{mistake.complaint}")
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    items = objects(DEV)
    _plant(items, mistake)
    found = _complaints(items)
    assert any(mistake.complaint in text for text in found), found


def test_every_kind_has_a_mistake() -> None:
    assert {kind(item) for item in objects(DEV)} == {mistake.kind for mistake in MISTAKES}


def _complaints(items: list[Object]) -> list[str]:
    """Return what the checks say; those that a mistake of another's makes stumble say nothing."""
    found: list[str] = []
    for check in CHECKS.values():
        try:
            found += check(items)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def _plant(items: list[Object], mistake: Mistake) -> None:
    (here,) = [item for item in items if kind(item) == mistake.kind and _named(item, mistake.name)][:1]
    *path, last = mistake.path.split(".")
    at: Any = here
    for step in path:
        at = at.setdefault(_whole(at, step), {}) if isinstance(at, dict) else at[int(step)]
    place: Any = int(last) if isinstance(at, list) else _whole(at, last)
    if mistake.value is GONE:
        del at[place]
    else:
        at[place] = mistake.value


def _named(item: Object, name: str) -> bool:
    # A generated ConfigMap's name ends in a hash.
    found = item["metadata"]["name"]
    return bool(found == name or (item["kind"] == "ConfigMap" and found.rpartition("-")[0] == name))


def _whole(at: Object, step: str) -> str:
    """Return the key that a short one such as autoscaling/min-scale stands for."""
    group, slash, name = step.partition("/")
    return f"{group}.knative.dev/{name}" if slash else step
