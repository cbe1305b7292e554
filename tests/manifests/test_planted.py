"""Each check finds mistakes: for every kind of object, one is planted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manifests.building import KNATIVE, objects
from tests.manifests.checks import CHECKS
from tests.manifests.objects import Object, kind
from tests.manifests.planted import MISTAKES, REMOVED, Mistake

DEV = KNATIVE / "overlays" / "dev"


@pytest.mark.attack("S5", "S6")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.name}-{mistake.path}-{mistake.error}")
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    items = objects(DEV)
    _plant(items, mistake)
    found = _errors(items)
    assert any(mistake.error in text for text in found), found


def test_every_kind_has_a_mistake() -> None:
    assert {kind(item) for item in objects(DEV)} == {mistake.kind for mistake in MISTAKES}


def _errors(items: list[Object]) -> list[str]:
    """Return the errors of all checks; a check that crashes on the mistake returns none."""
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
    if mistake.value is REMOVED:
        del at[place]
    else:
        at[place] = mistake.value


def _named(item: Object, name: str) -> bool:
    # The name of a generated ConfigMap ends with a hash.
    found = item["metadata"]["name"]
    return bool(found == name or (item["kind"] == "ConfigMap" and found.rpartition("-")[0] == name))


def _whole(at: Object, step: str) -> str:
    """Return the full key of a short one such as autoscaling/min-scale."""
    group, slash, name = step.partition("/")
    return f"{group}.knative.dev/{name}" if slash else step
