"""Which settings a function reads, and which it is given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from functions.common import config, settings
from tests.manifests.building import ROOT
from tests.manifests.objects import Object, container, label, of_kind, services

_SET_BY_IMAGE = {"FUNCTION_TARGET", "PORT", "HOST"}


def complaints(items: list[Object]) -> list[str]:
    """Return which settings nobody reads, and which are missing."""
    return [f"{label(item)}: {text}" for item in services(items) for text in _service(item, items)]


def _service(item: Object, items: list[Object]) -> Iterator[str]:
    read = {setting.name: setting for kind in kinds(item["metadata"]["name"]) for setting in kind.table.values()}
    files = {f"{name}_FILE" for name, setting in read.items() if setting.secret}
    given = environment(item, items)
    known = read.keys() | files | server_settings()
    yield from (f"{name} is no setting that it reads" for name in sorted(given.keys() - known))
    yield from (
        f"{name} is a secret and belongs into a file" for name in sorted(given) if name in read and read[name].secret
    )
    for name, setting in read.items():
        if setting.default is config.REQUIRED and not {name, f"{name}_FILE"} & given.keys() | ({name} & _SET_BY_IMAGE):
            yield f"{name} is required"


def environment(item: Object, items: list[Object]) -> dict[str, str]:
    """Return the variables of a Service's container, those of ConfigMaps included."""
    namespace = item["metadata"]["namespace"]
    maps = {
        entry["metadata"]["name"]: entry["data"]
        for entry in of_kind(items, "ConfigMap")
        if entry["metadata"]["namespace"] == namespace
    }
    part = container(item)
    found: dict[str, str] = {}
    for source in part.get("envFrom", []):
        found |= maps.get(source.get("configMapRef", {}).get("name"), {})
    return found | {variable["name"]: variable.get("value", "") for variable in part.get("env", [])}


@cache
def kinds(function: str) -> tuple[type[config.Settings], ...]:
    """Return the concerns whose settings a function loads as it starts."""
    tree = ast.parse((ROOT / "functions" / function / "main.py").read_text())
    names = [
        element.id
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SETTINGS"
        for element in getattr(node.value, "elts", ())
    ]
    return (settings.Serving, *(getattr(settings, name) for name in names))


@cache
def server_settings() -> frozenset[str]:
    """Return what gunicorn's own settings file reads."""
    return frozenset(re.findall(r'environ\.get\("([A-Z_]+)"', (ROOT / "functions" / "gunicorn.conf.py").read_text()))
